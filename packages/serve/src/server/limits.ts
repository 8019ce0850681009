/** What a request may ask for, so that no request uses up the machine. */

/** The limits of a server. */
export interface Limits {
  /** Bytes of a request's body. */
  readonly bodyBytes: number;
  /** Images of a request. */
  readonly images: number;
  /** Pixels of an image file, before it is resized. */
  readonly pixels: number;
  /** Texts of a request; for zero-shot classification, names of classes times templates. */
  readonly texts: number;
  /** Characters of a text. */
  readonly textLength: number;
  /** Results for each image or query: `topK`. */
  readonly results: number;
  /** Requests that are read, wait or are computed at the same time. */
  readonly requests: number;
  /** Seconds from the beginning of a request to its answer. */
  readonly seconds: number;
}

/** The limits where nothing else is said. */
export const defaultLimits: Limits = {
  bodyBytes: 32 * 2 ** 20,
  images: 64,
  pixels: 50_000_000,
  texts: 1000,
  textLength: 1000,
  results: 1000,
  requests: 64,
  seconds: 30,
};
