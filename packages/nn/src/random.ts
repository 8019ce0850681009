import { getDefaultGenerator, threefry2x32 } from '@tessera/tensor';
import { exactExp, exactLog } from './exact-math.ts';
import { xoshiro128 } from './xoshiro.ts';
import { layers, tailStart, ziggurat } from './ziggurat.ts';

/** The second key word of initial values, apart from the step numbers that the graph's random numbers are keyed with. */
const initialValueStream = 0x696e6974;

/** Words that are drawn at once. */
const blockLength = 512;

const layerOf = (word: number): number => word & (layers - 1);

/** Evenly distributed in (-1, 1), by the bits that do not tell the layer. */
const placeOf = (word: number): number => ((word >> 8) + 0.5) * 2 ** -23;

/** Of a signed word: evenly distributed in (0, 1), the middle of one of 2^32 intervals. */
const toUnit = (word: number): number => (word + (2 ** 31 + 0.5)) * 2 ** -32;

/** Where a stream starts: two streams from one site are the same. */
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
 * A stream of random numbers that are computed here and now, not on a backend. The same seed gives the same initial values everywhere,
 * bit by bit: nothing but IEEE arithmetic is used. Each stream takes the next site of the default generator, which `manualSeed`
 * starts anew.
 */
export class HostRandom {
  readonly #state = new Int32Array(4);
  readonly #block = new Int32Array(blockLength);
  /** For numbers that take more than their own word. */
  readonly #spare = new Int32Array(blockLength);
  #nextSpare = blockLength;

  constructor({ seed, site }: StreamSite = takeSite()) {
    const words = new Int32Array(2);
    for (const half of [0, 1]) {
      threefry2x32(seed, initialValueStream, half, site, words);
      this.#state.set(words, 2 * half);
    }
  }

  /** A word, 32 random bits, for each element of `out`: calls `body` for one stretch after the other. */
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
   * By the ziggurat of Marsaglia and Tsang (2000). The layer, and the place in it, come from different bits of a word, as Doornik
   * (2005) asks for: 8 and 24.
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
        // Where the layer above covers the place, all of it lies below the curve. That is so 99 times of 100: the rest waits.
        if (Math.abs(x) >= (edges[layer + 1] as number)) atEdge[count++] = i;
      }
      for (let k = 0; k < count; k++) {
        const i = atEdge[k] as number;
        part[i] = mean + std * this.#normal(words[i] as number);
      }
    });
  }

  /** Normal numbers within [low, high]: those outside are drawn again. */
  fillTruncatedNormal(out: Float32Array, mean: number, std: number, low: number, high: number): void {
    this.fillNormal(out, mean, std);
    for (let i = 0; i < out.length; i++)
      while (!((out[i] as number) >= low && (out[i] as number) <= high))
        out[i] = mean + std * this.#normal(this.#spareWord());
  }

  /** A standard normal number, of this word and more where it does not suffice. */
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
