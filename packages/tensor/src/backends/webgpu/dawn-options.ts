/** The options of Dawn, WebGPU in Node: lists of toggles are joined, because Dawn itself uses only the last list of each kind. */

const listed = /^(enable-dawn-features|disable-dawn-features)=(.*)$/;

/**
 * Our options followed by the user's. Toggles that the user disables are removed from our list of enabled ones, and toggles that the user
 * enables from our list of disabled ones.
 *
 * @param ours, theirs options such as `backend=null` and `enable-dawn-features=dump_shaders,allow_unsafe_apis`
 */
export function mergeDawnOptions(ours: readonly string[], theirs: readonly string[]): string[] {
  // The last word on each toggle counts.
  const toggles = new Map<string, string>();
  const others: string[] = [];
  for (const option of [...ours, ...theirs]) {
    const [, list, names = ''] = listed.exec(option) ?? [];
    if (list === undefined) others.push(option);
    else for (const name of names.split(',').map((part) => part.trim())) if (name !== '') toggles.set(name, list);
  }
  const byList = Map.groupBy(toggles, ([, list]) => list);
  return [...[...byList].map(([list, entries]) => `${list}=${entries.map(([name]) => name).join(',')}`), ...others];
}
