/** Options for reading splits, from a configuration or an evaluation request. */
import { type ColumnRequests, DataLoader, type LoaderOptions, type Split } from '@tessera/data';
import { type Augmentation, augmentations } from '@tessera/data/browser';
import type { RunConfig } from '../config/schema.ts';
import type { ReadOptions } from '../evaluation/examples.ts';
import type { EvaluationRequest } from './task.ts';

/** The requests with the column names that the user has set. */
export const withColumnNames = <Requests extends ColumnRequests>(
  requests: Requests,
  names: Readonly<Record<string, string | null>>,
): Requests =>
  Object.fromEntries(
    Object.entries(requests).map(([role, request]) => [role, { ...request, name: names[role] ?? null }]),
  ) as unknown as Requests;

/** The names that the requested columns have in a split. @throws where one is missing or does not fit */
export async function findColumns<Requests extends ColumnRequests>(
  split: Split,
  columns: Requests,
): Promise<DataLoader<Requests>['columns']> {
  const loader = new DataLoader(split, { columns, batchSize: 1, imageSize: 1, workers: 0 });
  await loader.close();
  return loader.columns;
}

function findAugmentation(chosen: RunConfig['data']['augmentation']): Augmentation | null {
  return typeof chosen === 'string' ? augmentations[chosen as keyof typeof augmentations] : chosen;
}

/** How the training split is read. `weights`: with which each row is drawn; null: an epoch has each row once. */
export const trainingLoaderOptions = <Requests extends ColumnRequests>(
  { data, training, seed }: RunConfig,
  columns: Requests,
  imageSize: number,
  weights: Float64Array | null,
): LoaderOptions<Requests> => ({
  columns,
  batchSize: training.batchSize,
  imageSize,
  seed,
  shuffle: true,
  order: { shuffle: data.shuffle, resample: data.resample, epochRows: data.epochRows },
  weights,
  augment: findAugmentation(data.augmentation),
  workers: data.workers,
  prefetch: data.prefetch,
  strict: data.strict,
  cacheBytes: data.cacheMegabytes * 2 ** 20,
  readAheadBytes: data.readAheadMegabytes * 2 ** 20,
});

/** How a split is read for evaluation. */
export const readOptions = <Requests extends ColumnRequests>(
  { batchSize, workers, strict, limit, columns, signal }: EvaluationRequest,
  requests: Requests,
  imageSize: number,
): ReadOptions<Requests> => ({
  imageSize,
  batchSize,
  workers,
  strict,
  limit,
  columns: withColumnNames(requests, columns),
  ...(signal === undefined ? {} : { signal }),
});
