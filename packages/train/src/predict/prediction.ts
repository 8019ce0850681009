/** What a model says of an image, and what a caller can ask it. */
import type { Box } from '@tessera/data';

/** A class or text, and how probable it is: from 0 to 1. */
export interface NamedProbability {
  readonly name: string;
  readonly probability: number;
}

/** An object that a detector finds. */
export interface FoundObject extends NamedProbability {
  /** The number of its class. */
  readonly label: number;
  /** Its edges in pixels of the upright image, from the top left corner. */
  readonly box: readonly [left: number, top: number, right: number, bottom: number];
}

/** A class for each pixel of a part of an image. */
export interface ClassMask {
  /** The numbers of classes, row-major [height, width]. The model's resolution, not the image's. */
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  /** The part of the image that it covers. */
  readonly place: ImagePlace;
}

/** A class of a mask, and the share of the mask's pixels that have it. */
export interface ClassShare {
  readonly name: string;
  readonly label: number;
  readonly share: number;
}

/** The part of an image that a model sees. */
export interface ImagePlace {
  /** The size of the upright image, in pixels. */
  readonly width: number;
  readonly height: number;
  /** The part, in pixels of the upright image. */
  readonly box: Box;
}

/** RGB pixels, u8 [height, width, 3]. */
interface PredictedPicture {
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** What a model says of one image. The `kind` is the same for all images of a call. */
export type Prediction =
  /** One of several classes, the most probable first. The probabilities add up to 1. */
  | { readonly kind: 'class'; readonly classes: readonly NamedProbability[] }
  /** Any number of the classes, the most probable first. Each probability is that of one class by itself. */
  | { readonly kind: 'tags'; readonly classes: readonly NamedProbability[]; readonly threshold: number }
  /** The caller's texts, the most similar first, with the cosine of their features and the image's. */
  | { readonly kind: 'texts'; readonly texts: readonly (NamedProbability & { readonly similarity: number })[] }
  /** A caption that the model writes. */
  | { readonly kind: 'caption'; readonly caption: string }
  /** The answer to each question. */
  | {
      readonly kind: 'answers';
      readonly answers: readonly (NamedProbability & { readonly question: string })[];
    }
  /** The objects that reach the threshold, the most probable first, without those that overlap a more probable one of their class. */
  | { readonly kind: 'objects'; readonly objects: readonly FoundObject[]; readonly threshold: number }
  /** A class for each pixel; and the classes that occur, the most frequent first. */
  | { readonly kind: 'mask'; readonly mask: ClassMask; readonly classes: readonly ClassShare[] }
  /** The image as a grid of codes, row-major [rows, columns], and what the codes are decoded to. */
  | {
      readonly kind: 'tokens';
      readonly tokens: readonly number[];
      readonly grid: readonly [rows: number, columns: number];
      readonly reconstruction: PredictedPicture;
    };

/** What a caller can ask a model besides images. */
export interface PredictionRequest {
  /** Names of classes for a model that learned texts instead of classes. */
  readonly classes?: readonly string[];
  /** Prompts for these names, with {} at the place of the name. Default: the name alone. */
  readonly templates?: readonly string[];
  /** Texts to compare with each image. */
  readonly texts?: readonly string[];
  /** Questions about each image. Default: those that the model learned to answer. */
  readonly questions?: readonly string[];
  /** Detection: objects that are less probable are left out. From 0 to 1; default 0.3. */
  readonly scoreThreshold?: number;
  /**
   * Detection: of two objects of one class whose boxes have a larger intersection over union, the less probable one is left out
   * (non-maximum suppression). From 0 to 1; default 0.5.
   */
  readonly iouThreshold?: number;
}

/**
 * What of an image a model sees. `square`: the shorter side resized to `size` pixels, and the square in the center. `whole`: the whole image
 * resized to these pixels, whatever its aspect ratio.
 */
export type ImageView =
  | { readonly kind: 'square'; readonly size: number }
  | { readonly kind: 'whole'; readonly size: readonly [height: number, width: number] };

/** How a model predicts. */
export interface Predictor {
  /** The parts of a request that it uses. */
  readonly asks: readonly (keyof PredictionRequest)[];
  /** Default: the square in the center, in the model's image size. */
  readonly view?: ImageView;
  /** Whether `drawPrediction` draws its predictions; others are words. */
  readonly draws?: boolean;
  /**
   * @param images u8 [N, height, width, 3] of the view, row-major
   * @param places where each of them is in its image
   * @returns N predictions
   * @throws where the request lacks what the model needs
   */
  predict(images: Uint8Array, request: PredictionRequest, places: readonly ImagePlace[]): Promise<Prediction[]>;
  /**
   * `predict` for one request and any number of calls: what does not depend on the images, such as features of texts, is computed once.
   * Missing: there is nothing to compute.
   */
  prepare?(request: PredictionRequest): Promise<PreparedPrediction>;
  /** Frees what has been compiled. */
  dispose?(): void;
}

/** Predicts as one request asks: see `Predictor.predict`. */
export type PreparedPrediction = (images: Uint8Array, places: readonly ImagePlace[]) => Promise<Prediction[]>;

/** Why a model says nothing of single images: a sentence. */
export interface NoPredictor {
  readonly reason: string;
}
