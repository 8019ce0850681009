/**
 * Plans the phases of a kernel with reductions, which processes its rows several times: a reduction that needs the result of another comes
 * one phase later. The plan decides which values are computed in which phase, and which are kept for later phases instead of being computed
 * again.
 */

import { costOf, hasAxis, type LoopProgram, operandsOf, variation } from '../../../codegen/simplify.ts';
import type { DType } from '../../../kernel/dtype.ts';
import type { Store, Value } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';
import type { Nest } from './nest.ts';

export interface Phase {
  /** The reductions that are computed in this phase. */
  readonly reductions: readonly Value[];
  /** The values that the loops over elements compute, in order. */
  readonly values: readonly Value[];
  /** Those of the values that are loaded from scratch memory. */
  readonly restored: ReadonlySet<Value>;
  /** Those of the values that are stored to scratch memory. */
  readonly kept: ReadonlySet<Value>;
  /** Stores for each element. */
  readonly stores: readonly Store[];
}

export interface PhasePlan {
  readonly phases: readonly Phase[];
  /** The kept values, in their order in scratch memory. */
  readonly kept: readonly { readonly value: Value; readonly dtype: DType }[];
  /**
   * The depth in the nest at which each value is computed: 0 once, 1 for each row (or vector of rows), then one more for each loop over a
   * reduced axis, and the last for each slot.
   */
  readonly levels: readonly number[];
  /** The level of the innermost loop's body. */
  readonly bodyLevel: number;
  /** For each value, the phase before which it is known, if its level is 0 or 1. */
  readonly knownBefore: readonly number[];
  readonly oncePerRow: readonly Store[];
}

/** If computing a value again costs more than this, storing and loading it is cheaper. */
const dearestRecomputation = 6;

/** The levels of all values. */
function levelsOf(program: LoopProgram, nest: Nest): { levels: number[]; bodyLevel: number } {
  const { mode, vectorAxis, reducedAxes, tileAxis } = nest;
  const bodyLevel = mode === 'column' ? 1 + reducedAxes.length : 2 + reducedAxes.length;
  const axisLevel = program.domain.map((_, axis) => {
    if (axis === vectorAxis) return mode === 'column' ? 1 : bodyLevel;
    if (axis === tileAxis) return bodyLevel;
    const depth = reducedAxes.indexOf(axis);
    return depth < 0 ? 1 : 2 + depth;
  });
  const varies = variation(program);
  const levels: number[] = [];
  for (const [value, operation] of program.operations.entries()) {
    let level = operation.op === 'reduce' ? 1 : 0;
    for (const [axis, own] of axisLevel.entries()) if (hasAxis(nth(varies, value), axis)) level = Math.max(level, own);
    if (operation.op !== 'reduce')
      for (const operand of operandsOf(operation)) level = Math.max(level, nth(levels, operand));
    levels.push(level);
  }
  return { levels, bodyLevel };
}

/** Plans the phases. `keepable` is the largest number of values that may be kept in scratch memory. */
export function planPhases(program: LoopProgram, nest: Nest, keepable: number): PhasePlan {
  const { operations, stores } = program;
  const { levels, bodyLevel } = levelsOf(program, nest);
  const varies = variation(program);
  const operandsAt = (value: Value): readonly Value[] => operandsOf(nth(operations, value));
  // The phase before which a value can be computed: one more than that of the last reduction that it depends on.
  const knownBefore: number[] = [];
  const phaseOf = (value: Value): number => nth(knownBefore, value) - 1;
  for (const operation of operations) {
    const after = operandsOf(operation).reduce((phase, operand) => Math.max(phase, nth(knownBefore, operand)), 0);
    knownBefore.push(operation.op === 'reduce' ? after + 1 : after);
  }
  const reductions = operations.flatMap(({ op }, value) => (op === 'reduce' ? [value] : []));
  const reductionPhases = reductions.reduce((count, value) => Math.max(count, phaseOf(value) + 1), 0);
  const hasRows = program.reduced.includes(true);
  const oncePerRow = hasRows ? stores.filter((store) => store.oncePerRow) : [];
  const perElement = stores.filter((store) => !oncePerRow.includes(store));
  // All elements are stored in the last phase that reads memory, so that memory is read before it is overwritten.
  const storePhase = perElement.reduce(
    (phase, { value }) => Math.max(phase, nth(knownBefore, value)),
    Math.max(0, reductionPhases - 1),
  );
  const count = Math.max(reductionPhases, perElement.length > 0 ? storePhase + 1 : 0);

  const kept: { value: Value; dtype: DType }[] = [];
  const keptIn: Set<Value>[] = Array.from({ length: count }, () => new Set());
  const firstPhase = new Map<Value, number>();
  const recomputation = (value: Value, seen = new Set<Value>()): number => {
    if (seen.has(value) || nth(levels, value) < bodyLevel || kept.some((other) => other.value === value)) return 0;
    seen.add(value);
    return operandsAt(value).reduce(
      (cost, operand) => cost + recomputation(operand, seen),
      costOf(nth(operations, value)),
    );
  };
  const phases = Array.from({ length: count }, (_, p): Phase => {
    const own = reductions.filter((value) => phaseOf(value) === p);
    const stored = p === storePhase ? perElement : [];
    const needed = new Set<Value>();
    const restored = new Set<Value>();
    const need = (value: Value): void => {
      // Values that are known for the whole row are not part of the loops.
      if (nth(levels, value) < 2 || needed.has(value)) return;
      needed.add(value);
      const first = firstPhase.get(value);
      if (first === undefined) firstPhase.set(value, p);
      else if (first < p && hasAxis(nth(varies, value), nest.vectorAxis) && levels[value] === bodyLevel) {
        const known = kept.some((other) => other.value === value);
        const keep = known || (kept.length < keepable && recomputation(value) > dearestRecomputation);
        if (keep) {
          if (!known) {
            kept.push({ value, dtype: nth(operations, value).dtype });
            nth(keptIn, first).add(value);
          }
          restored.add(value);
          return;
        }
      }
      for (const operand of operandsAt(value)) need(operand);
    };
    for (const value of own) for (const source of operandsAt(value)) need(source);
    for (const { value } of stored) need(value);
    return {
      reductions: own,
      values: [...needed].sort((a, b) => a - b),
      restored,
      kept: nth(keptIn, p),
      stores: stored,
    };
  });
  return { phases, kept, levels, bodyLevel, knownBefore, oncePerRow };
}
