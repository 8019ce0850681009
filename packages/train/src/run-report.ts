/** What a run tells about itself: the line before its first step, and the report during and after training. */

import type { RunConfig } from './config/schema.ts';
import { type EvaluationResult, resultHighlights, resultSections } from './evaluation/result.ts';
import { writeReport } from './write-report.ts';

/** One line with what the settings and the data decide, so that nobody trains on something else than they think. */
export function describePlan(
  { name, data: { dataset, augmentation }, training: { epochs, batchSize } }: RunConfig,
  { rows, imageSize, totalSteps }: { readonly rows: number; readonly imageSize: number; readonly totalSteps: number },
): string {
  const changes = augmentation === null ? 'none' : typeof augmentation === 'string' ? augmentation : 'custom';
  return (
    `${name}: ${rows} rows of ${dataset}, images of ${imageSize} x ${imageSize} pixels, augmentation ${changes}, ` +
    `${epochs} epochs, ${totalSteps} steps of ${batchSize} rows`
  );
}

/** What a run's report tells, besides its settings, its measurements and its results. */
export interface RunFacts {
  readonly config: RunConfig;
  /** The task in words. */
  readonly taskTitle: string;
  /** What the task tells about its model. */
  readonly facts: Readonly<Record<string, string | number>>;
  readonly rows: number;
  readonly totalSteps: number;
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
  { config, taskTitle, facts, rows, totalSteps, average, environment, peakFlops }: RunFacts,
  { step, skippedRows, seconds, results }: RunProgress,
): Promise<string> {
  return writeReport(folder, {
    title: config.name,
    subtitle: `${taskTitle} trained on ${config.data.dataset}`,
    summary: {
      ...facts,
      'Training rows': rows,
      Epochs: config.training.epochs,
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
