/** Which settings differ between runs. */

type Settings = Readonly<Record<string, string>>;

/** All keys in the order of the runs' files, and those whose values are not the same in all runs. A missing key is a difference. */
export function differingKeys(runs: readonly Settings[]): {
  readonly all: readonly string[];
  readonly differing: readonly string[];
} {
  const all = [...new Set(runs.flatMap((settings) => Object.keys(settings)))];
  const [first = {}] = runs;
  return { all, differing: all.filter((key) => runs.some((settings) => settings[key] !== first[key])) };
}
