/** Finds data sets by name or path. */
import { isAddress, isPattern } from '@tessera/data';
import { exists } from '@tessera/data/io';
import { datasets, ensureDataset } from '@tessera/datasets';
import { closestName } from '@tessera/nn';
import type { RunConfig } from '@tessera/train';
import { fromCaller, toCaller, UsageError } from './command.ts';
import { ProgressBar } from './progress-bar.ts';

/** The folder in which known data sets are built. */
export const datasetRoot = new URL('../../../datasets/built', import.meta.url).pathname;

export const isKnownDataset = (name: string): boolean => name in datasets;

/**
 * Where a data set is: the folder of a known name, which is built if it is missing; a path, made absolute; or an address, as it is.
 */
export async function locateDataset(nameOrPath: string): Promise<string> {
  if (isKnownDataset(nameOrPath)) {
    const bar = new ProgressBar();
    let started = false;
    const folder = await ensureDataset(nameOrPath, datasetRoot, ({ what, done, total }) => {
      if (!started) bar.message(`building the data set ${nameOrPath} in ${toCaller(datasetRoot)}/${nameOrPath}`);
      started = true;
      bar.update(done / total, [`${what}: ${done} of ${total}`]);
    });
    if (started) bar.finish();
    return folder;
  }
  if (isAddress(nameOrPath)) return nameOrPath;
  const path = fromCaller(nameOrPath);
  if (isPattern(nameOrPath) || (await exists(path))) return path;
  const near = closestName(nameOrPath, Object.keys(datasets));
  throw new UsageError(
    `there is no data set ${nameOrPath}: it is neither a folder or file nor one of ${Object.keys(datasets).join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`,
  );
}

/** Stores an absolute path to the data set's folder, so that the run can be continued from any folder; a known name stays a name. */
export const withDataset = (config: RunConfig, folder: string): RunConfig =>
  isKnownDataset(config.data.dataset)
    ? config
    : ({ ...config, data: { ...config.data, dataset: folder } } as RunConfig);
