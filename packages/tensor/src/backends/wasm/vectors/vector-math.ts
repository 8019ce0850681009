/**
 * exp, log, sin, tanh and erf on vectors of floats, without branches. One algorithm serves both precisions; tables hold what
 * differs. Unless a comment says otherwise, polynomials are minimax fits of the relative error (Remez exchange in 40 digits).
 *
 * Largest errors in units in the last place, with products and sums fused and not: in single precision of all numbers (of sin, up to 10^6),
 * in double precision of a million (see `vector-math.test.ts`).
 *
 *                  exp   log   sin   tanh  erf
 *     f32 fused    1.48  0.84  0.51  1.81  1.14
 *     f32          1.51  0.84  0.51  1.97  1.32
 *     f64 fused    1.4   0.9   2.4   2.0   1.3
 *     f64          1.4   0.9   2.4   2.2   1.3
 */
import type { Local } from '../emit/encoder.ts';
import type { FloatVector, Vector, VectorCode } from './vector-code.ts';

interface FloatFormat {
  readonly mantissaBits: number;
  readonly exponentBias: number;
  /** 1.5 * 2^mantissaBits: adding it rounds to the nearest integer, which the low bits of the sum then hold. */
  readonly rounding: number;
  readonly smallestNormal: number;
  /** The number whose bits are those of 1 less those of sqrt(1/2), as integers: a denormal. */
  readonly bitsAboveSqrtHalf: number;
  /** ln 2 in two parts; multiples of the first by integers of up to 12 bits are exact. */
  readonly ln2: readonly [high: number, low: number];
  /** Outside of these, exp is 0 or infinite. */
  readonly expRange: readonly [low: number, high: number];
  /** (exp(r) - 1 - r) / r^2 for |r| <= ln 2. */
  readonly expWide: readonly number[];
  /** The same for |r| <= ln(2) / 2, fitted for the relative error of exp(r) - 1. */
  readonly expNarrow: readonly number[];
  /** 2^r for |r| <= 1/2. */
  readonly exp2: readonly number[];
  /** (2 atanh(s) - 2s) / s^3 as a polynomial in s^2, for |s| <= (sqrt(2) - 1) / (sqrt(2) + 1). */
  readonly log: readonly number[];
  /** From here on, tanh is 1. */
  readonly tanhLimit: number;
  /** ln 2 as tanh needs it: in single precision its first eight multiples are exact; where n is larger, exp(-2|x|) counts little. */
  readonly tanhLn2: readonly number[];
  /** erf(x) / x - 1 as a polynomial in x^2, for |x| <= 1. */
  readonly erfSmall: readonly number[];
  /** -ln(1 - erf(x)) for 1 <= x <= erfLimit, fitted for the relative error of erf. */
  readonly erfLarge: readonly number[];
  /** From here on, erf is 1. */
  readonly erfLimit: number;
}

