/**
 * A kernel with reductions walks its rows several times: a reduction that needs the result of another comes a phase later. This
 * decides what is computed in which phase. Values of an element that two phases need are computed in both.
 */

import type { Store, Value } from '../kernel/kernel.ts';
import { nth } from '../kernel/nth.ts';
import { type AxisSet, hasAxis, type LoopProgram, operandsOf, variation } from './simplify.ts';

export interface RowPhase {
  /** Values that are equal all along the row, known before this phase's walk and not before the one before. */
  readonly rowValues: readonly Value[];
  /** Reductions whose sources are taken up in this walk. */
  readonly reductions: readonly Value[];
  /** Stores for each element. */
  readonly stores: readonly Store[];
}

export interface RowPlan {
  readonly phases: readonly RowPhase[];
  /** After the last walk: values that these stores need, and the stores, once a row. */
  readonly rowValues: readonly Value[];
  readonly oncePerRow: readonly Store[];
}

/** Whether the value is equal for all elements of a row. */
const isRowValue = (axes: AxisSet, reduced: readonly boolean[]): boolean =>
  reduced.every((flag, axis) => !flag || !hasAxis(axes, axis));

/** All elements are stored in the last walk: what is overwritten has been read. */
export function planRows(program: LoopProgram): RowPlan {
  const { operations, stores, reduced } = program;
  const axes = variation(program);
  const perRow = axes.map((set) => isRowValue(set, reduced));
  // The number of walks that must come before a value can be computed.
  const walksBefore: number[] = [];
  for (const operation of operations) {
    const before = operandsOf(operation).reduce((most, operand) => Math.max(most, nth(walksBefore, operand)), 0);
    walksBefore.push(operation.op === 'reduce' ? before + 1 : before);
  }
  const oncePerRow = stores.filter((store) => store.oncePerRow);
  const perElement = stores.filter((store) => !store.oncePerRow);
  const reductions = operations.flatMap(({ op }, value) => (op === 'reduce' ? [value] : []));
  const reductionWalks = reductions.reduce((most, value) => Math.max(most, nth(walksBefore, value)), 0);
  const storeWalk = perElement.reduce(
    (walk, { value }) => Math.max(walk, nth(walksBefore, value)),
    Math.max(0, reductionWalks - 1),
  );
  const count = Math.max(reductionWalks, perElement.length > 0 ? storeWalk + 1 : 0);

  const computed = new Set<Value>();
  /** Row values, not reductions, below these values that were not computed before, in order. */
  const newRowValues = (roots: readonly Value[]): Value[] => {
    const found = new Set<Value>();
    const seen = new Set<Value>();
    const visit = (value: Value): void => {
      if (seen.has(value)) return;
      seen.add(value);
      if (nth(operations, value).op === 'reduce') return;
      if (nth(perRow, value) && !computed.has(value)) found.add(value);
      for (const operand of operandsOf(nth(operations, value))) visit(operand);
    };
    for (const root of roots) visit(root);
    for (const value of found) computed.add(value);
    return [...found].sort((a, b) => a - b);
  };
  const phases = Array.from({ length: count }, (_, walk): RowPhase => {
    const own = reductions.filter((value) => nth(walksBefore, value) === walk + 1);
    const stored = walk === storeWalk ? perElement : [];
    const sources = own.flatMap((value) => operandsOf(nth(operations, value)));
    const rowValues = newRowValues([...sources, ...stored.map(({ value }) => value)]);
    return { rowValues, reductions: own, stores: stored };
  });
  return { phases, rowValues: newRowValues(oncePerRow.map(({ value }) => value)), oncePerRow };
}
