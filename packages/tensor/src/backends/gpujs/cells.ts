/**
 * Which elements of a kernel's domain the cells of an output stand for. gpu.js computes outputs cell by cell, in the order of memory;
 * a store says for every element of the domain where it goes. Here that is turned around: memory is seen as a box of axes, cells are
 * its elements, and each axis of the domain is an axis of the box, from some place on.
 */
import type { Shape } from '../../shape.ts';
import type { View } from '../../view.ts';
import type { CellCode } from './cell-code.ts';
import { floor, minus, plus, type Term, times } from './term.ts';

/** An output's memory, seen as a box in which the axes of a view can be told apart. */
export interface CellBox {
  /** Outermost first; their product is the number of cells. */
  readonly sizes: readonly number[];
  /** For each axis of the domain: its axis in the box (null where the domain has one index) and where index 0 lies. */
  readonly axes: readonly { readonly axis: number | null; readonly start: number; readonly flipped: boolean }[];
  /** Whether every cell is an element of the domain. */
  readonly covered: boolean;
}

/**
 * The box of a store into memory of `length` elements, or the reason why there is none. `domain` has size 1 on axes along which the
 * store does not move.
 */
export function cellBox(view: View, domain: Shape, length: number): CellBox | { readonly reason: string } {
  let { offset } = view;
  const moving = domain.flatMap((size, axis) => {
    if (size === 1) return [];
    const stride = view.strides[axis] as number;
    if (stride < 0) offset += stride * (size - 1);
    return [{ axis, size, stride: Math.abs(stride), flipped: stride < 0 }];
  });
  moving.sort((x, y) => y.stride - x.stride || x.axis - y.axis);
  const axes: { axis: number | null; start: number; flipped: boolean }[] = domain.map(() => ({
    axis: null,
    start: 0,
    flipped: false,
  }));
  const sizes: number[] = [];
  let outer = length;
  let rest = offset;
  let covered = true;
  for (const { axis, size, stride, flipped } of moving) {
    if (stride === 0) return { reason: 'several elements are stored at one place' };
    if (outer % stride !== 0) return { reason: 'the places that it stores to are not a part of a box' };
    const count = outer / stride;
    const start = Math.floor(rest / stride);
    rest -= start * stride;
    if (start + size > count) return { reason: 'the places that it stores to are not a part of a box' };
    axes[axis] = { axis: sizes.length, start, flipped };
    if (size !== count) covered = false;
    sizes.push(count);
    outer = stride;
  }
  if (outer > 1) {
    // Every so many elements one is stored: a last axis, of which one place counts.
    sizes.push(outer);
    covered = false;
  }
  return {
    sizes,
    axes: [...axes, { axis: outer > 1 ? sizes.length - 1 : null, start: rest, flipped: false }],
    covered,
  };
}

/** An index along one axis. `integer` can be used in positions, `value` in arithmetic of floats. */
export interface IndexTerm {
  readonly integer: Term;
  readonly value: Term;
}

export const knownIndex = (index: number): IndexTerm => ({ integer: index, value: index });

/** An index that was computed: a variable, or a known number. */
export const indexOf = (value: Term): IndexTerm =>
  typeof value === 'number' ? knownIndex(value) : { integer: `(${value} | 0)`, value };

const fromInteger = (integer: string): IndexTerm => ({ integer, value: integer });

/** How cells are spread over threads: `this.thread.x` runs fastest. */
export interface ThreadGrid {
  /** gpu.js's `output`: [x], [x, y] or [x, y, z]. */
  readonly output: readonly number[];
  /** Box axes behind each thread axis, outermost first. */
  readonly groups: readonly (readonly number[])[];
}

export interface GridLimits {
  /** One thread axis only: outputs stay flat arrays. */
  readonly flat: boolean;
  /** A thread index that stands for several axes is taken apart by divisions of floats: below this they are exact. */
  readonly divisible: number;
  /** The largest size of each thread axis. */
  readonly largest: readonly [x: number, y: number, z: number];
}

/** Spreads the box over threads, or says why it cannot. */
export function threadGrid(sizes: readonly number[], limits: GridLimits): ThreadGrid | { readonly reason: string } {
  const groups: number[][] = [];
  const output: number[] = [];
  const names = ['x', 'y', 'z'] as const;
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    const size = sizes[axis] as number;
    const thread = output.length - 1;
    const joined = (output[thread] ?? 1) * size;
    const last = thread === 2 || limits.flat;
    // The innermost axis stays alone where it can: what does not vary along it is then loaded once for several cells.
    const fits = joined <= Math.min(limits.divisible, limits.largest[thread] ?? 0);
    const wanted = groups.length > 0 && (last || ((groups.length > 1 || (output[0] as number) < 16) && fits));
    if (wanted) {
      (groups[thread] as number[]).unshift(axis);
      output[thread] = joined;
    } else {
      groups.push([axis]);
      output.push(size);
    }
  }
  if (output.length === 0) return { output: [1], groups: [[]] };
  for (const [thread, size] of output.entries()) {
    const alone = (groups[thread] as number[]).length === 1;
    if (size > (limits.largest[thread] as number) || (!alone && size > limits.divisible))
      return { reason: `its output needs ${size} threads along ${names[thread]}` };
  }
  return { output, groups };
}

/** The index along each axis of the box. */
export function boxIndices(code: CellCode, sizes: readonly number[], { groups }: ThreadGrid): IndexTerm[] {
  const indices: IndexTerm[] = sizes.map(() => knownIndex(0));
  groups.forEach((axes, thread) => {
    const name = `this.thread.${['x', 'y', 'z'][thread]}`;
    if (axes.length === 1) {
      indices[axes[0] as number] = fromInteger(name);
      return;
    }
    let rest: Term = code.local(name);
    for (let k = axes.length - 1; k > 0; k--) {
      const axis = axes[k] as number;
      const size = sizes[axis] as number;
      // The half keeps the quotient away from whole numbers, so that a division that is not quite exact rounds down rightly.
      const quotient: Term = code.local(floor(times(plus(rest, 0.5), 1 / size)));
      indices[axis] = indexOf(code.local(minus(rest, times(quotient, size))));
      rest = quotient;
    }
    if (axes.length > 0) indices[axes[0] as number] = indexOf(rest);
  });
  return indices;
}

/** The index along an axis of the domain, from the index along its axis of the box. */
export function domainIndex(
  code: CellCode,
  index: IndexTerm,
  start: number,
  flipped: boolean,
  size: number,
): IndexTerm {
  if (start === 0 && !flipped) return index;
  return indexOf(code.local(flipped ? minus(start + size - 1, index.value) : minus(index.value, start)));
}

/** The position of the cell in its output. */
export function cellPosition({ output }: ThreadGrid): Term {
  const [x = 1, y = 1] = output;
  const rows = output.length > 1 ? times('this.thread.y', x) : 0;
  const planes = output.length > 2 ? times('this.thread.z', x * y) : 0;
  return plus(plus('this.thread.x', rows), planes);
}
