/** Where random numbers come from: counters under a key, so that the same seed gives the same bits everywhere. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { storeArray } from '../graph/storage.ts';
import { type Backend, getBackend } from '../kernel/backend.ts';
import type { Shape } from '../kernel/shape.ts';

export interface GeneratorState {
  readonly seed: number;
  readonly step: number;
  readonly site: number;
}

/** Sites below this number belong to compiled steps, which count theirs from 0 at every step. */
const firstEagerSite = 2 ** 30;

/**
 * A stream of random numbers. Every call outside compiled functions takes the next site under the key (seed, 0); every run of a
 * compiled function takes the next step, and its calls are sites under the key (seed, step).
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

  /** How many runs of compiled functions took their numbers from here. */
  get step(): number {
    return this.#step;
  }

  /** All there is to know for continuing the stream bit by bit. */
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

  /** 32 random bits an element, of a site of their own. */
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

/** The generator behind all functions that are not given one. */
export const getDefaultGenerator = (): Generator => defaultGenerator;

/** Starts the default generator anew. */
export function manualSeed(seed: number): Generator {
  defaultGenerator.setState({ seed, step: 0, site: 0 });
  return defaultGenerator;
}

/** While a function is recorded: its key, and the next site. */
let recorded: { readonly key: Node; site: number } | null = null;

/** Inside `body` the default generator's numbers come from `key` (i32 [2]), with sites counted from 0. */
export function withRandomKey<T>(key: Node, body: () => T): T {
  const previous = recorded;
  recorded = { key, site: 0 };
  try {
    return body();
  } finally {
    recorded = previous;
  }
}

/** 32 random bits an element, i32. */
export function randomBits(shape: Shape, generator: Generator = defaultGenerator, backend?: Backend): Node {
  if (recorded === null) return generator.bits(shape, backend ?? getBackend());
  if (generator !== defaultGenerator)
    throw new Error(
      'random: inside a compiled function only the default generator can be used; another would repeat its numbers at every run',
    );
  return graph.random(recorded.key, recorded.site++, shape);
}
