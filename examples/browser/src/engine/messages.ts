/** The messages between the page and its two workers. */
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
      /** The largest number of training images. */
      readonly mostPictures: number;
    }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  /** Moves model and optimizer to another backend, and continues there. */
  | { readonly kind: 'move'; readonly backend: BackendChoice };

/** A held-out image that the page shows. */
export interface ShownPicture {
  readonly encoded: Uint8Array<ArrayBuffer>;
  readonly label: number;
}

export interface Prediction {
  readonly label: number;
  /** The probability of the label. */
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
      /** Fraction of the batch that the model classified correctly before the step. */
      readonly accuracy: number;
      readonly imagesPerSecond: number;
    }
  | {
      readonly kind: 'evaluation';
      readonly step: number;
      /** Fraction of the held-out images that the model classifies correctly. */
      readonly accuracy: number;
      /** The predictions for the shown images, in their order. */
      readonly predictions: readonly Prediction[];
    }
  | { readonly kind: 'failed'; readonly message: string };

export type SearchCommand =
  | { readonly kind: 'open'; readonly run: RunMaterial; readonly backend: BackendChoice; readonly mostPictures: number }
  | { readonly kind: 'query'; readonly text: string };

interface Hit {
  readonly encoded: Uint8Array<ArrayBuffer>;
  readonly caption: string;
  /** Cosine similarity of text and image. */
  readonly similarity: number;
}

export type SearchReport =
  | { readonly kind: 'progress'; readonly what: string; readonly done: number; readonly total: number }
  | { readonly kind: 'ready'; readonly backend: string; readonly parameters: number; readonly pictures: number }
  | { readonly kind: 'hits'; readonly text: string; readonly hits: readonly Hit[]; readonly milliseconds: number }
  | { readonly kind: 'failed'; readonly message: string };
