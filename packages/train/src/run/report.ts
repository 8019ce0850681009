/** What a run tells about itself: the line before its first step, and the report during and after training. */
import type { Split } from '@tessera/data';
import type { RunConfig } from '../config/schema.ts';
import { type EvaluationResult, resultHighlights, resultSections } from '../evaluation/result.ts';
import type { BestRule } from '../loop/best-checkpoints.ts';
import type { Position } from '../loop/checkpoint.ts';
import { plannedInterval } from '../loop/evaluation-interval.ts';
import { formatEpochs, type RunLength } from '../loop/run-length.ts';
import { withWarmupSteps } from '../optim/schedule.ts';
import { describeRows } from './limit-split.ts';
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
  { name, data: { dataset, augmentation, sampling }, training: { batchSize }, schedule }: RunConfig,
  { train, imageSize, length, mixed }: PlannedRun,
): string {
  const { totalSteps } = length;
  const { warmupSteps = 0 } = schedule as { readonly warmupSteps?: number | null };
  const warmup = withWarmupSteps({ warmupSteps, totalSteps }).warmupSteps;
  const changes = augmentation === null ? 'none' : typeof augmentation === 'string' ? augmentation : 'custom';
  return (
    `${name}: ${describeRows(train)} of ${dataset}${sampling === 'balanced' ? ' in balanced classes' : ''}, ` +
    `images of ${imageSize} x ${imageSize} pixels, augmentation ${changes}${mixed ? ' and mixed images' : ''}, ` +
    `${formatEpochs(length.exactEpochs)}, ${totalSteps} steps of ${batchSize} rows` +
    `${warmup === 0 ? '' : `, of which ${warmup} warm up`}`
  );
}

/** One line about a run that ended before its last step. `again`: whether it had ended there before. */
export const describeEnd = (step: number, totalSteps: number, reason: string, again: boolean): string =>
  again
    ? `this run had ended early, after step ${step} of ${totalSteps}, and ends there again: ${reason}; to train on, set a larger training.earlyStopping.patience or change the callback`
    : `ended early, after step ${step} of ${totalSteps}: ${reason}`;

/** What a run's report tells, besides its settings, its measurements and its results. */
export interface RunFacts {
  readonly config: RunConfig;
  /** The task in words. */
  readonly taskTitle: string;
  /** What the task tells about its model. */
  readonly facts: Readonly<Record<string, string | number>>;
  readonly train: Split;
  readonly length: RunLength;
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
  /** The weights that were evaluated, in words; null for those of the last step as they were trained. */
  readonly weights: string | null;
  /** Why a complete run ended before its last step; null for others. */
  readonly stopReason: string | null;
  /** The best checkpoint, in words; null where there is none. */
  readonly best: string | null;
}

const stepsText = (step: number, totalSteps: number, isComplete: boolean): string | number => {
  if (step === totalSteps) return totalSteps;
  return `${step} of ${totalSteps}${isComplete ? '' : ' so far'}`;
};

/** The best checkpoint in words; null where there is none, or the run evaluates only at its end. */
export function describeBest(
  { bestCheckpoints: [best] = [] }: Position,
  rule: BestRule | null,
  config: RunConfig,
): string | null {
  if (best === undefined || rule === null || plannedInterval(config) === null) return null;
  const { name } = rule.measure;
  return `step ${best.step}, with ${best.split} ${name} ${best.values[name]?.toPrecision(4)}`;
}

/** One line about the best checkpoint of a complete run. `saved`: the step of the weights that it saves. */
export const describeSaved = (best: string, saved: number, { bestCheckpoints = [] }: Position): string =>
  saved === bestCheckpoints[0]?.step
    ? `best checkpoint: ${best}`
    : `best checkpoint: ${best}; saved are the weights of step ${saved} (with checkpoints.model=best: of the best)`;

/** Writes the report of a run, at its end or before. Returns its path. */
export async function writeRunReport(
  folder: string,
  { config, taskTitle, facts, train, length, environment, peakFlops }: RunFacts,
  { step, skippedRows, seconds, results, weights, stopReason, best }: RunProgress,
): Promise<string> {
  const { totalSteps } = length;
  return writeReport(folder, {
    title: config.name,
    subtitle: `${taskTitle} trained on ${config.data.dataset}`,
    summary: {
      ...facts,
      'Training rows': train.length === train.whole ? train.length : `${train.length} of ${train.whole}`,
      Epochs: Number(length.exactEpochs.toFixed(2)),
      Steps: stepsText(step, totalSteps, stopReason !== null),
      ...(stopReason === null ? {} : { 'Ended early': stopReason }),
      'Batch size': config.training.batchSize,
      ...(weights === null ? {} : { Weights: weights }),
      ...(best === null ? {} : { 'Best checkpoint': best }),
      ...(skippedRows === 0 ? {} : { 'Rows that could not be used': skippedRows }),
    },
    config,
    environment: { ...environment, 'Peak (GFLOP/s)': Math.round(peakFlops / 1e9), 'Duration (s)': seconds },
    highlights: resultHighlights(results),
    sections: await resultSections(results),
  });
}
