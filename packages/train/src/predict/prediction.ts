/** What a model says of an image, and what a caller can ask it. */

/** A class or text, and how probable it is: from 0 to 1. */
export interface NamedProbability {
  readonly name: string;
  readonly probability: number;
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
}

/** How a model predicts. */
export interface Predictor {
  /** The parts of a request that it uses. */
  readonly asks: readonly (keyof PredictionRequest)[];
  /**
   * @param images u8 [N, S, S, 3], S the model's image size, row-major
   * @returns N predictions
   * @throws where the request lacks what the model needs
   */
  predict(images: Uint8Array, request: PredictionRequest): Promise<Prediction[]>;
  /**
   * `predict` for one request and any number of calls: what does not depend on the images, such as features of texts, is computed once.
   * Missing: there is nothing to compute.
   */
  prepare?(request: PredictionRequest): Promise<PreparedPrediction>;
}

/** Predicts as one request asks. @param images u8 [N, S, S, 3], S the model's image size, row-major */
export type PreparedPrediction = (images: Uint8Array) => Promise<Prediction[]>;
