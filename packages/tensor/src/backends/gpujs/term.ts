/**
 * Expressions of the JavaScript that gpu.js understands, with constants folded. A term is a number that is known while the code is
 * written, or the text of an expression without side effects.
 *
 * gpu.js infers types, and gives an integer literal the type of what stands beside it: an operation must have one operand that is
 * no literal, which folding sees to.
 */
export type Term = number | string;

/** A finite number as source text. Negative numbers stand in parentheses, so that no two signs meet. */
function literal(value: number): string {
  if (!Number.isFinite(value)) throw new Error(`gpujs: ${value} cannot be written as a literal`);
  return value < 0 || Object.is(value, -0) ? `(${Object.is(value, -0) ? '-0' : value})` : String(value);
}

export const textOf = (term: Term): string => (typeof term === 'number' ? literal(term) : term);

const isNumber = (term: Term): term is number => typeof term === 'number';

/** The arithmetic below is used on small whole numbers and on positions, where leaving out `+ 0` and `* 1` changes nothing. */
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

/** What `choose` decides by: known, or the text of a comparison. */
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
