/**
 * 32-bit integer arithmetic where all variables are floats with 24 significant bits. An integer is represented by its low and its high
 * half-word, each 0 to 65535 (two's complement), and every sum and product stays below 2^24, where floats are exact. The halves are
 * separated by bit operations, not by floor and subtraction, because shader compilers rearrange float arithmetic as if it were exact.
 * Where a half is a known number (a cast byte has high half 0), no code is generated for it.
 */
import type { CellCode } from './cell-code.ts';
import { both, choose, compare, floor, minus, plus, type Term, textOf, times } from './term.ts';

export interface HalfWords {
  readonly low: Term;
  readonly high: Term;
}

export const fromInteger = (value: number): HalfWords => ({ low: value & 0xffff, high: (value >>> 16) & 0xffff });

const base = 65536;

const shiftedDown = (a: Term, bits: number): Term =>
  typeof a === 'number' ? Math.floor(a / 2 ** bits) : `(${a} >> ${bits})`;
const masked = (a: Term, mask: number): Term => (typeof a === 'number' ? a % (mask + 1) : `(${a} & ${mask})`);

/** The low `bits` bits (`rest`) of a whole number from 0 to 2^31 - 1, and the other bits (`quotient`). */
export function splitBits(code: CellCode, value: Term, bits: number): { rest: Term; quotient: Term } {
  const a = code.local(value);
  return { rest: code.local(masked(a, 2 ** bits - 1)), quotient: code.local(shiftedDown(a, bits)) };
}

const split = (code: CellCode, value: Term): { rest: Term; quotient: Term } => splitBits(code, value, 16);

/** A whole number from 0 to 2^31 - 1 as half-words. */
export function fromNatural(code: CellCode, value: Term): HalfWords {
  const { rest, quotient } = split(code, value);
  return { low: rest, high: quotient };
}

const wrap = (code: CellCode, value: Term): Term => split(code, value).rest;

export function add(code: CellCode, a: HalfWords, b: HalfWords): HalfWords {
  const { rest, quotient } = split(code, plus(a.low, b.low));
  return { low: rest, high: wrap(code, plus(plus(a.high, b.high), quotient)) };
}

export function negate(code: CellCode, a: HalfWords): HalfWords {
  const { rest, quotient } = split(code, minus(base, a.low));
  // The quotient is 1 where the low half was 0, so that nothing was borrowed.
  return { low: rest, high: wrap(code, plus(minus(base - 1, a.high), quotient)) };
}

/** The product of two half-words, computed from the bytes of the first, so that each partial product is below 2^24. */
function product(code: CellCode, a: Term, b: Term): { low: Term; high: Term } {
  const bytes = splitBits(code, a, 8);
  const middle = splitBits(code, times(bytes.quotient, b), 8);
  const { rest, quotient } = split(code, plus(times(bytes.rest, b), times(middle.rest, 256)));
  return { low: rest, high: code.local(plus(quotient, middle.quotient)) };
}

export function multiply(code: CellCode, a: HalfWords, b: HalfWords): HalfWords {
  const { low, high } = product(code, a.low, b.low);
  const crossing = plus(product(code, a.low, b.high).low, product(code, a.high, b.low).low);
  return { low, high: wrap(code, plus(high, crossing)) };
}

/** The high half, shifted so that it has the same order as the signed integer. */
const signedHigh = (code: CellCode, { high }: HalfWords): Term =>
  code.local(choose(compare(high, '<', base / 2), plus(high, base / 2), minus(high, base / 2)));

export function less(code: CellCode, a: HalfWords, b: HalfWords): Term {
  const [x, y] = [signedHigh(code, a), signedHigh(code, b)];
  const lowLess = choose(both(compare(x, '==', y), compare(a.low, '<', b.low)), 1, 0);
  return code.local(choose(compare(x, '<', y), 1, lowLess));
}

export const equal = (code: CellCode, a: HalfWords, b: HalfWords): Term =>
  code.local(choose(both(compare(a.low, '==', b.low), compare(a.high, '==', b.high)), 1, 0));

export const select = (code: CellCode, condition: Term, yes: HalfWords, no: HalfWords): HalfWords => ({
  low: code.local(choose(compare(condition, '>', 0), yes.low, no.low)),
  high: code.local(choose(compare(condition, '>', 0), yes.high, no.high)),
});

export const larger = (code: CellCode, a: HalfWords, b: HalfWords): HalfWords => select(code, less(code, a, b), b, a);

const bitwiseFunctions = {
  '&': (a: number, b: number): number => a & b,
  '|': (a: number, b: number): number => a | b,
  '^': (a: number, b: number): number => a ^ b,
};

export function bitwise(
  code: CellCode,
  operator: keyof typeof bitwiseFunctions,
  a: HalfWords,
  b: HalfWords,
): HalfWords {
  const join = (x: Term, y: Term): Term =>
    typeof x === 'number' && typeof y === 'number'
      ? bitwiseFunctions[operator](x, y)
      : code.local(`(${textOf(x)} ${operator} ${textOf(y)})`);
  return { low: join(a.low, b.low), high: join(a.high, b.high) };
}

/** The factors of a shift by s: `up` is 2^s for the low four bits of s, `down` is 2^(16 - s), and `whole` tells whether bit 4 of s is set. */
function shiftFactors(code: CellCode, by: HalfWords): { up: Term; down: Term; whole: Term } {
  let up: Term = 1;
  let down: Term = base;
  for (let bit = 0; bit < 4; bit++) {
    const set = code.local(masked(shiftedDown(by.low, bit), 1));
    const factor = 2 ** (2 ** bit);
    up = code.local(times(up, choose(compare(set, '>', 0), factor, 1)));
    down = code.local(times(down, choose(compare(set, '>', 0), 1 / factor, 1)));
  }
  return { up, down, whole: code.local(masked(shiftedDown(by.low, 4), 1)) };
}

