/** The data of a run: one data set, or several sources together. */
import { type ColumnMemory, type Dataset, fingerprintDataset, type Split } from '@tessera/data';
import type { RunConfig } from '../config/schema.ts';
import type { Say } from '../tasks/task.ts';
import { limitSplit } from './limit-split.ts';
import { openTaskData } from './open-data.ts';
import type { RunData } from './opened-data.ts';
import { openSources } from './sources.ts';

/** Where the data set of a run is, or each of its sources, which are otherwise where the settings say. */
export type DataLocation = string | readonly string[];

/** Opens the data of a run, with the part of the training rows that the settings leave. */
export async function openRunData(
  location: DataLocation,
  config: RunConfig,
  say: Say,
  memory: ColumnMemory | null = null,
): Promise<RunData> {
  const { sources } = config.data;
  if (sources !== null)
    return openSources(typeof location === 'string' ? sources.map(({ url }) => url) : location, config, say, memory);
  const dataset = await openTaskData(String(location), config.data.columns, { ...config.data, say, memory });
  try {
    const train = await limitSplit(dataset.split(config.data.trainSplit), config.data);
    return {
      train,
      trainParts: [train],
      evaluated: evaluationSplits(dataset, config),
      fingerprint: (everyRow) => fingerprintDataset(dataset, everyRow),
      close: () => dataset.close(),
    };
  } catch (error) {
    dataset.close();
    throw error;
  }
}

function evaluationSplits(dataset: Dataset, { data, evaluation }: RunConfig): Split[] {
  const names = evaluation.splits ?? Object.keys(dataset.splits).filter((name) => name !== data.trainSplit);
  return names.map((name) => dataset.split(name));
}
