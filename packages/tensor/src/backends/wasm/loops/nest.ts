/** In which order a program's axes are walked, and which one the vectors run along. */

import { costOf, hasAxis, type LoopProgram, variation } from '../../../codegen/simplify.ts';
import { bytesOf, type DType } from '../../../kernel/dtype.ts';
import type { Access, Value } from '../../../kernel/kernel.ts';

export interface Nest {
  /**
   * - `map`: no axis is reduced; vectors run along a kept axis.
   * - `row`: vectors run along a reduced axis; each row is reduced across lanes at its end.
   * - `column`: vectors run along a kept axis, four rows to a vector; the reduced axes are walked down.
   */
  readonly mode: 'map' | 'row' | 'column';
  readonly vectorAxis: number;
  /** Kept axes apart from the vector axis. */
  readonly outerAxes: readonly number[];
  /** Reduced axes apart from the vector axis. */
  readonly reducedAxes: readonly number[];
  /**
   * Of a `map` that reads along one axis what it writes along another: the axis along which those loads lie side by side. It is
   * walked four steps at a time, so that squares of 4 x 4 elements are read and transposed in registers. Not among the outer axes.
   */
  readonly tileAxis: number | null;
}

/** Rough cost of moving four elements along an axis, in additions of vectors. */
function movement(access: Access, axis: number, bytes: number, rowVaries: boolean): number {
  const stride = access.view.strides[axis];
  const guarded = access.view.guards.some((guard) => guard.coefficients[axis] !== 0);
  if (stride === 0 && !guarded && !rowVaries) return 0;
  if (rowVaries || Math.abs(stride) > 1) return stridedMovement;
  return (bytes === 8 ? 2 : 1) + (guarded ? 2 : 0);
}

/** Of a load, element by element. Stores count a little more: loads can be transposed. */
const stridedMovement = 6;
const stridedStore = 7;
/** What the shuffles that reduce across lanes cost at the end of a row. */
const acrossLanes = 6;
/** What it costs to start a run. */
const startOfRun = 4;

/** The cheapest axis for vectors: the innermost, as a rule. */
export function chooseNest(program: LoopProgram, dtypes: readonly DType[]): Nest {
  const { domain, reduced, operations, stores } = program;
  const varies = variation(program);
  const reductions = operations.filter(({ op }) => op === 'reduce').length;
  const reducedSize = domain.reduce((size, n, axis) => (reduced[axis] ? size * n : size), 1);
  /** How often a value is computed, as a share of the elements: once a row if it does not vary along the reduced axes. */
  const share = (value: Value): number =>
    domain.reduce((part, size, axis) => (reduced[axis] && !hasAxis(varies[value], axis) ? part / size : part), 1);
  const costAlong = (axis: number): number => {
    const size = domain[axis];
    const quads = Math.ceil(size / 4);
    let cost = 0;
    operations.forEach((operation, value) => {
      if (operation.op === 'load' || operation.op === 'gather') {
        const rowVaries = operation.op === 'gather' && hasAxis(varies[operation.row], axis);
        cost += share(value) * movement(operation.access, axis, bytesOf(dtypes[operation.access.buffer]), rowVaries);
      } else if (operation.op !== 'const' && hasAxis(varies[value], axis)) cost += share(value) * costOf(operation);
    });
    for (const { access, oncePerRow } of stores) {
      const strided = Math.abs(access.view.strides[axis]) > 1;
      const moved = strided ? stridedStore : movement(access, axis, bytesOf(dtypes[access.buffer]), false);
      cost += oncePerRow ? moved / reducedSize : moved;
    }
    // Of four elements: partial vectors waste lanes.
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

/** Whether a load can be transposed in registers: words side by side along `tileAxis`, and farther apart along the vector axis. */
export function isTransposable(
  { view, buffer }: Access,
  dtypes: readonly DType[],
  vectorAxis: number,
  tileAxis: number,
): boolean {
  const { strides, guards } = view;
  const apart = strides[vectorAxis] !== 0 && strides[vectorAxis] !== 1;
  return apart && strides[tileAxis] === 1 && guards.length === 0 && bytesOf(dtypes[buffer]) === 4;
}

/** The axis along which most loads that are strided along the vector axis lie side by side. */
function chooseTileAxis(
  { domain, operations }: LoopProgram,
  dtypes: readonly DType[],
  vectorAxis: number,
): number | null {
  if (domain[vectorAxis] < 4) return null;
  const counts = domain.map((size, axis) => {
    if (axis === vectorAxis || size < 4) return 0;
    return operations.filter(
      (operation) => operation.op === 'load' && isTransposable(operation.access, dtypes, vectorAxis, axis),
    ).length;
  });
  const most = Math.max(...counts);
  return most === 0 ? null : counts.indexOf(most);
}

/** Slots side by side in an innermost loop: many for short bodies, to hide latencies; few for long ones, which run out of registers. */
export const slotsInLoop = (cost: number): number => (cost <= 14 ? 4 : 2);

/** Slots side by side in a block of columns. Each has an accumulator of its own for each reduction. */
export function slotsInColumns(cost: number, reductions: number): number {
  if (cost > 12) return 2;
  return reductions <= 1 ? 8 : 4;
}

/** What the values that vary along the vector axis cost for four elements. */
export function bodyCost(program: LoopProgram, vectorAxis: number, values: Iterable<Value>): number {
  const varies = variation(program);
  let cost = 0;
  for (const value of values) if (hasAxis(varies[value], vectorAxis)) cost += costOf(program.operations[value]);
  return cost;
}
