/** How well a tokenizer reconstructs images, and how much of its codebook it uses. */
import { elementAt } from '../element-at.ts';

export interface ReconstructionMetrics {
  /** The number of images. */
  readonly count: number;
  /** Mean squared error of a pixel's channel, in units of its full range: from 0 to 1. */
  readonly meanSquaredError: number;
  /** Peak signal-to-noise ratio in decibels: 10 log10(1 / mean squared error). */
  readonly psnr: number;
  /** The PSNR if each reconstruction were the mean color of all images: a baseline for `psnr`. */
  readonly meanColorPsnr: number;
  /** The number of codes that occur. */
  readonly usedCodes: number;
  /** The number of all codes. */
  readonly codes: number;
  /** exp of the entropy of the distribution of codes. */
  readonly perplexity: number;
}

/** Accumulates the errors and tokens of images, one image at a time. */
export class ReconstructionMeter {
  readonly #uses: Float64Array;
  /** Of each channel. */
  readonly #sums = new Float64Array(3);
  #squares = 0;
  #error = 0;
  #values = 0;
  #count = 0;

  /** @param codes the number of codes */
  constructor(codes: number) {
    this.#uses = new Float64Array(codes);
  }

  /** An image before and after, RGB from 0 to 255, and the tokens in between. */
  add(original: Uint8Array, reconstruction: Uint8Array, tokens: ArrayLike<number>): void {
    // A loop over every channel of every pixel: both pictures have one size.
    for (let k = 0; k < original.length; k++) {
      const value = original[k] as number;
      this.#error += ((value - (reconstruction[k] as number)) / 255) ** 2;
      this.#sums[k % 3] = (this.#sums[k % 3] as number) + value / 255;
      this.#squares += (value / 255) ** 2;
    }
    for (const token of Array.from(tokens)) this.#uses[token] = elementAt(this.#uses, token) + 1;
    this.#values += original.length;
    this.#count++;
  }

  metrics(): ReconstructionMetrics {
    const meanSquaredError = this.#error / this.#values;
    // The variance that remains after subtracting the mean color.
    const explained = this.#sums.reduce((sum, total) => sum + total ** 2 / (this.#values / 3), 0);
    const total = this.#uses.reduce((sum, n) => sum + n, 0);
    const entropy = this.#uses.reduce((sum, n) => (n === 0 ? sum : sum - (n / total) * Math.log(n / total)), 0);
    return {
      count: this.#count,
      meanSquaredError,
      psnr: decibels(meanSquaredError),
      meanColorPsnr: decibels((this.#squares - explained) / this.#values),
      usedCodes: this.#uses.filter((n) => n > 0).length,
      codes: this.#uses.length,
      perplexity: Math.exp(entropy),
    };
  }
}

const decibels = (meanSquaredError: number): number => -10 * Math.log10(meanSquaredError);
