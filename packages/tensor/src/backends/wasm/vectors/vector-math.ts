/** Elementary functions on vectors of floats: the primitives of `codegen/elementary` as instructions. */

import type { Primitives, Translator } from '../../../codegen/elementary/expression.ts';
import { translate } from '../../../codegen/elementary/expression.ts';
import { floatFormats, type Precision } from '../../../codegen/elementary/float-format.ts';
import type { ElementaryFunction } from '../../../codegen/elementary/function.ts';
import {
  type ElementaryName,
  type ElementaryNameOfTwo,
  elementaryFunctions,
  elementaryFunctionsOfTwo,
} from '../../../codegen/elementary/index.ts';
import { nth } from '../../../kernel/nth.ts';
import type { Local } from '../emit/encoder.ts';
import type { FloatVector, Vector, VectorCode } from './vector-code.ts';

const integerInstructions = {
  f32x4: { add: 'i32x4.add', eq: 'i32x4.eq', shiftLeft: 'i32x4.shl', shiftRight: 'i32x4.shr_u' },
  f64x2: { add: 'i64x2.add', eq: 'i64x2.eq', shiftLeft: 'i64x2.shl', shiftRight: 'i64x2.shr_u' },
} as const;

const precisionOf: Readonly<Record<FloatVector, Precision>> = { f32x4: 'f32', f64x2: 'f64' };

/**
 * Integers near a float are found by adding a number whose unit in the last place is 1: the low bits of the sum hold the integer. Masks
 * have all bits of a lane set or none. Constants of integers are written as the floats with the same bits: k times the smallest denormal.
 */
function primitivesFor(code: VectorCode, type: FloatVector): Primitives<Vector, Vector> {
  const { mantissaBits, exponentBias, smallestNormal } = floatFormats[precisionOf[type]];
  const smallestDenormal = smallestNormal * 2 ** -mantissaBits;
  const integers = integerInstructions[type];
  const bitsOf = (integer: number): Local => code.splat(type, integer * smallestDenormal);
  /** 1.5 * 2^mantissaBits. */
  const rounding = 1.5 * 2 ** mantissaBits;
  // The low bits of an exponent's sum are n + bias: the exponent field of 2^n, once they are moved to its place.
  const exponentShifter = (): Local => code.splat(type, rounding + exponentBias);
  const quadrantShifter = (): Local => code.splat(type, rounding);
  return {
    constant: (value) => code.splat(type, value),
    add: (a, b) => code.op(`${type}.add`, a, b),
    sub: (a, b) => code.op(`${type}.sub`, a, b),
    mul: (a, b) => code.op(`${type}.mul`, a, b),
    div: (a, b) => code.op(`${type}.div`, a, b),
    multiplyAdd: (a, b, c) => code.multiplyAdd(type, a, b, c),
    subtractProduct: (a, b, c) => code.subtractProduct(type, a, b, c),
    // NaN passes: pmin(a, b) is a unless b < a.
    atMost: (x, limit) => code.op(`${type}.pmin`, x, limit),
    atLeast: (x, limit) => code.op(`${type}.pmax`, x, limit),
    absolute: (x) => code.absolute(type, x),
    floor: (x) => code.op(`${type}.floor`, x),
    highPart: (x) => {
      const low = Math.ceil((mantissaBits + 1) / 2);
      return code.shift(integers.shiftLeft, code.shift(integers.shiftRight, x, low), low);
    },
    copySign: (magnitude, sign) => code.op('v128.or', magnitude, code.op('v128.and', sign, code.splat(type, -0))),

    less: (a, b) => code.op(`${type}.lt`, a, b),
    isZero: (x) => code.op(`${type}.eq`, x, code.splat(type, 0)),
    isBelowInfinity: (x) => code.op(`${type}.lt`, x, code.splat(type, Number.POSITIVE_INFINITY)),
    select: (condition, yes, no) => code.select(type, condition, yes, no),
    nanWhere: (condition, x) => code.op('v128.or', x, condition),

    exponent: (x, factor) =>
      factor === undefined
        ? code.op(`${type}.add`, x, exponentShifter())
        : code.multiplyAdd(type, x, factor, exponentShifter()),
    exponentNumber: (n) => code.op(`${type}.sub`, n, exponentShifter()),
    powerOfTwo: (n) => code.shift(integers.shiftLeft, n, mantissaBits),

    quadrant: (x, factor) => code.multiplyAdd(type, x, factor, quadrantShifter()),
    quadrantNumber: (k) => code.op(`${type}.sub`, k, quadrantShifter()),
    nextQuadrant: (k) => code.op(`${type}.add`, k, code.splat(type, 1)),
    isOdd: (k) => code.op(integers.eq, code.op('v128.and', k, bitsOf(1)), bitsOf(1)),
    negateInSecondHalf: (k, x) => {
      const second = code.op('v128.and', k, bitsOf(2));
      return code.op('v128.xor', x, code.shift(integers.shiftLeft, second, type === 'f32x4' ? 30 : 62));
    },

    enlargeDenormal: (x) => code.op(`${type}.mul`, x, code.splat(type, 2 ** mantissaBits)),
    // Adding the distance from sqrt(1/2) to 1, in bits, lets the exponent field change at sqrt(1/2).
    split: (x) => code.op(integers.add, x, bitsOf(distanceToOne[type])),
    biasedExponent: (parts) => {
      const k = code.shift(integers.shiftRight, parts, mantissaBits);
      if (type === 'f32x4') return code.op('f32x4.convert_i32x4_s', k);
      // There is no conversion from 64-bit integers: add to the bits of a number whose unit in the last place is 1.
      return code.op('f64x2.sub', code.op('i64x2.add', k, quadrantShifter()), quadrantShifter());
    },
    significand: (parts) => {
      // As bits, the largest denormal is the mask of the mantissa.
      const fraction = code.op('v128.and', parts, code.splat(type, smallestNormal - smallestDenormal));
      return code.op(integers.add, fraction, code.splat(type, Math.SQRT1_2));
    },
  };
}

