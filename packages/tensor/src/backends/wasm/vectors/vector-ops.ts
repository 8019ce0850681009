/**
 * The operations of programs on four elements at a time. In registers, f32 and i32 fill one 128-bit vector, f64 two; f16 and bf16 are f32; u8 is an i32
 * between 0 and 255, bool a mask of 32 ones or zeros an element.
 */

import { type ElementaryName, isElementary } from '../../../codegen/elementary/index.ts';
import { type DType, type HalfDType, isFloat } from '../../../kernel/dtype.ts';
import { nth } from '../../../kernel/nth.ts';
import {
  type BinaryKind,
  type BinaryOn,
  binaryEntry,
  type RoundOp,
  type UnaryFunction,
  type UnaryOn,
  type UnaryOp,
  unaryEntry,
} from '../../../kernel/operators.ts';
import type { Local } from '../emit/encoder.ts';
import type { PlainOp } from '../emit/opcodes.ts';
import { floatRemainder } from './float-remainder.ts';
import { emitRound } from './half.ts';
import { Expression, type FloatVector, type Vector, type VectorCode } from './vector-code.ts';
import { elementary, elementaryOfTwo } from './vector-math.ts';

/** Four elements: one vector, or two for f64. */
export type Quad = readonly Vector[];

export type Representation = 'f32' | 'f64' | 'i32' | 'mask';

export const representationOf: Readonly<Record<DType, Representation>> = {
  f16: 'f32',
  bf16: 'f32',
  f32: 'f32',
  f64: 'f64',
  i32: 'i32',
  u8: 'i32',
  bool: 'mask',
};

/** Vectors that hold four elements. */
export const vectorsOf = (dtype: DType): number => (dtype === 'f64' ? 2 : 1);

const floatVector = (dtype: DType): FloatVector => (dtype === 'f64' ? 'f64x2' : 'f32x4');

/** A constant in every lane. */
export function constantQuad(code: VectorCode, dtype: DType, value: number): Quad {
  switch (representationOf[dtype]) {
    case 'f32':
      return [code.splat('f32x4', value)];
    case 'f64': {
      const half = code.splat('f64x2', value);
      return [half, half];
    }
    case 'i32':
      return [code.splat('i32x4', value)];
    case 'mask':
      return [code.splat('i32x4', value === 0 ? 0 : -1)];
  }
}

/** Applies an operation of vectors to the parts of quads; equal parts (of a splat) are computed once. */
function byParts(code: VectorCode, operands: readonly Quad[], compute: (...parts: Vector[]) => Vector): Quad {
  const part = (k: number): Vector => compute(...operands.map((operand) => nth(operand, k)));
  if (nth(operands, 0).length === 1) return [part(0)];
  if (operands.some((operand) => nth(operand, 0) !== nth(operand, 1))) return [part(0), part(1)];
  const both = code.local(part(0));
  return [both, both];
}

/** Results of u8 arithmetic that may leave 0..255. */
const wrapping: ReadonlySet<BinaryKind | UnaryOp | RoundOp> = new Set(['add', 'sub', 'mul', 'neg', 'shl']);

const wrapByte = (code: VectorCode, value: Vector): Vector => code.op('v128.and', value, code.splat('i32x4', 255));

/** 64-bit masks of two doubles each, as one mask of four lanes. */
const narrowMask = (code: VectorCode, wide: Quad): Quad => [code.shuffle32(nth(wide, 0), nth(wide, 1), [0, 2, 4, 6])];

function widenMask(code: VectorCode, mask: Quad): Quad {
  const local = code.local(nth(mask, 0));
  return [code.op('i64x2.extend_low_i32x4_s', local), code.op('i64x2.extend_high_i32x4_s', local)];
}

/** The four integers as doubles. */
const toDoubles = (code: VectorCode, value: Local): Quad => [
  code.op('f64x2.convert_low_i32x4_s', value),
  code.op('f64x2.convert_low_i32x4_s', code.highHalf(value)),
];