const formats: Readonly<Record<FloatVector, FloatFormat>> = {
  f32x4: {
    mantissaBits: 23,
    exponentBias: 127,
    rounding: 1.5 * 2 ** 23,
    smallestNormal: 2 ** -126,
    bitsAboveSqrtHalf: 0x4afb0d * 2 ** -149,
    ln2: [0.693145751953125, 1.428606765330187e-6],
    expRange: [-104, 89],
    expWide: [
      0.5, 0.16666673123836517, 0.04166652634739876, 0.008332528173923492, 0.0013893701834604144, 0.000201097980607301,
      2.4440187189611606e-5,
    ],
    expNarrow: [
      0.4999999701976776, 0.16666573286056519, 0.04166903346776962, 0.008361819200217724, 0.0013665106380358338,
    ],
    exp2: [1, 0.6931471228599548, 0.2402227818965912, 0.05550618469715118, 0.009668541140854359, 0.0013266856549307704],
    log: [0.6666678190231323, 0.3997707962989807, 0.298851877450943],
    tanhLimit: 10,
    tanhLn2: [Math.LN2],
    erfSmall: [
      0.12837916612625122, -0.3761262595653534, 0.1128358542919159, -0.026853812858462334, 0.005188327748328447,
      -0.0008010194287635386, 7.853862916817889e-5,
    ],
    erfLarge: [
      0.00034152393345721066, 1.1270891427993774, 0.638144850730896, 0.10310675203800201, -0.02183806151151657,
      0.0029476576019078493, -0.0001863791112555191,
    ],
    erfLimit: 4,
  },
  f64x2: {
    mantissaBits: 52,
    exponentBias: 1023,
    rounding: 1.5 * 2 ** 52,
    smallestNormal: 2 ** -1022,
    bitsAboveSqrtHalf: 0x95f619980c433 * Number.MIN_VALUE,
    ln2: [0.6931471804855391, 7.440617110012397e-11],
    expRange: [-746, 710],
    expWide: [
      0.5, 0.16666666666666652, 0.04166666666666726, 0.008333333333337837, 0.001388888888880464, 0.00019841269835887946,
      2.4801587354485725e-5, 2.7557322289635446e-6, 2.7557302989242e-7, 2.50512063105153e-8, 2.087905197768326e-9,
      1.6191394033654511e-10, 1.137826902024573e-11,
    ],
    expNarrow: [
      0.5, 0.16666666666666677, 0.04166666666666651, 0.0083333333333217, 0.0013888888888962327, 0.00019841269885939765,
      2.4801587172593904e-5, 2.755724440345525e-6, 2.755740262488035e-7, 2.5108967742572592e-8, 2.0875326287436413e-9,
    ],
    exp2: [
      1,
      Math.LN2,
      0.2402265069591013,
      0.055504108664820084,
      0.009618129107594122,
      0.0013333558146774586,
      0.00015403530457110451,
      1.5252733493130577e-5,
      1.3215435282994068e-6,
      1.0178199577769851e-7,
      7.073783150994517e-9,
      4.434769673821237e-10,
    ],
    log: [
      0.6666666666666713, 0.3999999999949005, 0.285714287374266, 0.22222198137071764, 0.18183625844773946,
      0.1531168071578947, 0.1482610778449771,
    ],
    tanhLimit: 22,
    tanhLn2: [0.6931471804855391, 7.440617110012397e-11],
    erfSmall: [
      0.1283791670955126, -0.3761263890318375, 0.11283791670954857, -0.026866170645072896, 0.005223977624780864,
      -0.0008548326978742063, 0.00012055331036894576, -1.4925593506769312e-5, 1.6460972815068243e-6,
      -1.6350025201711347e-7, 1.465787970053758e-8, -1.136566541350748e-9, 5.945260824210891e-11,
    ],
    erfLarge: [
      1.79601374018872e-7, 1.1283773294497808, 0.6366284880671148, 0.10274725452546268, -0.01907815962526908,
      -0.0002804832046329004, 0.0017689948967140588, -0.0006411678761845398, 4.4819269495383114e-5, 7.03682975725147e-5,
      -4.503805672433334e-5, 1.6514162498815447e-5, -4.327102594662024e-6, 8.505878121527784e-7, -1.2570738227379343e-7,
      1.3627029605890785e-8, -1.0257310257195556e-9, 4.796208071079368e-11, -1.0496654299446216e-12,
    ],
    erfLimit: 6,
  },
};

/** What `erf` of single precision is made of, for backends that generate code in another language. */
export const erfOfSingles = {
  small: formats.f32x4.erfSmall,
  large: formats.f32x4.erfLarge,
  limit: formats.f32x4.erfLimit,
} as const;

const shiftLeft = { f32x4: 'i32x4.shl', f64x2: 'i64x2.shl' } as const;

/** The integer n next to a number, and 2^n. `plus` adds the number to what it is given. */
function nearestInteger(
  code: VectorCode,
  type: FloatVector,
  plus: (shifter: Local) => Vector,
): { n: Local; power: Local } {
  const { rounding, exponentBias, mantissaBits } = formats[type];
  // The low bits of `shifted` are n + bias: the exponent field of 2^n, once moved to its place.
  const shifter = code.splat(type, rounding + exponentBias);
  const shifted = code.local(plus(shifter));
  const n = code.local(code.op(`${type}.sub`, shifted, shifter));
  return { n, power: code.local(code.shift(shiftLeft[type], shifted, mantissaBits)) };
}