export function shiftLeft(code: CellCode, a: HalfWords, by: HalfWords): HalfWords {
  const { up, whole } = shiftFactors(code, by);
  const low = split(code, times(a.low, up));
  const high = code.local(plus(wrap(code, times(a.high, up)), low.quotient));
  return select(code, whole, { low: 0, high: low.rest }, { low: low.rest, high });
}

/** Shifts in zeros from the left. a div 2^s is (a * 2^(16 - s)) div 2^16; the bits that leave the high half are the product's rest. */
export function shiftRight(code: CellCode, a: HalfWords, by: HalfWords): HalfWords {
  const { down, whole } = shiftFactors(code, by);
  const high = shiftedByProduct(code, a.high, down);
  const low = code.local(plus(shiftedByProduct(code, a.low, down).quotient, high.rest));
  return select(code, whole, { low: high.quotient, high: 0 }, { low, high: high.quotient });
}

/** a * factor, a power of 2 up to 2^16, as two half-words, because the product may need more bits than a signed integer has. */
function shiftedByProduct(code: CellCode, a: Term, factor: Term): { rest: Term; quotient: Term } {
  const bytes = splitBits(code, a, 8);
  const upper = split(code, times(bytes.quotient, factor));
  const lower = split(code, times(bytes.rest, factor));
  // upper * 2^8 + lower, in half-words.
  const moved = split(code, times(upper.rest, 256));
  const { rest, quotient } = split(code, plus(moved.rest, lower.rest));
  const carried = plus(plus(times(upper.quotient, 256), moved.quotient), plus(lower.quotient, quotient));
  return { rest, quotient: code.local(carried) };
}

const isNegative = (code: CellCode, { high }: HalfWords): Term =>
  code.local(choose(compare(high, '>=', base / 2), 1, 0));

/** |a| as an unsigned number. */
const magnitude = (code: CellCode, a: HalfWords, negative: Term): HalfWords =>
  select(code, negative, negate(code, a), a);

/**
 * Quotient (rounded towards zero) and remainder (with the sign of the dividend), by long division bit by bit; both are 0 where the
 * divisor is 0.
 */
export function divide(code: CellCode, a: HalfWords, b: HalfWords): { quotient: HalfWords; remainder: HalfWords } {
  const [negativeA, negativeB] = [isNegative(code, a), isNegative(code, b)];
  const dividend = magnitude(code, a, negativeA);
  const divisor = magnitude(code, b, negativeB);
  // `low` and `high` start as the dividend: in each step its top bit moves into the remainder, and a bit of the quotient enters below.
  const low = code.variable(dividend.low);
  const high = code.variable(dividend.high);
  const restLow = code.variable(0);
  const restHigh = code.variable(0);
  code.loop(32, () => {
    const doubled = split(code, times(low, 2));
    const doubledHigh = split(code, plus(times(high, 2), doubled.quotient));
    const rest = split(code, plus(times(restLow, 2), doubledHigh.quotient));
    const top = code.local(plus(times(restHigh, 2), rest.quotient));
    const borrow = code.local(choose(compare(rest.rest, '<', divisor.low), 1, 0));
    const difference = code.local(minus(minus(top, divisor.high), borrow));
    const fits = compare(difference, '>=', 0);
    const differenceLow = plus(minus(rest.rest, divisor.low), times(borrow, base));
    code.line(`${restLow} = ${textOf(choose(fits, differenceLow, rest.rest))};`);
    code.line(`${restHigh} = ${textOf(choose(fits, difference, top))};`);
    code.line(`${low} = ${textOf(plus(doubled.rest, choose(fits, 1, 0)))};`);
    code.line(`${high} = ${textOf(doubledHigh.rest)};`);
  });
  const zero = { low: 0, high: 0 };
  const byZero = code.local(choose(both(compare(b.low, '==', 0), compare(b.high, '==', 0)), 1, 0));
  const signed = (value: HalfWords, negative: Term): HalfWords =>
    select(code, byZero, zero, select(code, negative, negate(code, value), value));
  const opposite = code.local(choose(compare(negativeA, '==', negativeB), 0, 1));
  return {
    quotient: signed({ low, high }, opposite),
    remainder: signed({ low: restLow, high: restHigh }, negativeA),
  };
}

/** An integer as a float. It is rounded to the nearest float once, in the last sum. */
export function toFloat(code: CellCode, { low, high }: HalfWords): Term {
  const signed = code.local(choose(compare(high, '>=', base / 2), minus(high, base), high));
  return code.local(plus(times(signed, base), low));
}

/** A float as an integer: rounded towards zero, saturating; NaN becomes 0. */
export function fromFloat(code: CellCode, value: Term): HalfWords {
  const x = code.local(value);
  const negative = code.local(choose(compare(x, '<', 0), 1, 0));
  const size = code.local(floor(choose(compare(negative, '>', 0), minus(0, x), x)));
  const limited = code.local(choose(compare(size, '>=', 2 ** 31), 0, choose(compare(size, '>=', 0), size, 0)));
  const positive = fromNatural(code, limited);
  const number = select(code, negative, negate(code, positive), positive);
  const limit = select(code, negative, fromInteger(-(2 ** 31)), fromInteger(2 ** 31 - 1));
  const beyond = code.local(choose(compare(size, '>=', 2 ** 31), 1, 0));
  return select(code, beyond, limit, number);
}
