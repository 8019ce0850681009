/** The generator of random numbers. It counts, and Threefry turns key and counter into bits: the same seed results in the same bits everywhere. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { storeArray } from '../graph/storage.ts';
import { type Backend, getBackend } from '../kernel/backend.ts';
import type { Shape } from '../kernel/shape.ts';

/** Everything that continues a stream. */
export interface GeneratorState {
  readonly seed: number;
  readonly step: number;
  readonly site: number;
}

/** Sites below this number belong to compiled functions, which count their sites from 0 in every run. */
const firstEagerSite = 2 ** 30;

/**
 * A stream of random numbers. Every call outside of compiled functions takes the next site under the key (seed, 0). Every run of a
 * compiled function takes the next step, and its calls take sites under the key (seed, step).
 */
export class Generator {
  #seed = 0;
  #step = 0;
  #site = 0;
  #keys = new WeakMap<Backend, Node>();

  /** `seed`: a whole number below 2^32. */
  constructor(seed = 0) {
    this.setState({ seed, step: 0, site: 0 });
  }

  get seed(): number {
    return this.#seed;
  }

  /** The number of runs of compiled functions that have used this generator. */
  get step(): number {
    return this.#step;
  }

  /** The state from which `setState` continues the stream exactly. */
  state(): GeneratorState {
    return { seed: this.#seed, step: this.#step, site: this.#site };
  }

  setState({ seed, step, site }: GeneratorState): void {
    for (const [name, value] of Object.entries({ seed, step, site }))
      if (!Number.isInteger(value) || Math.abs(value) >= 2 ** 32)
        throw new RangeError(`Generator: ${name} must be a whole number below 2^32, got ${value}`);
    this.#seed = seed;
    this.#step = step;
    this.#site = site;
    this.#keys = new WeakMap();
  }

  /** The key of the next run of a compiled function. */
  nextKey(): Int32Array {
    return Int32Array.of(this.#seed, this.#step++);
  }

  /** 32 random bits for each element, from a new site. */
  bits(shape: Shape, backend: Backend): Node {
    let key = this.#keys.get(backend);
    if (key === undefined) {
      key = graph.buffer(storeArray(backend, 'i32', Int32Array.of(this.#seed, 0)), [2]);
      this.#keys.set(backend, key);
    }
    return graph.random(key, firstEagerSite + this.#site++, shape);
  }
}

const defaultGenerator = new Generator(0);

/** The generator that functions use by default. */
export const getDefaultGenerator = (): Generator => defaultGenerator;

/** Restarts the default generator with this seed, and returns it. */
export function manualSeed(seed: number): Generator {
  defaultGenerator.setState({ seed, step: 0, site: 0 });
  return defaultGenerator;
}

/** The key and the next site of the function that is being recorded. */
let recorded: { readonly key: Node; site: number } | null = null;

/** Runs `body`; inside, the default generator takes its numbers from `key` (i32 [2]), with sites counted from 0. */
export function withRandomKey<T>(key: Node, body: () => T): T {
  const previous = recorded;
  recorded = { key, site: 0 };
  try {
    return body();
  } finally {
    recorded = previous;
  }
}

/** 32 random bits for each element, i32. */
export function randomBits(shape: Shape, generator: Generator = defaultGenerator, backend?: Backend): Node {
  if (recorded === null) return generator.bits(shape, backend ?? getBackend());
  if (generator !== defaultGenerator)
    throw new Error(
      'random: inside a compiled function only the default generator can be used; another would repeat its numbers at every run',
    );
  return graph.random(recorded.key, recorded.site++, shape);
}
