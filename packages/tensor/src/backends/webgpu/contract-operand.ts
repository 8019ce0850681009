/**
 * An operand of a matrix product, its view taken apart. A position is a sum of one term for the batch, one for the row (or column) and one
 * for the place in the sum, and so is what each guard compares: an invocation computes the terms of its rows once and those of the sum
 * once a step, whatever the view: a transposed matrix, a flipped one, or a convolution's windows with padding.
 */

import { affineText, unravel } from '../../codegen/affine.ts';
import type { Dialect } from '../../codegen/dialect.ts';
import { decideAllGuards, joinGroupedAxes } from '../../codegen/normalize.ts';
import type { ComputeDType } from '../../kernel/dtype.ts';
import type { Access } from '../../kernel/kernel.ts';

/** Axes that one flattened index runs over (row-major). */
export interface AxisGroup {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  /** Of each guard, the axes' coefficients. */
  readonly guards: readonly (readonly number[])[];
}

/** How elements come from memory, four at a time. `lane` counts invocations. */
type LoadMode =
  /** As vectors along rows (the columns, of the second operand). */
  | 'rowVectors'
  /** As vectors along the sum, four of which are transposed. */
  | 'depthVectors'
  /** One by one, neighbouring invocations at neighbouring rows. */
  | 'rowElements'
  /** One by one, neighbouring invocations at neighbouring places in the sum. */
  | 'depthElements';

export interface ProductOperand {
  readonly buffer: number;
  readonly offset: number;
  /** Lower bounds (inclusive) and upper ones (exclusive). */
  readonly bounds: readonly { readonly low: number; readonly high: number }[];
  readonly batch: AxisGroup;
  /** Rows of the first operand, columns of the second. */
  readonly rows: AxisGroup;
  readonly depth: AxisGroup;
  readonly mode: LoadMode;
}

type Role = 'batch' | 'rows' | 'depth';
const roles: readonly Role[] = ['batch', 'rows', 'depth'];

/** `axes`: the role of each axis of the access's view. Null where no element is ever read: the operand is 0. */
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
  if (load.op !== 'load') return null;
  const { view } = load.access;
  const pick = (role: Role): AxisGroup => {
    const own = groups.flatMap((group, axis) =>
      group === roles.indexOf(role) && view.shape[axis] !== 1 ? [axis] : [],
    );
    return {
      sizes: own.map((axis) => view.shape[axis]),
      strides: own.map((axis) => view.strides[axis]),
      guards: view.guards.map(({ coefficients }) => own.map((axis) => coefficients[axis])),
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

const last = (values: readonly number[]): number | undefined => values[values.length - 1];
const multipleOf4 = (value: number): boolean => value % 4 === 0;

/** Whether four neighbours along the group's innermost axis are one aligned vector, all within the guards or all without. */
function hasVectors(operand: Omit<ProductOperand, 'mode'>, role: 'rows' | 'depth'): boolean {
  const group = operand[role];
  if (last(group.strides) !== 1 || !multipleOf4(last(group.sizes) as number)) return false;
  if (group.guards.some((coefficients) => last(coefficients) !== 0)) return false;
  const others = roles.flatMap((each) => (each === role ? group.strides.slice(0, -1) : operand[each].strides));
  return multipleOf4(operand.offset) && others.every(multipleOf4);
}

function loadMode(operand: Omit<ProductOperand, 'mode'>, vectors: boolean): LoadMode {
  if (vectors && hasVectors(operand, 'rows')) return 'rowVectors';
  if (vectors && hasVectors(operand, 'depth')) return 'depthVectors';
  const step = ({ strides }: AxisGroup): number => Math.abs(last(strides) ?? 0) || Number.POSITIVE_INFINITY;
  return step(operand.depth) < step(operand.rows) ? 'depthElements' : 'rowElements';
}

export const readsVectors = ({ mode }: ProductOperand): boolean => mode === 'rowVectors' || mode === 'depthVectors';

/** A group's term of the position and of each guard's sum, as text; null where it is 0. */
export interface Terms {
  readonly position: string | null;
  readonly guards: readonly (string | null)[];
}

/** Statements that compute a group's terms at a flattened index, and their names, which start with `name`. */
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

/** The position of the element at which these terms meet. */
export function positionOf({ offset }: ProductOperand, terms: readonly Terms[]): string {
  const parts = terms.flatMap(({ position }) => (position === null ? [] : [position]));
  if (parts.length === 0) return `${offset}`;
  const sum = parts.join(' + ');
  if (offset === 0) return sum;
  return offset < 0 ? `${sum} - ${-offset}` : `${sum} + ${offset}`;
}

/** The condition under which the element is read, one comparison a guard; null where it always is. */
export function conditionOf({ bounds }: ProductOperand, terms: readonly Terms[]): string | null {
  const conditions = bounds.map(({ low, high }, guard) => {
    const parts = terms.flatMap(({ guards }) => guards[guard] ?? []);
    // What lies below the lower bound wraps around and is large.
    const sum = affineText([1], [parts.length === 0 ? '0' : parts.join(' + ')], -low);
    return `(u32(${sum}) < ${high - low}u)`;
  });
  return conditions.length === 0 ? null : conditions.join(' & ');
}
