/** The README of a converted model: what its run's folder and data set say of it. */
import { promises as fs } from 'node:fs';
import { basename, join } from 'node:path';
import { errorMessage, exists } from '@tessera/data/io';
import { datasets } from '@tessera/datasets';
import { findRun, type LoadedRun, type RunConfig } from '@tessera/train';
import { type CardData, type ResultRow, resultRows } from '@tessera/train/model-card';
import { isKnownDataset } from '../datasets.ts';

async function readJson(path: string): Promise<unknown> {
  if (!(await exists(path))) return null;
  try {
    return JSON.parse(await fs.readFile(path, 'utf8'));
  } catch (cause) {
    throw new Error(`${path}: ${errorMessage(cause)}`, { cause });
  }
}

const textIn = (info: unknown, key: string): string => {
  const value = (info as Readonly<Record<string, unknown>> | null)?.[key];
  return typeof value === 'string' ? value : '';
};

/** What is known of a data set without reading its rows; data behind an address is not asked for it. */
async function describeData(location: string, trainSplit: string): Promise<CardData> {
  if (isKnownDataset(location)) {
    const builder = datasets[location];
    return {
      name: location,
      license: builder?.license ?? '',
      homepage: builder?.homepage ?? '',
      description: builder?.title ?? '',
    };
  }
  const isAddress = /^[a-z0-9]+:\/\//i.test(location);
  const info = isAddress
    ? null
    : ((await readJson(join(location, trainSplit, 'dataset_info.json'))) ??
      (await readJson(join(location, 'dataset_info.json'))));
  return {
    // Readers of the card have no use for a path on this machine.
    name: isAddress ? location : basename(location),
    license: textIn(info, 'license'),
    homepage: textIn(info, 'homepage'),
    description: textIn(info, 'description'),
  };
}

const locationsOf = ({ data: { dataset, sources } }: RunConfig): readonly string[] =>
  sources === null ? [dataset] : sources.map(({ url }) => url);

/** The data sets of a run. */
export const dataOf = ({ config }: LoadedRun): Promise<CardData[]> =>
  Promise.all(locationsOf(config).map((location) => describeData(location, config.data.trainSplit)));

/** The results in the folder of a run. @throws if the file is damaged */
export async function resultsOf({ checkpoint }: LoadedRun): Promise<ResultRow[]> {
  const folder = await findRun(checkpoint.path);
  return folder === null ? [] : resultRows(await readJson(folder.evaluation));
}
