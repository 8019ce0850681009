/** A kernel's program as statements that compute one element of its domain. */

import type { Operation } from '../../codegen/simplify.ts';
import { type DType, isFloat } from '../../kernel/dtype.ts';
import type { Access } from '../../kernel/kernel.ts';
import { nth } from '../../kernel/nth.ts';
import {
  type BinaryKind,
  type BinaryOn,
  binaryEntry,
  type ReduceOp,
  type UnaryFunction,
} from '../../kernel/operators.ts';
import type { Guard, View } from '../../kernel/view.ts';
import { type CellCode, specialNumbers } from './cell-code.ts';
import type { IndexTerm } from './cells.ts';
import type { FloatFunction, FloatMath } from './float-math.ts';
import { floatRemainder } from './float-remainder.ts';
import type { HalfWords } from './half-words.ts';
import * as words from './half-words.ts';
import { Inexpressible } from './inexpressible.ts';
import { both, type Condition, choose, compare, floor, minus, plus, type Term, textOf, times } from './term.ts';

/** A value inside a kernel: one float for f32, u8 and bool, two half-words for i32. */
export type CellValue = Term | HalfWords;

/** An array argument of a kernel: its name, and the distance from an integer's low half-word to its high one. */
export interface CellArray {
  readonly name: string;
  readonly planeSize: number;
}

export interface CellContext {
  readonly code: CellCode;
  readonly math: FloatMath;
  /** The argument that holds a buffer. */
  readonly array: (buffer: number) => CellArray;
  /** The index along each axis of the domain. */
  readonly index: readonly IndexTerm[];
}

const asWords = (value: CellValue): HalfWords => {
  if (typeof value !== 'object') throw new Error('gpujs: expected an integer (two half-words), got a float');
  return value;
};

const asTerm = (value: CellValue): Term => {
  if (typeof value === 'object') throw new Error('gpujs: expected a float, got an integer (two half-words)');
  return value;
};

/** A byte as an integer, so that both use the same operations. */
const widen = (value: CellValue): HalfWords => (typeof value === 'object' ? value : { low: value, high: 0 });

const lowByte = (code: CellCode, value: Term): Term => words.splitBits(code, value, 8).rest;

/** An integer result as a value of its dtype. */
const narrow = (code: CellCode, value: HalfWords, dtype: DType): CellValue =>
  dtype === 'i32' ? value : dtype === 'bool' ? value.low : lowByte(code, value.low);

/** offset + sum of coefficients[k] * index[k], in integers; terms that are subtracted come last. */
export function affine(index: readonly IndexTerm[], coefficients: readonly number[], offset: number): Term {
  let known = offset;
  let positive: Term = 0;
  let negative: Term = 0;
  index.forEach(({ integer }, axis) => {
    const coefficient = coefficients[axis] ?? 0;
    if (coefficient === 0) return;
    if (typeof integer === 'number') known += coefficient * integer;
    else if (coefficient > 0) positive = plus(positive, times(integer, coefficient));
    else negative = plus(negative, times(integer, -coefficient));
  });
  if (known >= 0) positive = plus(positive, known);
  else negative = plus(negative, -known);
  return minus(positive, negative);
}

function guardCondition(index: readonly IndexTerm[], { coefficients, low, high }: Guard): Condition {
  const above = compare(affine(index, coefficients, -low), '>=', 0);
  return both(above, compare(affine(index, coefficients, -high), '<', 0));
}

/** Whether all guards of the access hold here. */
export const guardsHold = (index: readonly IndexTerm[], guards: readonly Guard[]): Condition =>
  guards.reduce<Condition>((all, guard) => both(all, guardCondition(index, guard)), true);

/** The element that the view selects at `index`; 0 where a guard fails. */
export function loadElement(
  code: CellCode,
  { name, planeSize }: CellArray,
  view: View,
  index: readonly IndexTerm[],
  dtype: DType,
): CellValue {
  const holds = guardsHold(index, view.guards);
  const at = (plane: number): Term => {
    const place = affine(index, view.strides, view.offset + plane * planeSize);
    return code.local(choose(holds, `${name}[${textOf(place)}]`, 0));
  };
  return dtype === 'i32' ? { low: at(0), high: at(1) } : at(0);
}

const load = (
  { code, array }: CellContext,
  { buffer, view }: Access,
  index: readonly IndexTerm[],
  dtype: DType,
): CellValue => loadElement(code, array(buffer), view, index, dtype);

/** The result of an `index` operation: computed as a float where it stays below 2^24 and is therefore exact, else in half-words. */
function indexValue(
  { code, index }: CellContext,
  coefficients: readonly number[],
  offset: number,
  sizes: readonly number[],
): HalfWords {
  let smallest = offset;
  let largest = offset;
  coefficients.forEach((coefficient, axis) => {
    const reach = coefficient * ((sizes[axis] ?? 1) - 1);
    if (reach < 0) smallest += reach;
    else largest += reach;
  });
  if (smallest >= 0 && largest < 2 ** 24) {
    return words.fromNatural(code, affine(index, coefficients, offset));
  }
  return coefficients.reduce<HalfWords>((sum, coefficient, axis) => {
    if (coefficient === 0 || sizes[axis] === 1) return sum;
    const place = words.fromNatural(code, nth(index, axis).value);
    return words.add(code, sum, words.multiply(code, words.fromInteger(coefficient), place));
  }, words.fromInteger(offset));
}

