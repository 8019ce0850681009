/**
 * Functions of floats. gpu.js computes on the CPU with JavaScript's own functions. On GPUs it computes with those of the shading
 * language, which may be inaccurate by 1e-3 (sin), overflow (tanh), or leave undefined what happens outside of the domain (log): there
 * functions are composed of operations that are exact.
 */
import { erfParts } from '../../codegen/elementary/erf.ts';
import { type Float, type Primitives, translate } from '../../codegen/elementary/expression.ts';
import { floatFormats } from '../../codegen/elementary/float-format.ts';
import { argument, shaderExpression } from '../../codegen/elementary/function.ts';
import {
  type ElementaryName,
  type ElementaryNameOfTwo,
  elementaryFunctions,
  elementaryFunctionsOfTwo,
  elementaryNames,
} from '../../codegen/elementary/index.ts';
import type { UnaryFunction } from '../../kernel/operators.ts';
import type { CellCode } from './cell-code.ts';
import { both, type Condition, choose, compare, floor, minus, plus, type Term, textOf, times } from './term.ts';

/** Code for a function of one float, and of two. */
type FloatCode = (code: CellCode, x: Term) => Term;
type PairCode = (code: CellCode, x: Term, y: Term) => Term;

/** The functions whose code depends on the mode. */
export type FloatFunction = Exclude<UnaryFunction, 'neg' | 'recip' | 'floor' | 'ceil' | 'trunc' | 'round'>;
export type FloatMath = Readonly<Record<FloatFunction | 'powerOfTwo', FloatCode>> &
  Readonly<Record<ElementaryNameOfTwo, PairCode>>;

const call =
  (name: string): FloatCode =>
  (_, x) =>
    `Math.${name}(${textOf(x)})`;

const quotient = (a: Term, b: Term): Term => `(${textOf(a)} / ${textOf(b)})`;

const { mantissaBits, exponentBias } = floatFormats.f32;

/** Bits of floats cannot be reached: the exponent is found by a logarithm, and signs are chosen. */
function primitivesFor(code: CellCode, powerOfTwo: FloatCode): Primitives<Term, Condition> {
  const nearest = (x: Term): Term => floor(plus(x, 0.5));
  const half = (k: Term): Term => code.local(floor(times(k, 0.5)));
  const isOdd = (k: Term): Condition => compare(minus(k, times(half(k), 2)), '>', 0);
  /** k of x = 2^k m, for m near 1: at the edges of the interval of m, k may be the neighboring integer. */
  const exponentOf = (x: Term): Term => code.local(nearest(times(`Math.log(${textOf(x)})`, Math.LOG2E)));
  return {
    constant: (value) => code.number(value),
    add: plus,
    sub: minus,
    mul: times,
    div: quotient,
    multiplyAdd: (a, b, c) => plus(times(a, b), c),
    subtractProduct: (a, b, c) => minus(c, times(a, b)),
    atMost: (x, limit) => atMost(code.local(x), limit),
    atLeast: (x, limit) => atLeast(code.local(x), limit),
    absolute: (x) => absolute(code.local(x)),
    floor,
    // Veltkamp's splitting. A compiler that simplifies it costs a few bits of the results.
    highPart: (x) => {
      const scaled = code.local(times(x, 4097));
      return minus(scaled, code.local(minus(scaled, x)));
    },
    copySign: (magnitude, sign) => withSignOf(sign, code.local(magnitude)),

    less: (a, b) => compare(a, '<', b),
    isZero: (x) => compare(x, '==', 0),
    isBelowInfinity: (x) => compare(x, '<', code.number(Number.POSITIVE_INFINITY)),
    select: choose,
    nanWhere: (condition, x) => choose(condition, code.number(Number.NaN), x),

    exponent: (x, factor = 1) => nearest(times(x, factor)),
    exponentNumber: (n) => n,
    powerOfTwo: (n) => powerOfTwo(code, n),

    quadrant: (x, factor) => nearest(times(x, factor)),
    quadrantNumber: (k) => k,
    nextQuadrant: (k) => plus(k, 1),
    isOdd,
    negateInSecondHalf: (k, x) => {
      const value = code.local(x);
      return choose(isOdd(half(k)), minus(0, value), value);
    },

    enlargeDenormal: (x) => times(x, 2 ** mantissaBits),
    split: (x) => x,
    biasedExponent: (x) => plus(exponentOf(x), exponentBias),
    // Two powers of the exponent are multiplied apart: 2^-127 is not a normal number.
    significand: (x) => {
      const isLarge = compare(x, '>', 1);
      const [scale, shift] = [code.local(choose(isLarge, 0.25, 4)), code.local(choose(isLarge, 2, -2))];
      return times(times(x, scale), powerOfTwo(code, code.local(minus(shift, exponentOf(x)))));
    },
  };
}

const atMost = (x: Term, limit: Term): Term => choose(compare(x, '>', limit), limit, x);
const atLeast = (x: Term, limit: Term): Term => choose(compare(x, '<', limit), limit, x);
const absolute = (x: Term): Term => choose(compare(x, '<', 0), minus(0, x), x);
const withSignOf = (x: Term, magnitude: Term): Term => choose(compare(x, '<', 0), minus(0, magnitude), magnitude);

