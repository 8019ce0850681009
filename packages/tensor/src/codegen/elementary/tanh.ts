/** The hyperbolic tangent. */
import { expMinusOne, expMinusOneTails, reduceByLn2 } from './exp.ts';
import {
  absolute,
  add,
  atMost,
  copySign,
  div,
  type Float,
  mul,
  multiplyAdd,
  sub,
  subtractProduct,
} from './expression.ts';
import { floatFormats, type Precision } from './float-format.ts';
import { argument, type ElementaryFunction, elementaryFunction } from './function.ts';

interface Coefficients {
  /** From here on, tanh is 1. */
  readonly limit: number;
  /** ln 2: in single precision its first eight multiples are exact, and where n is larger, exp(-2|x|) hardly contributes. */
  readonly ln2: readonly number[];
}

const coefficients: Readonly<Record<Precision, Coefficients>> = {
  f32: {
    limit: 10,
    ln2: [Math.LN2],
  },
  f64: {
    limit: 22,
    ln2: floatFormats.f64.ln2,
  },
};

/**
 * tanh |x| = u / (1 + u) with u = (exp(2|x|) - 1) / 2, as b - b^2 / (1 + u) with b = min(u, 1): for u < 1 that is u - u^2 / (1 + u), whose
 * second term, and with it the effect of its rounding, is the smaller the closer x is to 0; for larger u it is 1 - 1 / (1 + u).
 */
function compute(x: Float, precision: Precision): Float {
  const { limit, ln2 } = coefficients[precision];
  const tail = expMinusOneTails[precision];
  const magnitude = atMost(absolute(x), limit);
  const { r, power } = reduceByLn2(magnitude, 0.5, ln2);
  // (exp(2r) - 1) / 2 = r + r^2 Q(r), and u = 2^n (r + r^2 Q(r)) + (2^n - 1) / 2.
  const doubled = tail.map((c, k) => c * 2 ** (k + 1));
  const u = multiplyAdd(expMinusOne(r, doubled), power, multiplyAdd(power, 0.5, -0.5));
  const b = atMost(u, 1);
  return copySign(subtractProduct(div(b, add(u, 1)), b, b), x);
}

/**
 * tanh |x| = t / (t + 2) with t = exp(2|x|) - 1. Of the above, Mesa's compiler makes u = 2^n (q + 1/2) - 1/2, which loses all digits of a
 * small q.
 */
function computeInShader(x: Float): Float {
  const { limit } = coefficients.f32;
  const twice = mul(atMost(absolute(x), limit), 2);
  const { r, power } = reduceByLn2(twice, 1, floatFormats.f32.ln2);
  const t = multiplyAdd(expMinusOne(r, expMinusOneTails.f32), power, sub(power, 1));
  return copySign(div(t, add(t, 2)), x);
}

export const tanh: ElementaryFunction = { ...elementaryFunction(compute), shader: computeInShader(argument) };
