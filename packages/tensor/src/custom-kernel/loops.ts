/** How often a loop runs, if that is known before it runs. */
import type { Expression, ForStatement } from 'acorn';
import { accumulationOf } from './reductions.ts';
import { rangeOf, type Value } from './values.ts';

/** A loop over whole numbers, with the maximum number of its turns. */
export interface CountedLoop {
  readonly variable: string;
  readonly start: number;
  readonly step: number;
  readonly turns: number;
  readonly test: Expression;
  /** Whether it always runs `turns` times. */
  readonly exact: boolean;
}

/** The whole number that an update adds to the variable; null if it does something else. */
function stepOf(update: Expression, name: string, evaluate: (node: Expression) => Value): number | null {
  const whole = (value: Value, sign: number): number | null =>
    typeof value === 'number' && Number.isInteger(value) && value !== 0 ? sign * value : null;
  if (update.type === 'UpdateExpression' && update.argument.type === 'Identifier' && update.argument.name === name)
    return update.operator === '++' ? 1 : -1;
  if (update.type !== 'AssignmentExpression') return null;
  const step = accumulationOf(update);
  if (step === null || step.kind !== 'sum' || step.variable !== name) return null;
  return whole(evaluate(step.term), step.negative ? -1 : 1);
}

/** The number of steps of 1 from `start` after which the test fails for the first time. */
const reaches: Readonly<Record<string, (start: number, low: number, high: number) => number>> = {
  '<': (start, _, high) => high - start,
  '<=': (start, _, high) => Math.floor(high) + 1 - start,
  '>': (start, low) => start - low,
  '>=': (start, low) => start + 1 - Math.ceil(low),
};

/**
 * A loop of the form `for (let k = START; k < END; k += STEP)` whose end is known, or depends on the thread only; null for any other
 * loop. `lookUp` returns a variable's value.
 */
export function countedLoop(
  { init, test, update }: ForStatement,
  lookUp: (name: string) => Value | undefined,
  evaluate: (expression: Expression) => Value,
): CountedLoop | null {
  if (init?.type !== 'VariableDeclaration' || init.declarations.length !== 1 || !test || !update) return null;
  const id = init.declarations[0]?.id;
  if (id?.type !== 'Identifier' || test.type !== 'BinaryExpression') return null;
  if (test.left.type !== 'Identifier' || test.left.name !== id.name) return null;
  const start = lookUp(id.name);
  const step = stepOf(update, id.name, evaluate);
  if (typeof start !== 'number' || step === null || !Number.isInteger(start)) return null;
  const end = evaluate(test.right);
  if (typeof end === 'boolean' || (typeof end === 'object' && end.kind !== 'place')) return null;
  const { low, high } = rangeOf(end);
  const reach = reaches[test.operator]?.(start, low, high);
  if (reach === undefined || test.operator.startsWith('<') !== step > 0) return null;
  const turns = Math.max(0, Math.ceil(reach / Math.abs(step)));
  return { variable: id.name, start, step, turns, test, exact: low === high };
}
