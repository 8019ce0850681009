import type { ClassificationMetrics } from '../evaluation/metrics/classification.ts';
import type { PixelBaseline } from '../evaluation/metrics/pixels.ts';
import type { ReconstructionMetrics } from '../evaluation/metrics/reconstruction.ts';
import type { RetrievalMetrics } from '../evaluation/metrics/retrieval.ts';
import type { MetricsRecord } from '../run/metrics-file.ts';

/** An image as a data URI: see `imageDataUri` and `pixelsDataUri`. */
export type DataUri = `data:image/${string}`;

/** Everything that stands in a run's report. Plain values: it can be kept as JSON and drawn again. */
export interface ReportData {
  /** The run's name. */
  readonly title: string;
  /** What the run is, in a line: model, data set. */
  readonly subtitle?: string;
  /** The facts beside the title, such as model, parameters, data set, epochs, batch: label to value. */
  readonly summary: Readonly<Record<string, string | number>>;
  /** The whole configuration, shown folded. */
  readonly config: unknown;
  /** Where and how it ran: backend, threads, versions, duration: label to value. */
  readonly environment: Readonly<Record<string, string | number>>;
  /** The lines of metrics.jsonl: `step` records become curves per step, `evaluation` records curves per epoch. */
  readonly records: readonly MetricsRecord[];
  readonly retrieval?: readonly RetrievalReport[];
  readonly classification?: readonly ClassificationReport[];
  readonly reconstruction?: readonly ReconstructionReport[];
}

/**
 * A line of metrics.jsonl of kind 'step'. Each further field that holds a number becomes a curve of its own.
 */
export interface StepRecord extends MetricsRecord {
  readonly kind: 'step';
  /** Epochs done, with fractions. */
  readonly epoch: number;
  readonly loss: number | null;
  readonly lr: number;
  readonly imagesPerSecond?: number;
  /** Model FLOP utilisation: share of the machine's measured peak, from 0 to 1. */
  readonly mfu?: number;
  readonly gradNorm?: number | null;
}

/** A line of metrics.jsonl of kind 'evaluation': one split after some epochs. */
export interface EvaluationRecord extends MetricsRecord {
  readonly kind: 'evaluation';
  readonly epoch: number;
  readonly split: string;
  /** By name, such as loss, imageToTextR1, textToImageR1, top1, top5. Shares are from 0 to 1. */
  readonly values: Readonly<Record<string, number | null>>;
}

/** Zero-shot retrieval on one split. */
export interface RetrievalReport {
  readonly split: string;
  /** What the split tests, in a sentence. */
  readonly description?: string;
  readonly metrics: RetrievalMetrics;
  readonly pixels?: PixelBaseline;
  readonly imageQueries?: readonly ImageQuery[];
  readonly textQueries?: readonly TextQuery[];
  readonly imageNeighbours?: readonly ImageNeighbours[];
  readonly embeddings?: EmbeddingReport;
}

/** A picture and the other pictures of the split that the model finds most like it, best first. */
export interface ImageNeighbours {
  readonly image: DataUri;
  readonly caption: string;
  readonly results: TextQuery['results'];
}

type Point = readonly [x: number, y: number];

/** Images and captions as points of a plane. */
export interface EmbeddingReport {
  /** What each image shows. */
  readonly imageLabels: readonly string[];
  readonly textLabels: readonly string[];
  /** Which of the texts belongs to each image. */
  readonly captions: readonly number[];
  readonly planes: readonly {
    readonly title: string;
    /** What of the variance lies along x and along y, from 0 to 1. */
    readonly shares: Point;
    readonly images: readonly Point[];
    readonly texts: readonly Point[];
  }[];
}

/** A picture and the captions that the model holds for the best, best first. */
export interface ImageQuery {
  readonly image: DataUri;
  readonly caption: string;
  readonly results: readonly { readonly text: string; readonly score: number; readonly right: boolean }[];
}

/** A caption and the pictures that the model holds for the best, best first. */
export interface TextQuery {
  readonly text: string;
  readonly results: readonly {
    readonly image: DataUri;
    readonly caption: string;
    readonly score: number;
    readonly right: boolean;
  }[];
}

/** A classifier, trained or zero-shot, on one split. */
export interface ClassificationReport {
  readonly split: string;
  readonly description?: string;
  readonly classNames: readonly string[];
  readonly metrics: ClassificationMetrics;
  /** Some images that were taken for another class. */
  readonly mistakes?: readonly {
    readonly image: DataUri;
    readonly truth: number;
    readonly prediction: number;
    /** Probability of the prediction, from 0 to 1. */
    readonly confidence?: number;
  }[];
}

/** A tokenizer on one split. */
export interface ReconstructionReport {
  readonly split: string;
  readonly metrics: ReconstructionMetrics;
  /** Originals and reconstructions in one picture. */
  readonly pictures: DataUri;
}
