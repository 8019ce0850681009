/** The data that the report shows about retrieval on a split. */
import type { DataUri } from '../../report/report-data.ts';
import type { RetrievalMetrics } from './metrics.ts';
import type { PixelBaseline } from './pixels.ts';

/** Zero-shot retrieval on one split. */
export interface RetrievalReport {
  readonly split: string;
  /** What the split tests, in a sentence. */
  readonly description?: string;
  readonly metrics: RetrievalMetrics;
  readonly pixels?: PixelBaseline;
  readonly imageQueries?: readonly ImageQuery[];
  readonly textQueries?: readonly TextQuery[];
  readonly imageNeighbors?: readonly ImageNeighbors[];
  readonly embeddings?: EmbeddingReport;
}

/** A picture and the other pictures of the split that are most similar to it for the model, best first. */
export interface ImageNeighbors {
  readonly image: DataUri;
  readonly caption: string;
  readonly results: TextQuery['results'];
}

export type Point = readonly [x: number, y: number];

/** Images and captions as points in two planes. */
export interface EmbeddingReport {
  /** What each image shows. */
  readonly imageLabels: readonly string[];
  readonly textLabels: readonly string[];
  /** The index of each image's text. */
  readonly captions: readonly number[];
  /** As the features are, and relative to the mean of images or texts. */
  readonly planes: readonly [EmbeddingPlane, EmbeddingPlane];
}

/** Images and captions as points in one plane. */
export interface EmbeddingPlane {
  readonly title: string;
  /** The shares of the variance along x and along y, from 0 to 1. */
  readonly shares: Point;
  readonly images: readonly Point[];
  readonly texts: readonly Point[];
}

/** A picture and the captions that the model ranks highest, best first. */
export interface ImageQuery {
  readonly image: DataUri;
  readonly caption: string;
  readonly results: readonly { readonly text: string; readonly score: number; readonly right: boolean }[];
}

/** A caption and the pictures that the model ranks highest, best first. */
export interface TextQuery {
  readonly text: string;
  readonly results: readonly {
    readonly image: DataUri;
    readonly caption: string;
    readonly score: number;
    readonly right: boolean;
  }[];
}
