/** Retrieval on one split as the report draws it. */
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