/** Towards 0; x / 0 is 0. A quotient of 32-bit integers in double precision never rounds up to the next integer. */
function integerQuotient(code: VectorCode, a: Local, b: Local): Vector {
  // Adding 1.5 * 2^52 leaves the whole quotient, wrapped, in the low word; infinity and NaN leave 0 there.
  const rounding = code.splat('f64x2', 1.5 * 2 ** 52);
  const quotients = byParts(code, [toDoubles(code, a), toDoubles(code, b)], (x, y) =>
    code.op('f64x2.add', code.op('f64x2.trunc', code.op('f64x2.div', x, y)), rounding),
  );
  return code.shuffle32(nth(quotients, 0), nth(quotients, 1), [0, 2, 4, 6]);
}

/** a - b * trunc(a / b): the sign of a, as in C; 0 where b is 0. */
function integerRemainder(code: VectorCode, a: Local, b: Local): Vector {
  const remainder = code.op('i32x4.sub', a, code.op('i32x4.mul', integerQuotient(code, a, b), b));
  return code.op('v128.and', remainder, code.op('i32x4.ne', b, code.splat('i32x4', 0)));
}

/** Shifts each lane by a count of its own. */
function shiftLanes(code: VectorCode, kind: 'shl' | 'shr', value: Local, counts: Local): Local {
  const { fn } = code;
  const result = code.fresh();
  fn.get(value).set(result);
  for (let lane = 0; lane < 4; lane++) {
    fn.get(result).get(value).lane('i32x4.extract_lane', lane).get(counts).lane('i32x4.extract_lane', lane);
    fn.op(kind === 'shl' ? 'i32.shl' : 'i32.shr_u')
      .lane('i32x4.replace_lane', lane)
      .set(result);
  }
  return result;
}

/** What is known of an operand when code is written. */
export interface OperandFacts {
  /** Its value, where it is a constant. */
  readonly constant: number | null;
  /** Whether all lanes are equal. */
  readonly uniform: boolean;
}

/** Code for one operation on quads of one representation. */
type BinaryCode = (code: VectorCode, a: Quad, b: Quad, facts: readonly [OperandFacts, OperandFacts]) => Quad;

/** An instruction for each vector of the quads. */
const instruction =
  (op: PlainOp): BinaryCode =>
  (code, a, b) =>
    byParts(code, [a, b], (x, y) => code.op(op, x, y));

/** pmax(x, c) is x unless x < c: one instruction that keeps NaN, where the instruction for any two operands becomes eight. */
const bound =
  (type: FloatVector, kind: 'max' | 'min'): BinaryCode =>
  (code, a, b, facts) => {
    const known = facts.findIndex(({ constant }) => constant !== null && !Number.isNaN(constant));
    if (known < 0) return byParts(code, [a, b], (x, y) => code.op(`${type}.${kind}`, x, y));
    const [x, c] = known === 1 ? [a, b] : [b, a];
    return byParts(code, [x, c], (value, limit) => code.op(`${type}.p${kind}`, value, limit));
  };

/** A comparison; of doubles, the two masks become one. */
const comparison =
  (type: FloatVector, kind: 'lt' | 'eq'): BinaryCode =>
  (code, a, b, facts) => {
    const masks = instruction(`${type}.${kind}`)(code, a, b, facts);
    return type === 'f64x2' ? narrowMask(code, masks) : masks;
  };

const shift =
  (kind: 'shl' | 'shr'): BinaryCode =>
  (code, a, b, [, { constant, uniform }]) => {
    const op: PlainOp = kind === 'shl' ? 'i32x4.shl' : 'i32x4.shr_u';
    if (constant !== null) return [code.shift(op, nth(a, 0), constant & 31)];
    if (!uniform) return [shiftLanes(code, kind, code.local(nth(a, 0)), code.local(nth(b, 0)))];
    code.push(nth(b, 0)).lane('i32x4.extract_lane', 0);
    return [code.shift(op, nth(a, 0), code.take('i32'))];
  };

