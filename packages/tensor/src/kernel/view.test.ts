/** Views against arrays that store every element, over random chains of operations. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seed } from '../testing/seed.ts';
import { nth } from './nth.ts';
import { type Shape, sizeOf } from './shape.ts';
import {
  contiguousView,
  expandView,
  flipView,
  formatView,
  isContiguous,
  locate,
  padView,
  permuteView,
  reshapeView,
  shrinkView,
  stridedView,
  type View,
  windowCount,
  windowView,
} from './view.ts';

/** An array that stores every element; a view must agree with it. */
interface Dense {
  readonly shape: Shape;
  readonly at: (index: readonly number[]) => number;
}

/** Stores the value at every index. */
function dense(shape: Shape, value: (index: readonly number[]) => number): Dense {
  const values = indices(shape).map(value);
  return {
    shape,
    at: (index) =>
      nth(
        values,
        index.reduce((position, i, axis) => position * nth(shape, axis) + i, 0),
      ),
  };
}

/** All indices of a shape in row-major order. */
function indices(shape: Shape): number[][] {
  return shape.reduce<number[][]>(
    (all, n) => all.flatMap((index) => Array.from({ length: n }, (_, i) => [...index, i])),
    [[]],
  );
}

interface Step {
  readonly view: View | null;
  readonly dense: () => Dense;
}

/** Numbers that choose the settings of an operation. */
type Choices = readonly number[];

const largestSize = 600;

const pickFrom = <T>(list: readonly T[], choice: number): T => nth(list, choice % list.length);

/** A permutation that the numbers choose. */
function shuffled(length: number, choices: Choices): number[] {
  const left = Array.from({ length }, (_, k) => k);
  return Array.from({ length }, (_, k) => {
    const chosen = pickFrom(left, pickFrom(choices, k));
    left.splice(left.indexOf(chosen), 1);
    return chosen;
  });
}

/** Factors whose product is `size`: the prime factors, joined at random, with a few ones. */
function factorize(size: number, choices: Choices): number[] {
  const primes: number[] = [];
  for (let rest = size, p = 2; rest > 1; ) {
    if (rest % p === 0) {
      primes.push(p);
      rest /= p;
    } else p++;
  }
  const shape: number[] = [];
  primes.forEach((p, k) => {
    const choice = pickFrom(choices, k);
    if (choice % 3 === 0 && shape.length > 0) shape[shape.length - 1] = (shape.at(-1) as number) * p;
    else shape.push(p);
    if (choice % 7 === 0) shape.push(1);
  });
  return shape;
}

/** Each operation on a view and, naively, on a dense array. */
const operations: Readonly<Record<string, (view: View, array: Dense, choices: Choices) => Step>> = {
  permute: (view, array, choices) => {
    const axes = shuffled(view.shape.length, choices);
    const shape = axes.map((axis) => nth(array.shape, axis));
    return {
      view: permuteView(view, axes),
      dense: () => dense(shape, (index) => array.at(array.shape.map((_, axis) => nth(index, axes.indexOf(axis))))),
    };
  },
  expand: (view, array, choices) => {
    const shape = array.shape.map((n, axis) => (n === 1 ? 1 + (pickFrom(choices, axis) % 3) : n));
    return {
      view: expandView(view, shape),
      dense: () => dense(shape, (index) => array.at(index.map((i, axis) => (array.shape[axis] === 1 ? 0 : i)))),
    };
  },
  shrink: (view, array, choices) => {
    const start = array.shape.map((n, axis) =>
      pickFrom(choices, axis) % 2 === 0 || n < 2 ? 0 : pickFrom(choices, axis) % n,
    );
    const end = array.shape.map((n, axis) => Math.max(nth(start, axis), n - (pickFrom(choices, axis + 1) % 3)));
    const shape = end.map((to, axis) => to - nth(start, axis));
    return {
      view: shrinkView(view, start, end),
      dense: () => dense(shape, (index) => array.at(index.map((i, axis) => i + nth(start, axis)))),
    };
  },
  pad: (view, array, choices) => {
    const before = array.shape.map((_, axis) => (pickFrom(choices, axis) >> 2) % 3);
    const after = array.shape.map((_, axis) => (pickFrom(choices, axis) >> 5) % 3);
    const shape = array.shape.map((n, axis) => n + nth(before, axis) + nth(after, axis));
    return {
      view: padView(view, before, after),
      dense: () =>
        dense(shape, (index) => {
          const inner = index.map((i, axis) => i - nth(before, axis));
          return inner.every((i, axis) => i >= 0 && i < nth(array.shape, axis)) ? array.at(inner) : 0;
        }),
    };
  },
  flip: (view, array, choices) => {
    const axes = array.shape.map((_, axis) => axis).filter((axis) => pickFrom(choices, axis) % 2 === 0);
    return {
      view: flipView(view, axes),
      dense: () =>
        dense(array.shape, (index) =>
          array.at(index.map((i, axis) => (axes.includes(axis) ? nth(array.shape, axis) - 1 - i : i))),
        ),
    };
  },
  window: (view, array, choices) => {
    const rank = array.shape.length;
    const windows = shuffled(rank, choices)
      .slice(0, 1 + (nth(choices, 0) % 2))
      .map((axis, k) => ({
        axis,
        size: 1 + (pickFrom(choices, k) % 3),
        stride: 1 + ((pickFrom(choices, k) >> 3) % 3),
        dilation: 1 + ((pickFrom(choices, k) >> 6) % 2),
      }));
    const shape = [...array.shape, ...windows.map(({ size }) => size)];
    for (const spec of windows) shape[spec.axis] = windowCount(nth(array.shape, spec.axis), spec);
    return {
      view: windowView(view, windows),
      dense: () =>
        dense(shape, (index) => {
          const source = index.slice(0, rank);
          windows.forEach(({ axis, stride, dilation }, w) => {
            source[axis] = stride * nth(index, axis) + dilation * nth(index, rank + w);
          });
          return array.at(source);
        }),
    };
  },
  reshape: (view, array, choices) => {
    const shape = sizeOf(array.shape) === 0 ? [0, 2] : factorize(sizeOf(array.shape), choices);
    return {
      view: reshapeView(view, shape),
      dense: () => {
        const flat = indices(array.shape).map(array.at);
        let next = 0;
        return dense(shape, () => nth(flat, next++));
      },
    };
  },
};

