import { getDefaultGenerator, threefry2x32 } from '@tessera/tensor';

/** The second key word of initial values, apart from the step numbers that the graph's random numbers are keyed with. */
const initialValueStream = 0x696e6974;

/**
 * A stream of random numbers that are computed here and now, not on a backend: the same seed gives the same initial values
 * everywhere, bit by bit. Each stream takes the next site of the default generator, which `manualSeed` starts anew.
 */
export class HostRandom {
  readonly #seed: number;
  readonly #site: number;
  readonly #words = new Int32Array(2);
  #block = 0;

  constructor() {
    const generator = getDefaultGenerator();
    const state = generator.state();
    generator.setState({ ...state, site: state.site + 1 });
    this.#seed = state.seed;
    this.#site = state.site;
  }

  /** Two numbers, evenly distributed in (0, 1). */
  #pair(): readonly [number, number] {
    threefry2x32(this.#seed, initialValueStream, this.#block++, this.#site, this.#words);
    return [toUnit(this.#words[0] as number), toUnit(this.#words[1] as number)];
  }

  fillUniform(out: Float32Array, low: number, high: number): void {
    for (let i = 0; i < out.length; i += 2) {
      const [u, v] = this.#pair();
      out[i] = low + u * (high - low);
      if (i + 1 < out.length) out[i + 1] = low + v * (high - low);
    }
  }

  /** Box and Muller (1958): two uniform numbers give two independent normal ones. */
  fillNormal(out: Float32Array, mean: number, std: number): void {
    for (let i = 0; i < out.length; i += 2) {
      const [u, v] = this.#pair();
      const radius = std * Math.sqrt(-2 * Math.log(u));
      out[i] = mean + radius * Math.cos(2 * Math.PI * v);
      if (i + 1 < out.length) out[i + 1] = mean + radius * Math.sin(2 * Math.PI * v);
    }
  }

  /** Normal numbers within [low, high]: those outside are drawn again. */
  fillTruncatedNormal(out: Float32Array, mean: number, std: number, low: number, high: number): void {
    const draw = new Float32Array(2);
    for (let i = 0; i < out.length; ) {
      this.fillNormal(draw, mean, std);
      for (const value of draw) if (value >= low && value <= high && i < out.length) out[i++] = value;
    }
  }
}

/** The middle of the word's interval of 2^-32: never 0, never 1. */
const toUnit = (word: number): number => ((word >>> 0) + 0.5) * 2 ** -32;
