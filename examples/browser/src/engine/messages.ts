/** What the page and its two engines, each a worker, say to each other. */
import type { DataMaterial, RunMaterial } from '../shared/material.ts';
import type { BackendChoice } from './backends.ts';

export type ModelChoice = 'vit' | 'vit-tiny' | 'resnet';

export type TrainCommand =
  | {
      readonly kind: 'start';
      readonly data: DataMaterial;
      readonly backend: BackendChoice;
      readonly model: ModelChoice;
      readonly batchSize: number;
      readonly learningRate: number;
      /** At most so many pictures are read to train on. */
      readonly mostPictures: number;
    }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  /** Goes on on another backend: model and optimiser move there. */
  | { readonly kind: 'move'; readonly backend: BackendChoice };

/** A held-out picture that the page shows. */
export interface ShownPicture {
  readonly encoded: Uint8Array<ArrayBuffer>;
  readonly label: number;
}

export interface Prediction {
  readonly label: number;
  /** Probability. */
  readonly confidence: number;
}

export type TrainReport =
  | { readonly kind: 'progress'; readonly what: string; readonly done: number; readonly total: number }
  | {
      readonly kind: 'ready';
      readonly backend: string;
      readonly parameters: number;
      readonly trained: number;
      readonly heldOut: number;
      readonly shown: readonly ShownPicture[];
    }
  | { readonly kind: 'moved'; readonly backend: string }
  | {
      readonly kind: 'step';
      readonly step: number;
      readonly loss: number;
      /** Share of the batch that the model got right before the step. */
      readonly accuracy: number;
      readonly imagesPerSecond: number;
    }
  | {
      readonly kind: 'evaluation';
      readonly step: number;
      /** Share of the held-out pictures. */
      readonly accuracy: number;
      /** Of the shown pictures, in their order. */
      readonly predictions: readonly Prediction[];
    }
  | { readonly kind: 'failed'; readonly message: string };

export type SearchCommand =
  | { readonly kind: 'open'; readonly run: RunMaterial; readonly backend: BackendChoice; readonly mostPictures: number }
  | { readonly kind: 'query'; readonly text: string };

interface Hit {
  readonly encoded: Uint8Array<ArrayBuffer>;
  readonly caption: string;
  /** Cosine of the angle between text and picture. */
  readonly similarity: number;
}

export type SearchReport =
  | { readonly kind: 'progress'; readonly what: string; readonly done: number; readonly total: number }
  | { readonly kind: 'ready'; readonly backend: string; readonly parameters: number; readonly pictures: number }
  | { readonly kind: 'hits'; readonly text: string; readonly hits: readonly Hit[]; readonly milliseconds: number }
  | { readonly kind: 'failed'; readonly message: string };
