/** Finds data sets by name or path. */
import { fileURLToPath } from 'node:url';
import { isAddress, isPattern } from '@tessera/data';
import { errorMessage, exists } from '@tessera/data/io';
import { datasets, ensureDataset } from '@tessera/datasets';
import { closestName } from '@tessera/nn';
import type { RunConfig } from '@tessera/train';
import { fromCaller, isSource, toCaller } from './call.ts';
import { UsageError } from './command.ts';
import { ProgressBar } from './progress-bar.ts';

/** The folder in which known data sets are built: that of the repository, or of the folder that the command was called from. */
export const datasetRoot =
  process.env.TESSERA_DATASETS === undefined
    ? isSource
      ? fileURLToPath(new URL('../../../../datasets/built', import.meta.url))
      : fromCaller('datasets/built')
    : fromCaller(process.env.TESSERA_DATASETS);

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

/** Where the data of a run are: its data set, or each of its sources. @throws for all sources that are not there */
export async function locateData({ data: { dataset, sources } }: RunConfig): Promise<string | readonly string[]> {
  if (sources === null) return locateDataset(dataset);
  const locations: string[] = [];
  const problems: string[] = [];
  for (const { url } of sources)
    await locateDataset(url).then(
      (location) => locations.push(location),
      (error: unknown) => problems.push(errorMessage(error)),
    );
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  return locations;
}

/** Stores absolute paths to the data, so that the run can be continued from any folder; a known name stays a name. */
export function withDataset(config: RunConfig, location: string | readonly string[]): RunConfig {
  const { data } = config;
  const placed = (name: string, place: string | undefined): string => (isKnownDataset(name) ? name : (place ?? name));
  const changes =
    data.sources === null
      ? { dataset: placed(data.dataset, [location].flat()[0]) }
      : { sources: data.sources.map((source, k) => ({ ...source, url: placed(source.url, location[k]) })) };
  return { ...config, data: { ...data, ...changes } };
}