/** The bits of 1 less those of sqrt(1/2), as integers. */
const distanceToOne: Readonly<Record<FloatVector, number>> = { f32x4: 0x4afb0d, f64x2: 0x95f619980c433 };

function translator(code: VectorCode, type: FloatVector): Translator<Vector, Vector> {
  const keep = (value: Vector): Local => code.local(value);
  return { primitives: primitivesFor(code, type), keep, keepMask: keep };
}

/** An elementary function of the floats of a vector. */
export const elementary = (code: VectorCode, name: ElementaryName, type: FloatVector, x: Vector): Local =>
  functionOf(code, elementaryFunctions[name], type, { x });

/** An elementary function of the floats of two vectors. */
export const elementaryOfTwo = (
  code: VectorCode,
  name: ElementaryNameOfTwo,
  type: FloatVector,
  x: Vector,
  y: Vector,
): Local => functionOf(code, elementaryFunctionsOfTwo[name], type, { x, y });

function functionOf(
  code: VectorCode,
  { f32, f64, f32InDoubles }: ElementaryFunction,
  type: FloatVector,
  operands: Readonly<Record<string, Vector>>,
): Local {
  const inPrecision = (result: typeof f32, vector: FloatVector, variables: Readonly<Record<string, Vector>>): Vector =>
    nth(translate([result], translator(code, vector), variables), 0);
  return code.scoped(() => {
    if (type === 'f64x2') return inPrecision(f64, 'f64x2', operands);
    if (f32InDoubles === undefined) return inPrecision(f32, 'f32x4', operands);
    const singles = Object.entries(operands).map(([name, value]) => [name, code.local(value)] as const);
    const half = (part: (value: Local) => Vector): Vector => {
      const wide = singles.map(([name, value]): [string, Local] => [
        name,
        code.local(code.op('f64x2.promote_low_f32x4', part(value))),
      ]);
      const result = inPrecision(f32InDoubles, 'f64x2', Object.fromEntries(wide));
      return code.local(code.op('f32x4.demote_f64x2_zero', result));
    };
    return code.shuffle32(
      half((value) => value),
      half((value) => code.highHalf(value)),
      [0, 1, 4, 5],
    );
  });
}