const floatBinaries = (type: FloatVector): Readonly<Record<BinaryOn<'float'>, BinaryCode>> => ({
  add: instruction(`${type}.add`),
  sub: instruction(`${type}.sub`),
  mul: instruction(`${type}.mul`),
  div: instruction(`${type}.div`),
  pow: (code, a, b) => byParts(code, [a, b], (x, y) => elementaryOfTwo(code, 'pow', type, x, y)),
  mod: (code, a, b) => byParts(code, [a, b], (x, y) => floatRemainder(code, type, x, y)),
  max: bound(type, 'max'),
  min: bound(type, 'min'),
  lt: comparison(type, 'lt'),
  eq: comparison(type, 'eq'),
  // Bit by bit: the mask is not that of whole lanes.
  copysign: (code, a, b) =>
    byParts(code, [a, b], (magnitude, sign) => code.op('v128.bitselect', sign, magnitude, code.splat(type, -0))),
});

const singleBinaries = floatBinaries('f32x4');
const doubleBinaries = floatBinaries('f64x2');

const integerBinaries: Readonly<Record<BinaryOn<'integer'>, BinaryCode>> = {
  add: instruction('i32x4.add'),
  sub: instruction('i32x4.sub'),
  mul: instruction('i32x4.mul'),
  max: instruction('i32x4.max_s'),
  lt: instruction('i32x4.lt_s'),
  eq: instruction('i32x4.eq'),
  and: instruction('v128.and'),
  or: instruction('v128.or'),
  xor: instruction('v128.xor'),
  idiv: (code, a, b) => [integerQuotient(code, code.local(nth(a, 0)), code.local(nth(b, 0)))],
  mod: (code, a, b) => [integerRemainder(code, code.local(nth(a, 0)), code.local(nth(b, 0)))],
  shl: shift('shl'),
  shr: shift('shr'),
};

const maskBinaries: Readonly<Record<BinaryOn<'bool'>, BinaryCode>> = {
  max: instruction('v128.or'),
  and: instruction('v128.and'),
  or: instruction('v128.or'),
  xor: instruction('v128.xor'),
  eq: instruction('i32x4.eq'),
};

function binaryCode(kind: BinaryKind, representation: Representation): BinaryCode {
  switch (representation) {
    case 'f32':
      return binaryEntry(singleBinaries, kind, 'float');
    case 'f64':
      return binaryEntry(doubleBinaries, kind, 'float');
    case 'i32':
      return binaryEntry(integerBinaries, kind, 'integer');
    case 'mask':
      return binaryEntry(maskBinaries, kind, 'bool');
  }
}

/** `dtype` is that of the operands. */
export function binaryQuad(
  code: VectorCode,
  kind: BinaryKind,
  dtype: DType,
  a: Quad,
  b: Quad,
  facts: readonly [OperandFacts, OperandFacts],
): Quad {
  const result = binaryCode(kind, representationOf[dtype])(code, a, b, facts);
  return dtype === 'u8' && wrapping.has(kind) ? [wrapByte(code, nth(result, 0))] : result;
}

type FloatUnary = (code: VectorCode, type: FloatVector, x: Vector) => Vector;

const rounded =
  (dtype: HalfDType): FloatUnary =>
  (code, _type, x) =>
    new Expression(() => emitRound(code.push(x), dtype));

/** What is one instruction, or few; the other functions of floats are elementary. */
const floatUnaries: Readonly<Record<Exclude<UnaryFunction, ElementaryName> | RoundOp, FloatUnary>> = {
  neg: (code, type, x) => code.negate(type, x),
  recip: (code, type, x) => code.op(`${type}.div`, code.splat(type, 1), x),
  sqrt: (code, type, x) => code.op(`${type}.sqrt`, x),
  floor: (code, type, x) => code.op(`${type}.floor`, x),
  ceil: (code, type, x) => code.op(`${type}.ceil`, x),
  trunc: (code, type, x) => code.op(`${type}.trunc`, x),
  round: (code, type, x) => code.op(`${type}.nearest`, x),
  roundF16: rounded('f16'),
  roundBf16: rounded('bf16'),
};

