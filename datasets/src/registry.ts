import path from 'node:path';
import { openDataset } from '@tessera/data';
import { type DatasetBuilder, infoOf, type Progress } from './builder.ts';
import { emoji } from './emoji/index.ts';
import { fashionMnist } from './fashion-mnist/index.ts';
import { mnist } from './mnist/index.ts';

/** The datasets that can be built by name. */
export const datasets: Record<string, DatasetBuilder> = Object.fromEntries(
  [emoji, fashionMnist, mnist].map((builder) => [builder.name, builder]),
);

/** The builder of a dataset. @throws for an unknown name, listing those that there are. */
export function datasetBuilder(name: string): DatasetBuilder {
  const builder = datasets[name];
  if (!builder) throw new Error(`no dataset "${name}"; there are ${Object.keys(datasets).join(', ')}`);
  return builder;
}

/** True if `directory` holds the dataset as the builder would build it today. */
async function isCurrent(directory: string, builder: DatasetBuilder): Promise<boolean> {
  try {
    using dataset = await openDataset(directory);
    return dataset.info.description === infoOf(builder).description;
  } catch {
    return false;
  }
}

/**
 * Gives the directory of a dataset below `root`, and builds it there first if it is missing, damaged or of an older version.
 *
 * @returns the dataset's path.
 * @throws for an unknown name, or if the dataset cannot be built here, saying what is missing.
 */
export async function ensureDataset(
  name: string,
  root: string,
  onProgress?: (progress: Progress) => void,
): Promise<string> {
  const builder = datasetBuilder(name);
  const directory = path.resolve(root, name);
  if (await isCurrent(directory, builder)) return directory;
  await builder.build(directory, { overwrite: true, ...(onProgress && { onProgress }) });
  return directory;
}

/** The first of some datasets that can be built here, and why those in front of it cannot. */
export async function firstAvailable(names: readonly string[]): Promise<{ name: string; notes: string[] }> {
  const notes: string[] = [];
  for (const name of names) {
    const problem = await datasetBuilder(name).unavailable();
    if (problem === null) return { name, notes };
    notes.push(problem);
  }
  throw new Error(notes.join('\n'));
}