/** x = n * step * ln 2 + r: r and 2^n. `ln2` is given in parts. */
function reduceByLn2(
  code: VectorCode,
  type: FloatVector,
  x: Local,
  step: number,
  ln2: readonly number[],
): { r: Local; power: Local } {
  const perStep = code.splat(type, Math.LOG2E / step);
  const { n, power } = nearestInteger(code, type, (shifter) => code.multiplyAdd(type, x, perStep, shifter));
  const r = ln2.reduce<Vector>((rest, part) => code.subtractProduct(type, n, code.splat(type, step * part), rest), x);
  return { r: code.local(r), power };
}

/** exp(r) - 1 = r + r^2 q(r). */
function expMinusOne(code: VectorCode, type: FloatVector, r: Local, q: readonly number[]): Vector {
  return code.multiplyAdd(type, code.polynomial(type, r, q), code.op(`${type}.mul`, r, r), r);
}

/**
 * exp(x) = 2^n * 2^n * exp(x - 2n ln 2): 2^n is a normal number for every x whose result is neither 0 nor infinite, and the one
 * rounding of a denormal result comes with the last product.
 */
export function exp(code: VectorCode, type: FloatVector, x: Vector): Local {
  return code.scoped(() => {
    const { expRange, expWide, ln2 } = formats[type];
    // The order of operands lets NaN through: pmin(a, b) is a unless b < a.
    const below = code.op(`${type}.pmin`, x, code.splat(type, expRange[1]));
    const clamped = code.local(code.op(`${type}.pmax`, below, code.splat(type, expRange[0])));
    const { r, power } = reduceByLn2(code, type, clamped, 2, ln2);
    const scaled = code.multiplyAdd(type, expMinusOne(code, type, r, expWide), power, power);
    return code.op(`${type}.mul`, scaled, power);
  });
}

/**
 * tanh |x| = u / (1 + u) with u = (exp(2|x|) - 1) / 2, as b - b^2 / (1 + u) with b = min(u, 1): for u < 1 that is u - u^2 / (1 + u), whose
 * second term is the smaller the closer x is to 0, and its rounding counts as little; from there on it is 1 - 1 / (1 + u).
 */
export function tanh(code: VectorCode, type: FloatVector, value: Vector): Local {
  return code.scoped(() => {
    const { tanhLimit, tanhLn2, expNarrow } = formats[type];
    const x = code.local(value);
    const magnitude = code.local(code.op(`${type}.pmin`, code.absolute(type, x), code.splat(type, tanhLimit)));
    const { r, power } = reduceByLn2(code, type, magnitude, 0.5, tanhLn2);
    // (exp(2r) - 1) / 2 = r + r^2 Q(r), and u = 2^n (r + r^2 Q(r)) + (2^n - 1) / 2.
    const doubled = expNarrow.map((c, k) => c * 2 ** (k + 1));
    const halfExp = expMinusOne(code, type, r, doubled);
    const halfPower = code.multiplyAdd(type, power, code.splat(type, 0.5), code.splat(type, -0.5));
    const u = code.local(code.multiplyAdd(type, halfExp, power, halfPower));
    const one = code.splat(type, 1);
    const b = code.local(code.op(`${type}.pmin`, u, one));
    const quotient = code.op(`${type}.div`, b, code.op(`${type}.add`, u, one));
    return copySign(code, type, code.subtractProduct(type, quotient, b, b), x);
  });
}

/** `magnitude` (not negative) with the sign of x. */
function copySign(code: VectorCode, type: FloatVector, magnitude: Vector, x: Local): Vector {
  return code.op('v128.or', magnitude, code.op('v128.and', x, code.splat(type, -0)));
}

/** x + x P(x^2) up to 1, then 1 - 2^-Q(|x|): with powers of 2, the reduction of the exponent is exact and takes no products. */
export function erf(code: VectorCode, type: FloatVector, value: Vector): Local {
  return code.scoped(() => {
    const { erfSmall, erfLarge, erfLimit, exp2 } = formats[type];
    const x = code.local(value);
    const magnitude = code.local(code.op(`${type}.pmin`, code.absolute(type, x), code.splat(type, erfLimit)));
    const square = code.local(code.op(`${type}.mul`, magnitude, magnitude));
    const small = code.local(code.multiplyAdd(type, code.polynomial(type, square, erfSmall), x, x));
    const minusQ = erfLarge.map((c) => -Math.LOG2E * c);
    const exponent = code.local(code.polynomial(type, magnitude, minusQ, square));
    const { n, power } = nearestInteger(code, type, (shifter) => code.op(`${type}.add`, exponent, shifter));
    const r = code.local(code.op(`${type}.sub`, exponent, n));
    const one = code.splat(type, 1);
    const positive = code.subtractProduct(type, code.polynomial(type, r, exp2), power, one);
    const large = copySign(code, type, positive, x);
    return code.select(type, code.op(`${type}.lt`, magnitude, one), small, large);
  });
}

