/**
 * Decomposes the view of a matrix product's operand. An element's position is the sum of three terms: one for the batch, one for the row
 * (or column) and one for the place in the sum. The expression that each guard compares has the same form. So an invocation computes the
 * terms of its rows once, and those of the sum once a step, for every kind of view: a transposed matrix, a flipped one, or the windows of
 * a convolution with padding.
 */

import { affineText, unravel } from '../../codegen/affine.ts';
import type { Dialect } from '../../codegen/dialect.ts';
import { decideAllGuards, joinGroupedAxes } from '../../codegen/normalize.ts';
import type { ComputeDType } from '../../kernel/dtype.ts';
import type { Access } from '../../kernel/kernel.ts';
import { nth } from '../../kernel/nth.ts';

/** The axes that one flattened index covers (row-major). */
export interface AxisGroup {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  /** For each guard, the coefficients of these axes. */
  readonly guards: readonly (readonly number[])[];
}

/** How an operand's elements are loaded, four by each invocation. */
type LoadMode =
  /** As vectors along rows (for the second operand: columns). */
  | 'rowVectors'
  /** As vectors along the sum; groups of four vectors are transposed. */
  | 'depthVectors'
  /** One by one; neighboring invocations load neighboring rows. */
  | 'rowElements'
  /** One by one; neighboring invocations load neighboring places in the sum. */
  | 'depthElements';

export interface ProductOperand {
  readonly buffer: number;
  readonly offset: number;
  /** The bounds of each guard: lower (inclusive) and upper (exclusive). */
  readonly bounds: readonly { readonly low: number; readonly high: number }[];
  readonly batch: AxisGroup;
  /** Rows of the first operand, columns of the second. */
  readonly rows: AxisGroup;
  readonly depth: AxisGroup;
  readonly mode: LoadMode;
}

type Role = 'batch' | 'rows' | 'depth';
const roles: readonly Role[] = ['batch', 'rows', 'depth'];

/** Decomposes an access. `axes` is the role of each axis of its view. Returns null if no element is ever read: the operand is then 0. */
export function productOperand(
  access: Access,
  dtype: ComputeDType,
  axes: readonly Role[],
  vectors: boolean,
): ProductOperand | null {
  const raw = {
    domain: access.view.shape,
    reduced: access.view.shape.map(() => false),
    operations: [{ op: 'load' as const, access, dtype }],
    stores: [],
  };
  const { program, groups } = joinGroupedAxes(
    decideAllGuards(raw),
    axes.map((role) => roles.indexOf(role)),
    null,
  );
  const [load] = program.operations;
  if (load?.op !== 'load') return null;
  const { view } = load.access;
  const pick = (role: Role): AxisGroup => {
    const own = groups.flatMap((group, axis) =>
      group === roles.indexOf(role) && view.shape[axis] !== 1 ? [axis] : [],
    );
    const along = (values: readonly number[]): number[] => own.map((axis) => nth(values, axis));
    return {
      sizes: along(view.shape),
      strides: along(view.strides),
      guards: view.guards.map(({ coefficients }) => along(coefficients)),
    };
  };
  const operand = {
    buffer: access.buffer,
    offset: view.offset,
    bounds: view.guards.map(({ low, high }) => ({ low, high })),
    batch: pick('batch'),
    rows: pick('rows'),
    depth: pick('depth'),
  };
  return { ...operand, mode: loadMode(operand, vectors) };
}

const multipleOf4 = (value: number): boolean => value % 4 === 0;

/** Whether four neighbors along the group's innermost axis are one aligned vector, either all inside the guards or all outside. */
function hasVectors(operand: Omit<ProductOperand, 'mode'>, role: 'rows' | 'depth'): boolean {
  const group = operand[role];
  if (group.strides.at(-1) !== 1 || !multipleOf4(group.sizes.at(-1) ?? 1)) return false;
  if (group.guards.some((coefficients) => coefficients.at(-1) !== 0)) return false;
  const others = roles.flatMap((each) => (each === role ? group.strides.slice(0, -1) : operand[each].strides));
  return multipleOf4(operand.offset) && others.every(multipleOf4);
}

function loadMode(operand: Omit<ProductOperand, 'mode'>, vectors: boolean): LoadMode {
  if (vectors && hasVectors(operand, 'rows')) return 'rowVectors';
  if (vectors && hasVectors(operand, 'depth')) return 'depthVectors';
  const step = ({ strides }: AxisGroup): number => Math.abs(strides.at(-1) ?? 0) || Number.POSITIVE_INFINITY;
  return step(operand.depth) < step(operand.rows) ? 'depthElements' : 'rowElements';
}

export const readsVectors = ({ mode }: ProductOperand): boolean => mode === 'rowVectors' || mode === 'depthVectors';

/** A group's terms in the position and in each guard's sum, as text; null where a term is 0. */
export interface Terms {
  readonly position: string | null;
  readonly guards: readonly (string | null)[];
}

/** Statements that compute a group's terms at the flattened index `flat`, and the terms' names, which start with `name`. */
export function termStatements(
  dialect: Dialect,
  group: AxisGroup,
  flat: string,
  name: string,
): { readonly lines: string[]; readonly terms: Terms } {
  const lines: string[] = [];
  const indices = group.sizes.map((_, axis) => `${name}_i${axis}`);
  const define = (suffix: string, coefficients: readonly number[]): string | null => {
    if (coefficients.every((coefficient) => coefficient === 0)) return null;
    lines.push(dialect.index(`${name}_${suffix}`, affineText(coefficients, indices, 0)));
    return `${name}_${suffix}`;
  };
  const position = define('at', group.strides);
  const guards = group.guards.map((coefficients, guard) => define(`g${guard}`, coefficients));
  const indexed = lines.length > 0 ? unravel(dialect, flat, group.sizes, indices) : [];
  return { lines: [...indexed, ...lines], terms: { position, guards } };
}

/** The position of the element with these terms. */
export function positionOf({ offset }: ProductOperand, terms: readonly Terms[]): string {
  const parts = terms.flatMap(({ position }) => (position === null ? [] : [position]));
  if (parts.length === 0) return `${offset}`;
  const sum = parts.join(' + ');
  if (offset === 0) return sum;
  return offset < 0 ? `${sum} - ${-offset}` : `${sum} + ${offset}`;
}

/** The condition under which the element is read, with one comparison for each guard; null if it is always read. */
export function conditionOf({ bounds }: ProductOperand, terms: readonly Terms[]): string | null {
  const conditions = bounds.map(({ low, high }, guard) => {
    const parts = terms.flatMap(({ guards }) => guards[guard] ?? []);
    // A value below the lower bound becomes a large unsigned number, so that one comparison is enough.
    const sum = affineText([1], [parts.length === 0 ? '0' : parts.join(' + ')], -low);
    return `(u32(${sum}) < ${high - low}u)`;
  });
  return conditions.length === 0 ? null : conditions.join(' & ');
}
