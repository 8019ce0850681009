/** The expressions of elementary functions, computed with JavaScript's numbers: what they mean, whatever a backend makes of them. */
import { describe, expect, it } from 'vitest';
import { unaryOperators } from '../../kernel/operators.ts';
import { type Float, type Primitives, translate } from './expression.ts';
import { floatFormats, type Precision } from './float-format.ts';
import { shaderExpression } from './function.ts';
import { elementaryFunctions, elementaryNames } from './index.ts';

/** x = 2^k m with m in [sqrt(1/2), sqrt(2)). */
function splitNumber(x: number): { k: number; m: number } {
  const k = Math.round(Math.log2(x));
  return { k, m: x / 2 ** k };
}

function numbers(precision: Precision): Primitives<number, boolean> {
  const { mantissaBits, exponentBias } = floatFormats[precision];
  const round = precision === 'f32' ? Math.fround : (x: number): number => x;
  return {
    constant: round,
    add: (a, b) => round(a + b),
    sub: (a, b) => round(a - b),
    mul: (a, b) => round(a * b),
    div: (a, b) => round(a / b),
    multiplyAdd: (a, b, c) => round(round(a * b) + c),
    subtractProduct: (a, b, c) => round(c - round(a * b)),
    atMost: Math.min,
    atLeast: Math.max,
    absolute: Math.abs,
    copySign: (magnitude, sign) => (sign < 0 || Object.is(sign, -0) ? -magnitude : magnitude),
    floor: Math.floor,
    highPart: (x) => {
      const bits = Math.floor((mantissaBits + 1) / 2);
      const unit = 2 ** (Math.floor(Math.log2(Math.abs(x))) - bits + 1);
      return Number.isFinite(unit) && unit > 0 ? Math.trunc(x / unit) * unit : x;
    },
    less: (a, b) => a < b,
    isZero: (x) => x === 0,
    isBelowInfinity: (x) => x < Number.POSITIVE_INFINITY,
    select: (condition, yes, no) => (condition ? yes : no),
    nanWhere: (condition, x) => (condition ? Number.NaN : x),
    exponent: (x, factor = 1) => Math.round(round(x * factor)),
    exponentNumber: (n) => n,
    powerOfTwo: (n) => 2 ** n,
    quadrant: (x, factor) => Math.round(round(x * factor)),
    quadrantNumber: (k) => k,
    nextQuadrant: (k) => k + 1,
    isOdd: (k) => k % 2 !== 0,
    negateInSecondHalf: (k, x) => ((k & 2) === 0 ? x : -x),
    enlargeDenormal: (x) => x * 2 ** mantissaBits,
    split: (x) => x,
    biasedExponent: (x) => splitNumber(x).k + exponentBias,
    significand: (x) => splitNumber(x).m,
  };
}

const evaluate = (result: Float, precision: Precision, x: number): number => {
  const keep = (value: number): number => value;
  const translator = { primitives: numbers(precision), keep, keepMask: (mask: boolean) => mask };
  return translate([result], translator, { x })[0] ?? Number.NaN;
};

const special = [0, -0, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1e-40, 2 ** -126];
const inputs = [
  ...special,
  ...Array.from({ length: 400 }, (_, k) => (k - 200.3) / 20),
  ...Array.from({ length: 100 }, (_, k) => 2 ** (k / 2 - 48.3) * (k % 2 === 0 ? 1 : -1)),
].map(Math.fround);

describe.each(elementaryNames)('%s', (name) => {
  it.each([
    ['f32', elementaryFunctions[name].f32],
    ['f64', elementaryFunctions[name].f64],
    ['f32', shaderExpression(elementaryFunctions[name])],
  ] as const)('is right to the last places in %s', (precision, expression) => {
    const { mantissaBits, smallestNormal } = floatFormats[precision];
    const unit = 2 ** -mantissaBits;
    for (const x of inputs) {
      const value = evaluate(expression, precision, x);
      const expected = unaryOperators[name].compute(x);
      if (Number.isFinite(expected))
        // Reduction of an argument by multiples of pi/2 is exact to 2^-40 in single precision.
        expect(Math.abs(value - expected), `at ${x}`).toBeLessThanOrEqual(
          4 * unit * Math.abs(expected) + (name === 'sin' ? 2 ** -40 : 0) + unit * smallestNormal,
        );
      else expect(value, `at ${x}`).toBe(expected);
    }
  });
});
