/** Random initial values, the same on every machine. */
import { getDefaultGenerator } from '@tessera/tensor';
import { threefry2x32 } from '@tessera/tensor/threefry';
import { exactExp, exactLog } from './exact-math.ts';
import { xoshiro128 } from './xoshiro.ts';
import { layers, tailStart, ziggurat } from './ziggurat.ts';

/** The second key word of initial values: different from the step numbers, with which the graph's random numbers are keyed. */
const initialValueStream = 0x696e6974;

/** The number of words that are drawn at once. */
const blockLength = 512;

const layerOf = (word: number): number => word & (layers - 1);

/** Evenly distributed in (-1, 1), from the bits that do not choose the layer. */
const placeOf = (word: number): number => ((word >> 8) + 0.5) * 2 ** -23;

/** From a signed word: evenly distributed in (0, 1), the middle of one of 2^32 intervals. */
const toUnit = (word: number): number => (word + (2 ** 31 + 0.5)) * 2 ** -32;

/** The start of a stream: two streams from one site are the same. */
export interface StreamSite {
  readonly seed: number;
  readonly site: number;
}

/** The next site of the default generator. */
export function takeSite(): StreamSite {
  const generator = getDefaultGenerator();
  const state = generator.state();
  generator.setState({ ...state, site: state.site + 1 });
  return state;
}

/**
 * A stream of random numbers that are computed immediately, not on a backend. The same seed makes the same initial values everywhere,
 * bit by bit: only IEEE arithmetic is used. Each stream takes the next site of the default generator, which `manualSeed` resets.
 */
export class HostRandom {
  readonly #state = new Int32Array(4);
  readonly #block = new Int32Array(blockLength);
  /** Words for numbers that need more than one. */
  readonly #spare = new Int32Array(blockLength);
  #nextSpare = blockLength;

  constructor({ seed, site }: StreamSite = takeSite()) {
    const words = new Int32Array(2);
    for (const half of [0, 1]) {
      threefry2x32(seed, initialValueStream, half, site, words);
      this.#state.set(words, 2 * half);
    }
  }

  /** Draws a word, 32 random bits, for each element of `out`, and calls `body` for one block of elements after the other. */
  #inBlocks(out: Float32Array, body: (part: Float32Array, words: Int32Array) => void): void {
    for (let start = 0; start < out.length; start += blockLength) {
      xoshiro128(this.#state, this.#block);
      body(out.subarray(start, start + blockLength), this.#block);
    }
  }

  #spareWord(): number {
    if (this.#nextSpare === blockLength) {
      xoshiro128(this.#state, this.#spare);
      this.#nextSpare = 0;
    }
    return this.#spare[this.#nextSpare++] as number;
  }

  fillUniform(out: Float32Array, low: number, high: number): void {
    this.#inBlocks(out, (part, words) => {
      for (let i = 0; i < part.length; i++) part[i] = low + toUnit(words[i] as number) * (high - low);
    });
  }

  /**
   * By the ziggurat algorithm of Marsaglia and Tsang (2000). The layer and the place in it come from different bits of a word, 8 and
   * 24, as Doornik (2005) recommends.
   */
  fillNormal(out: Float32Array, mean: number, std: number): void {
    const { edges } = ziggurat;
    const atEdge = new Int32Array(blockLength);
    this.#inBlocks(out, (part, words) => {
      let count = 0;
      for (let i = 0; i < part.length; i++) {
        const layer = layerOf(words[i] as number);
        const x = placeOf(words[i] as number) * (edges[layer] as number);
        part[i] = mean + std * x;
        // A place that the layer above covers is below the curve. That happens 99 times out of 100; the other places come after.
        if (Math.abs(x) >= (edges[layer + 1] as number)) atEdge[count++] = i;
      }
      for (let k = 0; k < count; k++) {
        const i = atEdge[k] as number;
        part[i] = mean + std * this.#normal(words[i] as number);
      }
    });
  }

  /** Normal numbers within [low, high]: numbers outside are drawn again. */
  fillTruncatedNormal(out: Float32Array, mean: number, std: number, low: number, high: number): void {
    this.fillNormal(out, mean, std);
    for (let i = 0; i < out.length; i++)
      while (!((out[i] as number) >= low && (out[i] as number) <= high))
        out[i] = mean + std * this.#normal(this.#spareWord());
  }

  /** A standard normal number from this word, and from spare words if one is not enough. */
  #normal(word: number): number {
    const { edges, heights } = ziggurat;
    const layer = layerOf(word);
    const x = placeOf(word) * (edges[layer] as number);
    if (Math.abs(x) < (edges[layer + 1] as number)) return x;
    if (layer === 0) return x < 0 ? -this.#tail() : this.#tail();
    const [low, high] = [heights[layer] as number, heights[layer + 1] as number];
    const y = low + toUnit(this.#spareWord()) * (high - low);
    return y < exactExp(-0.5 * x * x) ? x : this.#normal(this.#spareWord());
  }

  /** A number beyond the lowest layer's edge (G. Marsaglia: Generating a variable from the tail of the normal distribution, 1964). */
  #tail(): number {
    for (;;) {
      const x = -exactLog(toUnit(this.#spareWord())) / tailStart;
      const y = -exactLog(toUnit(this.#spareWord()));
      if (2 * y > x * x) return tailStart + x;
    }
  }
}
