/*
 * Counter-based random numbers: every number is a function of a key and a counter, with no state handed from one draw to the
 * next, so that what a row gets in an epoch does not depend on which worker draws it, or when.
 */

const rotations = [13, 15, 26, 6, 17, 29, 16, 24];

/**
 * Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011).
 * Two key words and two counter words give two words of 32 random bits, written to `out`.
 */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number, out: Uint32Array): void {
  const key2 = 0x1bd11bda ^ key0 ^ key1;
  const keys = [key0, key1, key2];
  let x0 = (counter0 + key0) | 0;
  let x1 = (counter1 + key1) | 0;
  for (let round = 0; round < 20; round++) {
    const rotation = rotations[round & 7] as number;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << rotation) | (x1 >>> (32 - rotation))) ^ x0;
    if ((round & 3) === 3) {
      // A key injection after every fourth round.
      const injection = (round + 1) >> 2;
      x0 = (x0 + (keys[injection % 3] as number)) | 0;
      x1 = (x1 + (keys[(injection + 1) % 3] as number) + injection) | 0;
    }
  }
  out[0] = x0;
  out[1] = x1;
}

/** What a stream of random numbers is for. Streams of different purposes never share numbers. */
export const purpose = { order: 1, augment: 2, caption: 3, replacement: 4 } as const;
export type Purpose = (typeof purpose)[keyof typeof purpose];

/** A stream of random numbers that belongs to (seed, purpose, epoch, index), whatever else is drawn elsewhere. */
export class CounterRandom {
  readonly #key = new Uint32Array(2);
  readonly #words = new Uint32Array(2);
  readonly #index: number;
  #counter = 0;

  /** @param seed any integer up to 2^53. @param index a dataset row, or anything else that tells streams apart, below 2^32. */
  constructor(seed: number, kind: Purpose, epoch: number, index = 0) {
    // One pass of the generator mixes seed, purpose and epoch into the key; the index and a running number are the counter.
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

  /** Uniform among 0 ... n - 1; n up to 2^32. The bias is below n / 2^32. */
  below(n: number): number {
    return Math.floor((this.bits() / 2 ** 32) * n);
  }
}

/** A random permutation of 0 ... n - 1 (Fisher and Yates): the order of an epoch. */
export function permutation(n: number, seed: number, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  const random = new CounterRandom(seed, purpose.order, epoch);
  for (let i = n - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const kept = order[i] as number;
    order[i] = order[j] as number;
    order[j] = kept;
  }
  return order;
}