const names = Object.keys(operations);

/** Counts of reshapes over all chains: a view can express most of them. */
const reshapes = { tried: 0, inexpressible: 0 };
let guarded = 0;

function check(base: Shape, chain: readonly { op: number; choices: Choices }[]): void {
  const size = sizeOf(base);
  let view = contiguousView(base);
  let next = 1;
  // Element i is i + 1, so that it differs from the zeros beyond guards.
  let array = dense(base, () => next++);
  const done: string[] = [`${base}`];
  for (const { op, choices } of chain) {
    const name = pickFrom(names, op);
    const operation = operations[name] as (typeof operations)[string];
    if (view.shape.length > 5 && name === 'window') continue;
    const step = operation(view, array, choices);
    if (name === 'reshape') reshapes.tried++;
    if (step.view === null) {
      reshapes.inexpressible++;
      continue;
    }
    if (sizeOf(step.view.shape) > largestSize) continue;
    view = step.view;
    array = step.dense();
    done.push(`${name} -> ${formatView(view)}`);
  }
  if (view.guards.length > 0) guarded++;
  const path = done.join('\n');
  expect(view.shape, path).toEqual(array.shape);
  for (const index of indices(view.shape)) {
    const position = locate(view, index);
    if (position < -1 || position >= size) throw new Error(`element ${position} of ${size} at [${index}]\n${path}`);
    const value = position < 0 ? 0 : position + 1;
    if (value !== array.at(index)) throw new Error(`[${index}] is ${value}, expected ${array.at(index)}\n${path}`);
  }
}

const numbers = fc.array(fc.nat(511), { minLength: 3, maxLength: 6 });
const chains = fc.array(fc.record({ op: fc.nat(names.length - 1), choices: numbers }), { minLength: 1, maxLength: 7 });
const shapes = fc.array(fc.constantFrom(1, 2, 3, 4, 6), { minLength: 1, maxLength: 3 });

describe(`views (TESSERA_SEED=${seed})`, () => {
  test('random chains of operations agree with dense arrays', () => {
    fc.assert(fc.property(shapes, chains, check), { seed, numRuns: 2500 });
    expect(guarded).toBeGreaterThan(250);
    expect(reshapes.inexpressible / reshapes.tried).toBeLessThan(0.5);
  });

  test('a row-major view is contiguous, also after operations that change nothing', () => {
    const view = contiguousView([2, 1, 3]);
    expect(isContiguous(view)).toBe(true);
    expect(isContiguous(reshapeView(view, [3, 2]) as View)).toBe(true);
    expect(isContiguous(permuteView(view, [1, 0, 2]))).toBe(true);
    expect(isContiguous(permuteView(view, [2, 1, 0]))).toBe(false);
    expect(isContiguous(shrinkView(view, [1, 0, 0], [2, 1, 3]))).toBe(false);
    expect(isContiguous(padView(view, [0, 0, 1], [0, 0, 0]))).toBe(false);
    expect(isContiguous(expandView(contiguousView([1, 3]), [2, 3]))).toBe(false);
  });

  test('guards that always hold are dropped', () => {
    const padded = padView(contiguousView([4]), [1], [1]);
    expect(padded.guards).toEqual([{ coefficients: [1], low: 1, high: 5 }]);
    expect(shrinkView(padded, [1], [5])).toEqual(contiguousView([4]));
  });

  test('a padded convolution window is one view with one guard for each padded axis', () => {
    const windows = [1, 2].map((axis) => ({ axis, size: 3, stride: 2, dilation: 1 }));
    const view = windowView(padView(contiguousView([2, 5, 5]), [0, 1, 1], [0, 1, 1]), windows);
    expect(view.shape).toEqual([2, 3, 3, 3, 3]);
    expect(view.guards).toEqual([
      { coefficients: [0, 2, 0, 1, 0], low: 1, high: 6 },
      { coefficients: [0, 0, 2, 0, 1], low: 1, high: 6 },
    ]);
  });

  test('axes whose elements are not in order cannot be joined', () => {
    expect(reshapeView(permuteView(contiguousView([2, 3]), [1, 0]), [6])).toBeNull();
    expect(reshapeView(padView(contiguousView([2, 3]), [0, 1], [0, 0]), [8])).toBeNull();
    expect(reshapeView(stridedView([2, 3], [6, 2]), [6])).toEqual(stridedView([6], [2]));
  });

  test('views are printed as the sum that finds an element', () => {
    expect(formatView(padView(contiguousView([2, 3]), [0, 1], [0, 0]))).toBe('[2, 4] @ -1 + 3*i0 + i1 if 1 <= i1 < 4');
  });
});
