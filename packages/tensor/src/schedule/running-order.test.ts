/** The running order against a search of the whole graph. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nth } from '../kernel/nth.ts';
import { seed } from '../testing/seed.ts';
import { RunningOrder } from './running-order.ts';

interface Item {
  /** The numbers that it was joined from. */
  readonly parts: number[];
}

/** Sets of numbers that are joined the slow way: whether two sets may be joined is decided by walking the whole graph of sets. */
class Slow {
  readonly #edges: readonly (readonly [number, number])[];
  readonly #setOf: number[];

  constructor(count: number, edges: readonly (readonly [number, number])[]) {
    this.#edges = edges;
    this.#setOf = Array.from({ length: count }, (_, k) => k);
  }

  #followers(set: number): number[] {
    return this.#edges
      .filter(([from]) => this.#setOf[from] === set)
      .map(([, to]) => nth(this.#setOf, to))
      .filter((to) => to !== set);
  }

  #leads(from: number, to: number): boolean {
    return this.#followers(from).some((next) => next === to || this.#leads(next, to));
  }

  join(a: number, b: number, apart: boolean): boolean {
    const [one, other] = [nth(this.#setOf, a), nth(this.#setOf, b)];
    const parted = ([from, to]: readonly [number, number]): boolean =>
      this.#followers(from).some((next) => (next === to ? apart : this.#leads(next, to)));
    if (parted([one, other]) || parted([other, one])) return false;
    this.#setOf.forEach((set, k) => {
      if (set === other) this.#setOf[k] = one;
    });
    return true;
  }
}

const count = 12;
const program = fc.record({
  edges: fc.array(
    fc.tuple(fc.nat(count - 1), fc.nat(count - 1)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
    { maxLength: 30 },
  ),
  joins: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1), fc.boolean(), fc.boolean()), { maxLength: 40 }),
});

describe(`an order of items that are joined, seed ${seed}`, () => {
  test('joins items unless something must run between them', () => {
    fc.assert(
      fc.property(program, ({ edges, joins }) => {
        const items = Array.from({ length: count }, (_, k): Item => ({ parts: [k] }));
        const itemOf = [...items];
        const order = new RunningOrder(items, (item) =>
          edges.filter(([from]) => item.parts.includes(from)).map(([, to]) => nth(items, to)),
        );
        const slow = new Slow(
          count,
          edges.filter(([from, to]) => from !== to),
        );
        for (const [a, b, apart, reuse] of joins) {
          const [one, other] = [nth(itemOf, a), nth(itemOf, b)];
          if (one === other) continue;
          const parts = [...one.parts, ...other.parts];
          const joined = reuse ? one : { parts };
          const done = order.join(one, other, apart, joined);
          expect(done).toBe(slow.join(a, b, apart));
          if (!done) continue;
          if (reuse) one.parts.splice(0, one.parts.length, ...parts);
          for (const part of parts) itemOf[part] = joined;
        }
      }),
      { seed, numRuns: 500 },
    );
  });
});
