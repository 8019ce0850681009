/**
 * Programs with fewer axes and guards, and the same meaning: axes of size 1 dropped, neighbours joined where nothing tells them
 * apart, guards decided that have one answer for the whole domain.
 */

import type { Access } from '../kernel/kernel.ts';
import { nth } from '../kernel/nth.ts';
import type { Shape } from '../kernel/shape.ts';
import type { Guard, View } from '../kernel/view.ts';
import type { LoopProgram, Operation } from './simplify.ts';

/** Which of the old axes remain (in order; -1 is a new axis, along which nothing varies), and the index on every old axis to which index 0 now corresponds. */
interface Selection {
  readonly kept: readonly number[];
  readonly start: readonly number[];
}

function selectView(view: View, { kept, start }: Selection, domain: Shape): View {
  // A gather's view has one axis more: its row.
  const extra = view.shape.slice(start.length);
  const pick = (coefficients: readonly number[]): number[] => [
    ...kept.map((axis) => coefficients[axis] ?? 0),
    ...coefficients.slice(start.length),
  ];
  const shift = (coefficients: readonly number[]): number =>
    start.reduce((sum, from, axis) => sum + from * nth(coefficients, axis), 0);
  return {
    shape: [...domain, ...extra],
    offset: view.offset + shift(view.strides),
    strides: pick(view.strides),
    guards: view.guards.map(({ coefficients, low, high }) => {
      const moved = shift(coefficients);
      return { coefficients: pick(coefficients), low: low - moved, high: high - moved };
    }),
  };
}

function mapAccesses(program: LoopProgram, map: (access: Access) => Access): LoopProgram {
  const operations = program.operations.map((operation) =>
    operation.op === 'load' || operation.op === 'gather' ? { ...operation, access: map(operation.access) } : operation,
  );
  return { ...program, operations, stores: program.stores.map((store) => ({ ...store, access: map(store.access) })) };
}

function select(program: LoopProgram, selection: Selection, domain: Shape): LoopProgram {
  const { kept, start } = selection;
  const moved = mapAccesses(program, ({ buffer, view }) => ({ buffer, view: selectView(view, selection, domain) }));
  const operations = moved.operations.map((operation) => {
    if (operation.op !== 'index') return operation;
    const { coefficients, offset } = operation;
    return {
      ...operation,
      coefficients: kept.map((axis) => coefficients[axis] ?? 0),
      offset: start.reduce((sum, from, axis) => sum + from * nth(coefficients, axis), offset),
    };
  });
  return { ...moved, domain, reduced: kept.map((axis) => program.reduced[axis] ?? false), operations };
}

/** The part of the domain with `start <= index < end` on one axis. */
export function restrict(program: LoopProgram, axis: number, start: number, end: number): LoopProgram {
  const { domain } = program;
  const selection = { kept: domain.map((_, k) => k), start: domain.map((_, k) => (k === axis ? start : 0)) };
  return select(
    program,
    selection,
    domain.map((size, k) => (k === axis ? end - start : size)),
  );
}

/** The smallest and the largest value of a guard's sum. The row axis of a gather counts by its own size. */
function guardRange({ coefficients }: Guard, shape: Shape): readonly [number, number] {
  let low = 0;
  let high = 0;
  coefficients.forEach((coefficient, axis) => {
    const reach = coefficient * (nth(shape, axis) - 1);
    if (reach < 0) low += reach;
    else high += reach;
  });
  return [low, high];
}

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? Math.abs(a) : greatestCommonDivisor(b, a % b);

/**
 * Drops coefficients that cannot matter. Where all other coefficients and both bounds are multiples of g, an axis that adds between 0 and
 * g - 1 leaves every comparison as it is: the channels of a head within a range of whole heads.
 */
function alignGuard(guard: Guard, shape: Shape): Guard {
  let { coefficients } = guard;
  shape.forEach((size, axis) => {
    const reach = nth(coefficients, axis) * (size - 1);
    if (reach < 0 || nth(coefficients, axis) === 0) return;
    const others = coefficients.filter((_, k) => k !== axis);
    const divisor = [...others, guard.low, guard.high].reduce(greatestCommonDivisor, 0);
    if (reach < divisor) coefficients = coefficients.map((coefficient, k) => (k === axis ? 0 : coefficient));
  });
  return { ...guard, coefficients };
}

/** A view whose guards are those that hold in some places and not in others; null where one never holds. */
function decideGuards(view: View): View | null {
  const guards: Guard[] = [];
  for (const original of view.guards) {
    const guard = alignGuard(original, view.shape);
    const [low, high] = guardRange(guard, view.shape);
    if (high < guard.low || low >= guard.high) return null;
    if (low < guard.low || high >= guard.high) guards.push(guard);
  }
  return { ...view, guards };
}

/** Decides guards: loads that never hit become 0, stores that never hit are left out. */
export function decideAllGuards(program: LoopProgram): LoopProgram {
  const operations = program.operations.map((operation): Operation => {
    if (operation.op !== 'load' && operation.op !== 'gather') return operation;
    const { access, dtype } = operation;
    const view = access.view.shape.includes(0) ? null : decideGuards(access.view);
    return view === null ? { op: 'const', value: 0, dtype } : { ...operation, access: { ...access, view } };
  });
  const stores = program.stores.flatMap((store) => {
    const view = decideGuards(store.access.view);
    return view === null ? [] : [{ ...store, access: { ...store.access, view } }];
  });
  return { ...program, operations, stores };
}

/** Coefficients of everything that depends on the domain's index. */
function linearForms({ operations, stores }: LoopProgram): (readonly number[])[] {
  const ofView = ({ strides, guards }: View): (readonly number[])[] => [
    strides,
    ...guards.map(({ coefficients }) => coefficients),
  ];
  return [
    ...operations.flatMap((operation) => {
      if (operation.op === 'index') return [operation.coefficients];
      return operation.op === 'load' || operation.op === 'gather' ? ofView(operation.access.view) : [];
    }),
    ...stores.flatMap(({ access }) => ofView(access.view)),
  ];
}

/**
 * Drops axes of size 1 and joins axis k with k + 1 where one step along k equals a whole run along k + 1 in every form. Axes of different
 * groups are not joined. At least one axis of `needed` remains (or of any group, if that is null), the last one.
 */
export function joinGroupedAxes(
  program: LoopProgram,
  groups: readonly number[],
  needed: number | null,
): { program: LoopProgram; groups: readonly number[] } {
  const { domain } = program;
  const forms = linearForms(program);
  const kept: number[] = [];
  const sizes: number[] = [];
  domain.forEach((size, axis) => {
    if (size === 1) return;
    const last = kept.at(-1);
    const joins =
      last !== undefined &&
      nth(groups, last) === nth(groups, axis) &&
      forms.every((form) => nth(form, last) === nth(form, axis) * size);
    if (joins) {
      kept[kept.length - 1] = axis;
      sizes.push((sizes.pop() ?? 1) * size);
    } else {
      kept.push(axis);
      sizes.push(size);
    }
  });
  const keptGroups = kept.map((axis) => nth(groups, axis));
  if (needed === null ? kept.length === 0 : !keptGroups.includes(needed)) {
    kept.push(-1);
    sizes.push(1);
    keptGroups.push(needed ?? 0);
  }
  return { program: select(program, { kept, start: domain.map(() => 0) }, sizes), groups: keptGroups };
}

/** The same, where reduced axes are one group and all others another. */
export const joinAxes = (program: LoopProgram): LoopProgram =>
  joinGroupedAxes(program, program.reduced.map(Number), null).program;