function cast(code: CellCode, value: CellValue, from: DType, to: DType): CellValue {
  if (from === 'f32') {
    if (to === 'bool') return code.local(choose(compare(asTerm(value), '==', 0), 0, 1));
    return narrow(code, words.fromFloat(code, asTerm(value)), to);
  }
  if (to === 'f32') return typeof value === 'object' ? words.toFloat(code, value) : value;
  const { low, high } = widen(value);
  if (to === 'i32') return { low, high };
  if (to === 'u8') return from === 'bool' ? low : lowByte(code, low);
  return code.local(choose(compare(plus(low, high), '>', 0), 1, 0));
}

/** The larger of two; NaN if either operand is NaN. */
const larger = (code: CellCode, x: Term, y: Term): Term => {
  const [a, b] = [code.local(x), code.local(y)];
  return choose(compare(a, '>', b), a, choose(compare(a, '==', a), b, a));
};

type FloatBinary = (code: CellCode, a: Term, b: Term, math: FloatMath) => Term;

const floatBinaries: Readonly<Record<BinaryOn<'float'>, FloatBinary>> = {
  add: (_, a, b) => `(${textOf(a)} + ${textOf(b)})`,
  sub: (_, a, b) => `(${textOf(a)} - ${textOf(b)})`,
  mul: (code, a, b) => {
    const factor = (x: Term): string => textOf(x === 0 ? code.hidden(0) : x);
    return `(${factor(a)} * ${factor(b)})`;
  },
  div: (_, a, b) => `(${textOf(a)} / ${textOf(b)})`,
  pow: (code, a, b, math) => math.pow(code, a, b),
  mod: (code, a, b, math) => floatRemainder(code, math, a, b),
  max: larger,
  min: (code, x, y) => {
    const [a, b] = [code.local(x), code.local(y)];
    return choose(compare(a, '<', b), a, choose(compare(a, '==', a), b, a));
  },
  lt: (_, a, b) => choose(compare(a, '<', b), 1, 0),
  eq: (_, a, b) => choose(compare(a, '==', b), 1, 0),
  copysign: (code, a, b) => {
    const [x, sign] = [code.local(a), code.local(b)];
    const magnitude = code.local(choose(compare(x, '<', 0), minus(0, x), x));
    const negative = code.local(minus(0, magnitude));
    // 1 / -0 is -infinity, and 1 / -infinity is -0.
    const ofSmall =
      typeof sign === 'number'
        ? Object.is(sign, -0)
          ? negative
          : magnitude
        : choose(compare(`(1 / ${sign})`, '<', 0), negative, magnitude);
    return choose(compare(sign, '<', 0), negative, ofSmall);
  },
};

/** Comparisons return a term, 0 or 1; other operations return half-words. */
type IntegerBinary = (code: CellCode, a: HalfWords, b: HalfWords) => HalfWords | Term;

/** Bytes and truth values are computed as integers too. */
const integerBinaries: Readonly<Record<BinaryOn<'integer' | 'bool'>, IntegerBinary>> = {
  add: words.add,
  sub: (code, a, b) => words.add(code, a, words.negate(code, b)),
  mul: words.multiply,
  max: words.larger,
  lt: words.less,
  eq: words.equal,
  idiv: (code, a, b) => words.divide(code, a, b).quotient,
  mod: (code, a, b) => words.divide(code, a, b).remainder,
  and: (code, a, b) => words.bitwise(code, '&', a, b),
  or: (code, a, b) => words.bitwise(code, '|', a, b),
  xor: (code, a, b) => words.bitwise(code, '^', a, b),
  shl: words.shiftLeft,
  shr: words.shiftRight,
};

type Rounding = Exclude<UnaryFunction, FloatFunction | 'neg' | 'recip'>;

/** By `floor`, the only rounding that all modes of gpu.js have. */
const roundings: Readonly<Record<Rounding, (code: CellCode, x: Term) => Term>> = {
  floor: (_, x) => floor(x),
  ceil: (_, x) => minus(0, floor(minus(0, x))),
  trunc: (_, x) => choose(compare(x, '<', 0), minus(0, floor(minus(0, x))), floor(x)),
  // Of a half, the even neighbor: the lower one, or one more if that is odd. The fraction of an infinity is NaN.
  round: (code, x) => {
    const below = code.local(floor(x));
    const fraction = code.local(minus(x, below));
    const odd = minus(below, times(floor(times(below, 0.5)), 2));
    const ofHalf = choose(compare(fraction, '==', 0.5), plus(below, odd), below);
    return choose(compare(fraction, '>', 0.5), plus(below, 1), ofHalf);
  },
};