const integerUnaries: Readonly<Record<UnaryOn<'integer'>, (code: VectorCode, x: Vector) => Vector>> = {
  neg: (code, x) => code.op('i32x4.neg', x),
  floor: (_, x) => x,
};

/** `from` is the dtype of the operand, `to` that of the result. */
export function unaryQuad(code: VectorCode, kind: UnaryOp | RoundOp, from: DType, to: DType, x: Quad): Quad {
  if (kind === 'cast') return castQuad(code, from, to, x);
  if (isFloat(from)) {
    const type = floatVector(from);
    return byParts(code, [x], (value) =>
      isElementary(kind) ? elementary(code, kind, type, value) : floatUnaries[kind](code, type, value),
    );
  }
  const result = unaryEntry(integerUnaries, kind, 'integer')(code, nth(x, 0));
  return [from === 'u8' && wrapping.has(kind) ? wrapByte(code, result) : result];
}

/** Floats to integers: towards 0, saturating, NaN to 0; u8 then wraps. To bool: whether it is not 0. */
function castQuad(code: VectorCode, from: DType, to: DType, x: Quad): Quad {
  const [source, target] = [representationOf[from], representationOf[to]];
  if (target === 'mask') {
    if (source === 'mask') return x;
    if (source === 'f64')
      return narrowMask(
        code,
        byParts(code, [x], (part) => code.op('f64x2.ne', part, code.splat('f64x2', 0))),
      );
    return [code.op(`${source}x4.ne`, nth(x, 0), code.splat(`${source}x4`, 0))];
  }
  if (source === 'mask') {
    if (target === 'f64')
      return byParts(code, [widenMask(code, x)], (part) => code.op('v128.and', part, code.splat('f64x2', 1)));
    return [code.op('v128.and', nth(x, 0), code.splat(`${target}x4`, 1))];
  }
  const converted = convertQuad(code, source, target, x);
  return to === 'u8' && from !== 'u8' ? [wrapByte(code, nth(converted, 0))] : converted;
}

function convertQuad(code: VectorCode, source: 'f32' | 'f64' | 'i32', target: 'f32' | 'f64' | 'i32', x: Quad): Quad {
  if (source === target) return x;
  if (source === 'f64') {
    const op = target === 'f32' ? 'f32x4.demote_f64x2_zero' : 'i32x4.trunc_sat_f64x2_s_zero';
    const parts = byParts(code, [x], (part) => code.op(op, part));
    return [code.shuffle32(nth(parts, 0), nth(parts, 1), [0, 1, 4, 5])];
  }
  if (target === 'f64') {
    const whole = code.local(nth(x, 0));
    if (source === 'i32') return toDoubles(code, whole);
    return [code.op('f64x2.promote_low_f32x4', whole), code.op('f64x2.promote_low_f32x4', code.highHalf(whole))];
  }
  return [code.op(target === 'f32' ? 'f32x4.convert_i32x4_s' : 'i32x4.trunc_sat_f32x4_s', nth(x, 0))];
}

export function selectQuad(code: VectorCode, dtype: DType, condition: Quad, yes: Quad, no: Quad): Quad {
  if (dtype !== 'f64') return [code.select('i32x4', nth(condition, 0), nth(yes, 0), nth(no, 0))];
  const masks = widenMask(code, condition);
  return masks.map((mask, part) => code.select('f64x2', mask, nth(yes, part), nth(no, part)));
}

/** Columns of a square of four vectors of four words, from its rows. */
export function transpose(code: VectorCode, rows: readonly Local[]): readonly Local[] {
  const row = (k: number): Local => nth(rows, k);
  const lanesOfHalves = [
    [0, 4, 1, 5],
    [2, 6, 3, 7],
  ] as const;
  const pairs = lanesOfHalves.map((lanes) => ({
    first: code.local(code.shuffle32(row(0), row(1), lanes)),
    second: code.local(code.shuffle32(row(2), row(3), lanes)),
  }));
  return pairs.flatMap(({ first, second }) => [
    code.local(code.shuffle32(first, second, [0, 1, 4, 5])),
    code.local(code.shuffle32(first, second, [2, 3, 6, 7])),
  ]);
}
