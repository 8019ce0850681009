/**
 * Functions of floats. gpu.js computes on the CPU with JavaScript's own functions; on GPUs with the shading language's, which may be
 * off by 1e-3 (sin), overflow (tanh), or leave out what happens outside of the domain (log): there they are built of what is exact.
 */
import type { UnaryOp } from '../../kernel/operators.ts';
import { erfOfSingles, sineOfSingles } from '../wasm/vectors/vector-math.ts';
import type { CellCode } from './cell-code.ts';
import { choose, compare, floor, minus, plus, type Term, textOf, times } from './term.ts';

export type FloatFunction = Exclude<UnaryOp, 'cast' | 'neg' | 'recip' | 'floor'>;
export type FloatMath = Readonly<Record<FloatFunction, (code: CellCode, x: Term) => Term>>;

const call =
  (name: string) =>
  (_: CellCode, x: Term): Term =>
    `Math.${name}(${textOf(x)})`;

/** c[0] + c[1] x + c[2] x^2 + ... */
const polynomial = (x: Term, coefficients: readonly number[]): Term =>
  coefficients.reduceRight<Term>((sum, c) => plus(c, times(x, sum)), 0);

/** NaN stays NaN. */
const absolute = (code: CellCode, x: Term): Term => code.local(choose(compare(x, '<', 0), minus(0, x), x));
const atMost = (code: CellCode, x: Term, limit: number): Term => code.local(choose(compare(x, '>', limit), limit, x));
const withSignOf = (x: Term, magnitude: Term): Term => choose(compare(x, '<', 0), minus(0, magnitude), magnitude);

/** ln 2 in two parts; multiples of the first by integers of up to 12 bits are exact in single precision. */
const ln2 = [0.693145751953125, 1.428606765330187e-6] as const;

/**
 * exp(x) = 2^n exp(x - n ln 2): the shading language's own loses a digit for every bit of x, and is exact near 0. 2^n is made in two
 * steps, since 2^128 is no float.
 */
function exp(code: CellCode, value: Term): Term {
  const unlimited = code.local(value);
  const x = code.local(choose(compare(unlimited, '<', -104), -104, choose(compare(unlimited, '>', 89), 89, unlimited)));
  const n = code.local(floor(plus(times(x, Math.LOG2E), 0.5)));
  const r = code.local(minus(minus(x, times(n, ln2[0])), times(n, ln2[1])));
  const half = code.local(floor(times(n, 0.5)));
  const power = (exponent: Term): Term => powerOfTwo(code, exponent);
  const result = code.local(times(times(`Math.exp(${textOf(r)})`, power(half)), power(code.local(minus(n, half)))));
  // The limits above may take NaN for a number.
  return choose(compare(unlimited, '==', unlimited), result, unlimited);
}

/** 2^n for whole n of -127 to 127, by the bits of |n|. */
function powerOfTwo(code: CellCode, n: Term): Term {
  const size = absolute(code, n);
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
}

/** By a Padé approximant near 0, where 1 - 2 / (exp(2x) + 1) would lose digits; 1 from 10 on. */
const tanhWith =
  (exponential: (code: CellCode, x: Term) => Term) =>
  (code: CellCode, value: Term): Term => {
    const x = code.local(value);
    const magnitude = atMost(code, absolute(code, x), 10);
    const z = code.local(times(x, x));
    const small = code.local(
      `${textOf(times(x, polynomial(z, [135135, 17325, 378, 1])))} / ${textOf(polynomial(z, [135135, 62370, 3150, 28]))}`,
    );
    const twice = code.local(times(magnitude, 2));
    const e = code.local(exponential(code, twice));
    const large = code.local(`1 - 2 / ${textOf(plus(e, 1))}`);
    return choose(compare(magnitude, '<', 0.6), small, withSignOf(x, large));
  };

/** x + x P(x^2) up to 1, then 1 - exp(-Q(|x|)); the polynomials are those of the WebAssembly backend. */
const erfWith =
  (exponential: (code: CellCode, x: Term) => Term) =>
  (code: CellCode, value: Term): Term => {
    const { small, large, limit } = erfOfSingles;
    const x = code.local(value);
    const magnitude = absolute(code, x);
    const z = code.local(times(x, x));
    const near = code.local(plus(x, times(x, polynomial(z, small))));
    const limited = atMost(code, magnitude, limit);
    const exponent = code.local(minus(0, polynomial(limited, large)));
    const far = code.local(minus(1, exponential(code, exponent)));
    return choose(compare(magnitude, '<', 1), near, withSignOf(x, far));
  };

/** 0 gives -infinity, negative numbers and NaN give NaN. */
function log(code: CellCode, value: Term): Term {
  const x = code.local(value);
  const positive = code.local(choose(compare(x, '>', 0), x, 1));
  const infinity = code.number(Number.POSITIVE_INFINITY);
  const outside = choose(compare(x, '==', 0), code.number(Number.NEGATIVE_INFINITY), code.number(Number.NaN));
  const finite = choose(compare(positive, '==', infinity), infinity, `Math.log(${textOf(positive)})`);
  return choose(compare(x, '>', 0), finite, outside);
}

/** pi / 2 in three parts; multiples of the first two by integers of up to 13 bits are exact in single precision. */
const halfPi = [1.5703125, 4.837512969970703e-4, 7.549789948768648e-8] as const;

/** x = k pi/2 + r; k modulo 4 chooses the sine or the cosine of r, and the sign. For |x| up to 10^4. */
function sin(code: CellCode, value: Term): Term {
  const x = code.local(value);
  const k = code.local(floor(plus(times(x, 2 / Math.PI), 0.5)));
  const r = code.local(halfPi.reduce<Term>((rest, part) => minus(rest, times(k, part)), x));
  const z = code.local(times(r, r));
  const sine = code.local(plus(r, times(times(r, z), polynomial(z, sineOfSingles.sine))));
  const cosine = code.local(plus(minus(1, times(z, 0.5)), times(times(z, z), polynomial(z, sineOfSingles.cosine))));
  const half = code.local(floor(times(k, 0.5)));
  const odd = compare(minus(k, times(half, 2)), '>', 0);
  const chosen = code.local(choose(odd, cosine, sine));
  const negative = compare(minus(half, times(floor(times(half, 0.5)), 2)), '>', 0);
  return choose(negative, minus(0, chosen), chosen);
}

const sqrt = call('sqrt');

/** JavaScript's own functions. */
export const javascriptMath: FloatMath = {
  sqrt,
  exp: call('exp'),
  log: call('log'),
  sin: call('sin'),
  tanh: tanhWith(call('exp')),
  erf: erfWith(call('exp')),
};

/** Built of operations that shading languages specify tightly. */
export const shaderMath: FloatMath = { sqrt, exp, log, sin, tanh: tanhWith(exp), erf: erfWith(exp) };
