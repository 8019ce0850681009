/** The data that a run's report is rendered from. */
import type { MetricsRecord } from '../loop/metrics-file.ts';
import type { Html } from './html.ts';
import type { Highlight, ReportSection } from './section.ts';

/** An image as a data URI: see `imageDataUri` and `pixelsDataUri`. */
export type DataUri = `data:image/${string}`;

/** The contents of a run's report. */
export interface ReportData {
  /** The run's name. */
  readonly title: string;
  /** The model and the data set, in one line. */
  readonly subtitle?: string;
  /** The facts below the title, such as model, parameters, data set, epochs, batch: label to value. */
  readonly summary: Readonly<Record<string, string | number>>;
  /** The whole configuration, shown on request. */
  readonly config: unknown;
  /** Backend, threads, versions, duration: label to value. */
  readonly environment: Readonly<Record<string, string | number>>;
  /** The lines of metrics.jsonl: `step` records become curves per step, `evaluation` records curves per epoch. */
  readonly records: readonly MetricsRecord[];
  /** The run's outcome in a few numbers. */
  readonly highlights?: readonly Highlight[];
  /** The section with histograms of weights and gradients; null: none. */
  readonly histograms?: Html | null;
  /** Results of the final evaluation, in the order of the page. */
  readonly sections?: readonly ReportSection[];
}

/**
 * A line of metrics.jsonl of kind 'step'. Each further numeric field becomes a separate curve.
 */
export interface StepRecord extends MetricsRecord {
  readonly kind: 'step';
  /** Completed epochs, with fractions. */
  readonly epoch: number;
  readonly loss: number | null;
  readonly lr: number;
  readonly imagesPerSecond?: number;
  /** Model FLOPs utilization: share of the machine's measured peak rate, from 0 to 1. */
  readonly mfu?: number;
  readonly gradNorm?: number | null;
}

/** A line of metrics.jsonl of kind 'evaluation': one split after some epochs. */
export interface EvaluationRecord extends MetricsRecord {
  readonly kind: 'evaluation';
  readonly epoch: number;
  readonly split: string;
  /** Results by name, such as loss, imageToTextR1, textToImageR1, top1, top5. Shares are from 0 to 1. */
  readonly values: Readonly<Record<string, number | null>>;
}
