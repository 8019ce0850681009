/**
 * Expressions in the subset of JavaScript that gpu.js accepts, with constants folded. A term is a number that is known when the code is
 * generated, or the text of an expression without side effects.
 *
 * gpu.js infers types, and an integer literal takes the type of the other operand: so every operation needs one operand that is not a
 * literal, which constant folding ensures.
 */
export type Term = number | string;

/** A finite number as source text. Negative numbers are in parentheses, so that two signs are never adjacent. */
function literal(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`gpujs: ${value} cannot be written as a literal`);
  return value < 0 || Object.is(value, -0) ? `(${Object.is(value, -0) ? '-0' : value})` : String(value);
}

export const textOf = (term: Term): string => (typeof term === 'number' ? literal(term) : term);

const isNumber = (term: Term): term is number => typeof term === 'number';

/** a + b. This and the functions below operate on small whole numbers and positions, where omitting `+ 0` and `* 1` is safe. */
export function plus(a: Term, b: Term): Term {
  if (isNumber(a) && isNumber(b)) return a + b;
  if (a === 0) return b;
  if (b === 0) return a;
  return isNumber(b) && b < 0 ? `(${textOf(a)} - ${-b})` : `(${textOf(a)} + ${textOf(b)})`;
}

export function minus(a: Term, b: Term): Term {
  if (isNumber(a) && isNumber(b)) return a - b;
  return b === 0 ? a : `(${textOf(a)} - ${textOf(b)})`;
}

export function times(a: Term, b: Term): Term {
  if (isNumber(a) && isNumber(b)) return a * b;
  if (a === 0 || b === 0) return 0;
  if (a === 1) return b;
  return b === 1 ? a : `(${textOf(a)} * ${textOf(b)})`;
}

export const floor = (a: Term): Term => (isNumber(a) ? Math.floor(a) : `Math.floor(${a})`);

type Comparison = '<' | '>' | '>=' | '==';

const comparisons: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a === b,
};

/** The condition of `choose`: known when the code is generated, or the text of a comparison. */
export type Condition = boolean | string;

export const compare = (a: Term, operator: Comparison, b: Term): Condition =>
  isNumber(a) && isNumber(b) ? comparisons[operator](a, b) : `${textOf(a)} ${operator} ${textOf(b)}`;

export const both = (a: Condition, b: Condition): Condition => {
  if (a === false || b === false) return false;
  if (a === true) return b;
  return b === true ? a : `(${a}) && (${b})`;
};

export function choose(condition: Condition, yes: Term, no: Term): Term {
  if (typeof condition === 'boolean') return condition ? yes : no;
  return yes === no ? yes : `(${condition} ? ${textOf(yes)} : ${textOf(no)})`;
}
