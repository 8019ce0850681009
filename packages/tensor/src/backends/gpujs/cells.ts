/**
 * Which elements of a kernel's domain the cells of an output stand for. gpu.js computes outputs cell by cell, in the order of memory;
 * a store says for every element of the domain where it goes. Here that is turned around: memory is seen as a box of axes, cells are
 * its elements, and each axis of the domain is an axis of the box, from some place on.
 */
import type { Shape } from '../../kernel/shape.ts';
import type { View } from '../../kernel/view.ts';
import type { CellCode } from './cell-code.ts';
import { floor, minus, plus, type Term, times } from './term.ts';

/** Axes of the domain that lie in memory as one axis of the box, from `start` on. */
interface Run {
  /** The axis of the box; null where there is but one place. */
  readonly axis: number | null;
  readonly start: number;
  /** How many places, which is the product of the members' sizes. */
  readonly size: number;
  /** Outermost first. */
  readonly members: readonly { readonly axis: number; readonly size: number; readonly flipped: boolean }[];
}

/** An output's memory, seen as a box in which the axes of a view can be told apart. */
export interface CellBox {
  /** Outermost first; their product is the number of cells. */
  readonly sizes: readonly number[];
  readonly runs: readonly Run[];
}

interface Moving {
  readonly stride: number;
  readonly size: number;
  readonly members: Run['members'];
}

/** Runs of axes that lie in memory without gaps, each as one axis. */
function joinRuns(axes: readonly Moving[]): Moving[] {
  const joined: Moving[] = [];
  for (const axis of axes) {
    const last = joined.at(-1);
    if (last !== undefined && last.stride === axis.stride * axis.size)
      joined[joined.length - 1] = {
        stride: axis.stride,
        size: last.size * axis.size,
        members: [...last.members, ...axis.members],
      };
    else joined.push(axis);
  }
  return joined;
}

/** Memory as a box with these axes, by falling stride; null where they overlap, or the box would not be whole. */
function boxOf(axes: readonly Moving[], offset: number, length: number): CellBox | null {
  const sizes: number[] = [];
  const runs: Run[] = [];
  let outer = length;
  let rest = offset;
  for (const { stride, size, members } of axes) {
    if (stride === 0 || outer % stride !== 0) return null;
    const count = outer / stride;
    const start = Math.floor(rest / stride);
    rest -= start * stride;
    if (start + size > count) return null;
    runs.push({ axis: sizes.length, start, size, members });
    sizes.push(count);
    outer = stride;
  }
  if (outer > 1) {
    // Every so many elements one is stored: a last axis, of which one place counts.
    runs.push({ axis: sizes.length, start: rest, size: 1, members: [] });
    sizes.push(outer);
  }
  return { sizes, runs };
}

/**
 * The box of a store into memory of `length` elements; null where there is none. `domain` has size 1 on axes along which the store
 * does not move.
 */
export function cellBox(view: View, domain: Shape, length: number): CellBox | null {
  let { offset } = view;
  const moving = domain.flatMap((size, axis): Moving[] => {
    if (size === 1) return [];
    const stride = view.strides[axis] as number;
    const flipped = stride < 0;
    if (flipped) offset += stride * (size - 1);
    return [{ stride: Math.abs(stride), size, members: [{ axis, size, flipped }] }];
  });
  moving.sort((x, y) => y.stride - x.stride);
  // Axes of their own need no divisions to be told apart; but rows of rows need not divide what they lie in.
  return boxOf(moving, offset, length) ?? boxOf(joinRuns(moving), offset, length);
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
    const fits = joined <= Math.min(limits.divisible, limits.largest[thread] ?? 0);
    // The innermost axis stays alone unless it is short: what does not vary along it is then loaded once for several cells. The others
    // get thread axes of their own while there are enough.
    const short = output.length === 1 && (output[0] as number) < 16;
    const enough = axis + 1 <= 3 - output.length && size <= (limits.largest[output.length] as number);
    const wanted = output.length > 0 && (last || (fits && (short || (output.length > 1 && !enough))));
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
    const taken = takeApart(
      code,
      fromInteger(`this.thread.${['x', 'y', 'z'][thread]}`),
      axes.map((axis) => sizes[axis] as number),
    );
    for (const [k, axis] of axes.entries()) indices[axis] = taken[k] as IndexTerm;
  });
  return indices;
}

/** An index that stands for several axes (the last runs fastest), as the index along each. */
export function takeApart(code: CellCode, index: IndexTerm, sizes: readonly number[]): IndexTerm[] {
  if (sizes.length <= 1) return [index];
  const indices: IndexTerm[] = [];
  let rest = code.local(index.value);
  for (const size of sizes.slice(1).reverse()) {
    // The half keeps the quotient away from whole numbers, so that a division that is not quite exact rounds down rightly.
    const quotient = code.local(floor(times(plus(rest, 0.5), 1 / size)));
    indices.unshift(indexOf(code.local(minus(rest, times(quotient, size)))));
    rest = quotient;
  }
  return [indexOf(rest), ...indices];
}

/** The position of the cell in its output. */
export function cellPosition({ output }: ThreadGrid): Term {
  const [x = 1, y = 1] = output;
  const rows = output.length > 1 ? times('this.thread.y', x) : 0;
  const planes = output.length > 2 ? times('this.thread.z', x * y) : 0;
  return plus(plus('this.thread.x', rows), planes);
}