/**
 * x = 2^k m with m in [sqrt(1/2), sqrt(2)): m, and k + bias as a float. Adding the distance from sqrt(1/2) to 1, in bits, lets the exponent
 * field change at sqrt(1/2).
 */
function splitExponent(code: VectorCode, type: FloatVector, x: Local): { biased: Vector; mantissa: Vector } {
  const { mantissaBits, rounding, smallestNormal, bitsAboveSqrtHalf } = formats[type];
  const [integers, exponent] =
    type === 'f32x4' ? (['i32x4', 'i32x4.shr_u'] as const) : (['i64x2', 'i64x2.shr_u'] as const);
  const moved = code.local(code.op(`${integers}.add`, x, code.splat(type, bitsAboveSqrtHalf)));
  const k = code.shift(exponent, moved, mantissaBits);
  // As bits, the largest denormal is the mask of the mantissa.
  const largestDenormal = code.splat(type, smallestNormal - smallestNormal * 2 ** -mantissaBits);
  const fraction = code.op('v128.and', moved, largestDenormal);
  const mantissa = code.op(`${integers}.add`, fraction, code.splat(type, Math.SQRT1_2));
  if (type === 'f32x4') return { biased: code.op('f32x4.convert_i32x4_s', k), mantissa };
  // There is no conversion from 64-bit integers: add to the bits of a number whose unit in the last place is 1.
  const shifter = code.splat(type, rounding);
  return { biased: code.op('f64x2.sub', code.op('i64x2.add', k, shifter), shifter), mantissa };
}

/**
 * log(x) = k ln 2 + log(1 + f) with f in [sqrt(1/2) - 1, sqrt(2) - 1), and log(1 + f) = 2 atanh(s) with s = f / (2 + f), arranged
 * as f - (f^2/2 - s (f^2/2 + R)) so that the leading term is exact: the scheme of FreeBSD's msun (e_log.c, Sun 1993).
 */
export function log(code: VectorCode, type: FloatVector, value: Vector): Local {
  return code.scoped(() => {
    const { ln2, smallestNormal, mantissaBits, exponentBias, log: coefficients } = formats[type];
    const x = code.local(value);
    // Denormals are scaled into the normal range.
    const tiny = code.local(code.op(`${type}.lt`, x, code.splat(type, smallestNormal)));
    const larger = code.op(`${type}.mul`, x, code.splat(type, 2 ** mantissaBits));
    const scaled = code.local(code.select(type, tiny, larger, x));
    const { biased, mantissa } = splitExponent(code, type, scaled);
    const f = code.local(code.op(`${type}.sub`, mantissa, code.splat(type, 1)));
    const bias = code.select(type, tiny, code.splat(type, exponentBias + mantissaBits), code.splat(type, exponentBias));
    const k = code.local(code.op(`${type}.sub`, biased, bias));
    const s = code.local(code.op(`${type}.div`, f, code.op(`${type}.add`, f, code.splat(type, 2))));
    const z = code.local(code.op(`${type}.mul`, s, s));
    const halfSquare = code.local(code.op(`${type}.mul`, code.op(`${type}.mul`, f, f), code.splat(type, 0.5)));
    const bracket = code.multiplyAdd(type, code.polynomial(type, z, coefficients), z, halfSquare);
    const low = code.multiplyAdd(type, bracket, s, code.op(`${type}.mul`, k, code.splat(type, ln2[1])));
    const rest = code.op(`${type}.sub`, f, code.op(`${type}.sub`, halfSquare, low));
    // The product is exact.
    const finite = code.multiplyAdd(type, k, code.splat(type, ln2[0]), rest);
    // Infinity and NaN stay what they are; 0 gives -infinity, negative numbers NaN: all ones.
    const zero = code.splat(type, 0);
    const ordinary = code.select(type, code.op(`${type}.lt`, x, code.splat(type, Number.POSITIVE_INFINITY)), finite, x);
    const orNaN = code.op('v128.or', ordinary, code.op(`${type}.lt`, x, zero));
    const isZero = code.op(`${type}.eq`, x, zero);
    return code.select(type, isZero, code.splat(type, Number.NEGATIVE_INFINITY), orNaN);
  });
}

