export interface ReconstructionMetrics {
  /** Images. */
  readonly count: number;
  /** Mean squared error of a pixel's channel, in units of its full range: from 0 to 1. */
  readonly meanSquaredError: number;
  /** Peak signal-to-noise ratio in decibels: 10 log10(1 / mean squared error). */
  readonly psnr: number;
  /** The same for a picture of one colour, the mean over all images: what the codes are worth beyond it. */
  readonly meanColourPsnr: number;
  /** How many codes occur. */
  readonly usedCodes: number;
  readonly codes: number;
  /** exp of the entropy of their use. */
  readonly perplexity: number;
}

/** Gathers errors and tokens of images, one after the other. */
export class ReconstructionMeter {
  readonly #uses: Float64Array;
  readonly #sums = new Float64Array(3);
  #squares = 0;
  #error = 0;
  #values = 0;
  #count = 0;

  /** @param codes how many codes there are */
  constructor(codes: number) {
    this.#uses = new Float64Array(codes);
  }

  /** An image before and after, RGB from 0 to 255, and the tokens in between. */
  add(original: Uint8Array, reconstruction: Uint8Array, tokens: ArrayLike<number>): void {
    original.forEach((value, k) => {
      this.#error += ((value - reconstruction[k]) / 255) ** 2;
      this.#sums[k % 3] += value / 255;
      this.#squares += (value / 255) ** 2;
    });
    for (let k = 0; k < tokens.length; k++) this.#uses[tokens[k]]++;
    this.#values += original.length;
    this.#count++;
  }

  metrics(): ReconstructionMetrics {
    const meanSquaredError = this.#error / this.#values;
    // The error of a guess that is always the mean colour.
    const explained = this.#sums.reduce((sum, total) => sum + total ** 2 / (this.#values / 3), 0);
    const total = this.#uses.reduce((sum, n) => sum + n, 0);
    const entropy = this.#uses.reduce((sum, n) => (n === 0 ? sum : sum - (n / total) * Math.log(n / total)), 0);
    return {
      count: this.#count,
      meanSquaredError,
      psnr: decibels(meanSquaredError),
      meanColourPsnr: decibels((this.#squares - explained) / this.#values),
      usedCodes: this.#uses.filter((n) => n > 0).length,
      codes: this.#uses.length,
      perplexity: Math.exp(entropy),
    };
  }
}

const decibels = (meanSquaredError: number): number => -10 * Math.log10(meanSquaredError);
