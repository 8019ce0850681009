/**
 * Finds the element of a kernel's domain that each output cell contains. gpu.js computes one output cell at a time, in the order of
 * memory, whereas a store maps each element of the domain to its position. So a store's view is inverted here: memory is treated as a
 * box of axes whose elements are the cells, and each axis of the domain becomes an axis of the box, starting at some offset.
 */
import { nth } from '../../kernel/nth.ts';
import type { Shape } from '../../kernel/shape.ts';
import type { View } from '../../kernel/view.ts';
import type { CellCode } from './cell-code.ts';
import { floor, minus, plus, type Term, times } from './term.ts';

/** Axes of the domain that together form one axis of the box in memory, starting at `start`. */
interface Run {
  /** The axis of the box; null if there is only one place. */
  readonly axis: number | null;
  readonly start: number;
  /** The number of places: the product of the members' sizes. */
  readonly size: number;
  /** Outermost first. */
  readonly members: readonly { readonly axis: number; readonly size: number; readonly flipped: boolean }[];
}

/** An output's memory, treated as a box in which every axis of the view can be identified. */
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

/** Joins axes that are adjacent in memory without gaps into one axis each. */
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

/** Memory as a box with these axes, in order of decreasing stride; null where they overlap, or do not divide the memory evenly. */
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
    // One element in every `outer` is stored: they form a last axis, of which one place is used.
    runs.push({ axis: sizes.length, start: rest, size: 1, members: [] });
    sizes.push(outer);
  }
  return { sizes, runs };
}

/**
 * The box of a store into memory of `length` elements; null if the store does not form one. `domain` has size 1 along the axes on
 * which the store's position does not depend.
 */
export function cellBox(view: View, domain: Shape, length: number): CellBox | null {
  let { offset } = view;
  const moving = domain.flatMap((size, axis): Moving[] => {
    if (size === 1) return [];
    const stride = nth(view.strides, axis);
    const flipped = stride < 0;
    if (flipped) offset += stride * (size - 1);
    return [{ stride: Math.abs(stride), size, members: [{ axis, size, flipped }] }];
  });
  moving.sort((x, y) => y.stride - x.stride);
  // Separate axes come first because they need no divisions. Joining helps where a row's length does not divide its outer stride.
  return boxOf(moving, offset, length) ?? boxOf(joinRuns(moving), offset, length);
}

/** An index along one axis. `integer` can be used in positions, `value` in float arithmetic. */
export interface IndexTerm {
  readonly integer: Term;
  readonly value: Term;
}

export const knownIndex = (index: number): IndexTerm => ({ integer: index, value: index });

/** A computed index: a variable, or a known number. */
export const indexOf = (value: Term): IndexTerm =>
  typeof value === 'number' ? knownIndex(value) : { integer: `(${value} | 0)`, value };

const fromInteger = (integer: string): IndexTerm => ({ integer, value: integer });

/** How cells are distributed over threads; `this.thread.x` varies fastest. */
export interface ThreadGrid {
  /** gpu.js's `output`: [x], [x, y] or [x, y, z]. */
  readonly output: readonly number[];
  /** The axes of the box that each thread axis covers, outermost first. */
  readonly groups: readonly (readonly number[])[];
}

export interface GridLimits {
  /** Use one thread axis only, so that outputs are flat arrays. */
  readonly flat: boolean;
  /** The largest thread axis that may cover several axes: splitting its index takes float divisions, which are exact up to this size. */
  readonly divisible: number;
  /** The largest size of each thread axis. */
  readonly largest: readonly [x: number, y: number, z: number];
}

const threadNames = ['x', 'y', 'z'] as const;

/** Distributes the box over threads; returns the reason if that is impossible. */
export function threadGrid(sizes: readonly number[], limits: GridLimits): ThreadGrid | { readonly reason: string } {
  const threads: { size: number; readonly axes: number[]; readonly largest: number }[] = [];
  for (const [axis, size] of [...sizes.entries()].reverse()) {
    const thread = threads.at(-1);
    const largest = limits.largest[threads.length] ?? 0;
    if (thread !== undefined) {
      const joined = thread.size * size;
      const last = threads.length === 3 || limits.flat;
      const fits = joined <= Math.min(limits.divisible, thread.largest);
      // The innermost axis stays alone unless it is short: values that do not vary along it are then loaded once for several cells. The
      // others get their own thread axes while there are enough.
      const short = threads.length === 1 && thread.size < 16;
      const enough = axis + 1 <= 3 - threads.length && size <= largest;
      if (last || (fits && (short || (threads.length > 1 && !enough)))) {
        thread.axes.unshift(axis);
        thread.size = joined;
        continue;
      }
    }
    threads.push({ size, axes: [axis], largest });
  }
  if (threads.length === 0) return { output: [1], groups: [[]] };
  for (const [thread, { size, axes, largest }] of threads.entries())
    if (size > largest || (axes.length > 1 && size > limits.divisible))
      return { reason: `its output needs ${size} threads along ${threadNames[thread]}` };
  return { output: threads.map(({ size }) => size), groups: threads.map(({ axes }) => axes) };
}

/** The index along each axis of the box. */
export function boxIndices(code: CellCode, sizes: readonly number[], { groups }: ThreadGrid): IndexTerm[] {
  const indices: IndexTerm[] = sizes.map(() => knownIndex(0));
  for (const [thread, axes] of groups.entries()) {
    const along = takeApart(
      code,
      fromInteger(`this.thread.${nth(threadNames, thread)}`),
      axes.map((axis) => nth(sizes, axis)),
    );
    for (const [k, axis] of axes.entries()) indices[axis] = nth(along, k);
  }
  return indices;
}

/** Splits an index that covers several axes (the last varies fastest) into the index along each. */
export function takeApart(code: CellCode, index: IndexTerm, sizes: readonly number[]): IndexTerm[] {
  if (sizes.length <= 1) return [index];
  const indices: IndexTerm[] = [];
  let rest = code.local(index.value);
  for (const size of sizes.slice(1).reverse()) {
    // Adding a half keeps the quotient away from whole numbers, so that floor is right although the division is not quite exact.
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
