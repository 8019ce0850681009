/** What a run tells about itself: the line before its first step, and the report during and after training. */
import type { Split } from '@tessera/data';
import type { RunConfig } from './config/schema.ts';
import { type EvaluationResult, resultHighlights, resultSections } from './evaluation/result.ts';
import { describeRows } from './limit-split.ts';
import { formatEpochs, type RunLength } from './loop/run-length.ts';
import { writeReport } from './write-report.ts';

interface PlannedRun {
  readonly train: Split;
  /** In pixels. */
  readonly imageSize: number;
  readonly length: RunLength;
  /** Whether batches are mixed by mixup or CutMix. */
  readonly mixed: boolean;
}

/** One line with what the settings and the data decide, so that nobody trains on something else than they think. */
export function describePlan(
  { name, data: { dataset, augmentation, sampling }, training: { batchSize } }: RunConfig,
  { train, imageSize, length, mixed }: PlannedRun,
): string {
  const changes = augmentation === null ? 'none' : typeof augmentation === 'string' ? augmentation : 'custom';
  return (
    `${name}: ${describeRows(train)} of ${dataset}${sampling === 'balanced' ? ' in balanced classes' : ''}, ` +
    `images of ${imageSize} x ${imageSize} pixels, augmentation ${changes}${mixed ? ' and mixed images' : ''}, ` +
    `${formatEpochs(length.exactEpochs)}, ${length.totalSteps} steps of ${batchSize} rows`
  );
}

/** What a run's report tells, besides its settings, its measurements and its results. */
export interface RunFacts {
  readonly config: RunConfig;
  /** The task in words. */
  readonly taskTitle: string;
  /** What the task tells about its model. */
  readonly facts: Readonly<Record<string, string | number>>;
  readonly train: Split;
  readonly length: RunLength;
  /** The averages of the weights in words; null: none. */
  readonly average: string | null;
  readonly environment: Readonly<Record<string, string | number>>;
  /** In floating-point operations per second. */
  readonly peakFlops: number;
}

/** What has happened so far. */
export interface RunProgress {
  readonly step: number;
  /** The number of different rows that could not be used. */
  readonly skippedRows: number;
  readonly seconds: number;
  readonly results: readonly EvaluationResult[];
}

/** Writes the report of a run, at its end or before. Returns its path. */
export async function writeRunReport(
  folder: string,
  { config, taskTitle, facts, train, length, average, environment, peakFlops }: RunFacts,
  { step, skippedRows, seconds, results }: RunProgress,
): Promise<string> {
  const { totalSteps } = length;
  return writeReport(folder, {
    title: config.name,
    subtitle: `${taskTitle} trained on ${config.data.dataset}`,
    summary: {
      ...facts,
      'Training rows': train.length === train.whole ? train.length : `${train.length} of ${train.whole}`,
      Epochs: Number(length.exactEpochs.toFixed(2)),
      Steps: step === totalSteps ? totalSteps : `${step} of ${totalSteps} so far`,
      'Batch size': config.training.batchSize,
      ...(average === null ? {} : { Weights: average }),
      ...(skippedRows === 0 ? {} : { 'Rows that could not be used': skippedRows }),
    },
    config,
    environment: { ...environment, 'Peak (GFLOP/s)': Math.round(peakFlops / 1e9), 'Duration (s)': seconds },
    highlights: resultHighlights(results),
    sections: await resultSections(results),
  });
}
