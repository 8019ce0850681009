/** Chooses the order of a program's loops, and the axis along which vectors run. */

import { costOf, hasAxis, type LoopProgram, variation } from '../../../codegen/simplify.ts';
import { bytesOf, type DType } from '../../../kernel/dtype.ts';
import type { Access, Value } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';

export interface Nest {
  /**
   * - `map`: no axis is reduced; vectors run along a kept axis.
   * - `row`: vectors run along a reduced axis; each row is reduced across lanes at its end.
   * - `column`: vectors run along a kept axis, so that a vector contains four rows; loops run over the reduced axes.
   */
  readonly mode: 'map' | 'row' | 'column';
  readonly vectorAxis: number;
  /** The kept axes, except the vector axis. */
  readonly outerAxes: readonly number[];
  /** The reduced axes, except the vector axis. */
  readonly reducedAxes: readonly number[];
  /**
   * For a `map` that reads along one axis and writes along another: the axis along which those loads are adjacent. Its loop takes four
   * steps at a time, so that squares of 4 x 4 elements are read and transposed in registers. It is not one of the outer axes.
   */
  readonly tileAxis: number | null;
}

/** A rough cost of loading or storing four elements along an axis, in units of a vector addition. */
function movement(access: Access, axis: number, bytes: number, rowVaries: boolean): number {
  const stride = nth(access.view.strides, axis);
  const guarded = access.view.guards.some((guard) => guard.coefficients[axis] !== 0);
  if (stride === 0 && !guarded && !rowVaries) return 0;
  if (rowVaries || Math.abs(stride) > 1) return stridedMovement;
  return (bytes === 8 ? 2 : 1) + (guarded ? 2 : 0);
}

/** The cost of loading element by element. Stores cost a little more, because loads can be transposed. */
const stridedMovement = 6;
const stridedStore = 7;
/** The cost of the shuffles that reduce across lanes at the end of a row. */
const acrossLanes = 6;
/** The cost of starting a run. */
const startOfRun = 4;

/** Chooses the axis for which vectors are cheapest, which is usually the innermost. */
export function chooseNest(program: LoopProgram, dtypes: readonly DType[]): Nest {
  const { domain, reduced, operations, stores } = program;
  const varies = variation(program);
  const reductions = operations.filter(({ op }) => op === 'reduce').length;
  const reducedSize = domain.reduce((size, n, axis) => (reduced[axis] ? size * n : size), 1);
  /** How often a value is computed, relative to the number of elements: once a row if it does not vary along the reduced axes. */
  const share = (value: Value): number =>
    domain.reduce((part, size, axis) => (reduced[axis] && !hasAxis(nth(varies, value), axis) ? part / size : part), 1);
  const costAlong = (axis: number): number => {
    const size = nth(domain, axis);
    const quads = Math.ceil(size / 4);
    let cost = 0;
    for (const [value, operation] of operations.entries()) {
      if (operation.op === 'load' || operation.op === 'gather') {
        const rowVaries = operation.op === 'gather' && hasAxis(nth(varies, operation.row), axis);
        const bytes = bytesOf(nth(dtypes, operation.access.buffer));
        cost += share(value) * movement(operation.access, axis, bytes, rowVaries);
      } else if (operation.op !== 'const' && hasAxis(nth(varies, value), axis))
        cost += share(value) * costOf(operation);
    }
    for (const { access, oncePerRow } of stores) {
      const strided = Math.abs(nth(access.view.strides, axis)) > 1;
      const moved = strided ? stridedStore : movement(access, axis, bytesOf(nth(dtypes, access.buffer)), false);
      cost += oncePerRow ? moved / reducedSize : moved;
    }
    // The cost for four elements, including the lanes that partial vectors waste.
    const each = (cost * 4 * quads) / size + (4 * startOfRun) / size;
    return reduced[axis] ? each + (4 * acrossLanes * reductions) / reducedSize : each;
  };
  const costs = domain.map((_, axis) => costAlong(axis));
  const vectorAxis = costs.lastIndexOf(Math.min(...costs));
  const mode = !reduced.includes(true) ? 'map' : reduced[vectorAxis] ? 'row' : 'column';
  const tileAxis = mode === 'map' ? chooseTileAxis(program, dtypes, vectorAxis) : null;
  const others = domain.map((_, axis) => axis).filter((axis) => axis !== vectorAxis && axis !== tileAxis);
  return {
    mode,
    vectorAxis,
    tileAxis,
    outerAxes: others.filter((axis) => !reduced[axis]),
    reducedAxes: others.filter((axis) => reduced[axis]),
  };
}

/** Whether a load can be transposed in registers: its words are adjacent along `tileAxis`, but not along the vector axis. */
export function isTransposable(
  { view, buffer }: Access,
  dtypes: readonly DType[],
  vectorAxis: number,
  tileAxis: number,
): boolean {
  const { strides, guards } = view;
  const apart = strides[vectorAxis] !== 0 && strides[vectorAxis] !== 1;
  return apart && strides[tileAxis] === 1 && guards.length === 0 && bytesOf(nth(dtypes, buffer)) === 4;
}

/** Of the loads that are strided along the vector axis, the axis along which most are adjacent. */
function chooseTileAxis(
  { domain, operations }: LoopProgram,
  dtypes: readonly DType[],
  vectorAxis: number,
): number | null {
  if (nth(domain, vectorAxis) < 4) return null;
  const counts = domain.map((size, axis) => {
    if (axis === vectorAxis || size < 4) return 0;
    return operations.filter(
      (operation) => operation.op === 'load' && isTransposable(operation.access, dtypes, vectorAxis, axis),
    ).length;
  });
  const most = Math.max(...counts);
  return most === 0 ? null : counts.indexOf(most);
}

/** The number of slots in the body of an innermost loop: many for short bodies, to hide latencies; few for long ones, to save registers. */
export const slotsInLoop = (cost: number): number => (cost <= 14 ? 4 : 2);

/** The number of slots in a block of columns. Each slot has its own accumulator for each reduction. */
export function slotsInColumns(cost: number, reductions: number): number {
  if (cost > 12) return 2;
  return reductions <= 1 ? 8 : 4;
}

/** The cost, for four elements, of the values that vary along the vector axis. */
export function bodyCost(program: LoopProgram, vectorAxis: number, values: Iterable<Value>): number {
  const varies = variation(program);
  let cost = 0;
  for (const value of values)
    if (hasAxis(nth(varies, value), vectorAxis)) cost += costOf(nth(program.operations, value));
  return cost;
}
