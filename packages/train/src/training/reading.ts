import { type Augmentation, augmentations, type Columns, type LoaderOptions } from '@tessera/data';
import type { RunConfig } from '../config/index.ts';
import type { ReadOptions } from '../evaluation/examples.ts';

/** Columns that a task has no use for. */
const unusedColumns = {
  contrastive: { label: null },
  classify: { captions: null, concept: null },
  vq: { captions: null, concept: null, label: null },
} satisfies Record<RunConfig['task'], Partial<Columns>>;

/** Columns as the loader takes them: what is null in a configuration is found by its usual names. */
function wantedColumns({ task, data }: RunConfig): Partial<Columns> {
  const named = Object.entries(data.columns).filter(([, name]) => name !== null);
  return { ...Object.fromEntries(named), ...unusedColumns[task] };
}

function findAugmentation(chosen: RunConfig['data']['augmentation']): Augmentation | null {
  return typeof chosen === 'string' ? augmentations[chosen as keyof typeof augmentations] : chosen;
}

/** How a configuration's training split is read. */
export function trainingLoaderOptions(config: RunConfig, imageSize: number): LoaderOptions {
  const { data, training, seed } = config;
  return {
    batchSize: training.batchSize,
    imageSize,
    seed,
    shuffle: true,
    augment: findAugmentation(data.augmentation),
    workers: data.workers,
    prefetch: data.prefetch,
    strict: data.strict,
    cacheBytes: data.cacheMegabytes * 2 ** 20,
    columns: wantedColumns(config),
    ...('captionChoice' in data ? { captionChoice: data.captionChoice, captionsPerImage: data.captionsPerImage } : {}),
  };
}

/** How a configuration's evaluation splits are read. */
export function readingOptions({ data, evaluation }: RunConfig, columns: Columns): Omit<ReadOptions, 'imageSize'> {
  return {
    batchSize: evaluation.batchSize,
    columns,
    strict: data.strict,
    workers: data.workers,
    limit: evaluation.limit,
  };
}