function binary(
  { code, math }: CellContext,
  kind: BinaryKind,
  a: CellValue,
  b: CellValue,
  from: DType,
  to: DType,
): CellValue {
  if (isFloat(from)) {
    // gpu.js needs one operand that is not a literal: two constants occur here only where the graph did not fold them.
    const [x, y] = [asTerm(a), asTerm(b)];
    const left = typeof x === 'number' && typeof y === 'number' ? code.variable(x) : x;
    return code.local(binaryEntry(floatBinaries, kind, 'float')(code, left, y, math));
  }
  const compute = binaryEntry(integerBinaries, kind, from === 'bool' ? 'bool' : 'integer');
  const result = compute(code, widen(a), widen(b));
  return typeof result === 'object' ? narrow(code, result, to) : result;
}

/** The value of any operation except a reduction. `values` and `dtypes` contain those of the earlier operations. */
export function compute(
  context: CellContext,
  operation: Operation,
  values: readonly (CellValue | undefined)[],
  dtypes: readonly DType[],
  domain: readonly number[],
): CellValue {
  const { code, math } = context;
  const of = (value: number): CellValue => nth(values, value);
  switch (operation.op) {
    case 'load':
      return load(context, operation.access, context.index, operation.dtype);
    case 'const':
      return operation.dtype === 'i32' ? words.fromInteger(operation.value) : code.number(operation.value);
    case 'index':
      return indexValue(context, operation.coefficients, operation.offset, domain);
    case 'gather': {
      const { shape } = operation.access.view;
      const last = nth(shape, shape.length - 1) - 1;
      const row = code.local(words.toFloat(code, asWords(of(operation.row))));
      const clamped = code.local(choose(compare(row, '<', 0), 0, choose(compare(row, '>', last), last, row)));
      const rowIndex = typeof clamped === 'number' ? clamped : `(${clamped} | 0)`;
      return load(
        context,
        operation.access,
        [...context.index, { integer: rowIndex, value: clamped }],
        operation.dtype,
      );
    }
    case 'unary': {
      const { kind, dtype } = operation;
      const source = of(operation.source);
      const from = nth(dtypes, operation.source);
      if (kind === 'cast') return cast(code, source, from, dtype);
      if (!isFloat(dtype)) {
        if (kind !== 'neg') throw new Error(`gpujs: '${kind}' has no meaning for ${dtype}`);
        return narrow(code, words.negate(code, widen(source)), dtype);
      }
      const term = asTerm(source);
      const x = typeof term === 'number' ? code.variable(term) : term;
      if (kind === 'neg') return code.local(`(-${x})`);
      if (kind === 'recip') return code.local(`(1 / ${x})`);
      if (kind in roundings) return code.local(roundings[kind as Rounding](code, x));
      if (!(kind in math)) throw new Inexpressible(`'${kind}'`);
      return code.local(math[kind as FloatFunction](code, x));
    }
    case 'binary': {
      const from = nth(dtypes, operation.a);
      return binary(context, operation.kind, of(operation.a), of(operation.b), from, operation.dtype);
    }
    case 'where': {
      const condition = asTerm(of(operation.condition));
      const [yes, no] = [of(operation.yes), of(operation.no)];
      if (typeof yes === 'object') return words.select(code, condition, yes, asWords(no));
      return code.local(choose(compare(condition, '>', 0), yes, asTerm(no)));
    }
    case 'reduce':
    case 'accumulator':
      throw new Error(
        `gpujs: '${operation.op}' is not an operation on one element; reductions are written by write-kernel.ts`,
      );
    default:
      return operation satisfies never;
  }
}

/** The running sum or maximum of a reduction. */
export interface Accumulator {
  add(value: CellValue): void;
  result(): CellValue;
}

const smallestInteger = words.fromInteger(-(2 ** 31));

/** Declares the variables of a reduction. */
export function accumulator(code: CellCode, kind: ReduceOp, dtype: DType): Accumulator {
  if (dtype === 'i32') {
    const start = kind === 'sum' ? { low: 0, high: 0 } : smallestInteger;
    const total = { low: code.variable(start.low), high: code.variable(start.high) };
    return {
      add(value) {
        const join = kind === 'sum' ? words.add : words.larger;
        const { low, high } = join(code, total, asWords(value));
        code.line(`${total.low} = ${textOf(low)};`);
        code.line(`${total.high} = ${textOf(high)};`);
      },
      result: () => total,
    };
  }
  const lowest = isFloat(dtype) ? code.number(specialNumbers[1]) : 0;
  const total = code.variable(kind === 'sum' ? 0 : lowest);
  return {
    add(value) {
      const term = asTerm(value);
      const joined = kind === 'sum' ? `${total} + ${textOf(term)}` : textOf(larger(code, total, term));
      code.line(`${total} = ${joined};`);
    },
    result: () => total,
  };
}
