/** The splits that the names of files tell, by the rule of Hugging Face `datasets`. */

/** The words in file names for each split. */
const words = {
  train: ['train', 'training'],
  validation: ['validation', 'valid', 'val', 'dev'],
  test: ['test', 'testing', 'eval', 'evaluation'],
} as const;

const patterns = Object.entries(words).map(([split, own]) => ({
  split,
  pattern: new RegExp(`(^|[-._ 0-9/])(${own.join('|')})([-._ 0-9/]|$)`, 'i'),
}));

/** The splits that have words. */
export const splitNames = ['train', 'test', 'validation'] as const satisfies (keyof typeof words)[];

/** The split that a whole name says, in capitals or not; null if it says none. */
export const splitOfWord = (name: string): string | null =>
  Object.entries<readonly string[]>(words).find(([, own]) => own.includes(name.toLowerCase()))?.[0] ?? null;

/** The split that the last part of a path with such a word names; null if there is none. */
function splitOf(path: string): string | null {
  for (const part of path.split('/').reverse())
    for (const { split, pattern } of patterns) if (pattern.test(part)) return split;
  return null;
}

/** The beginning that all paths share, up to a slash. It belongs to the place, not to the split. */
function commonFolder(paths: readonly string[]): string {
  let [folder = ''] = paths;
  folder = folder.slice(0, folder.lastIndexOf('/') + 1);
  for (const path of paths)
    while (!path.startsWith(folder)) folder = folder.slice(0, folder.lastIndexOf('/', folder.length - 2) + 1);
  return folder;
}

/** Train, validation and test first, as Hugging Face `datasets` orders them. */
function inUsualOrder(groups: Readonly<Record<string, string[]>>): Record<string, string[]> {
  const names = [...Object.keys(words).filter((name) => groups[name] !== undefined), ...Object.keys(groups)];
  return Object.fromEntries([...new Set(names)].map((name) => [name, groups[name] as string[]]));
}

/** The hub's names of files: `data/SPLIT-00000-of-00002.parquet`, for splits of any name. */
const sharded = /(?:^|\/)data\/(\w[\w.-]*)-\d{5}-of-\d{5}[^/]*$/;

/** The split in such a name; the words for train, validation and test mean those. Null for other names. */
function shardedSplitOf(url: string): string | null {
  const name = sharded.exec(url.replace(/\?.*$/, ''))?.[1];
  if (name === undefined) return null;
  const known = Object.entries(words).find(([, own]) => (own as readonly string[]).includes(name.toLowerCase()));
  return known?.[0] ?? name;
}

/**
 * The files of each split, in order. Files whose names tell nothing are the split `train`, if that is so for all of them.
 *
 * @throws where only some names tell a split
 */
export function groupBySplit(urls: readonly string[], title: string): Record<string, string[]> {
  const names = urls.map(shardedSplitOf);
  const folder = commonFolder(urls);
  const groups: Record<string, string[]> = {};
  const silent: string[] = [];
  const all = names.every((name) => name !== null);
  for (const [k, url] of urls.entries()) {
    const split = all ? (names[k] as string) : splitOf(url.slice(folder.length).replace(/\?.*$/, ''));
    if (split === null) silent.push(url);
    else groups[split] = [...(groups[split] ?? []), url];
  }
  if (silent.length === 0) return inUsualOrder(groups);
  if (silent.length === urls.length) return { train: [...urls] };
  throw new Error(
    `${title}: the names of ${silent.length} of ${urls.length} files tell no split (${silent.slice(0, 3).join(', ')}), those of the others do (${Object.keys(groups).join(', ')}); give a pattern that matches only the files to use`,
  );
}