/** pi / 2 in three parts; multiples of the first two by integers of up to 20 bits are exact. */
const halfPi = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21] as const;

interface SinePolynomials {
  /** (sin(r) - r) / r^3 and (cos(r) - 1 + r^2/2) / r^4 as polynomials in r^2, for |r| <= pi/4. */
  readonly sine: readonly number[];
  readonly cosine: readonly number[];
}

const sinePolynomials: Readonly<Record<'single' | 'double', SinePolynomials>> = {
  single: {
    sine: [-0.16666666641527, 0.008333329374134986, -0.00019839331000613868, 2.7182745032653024e-6],
    cosine: [0.04166666664785987, -0.001388888553747608, 2.4799908328873977e-5, -2.72368490905725e-7],
  },
  double: {
    sine: [
      -0.1666666666666664, 0.008333333333323624, -0.00019841269830108826, 2.755731363850439e-6, -2.5050732379646726e-8,
      1.589457978152985e-10,
    ],
    cosine: [
      0.04166666666666665, -0.0013888888888882816, 2.480158729460575e-5, -2.7557315730261363e-7, 2.087589636756931e-9,
      -1.1367900041939653e-11,
    ],
  },
};

/** The polynomials for `sin` of single precision, likewise. */
export const sineOfSingles: SinePolynomials = sinePolynomials.single;

/** sin of two doubles: x = k pi/2 + r; the two low bits of k choose sin or cos of r, and the sign. */
function sinOfDoubles(code: VectorCode, x: Local, { sine, cosine }: SinePolynomials): Vector {
  const type = 'f64x2';
  const rounding = code.splat(type, formats[type].rounding);
  const shifted = code.local(code.multiplyAdd(type, x, code.splat(type, 2 / Math.PI), rounding));
  const k = code.local(code.op('f64x2.sub', shifted, rounding));
  const reduced = halfPi.reduce<Vector>((rest, part) => code.subtractProduct(type, k, code.splat(type, part), rest), x);
  const r = code.local(reduced);
  const z = code.local(code.op('f64x2.mul', r, r));
  const sinR = code.multiplyAdd(type, code.polynomial(type, z, sine), code.op('f64x2.mul', z, r), r);
  const withoutHead = code.subtractProduct(type, z, code.splat(type, 0.5), code.splat(type, 1));
  const cosR = code.multiplyAdd(type, code.polynomial(type, z, cosine), code.op('f64x2.mul', z, z), withoutHead);
  // As bits, the two smallest denormals are the integers 1 and 2.
  const one = code.splat(type, Number.MIN_VALUE);
  const odd = code.op('i64x2.eq', code.op('v128.and', shifted, one), one);
  const second = code.op('v128.and', shifted, code.splat(type, 2 * Number.MIN_VALUE));
  const chosen = code.op('v128.xor', code.select(type, odd, cosR, sinR), code.shift('i64x2.shl', second, 62));
  // Beyond the documented range r is no longer small: the result is inexact, but stays a sine's.
  return code.op('f64x2.pmax', code.op('f64x2.pmin', chosen, code.splat(type, 1)), code.splat(type, -1));
}

/** For |x| up to 10^6. Single precision is computed in double. */
export function sin(code: VectorCode, type: FloatVector, value: Vector): Local {
  return code.scoped(() => {
    const x = code.local(value);
    if (type === 'f64x2') return sinOfDoubles(code, x, sinePolynomials.double);
    const half = (part: Vector): Vector => {
      const wide = code.local(code.op('f64x2.promote_low_f32x4', part));
      return code.local(code.op('f32x4.demote_f64x2_zero', sinOfDoubles(code, wide, sinePolynomials.single)));
    };
    return code.shuffle32(half(x), half(code.highHalf(x)), [0, 1, 4, 5]);
  });
}