/** 2^n for whole n of -127 to 127, by the bits of |n|. */
const powerByBits: FloatCode = (code, n) => {
  const size = code.local(absolute(n));
  const negative = code.local(choose(compare(n, '<', 0), 1, 0));
  let rest: Term = size;
  let result: Term = 1;
  for (let bit = 0; bit < 7; bit++) {
    const half = code.local(floor(times(rest, 0.5)));
    const factor = 2 ** (2 ** bit);
    const set = compare(minus(rest, times(half, 2)), '>', 0);
    const chosen = code.local(choose(compare(negative, '>', 0), 1 / factor, factor));
    result = code.local(times(result, choose(set, chosen, 1)));
    rest = half;
  }
  return result;
};

/** 2^n with JavaScript's exact power. */
const powerByFunction: FloatCode = (_, n) => `Math.pow(2, ${textOf(n)})`;

/** Code for expressions of `x` and `y`. */
function composed(
  code: CellCode,
  operands: Readonly<Record<string, Term>>,
  powerOfTwo: FloatCode,
  results: readonly Float[],
): Term[] {
  const keep = (term: Term): Term => code.local(term);
  const translator = { primitives: primitivesFor(code, powerOfTwo), keep, keepMask: (mask: Condition) => mask };
  return translate(results, translator, operands).map(keep);
}

/** All elementary functions, composed of primitives, which may take NaN for a number. */
const allComposed = (powerOfTwo: FloatCode): Readonly<Record<ElementaryName, FloatCode>> =>
  Object.fromEntries(
    elementaryNames.map((name): [string, FloatCode] => [
      name,
      (code, value) => {
        const x = code.local(value);
        const [result = x] = composed(code, { x }, powerOfTwo, [shaderExpression(elementaryFunctions[name])]);
        return choose(compare(x, '==', x), result, x);
      },
    ]),
  ) as Record<ElementaryName, FloatCode>;

/** The shading language's, which is exact within the domain; of 0 it is -infinity, of negative numbers and NaN it is NaN. */
const guardedLog: FloatCode = (code, value) => {
  const x = code.local(value);
  const positive = code.local(choose(compare(x, '>', 0), x, 1));
  const infinity = code.number(Number.POSITIVE_INFINITY);
  const outside = choose(compare(x, '==', 0), code.number(Number.NEGATIVE_INFINITY), code.number(Number.NaN));
  const finite = choose(compare(positive, '==', infinity), infinity, `Math.log(${textOf(positive)})`);
  return choose(compare(x, '>', 0), finite, outside);
};

const exponential = call('exp');

const { near, logOfRest } = erfParts(argument, 'f32');

/** With one call of a function; it takes 10 % less time than the primitives that erf is composed of. */
const erfByExp: FloatCode = (code, value) => {
  const x = code.local(value);
  const [small = x, exponent = x] = composed(code, { x }, powerByFunction, [near, logOfRest]);
  const large = code.local(minus(1, exponential(code, times(exponent, Math.LN2))));
  return choose(compare(absolute(x), '<', 1), small, withSignOf(x, large));
};

/** Likewise: by a Padé approximant near 0, where 1 - 2 / (exp(2x) + 1) would lose digits. */
const tanhByExp: FloatCode = (code, value) => {
  const x = code.local(value);
  const magnitude = code.local(atMost(code.local(absolute(x)), 10));
  const z = code.local(times(x, x));
  const sum = (coefficients: readonly number[]): Term =>
    coefficients.reduceRight<Term>((rest, c) => plus(c, times(z, rest)), 0);
  const small = quotient(times(x, sum([135135, 17325, 378, 1])), sum([135135, 62370, 3150, 28]));
  const large = minus(1, quotient(2, plus(exponential(code, times(magnitude, 2)), 1)));
  return choose(compare(magnitude, '<', 0.6), code.local(small), withSignOf(x, code.local(large)));
};

/** C's, which differs from JavaScript's where |x| is 1. */
const powByFunction: PairCode = (code, a, b) => {
  const [x, y] = [code.local(a), code.local(b)];
  const isInfinite = compare(code.local(absolute(y)), '>', largestSingle);
  const value = choose(both(compare(x, '==', -1), isInfinite), 1, `Math.pow(${textOf(x)}, ${textOf(y)})`);
  return choose(compare(x, '==', 1), 1, value);
};

const largestSingle = (2 - 2 ** -23) * 2 ** 127;

/** Composed of primitives, which may take NaN for a number. */
const powComposed: PairCode = (code, a, b) => {
  const [x, y] = [code.local(a), code.local(b)];
  const [result = x] = composed(code, { x, y }, powerByBits, [shaderExpression(elementaryFunctionsOfTwo.pow)]);
  const ofNumbers = code.local(choose(compare(x, '==', x), choose(compare(y, '==', y), result, y), x));
  return choose(compare(x, '==', 1), 1, choose(compare(y, '==', 0), 1, ofNumbers));
};

/** JavaScript's own functions. */
export const javascriptMath: FloatMath = {
  ...allComposed(powerByFunction),
  sqrt: call('sqrt'),
  exp: exponential,
  log: call('log'),
  sin: call('sin'),
  cos: call('cos'),
  tanh: tanhByExp,
  erf: erfByExp,
  pow: powByFunction,
  powerOfTwo: powerByFunction,
};

/** Composed of operations that shading languages specify tightly. */
export const shaderMath: FloatMath = {
  ...allComposed(powerByBits),
  sqrt: call('sqrt'),
  log: guardedLog,
  pow: powComposed,
  powerOfTwo: powerByBits,
};
