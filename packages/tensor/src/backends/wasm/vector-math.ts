/**
 * exp, log, sin, tanh and erf on vectors of floats, without branches. One algorithm serves both precisions; tables hold what
 * differs. Unless a comment says otherwise, polynomials are minimax fits of the relative error (Remez exchange in 40 digits).
 *
 * Largest errors seen, in units in the last place, whether or not products and sums are fused (see `vector-math.test.ts`):
 *
 *           exp   log   sin   tanh  erf
 *     f32   1.4   0.8   0.5   2.3   1.3
 *     f64   1     1     2     2     1
 */
import type { Local } from './encoder.ts';
import type { FloatVector, Vector, VectorCode } from './vector-code.ts';

interface FloatFormat {
  readonly mantissaBits: number;
  readonly exponentBias: number;
  /** 1.5 * 2^mantissaBits: adding it rounds to the nearest integer, which the low bits of the sum then hold. */
  readonly rounding: number;
  readonly smallestNormal: number;
  /** ln 2 in two parts; multiples of the first by integers of up to 12 bits are exact. */
  readonly ln2: readonly [high: number, low: number];
  /** Outside of these, exp is 0 or infinite. */
  readonly expRange: readonly [low: number, high: number];
  /** (exp(r) - 1 - r) / r^2 for |r| <= ln 2. */
  readonly expWide: readonly number[];
  /** The same for |r| <= ln(2) / 2, fitted for the relative error of exp(r) - 1. */
  readonly expNarrow: readonly number[];
  /** (2 atanh(s) - 2s) / s^3 as a polynomial in s^2, for |s| <= (sqrt(2) - 1) / (sqrt(2) + 1). */
  readonly log: readonly number[];
  /** From here on, tanh is 1. */
  readonly tanhLimit: number;
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
    ln2: [0.693145751953125, 1.428606765330187e-6],
    expRange: [-104, 89],
    expWide: [
      0.5, 0.16666673123836517, 0.04166652634739876, 0.008332528173923492, 0.0013893701834604144, 0.000201097980607301,
      2.4440187189611606e-5,
    ],
    expNarrow: [
      0.4999999701976776, 0.1666654348373413, 0.04166720062494278, 0.00836651399731636, 0.0013882523635402322,
    ],
    log: [0.6666678190231323, 0.3997707962989807, 0.298851877450943],
    tanhLimit: 10,
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
    log: [
      0.6666666666666713, 0.3999999999949005, 0.285714287374266, 0.22222198137071764, 0.18183625844773946,
      0.1531168071578947, 0.1482610778449771,
    ],
    tanhLimit: 22,
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

/** x = n * step * ln 2 + r: r and 2^n. */
function reduceByLn2(code: VectorCode, type: FloatVector, x: Local, step: number): { r: Local; power: Local } {
  const { rounding, exponentBias, mantissaBits, ln2 } = formats[type];
  // The low bits of `shifted` are n + bias: the exponent field of 2^n, once moved to its place.
  const shifter = code.splat(type, rounding + exponentBias);
  const shifted = code.local(code.multiplyAdd(type, x, code.splat(type, Math.LOG2E / step), shifter));
  const n = code.local(code.op(`${type}.sub`, shifted, shifter));
  const partly = code.subtractProduct(type, n, code.splat(type, step * ln2[0]), x);
  const r = code.local(code.subtractProduct(type, n, code.splat(type, step * ln2[1]), partly));
  return { r, power: code.local(code.shift(shiftLeft[type], shifted, mantissaBits)) };
}

/** exp(r) - 1 = r + r^2 q(r). */
function expMinusOne(code: VectorCode, type: FloatVector, r: Local, q: readonly number[]): Vector {
  return code.multiplyAdd(type, code.polynomial(type, r, q), code.op(`${type}.mul`, r, r), r);
}

/** exp of what is known to lie so near to 0 that the result is a normal number. */
function expOfModerate(code: VectorCode, type: FloatVector, x: Local): Vector {
  const { r, power } = reduceByLn2(code, type, x, 1);
  return code.multiplyAdd(type, expMinusOne(code, type, r, formats[type].expNarrow), power, power);
}

/**
 * exp(x) = 2^n * 2^n * exp(x - 2n ln 2): 2^n is a normal number for every x whose result is neither 0 nor infinite, and the one
 * rounding of a denormal result comes with the last product.
 */
export function exp(code: VectorCode, type: FloatVector, x: Vector): Local {
  return code.scoped(() => {
    const { expRange, expWide } = formats[type];
    // The order of operands lets NaN through: pmin(a, b) is a unless b < a.
    const below = code.op(`${type}.pmin`, x, code.splat(type, expRange[1]));
    const clamped = code.local(code.op(`${type}.pmax`, below, code.splat(type, expRange[0])));
    const { r, power } = reduceByLn2(code, type, clamped, 2);
    const scaled = code.multiplyAdd(type, expMinusOne(code, type, r, expWide), power, power);
    return code.op(`${type}.mul`, scaled, power);
  });
}

/** tanh |x| = t / (t + 2) with t = exp(2|x|) - 1, which loses no digits near 0. */
export function tanh(code: VectorCode, type: FloatVector, value: Vector): Local {
  return code.scoped(() => {
    const { tanhLimit, expNarrow } = formats[type];
    const x = code.local(value);
    const magnitude = code.local(code.op(`${type}.pmin`, code.absolute(type, x), code.splat(type, tanhLimit)));
    const { r, power } = reduceByLn2(code, type, code.local(code.op(`${type}.add`, magnitude, magnitude)), 1);
    const minusOne = code.op(`${type}.sub`, power, code.splat(type, 1));
    const t = code.local(code.multiplyAdd(type, expMinusOne(code, type, r, expNarrow), power, minusOne));
    return copySign(code, type, code.op(`${type}.div`, t, code.op(`${type}.add`, t, code.splat(type, 2))), x);
  });
}

/** `magnitude` (not negative) with the sign of x. */
function copySign(code: VectorCode, type: FloatVector, magnitude: Vector, x: Local): Vector {
  return code.op('v128.or', magnitude, code.op('v128.and', x, code.splat(type, -0)));
}

/** x + x P(x^2) up to 1, then 1 - exp(-Q(|x|)). */
export function erf(code: VectorCode, type: FloatVector, value: Vector): Local {
  return code.scoped(() => {
    const { erfSmall, erfLarge, erfLimit } = formats[type];
    const x = code.local(value);
    const magnitude = code.local(code.absolute(type, x));
    const square = code.local(code.op(`${type}.mul`, x, x));
    const small = code.multiplyAdd(type, code.polynomial(type, square, erfSmall), x, x);
    const limited = code.local(code.op(`${type}.pmin`, magnitude, code.splat(type, erfLimit)));
    const exponent = code.local(code.negate(type, code.polynomial(type, limited, erfLarge)));
    const tail = expOfModerate(code, type, exponent);
    const large = copySign(code, type, code.op(`${type}.sub`, code.splat(type, 1), tail), x);
    return code.select(type, code.op(`${type}.lt`, magnitude, code.splat(type, 1)), small, large);
  });
}

/** The integer part of log2(x / sqrt(1/2)), as a float, and x divided by that power of 2: in [sqrt(1/2), sqrt(2)). */
function splitExponent(code: VectorCode, type: FloatVector, x: Local): { exponent: Vector; mantissa: Vector } {
  const { mantissaBits, rounding } = formats[type];
  const integers = type === 'f32x4' ? 'i32x4' : 'i64x2';
  const offset = code.op(`${integers}.sub`, x, code.splat(type, Math.SQRT1_2));
  const exponent = code.local(code.shift(`${integers}.shr_s`, offset, mantissaBits));
  const mantissa = code.op(`${integers}.sub`, x, code.shift(`${integers}.shl`, exponent, mantissaBits));
  if (type === 'f32x4') return { exponent: code.op('f32x4.convert_i32x4_s', exponent), mantissa };
  // There is no conversion from 64-bit integers: add to the bits of a number whose unit in the last place is 1.
  const shifter = code.splat(type, rounding);
  return { exponent: code.op('f64x2.sub', code.op('i64x2.add', exponent, shifter), shifter), mantissa };
}

/**
 * log(x) = k ln 2 + log(1 + f) with f in [sqrt(1/2) - 1, sqrt(2) - 1), and log(1 + f) = 2 atanh(s) with s = f / (2 + f), arranged
 * as f - (f^2/2 - s (f^2/2 + R)) so that the leading term is exact: the scheme of FreeBSD's msun (e_log.c, Sun 1993).
 */
export function log(code: VectorCode, type: FloatVector, value: Vector): Local {
  return code.scoped(() => {
    const { ln2, smallestNormal, mantissaBits, log: coefficients } = formats[type];
    const x = code.local(value);
    const zero = code.splat(type, 0);
    // Denormals are scaled into the normal range.
    const tiny = code.local(code.op(`${type}.lt`, x, code.splat(type, smallestNormal)));
    const larger = code.op(`${type}.mul`, x, code.splat(type, 2 ** mantissaBits));
    const scaled = code.local(code.select(type, tiny, larger, x));
    const { exponent, mantissa } = splitExponent(code, type, scaled);
    const k = code.local(code.op(`${type}.sub`, exponent, code.op('v128.and', tiny, code.splat(type, mantissaBits))));
    const f = code.local(code.op(`${type}.sub`, mantissa, code.splat(type, 1)));
    const s = code.local(code.op(`${type}.div`, f, code.op(`${type}.add`, f, code.splat(type, 2))));
    const z = code.local(code.op(`${type}.mul`, s, s));
    const tail = code.op(`${type}.mul`, code.polynomial(type, z, coefficients), z);
    const halfSquare = code.local(code.op(`${type}.mul`, code.op(`${type}.mul`, f, f), code.splat(type, 0.5)));
    const lowPart = code.op(`${type}.mul`, k, code.splat(type, ln2[1]));
    const low = code.multiplyAdd(type, code.op(`${type}.add`, tail, halfSquare), s, lowPart);
    const rest = code.op(`${type}.sub`, code.op(`${type}.sub`, halfSquare, low), f);
    const finite = code.op(`${type}.sub`, code.op(`${type}.mul`, k, code.splat(type, ln2[0])), rest);
    // 0 gives -infinity, infinity itself, negative numbers and NaN give NaN.
    const infinity = code.splat(type, Number.POSITIVE_INFINITY);
    const positive = code.local(code.op(`${type}.gt`, x, zero));
    const ordinary = code.op('v128.and', positive, code.op(`${type}.lt`, x, infinity));
    const isZero = code.op(`${type}.eq`, x, zero);
    const negativeInfinity = code.splat(type, Number.NEGATIVE_INFINITY);
    const notPositive = code.select(type, isZero, negativeInfinity, code.splat(type, Number.NaN));
    return code.select(type, ordinary, finite, code.select(type, positive, infinity, notPositive));
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
