/** The values of a program as statements, one each. */

import type { Store, Value } from '../kernel/kernel.ts';
import { nth } from '../kernel/nth.ts';
import { affineText, guardText, positionText } from './affine.ts';
import type { Dialect } from './dialect.ts';
import { type LoopProgram, operandsOf } from './simplify.ts';

/** Names of the values that are known at a place of the code. A copy of it serves an inner block. */
export type Known = Map<Value, string>;

/** A statement of its own block: `if (condition) { body }`. */
const conditional = (condition: string | null, body: string): string =>
  condition === null ? body : `if (${condition}) { ${body} }`;

/**
 * Statements that compute `values` and what they need beyond `known`, which grows by all of them. `axes` names the indices of the
 * domain. Reductions and the accumulator must be known.
 */
export function valueStatements(
  program: Pick<LoopProgram, 'operations'>,
  values: readonly Value[],
  known: Known,
  axes: readonly string[],
  dialect: Dialect,
): string[] {
  const { operations } = program;
  const needed = new Set<Value>();
  const need = (value: Value): void => {
    if (needed.has(value) || known.has(value)) return;
    needed.add(value);
    for (const operand of operandsOf(nth(operations, value))) need(operand);
  };
  for (const value of values) need(value);
  return [...needed].sort((a, b) => a - b).flatMap((value) => valueStatement(program, value, known, axes, dialect));
}

function valueStatement(
  { operations }: Pick<LoopProgram, 'operations'>,
  value: Value,
  known: Known,
  axes: readonly string[],
  dialect: Dialect,
): string[] {
  const operation = nth(operations, value);
  const { dtype } = operation;
  const name = `v${value}`;
  const of = (operand: Value): string => known.get(operand) as string;
  const dtypeOf = (operand: Value) => nth(operations, operand).dtype;
  const define = (expression: string): string[] => {
    known.set(value, name);
    return [dialect.constant(name, dtype, expression)];
  };
  switch (operation.op) {
    case 'load':
    case 'gather': {
      const { buffer, view } = operation.access;
      const statements: string[] = [];
      let names = axes;
      if (operation.op === 'gather') {
        const row = `${name}_row`;
        const last = (view.shape[view.shape.length - 1] as number) - 1;
        statements.push(dialect.index(row, dialect.clampedIndex(of(operation.row), last)));
        names = [...axes, row];
      }
      const element = dialect.load(buffer, positionText(view, names));
      const condition = guardText(view, names);
      if (condition === null) return [...statements, ...define(element)];
      known.set(value, name);
      return [
        ...statements,
        dialect.variable(name, dtype, dialect.literal(0, dtype)),
        conditional(condition, `${name} = ${element};`),
      ];
    }
    case 'const':
      return define(dialect.literal(operation.value, dtype));
    case 'index':
      return define(affineText(operation.coefficients, axes, operation.offset));
    case 'unary':
      return define(dialect.unary(operation.kind, of(operation.source), dtypeOf(operation.source), dtype));
    case 'binary':
      return define(dialect.binary(operation.kind, of(operation.a), of(operation.b), dtypeOf(operation.a), dtype));
    case 'where':
      return define(dialect.where(of(operation.condition), of(operation.yes), of(operation.no), dtype));
    case 'reduce':
    case 'accumulator':
      throw new Error(`kernel: ${operation.op} has no value at this place`);
    default:
      return operation satisfies never;
  }
}

/** Statements that store known values. All values of an element are computed before any of them is stored. */
export function storeStatements(
  stores: readonly Store[],
  known: Known,
  axes: readonly string[],
  dialect: Dialect,
): string[] {
  return stores.map(({ value, access: { buffer, view } }) =>
    conditional(guardText(view, axes), dialect.store(buffer, positionText(view, axes), known.get(value) as string)),
  );
}
