/**
 * Counter-based random numbers: each number is a function of a key and a counter, and no state is passed from one draw to the next. The
 * numbers for a row in an epoch therefore do not depend on the worker that draws them, or on when it does.
 */
import { threefry2x32 } from '@tessera/tensor/threefry';

/** The purposes of random streams. Streams of different purposes never share numbers. */
export const purpose = {
  order: 1,
  augment: 2,
  caption: 3,
  replacement: 4,
  mixup: 5,
  sampling: 6,
  search: 7,
  /** The order of blocks in an epoch. */
  blocks: 8,
  /** The order of rows within a window. */
  windows: 9,
  /** Where the sequence of blocks begins. */
  rotation: 10,
  /** Draws of blocks with replacement. */
  draws: 11,
  /** The seeds of the sources of a mixture. */
  sources: 12,
} as const;
export type Purpose = (typeof purpose)[keyof typeof purpose];

/** A stream of random numbers that depends only on (seed, purpose, epoch, index). */
export class CounterRandom {
  readonly #key = new Uint32Array(2);
  readonly #words = new Uint32Array(2);
  readonly #index: number;
  #counter = 0;

  /**
   * @param seed any integer up to 2^53
   * @param index a row of a dataset, or anything else that distinguishes streams; below 2^32
   */
  constructor(seed: number, kind: Purpose, epoch: number, index = 0) {
    // One pass of the generator mixes seed, purpose and epoch into the key. The index and a running number are the counter.
    threefry2x32(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, kind, epoch, this.#key);
    this.#index = index >>> 0;
  }

  /** 32 random bits. */
  bits(): number {
    const half = this.#counter & 1;
    if (half === 0) {
      threefry2x32(this.#key[0] as number, this.#key[1] as number, this.#index, this.#counter >>> 1, this.#words);
    }
    this.#counter++;
    return this.#words[half] as number;
  }

  /** Uniform in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.bits() / 2 ** 32);
  }

  /** Uniform in [0, 1), with 53 random bits: enough to choose among more than 2^32. */
  uniform53(): number {
    return (this.bits() * 2 ** 21 + (this.bits() >>> 11)) / 2 ** 53;
  }

  /** Uniform among 0 ... n - 1; n up to 2^32. The bias is below n / 2^32. */
  below(n: number): number {
    return Math.floor((this.bits() / 2 ** 32) * n);
  }
}

/** The numbers 0 ... n - 1 in random order (Fisher and Yates). */
export function shuffled(n: number, random: CounterRandom): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const kept = order[i] as number;
    order[i] = order[j] as number;
    order[j] = kept;
  }
  return order;
}

/** A random permutation of 0 ... n - 1: the order of an epoch of few rows. */
export const permutation = (n: number, seed: number, epoch: number): Uint32Array =>
  shuffled(n, new CounterRandom(seed, purpose.order, epoch));
