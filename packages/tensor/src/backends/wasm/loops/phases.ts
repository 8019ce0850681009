/**
 * A kernel with reductions walks its rows several times: a reduction that needs the result of another comes a phase later. This
 * decides what is computed in which phase, and what is kept from one phase to the next instead of being computed again.
 */

import { costOf, hasAxis, type LoopProgram, operandsOf, variation } from '../../../codegen/simplify.ts';
import type { DType } from '../../../kernel/dtype.ts';
import type { Store, Value } from '../../../kernel/kernel.ts';
import type { Nest } from './nest.ts';

export interface Phase {
  /** Reductions whose sources are taken up in this phase. */
  readonly reductions: readonly Value[];
  /** Values of the loops over elements, in order. */
  readonly values: readonly Value[];
  /** Among them, those that are read back from scratch memory, and those that are written there. */
  readonly restored: ReadonlySet<Value>;
  readonly kept: ReadonlySet<Value>;
  /** Stores for each element. */
  readonly stores: readonly Store[];
}

export interface PhasePlan {
  readonly phases: readonly Phase[];
  /** In the order in which they lie in scratch memory. */
  readonly kept: readonly { readonly value: Value; readonly dtype: DType }[];
  /**
   * How deep in the nest each value is computed: 0 once, 1 for each row (or vector of rows), then one more for each loop over a reduced
   * axis, and at last for each slot.
   */
  readonly levels: readonly number[];
  /** The level of the innermost loop's body. */
  readonly bodyLevel: number;
  /** Values of level 0 and 1 become known before this phase. */
  readonly knownBefore: readonly number[];
  readonly oncePerRow: readonly Store[];
}

/** Computing a value again that costs more than this is dearer than writing and reading it. */
const dearestRecomputation = 6;

/** Levels of all values. */
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
  program.operations.forEach((operation, value) => {
    let level = operation.op === 'reduce' ? 1 : 0;
    axisLevel.forEach((own, axis) => {
      if (hasAxis(varies[value], axis)) level = Math.max(level, own);
    });
    if (operation.op !== 'reduce')
      for (const operand of operandsOf(operation)) level = Math.max(level, levels[operand]);
    levels.push(level);
  });
  return { levels, bodyLevel };
}

/** `keepable`: how many values may be kept in scratch memory. */
export function planPhases(program: LoopProgram, nest: Nest, keepable: number): PhasePlan {
  const { operations, stores } = program;
  const { levels, bodyLevel } = levelsOf(program, nest);
  const varies = variation(program);
  // The phase before which a value can be computed: one more than that of the last reduction it depends on.
  const knownBefore: number[] = [];
  const phaseOf = (value: Value): number => knownBefore[value] - 1;
  operations.forEach((operation) => {
    const after = operandsOf(operation).reduce((phase, operand) => Math.max(phase, knownBefore[operand]), 0);
    knownBefore.push(operation.op === 'reduce' ? after + 1 : after);
  });
  const reductions = operations.flatMap(({ op }, value) => (op === 'reduce' ? [value] : []));
  const reductionPhases = reductions.reduce((count, value) => Math.max(count, phaseOf(value) + 1), 0);
  const hasRows = program.reduced.includes(true);
  const oncePerRow = hasRows ? stores.filter((store) => store.oncePerRow) : [];
  const perElement = stores.filter((store) => !oncePerRow.includes(store));
  // All elements are stored in the last phase that reads memory: what is overwritten has been read.
  const storePhase = perElement.reduce(
    (phase, { value }) => Math.max(phase, knownBefore[value]),
    Math.max(0, reductionPhases - 1),
  );
  const count = Math.max(reductionPhases, perElement.length > 0 ? storePhase + 1 : 0);

  const kept: { value: Value; dtype: DType }[] = [];
  const keptIn: Set<Value>[] = Array.from({ length: count }, () => new Set());
  const firstPhase = new Map<Value, number>();
  const recomputation = (value: Value, seen = new Set<Value>()): number => {
    if (seen.has(value) || levels[value] < bodyLevel || kept.some((other) => other.value === value)) return 0;
    seen.add(value);
    return operandsOf(operations[value]).reduce(
      (cost, operand) => cost + recomputation(operand, seen),
      costOf(operations[value]),
    );
  };
  const phases = Array.from({ length: count }, (_, p): Phase => {
    const own = reductions.filter((value) => phaseOf(value) === p);
    const stored = p === storePhase ? perElement : [];
    const needed = new Set<Value>();
    const restored = new Set<Value>();
    const need = (value: Value): void => {
      // What is known for the whole row is not part of the loops.
      if (levels[value] < 2 || needed.has(value)) return;
      needed.add(value);
      const first = firstPhase.get(value);
      if (first === undefined) firstPhase.set(value, p);
      else if (first < p && hasAxis(varies[value], nest.vectorAxis) && levels[value] === bodyLevel) {
        const known = kept.some((other) => other.value === value);
        const keep = known || (kept.length < keepable && recomputation(value) > dearestRecomputation);
        if (keep) {
          if (!known) {
            kept.push({ value, dtype: operations[value].dtype });
            keptIn[first].add(value);
          }
          restored.add(value);
          return;
        }
      }
      for (const operand of operandsOf(operations[value])) need(operand);
    };
    for (const value of own) for (const source of operandsOf(operations[value])) need(source);
    for (const { value } of stored) need(value);
    return {
      reductions: own,
      values: [...needed].sort((a, b) => a - b),
      restored,
      kept: keptIn[p],
      stores: stored,
    };
  });
  return { phases, kept, levels, bodyLevel, knownBefore, oncePerRow };
}
