/** Conformance cases of the functions of `methods/mathematics.ts`: exponentials, angles, rounding, kinds of numbers, sums of products. */
import { tensor } from '../functions.ts';
import { erfc } from '../kernel/erf.ts';
import { nth } from '../kernel/nth.ts';
import { atan2, lerp, xlogy } from '../mathematics.ts';
import type { Tensor } from '../tensor.ts';
import { bool, type OpCase, scattered } from './op-case.ts';

const { POSITIVE_INFINITY: inf, NaN: nan } = Number;
const special = [0, -0, 1, -1, inf, -inf, nan];
const signed = scattered(12, 4);
const positive = signed.map((x) => Math.abs(x) + 0.1);
/** Numbers of which 1 + x would keep few digits. */
const small = [1e-10, -1e-10, 3e-5, -2e-4, 0.01, -0.02, 1e-30];
const unit = scattered(11, 0.999);

const inOneDtype = (
  name: string,
  compute: (x: Tensor) => Tensor,
  formula: (x: number) => number,
  inputs: readonly number[],
  dtype: 'f32' | 'f64',
): OpCase => ({
  name: `${name} ${dtype}`,
  compute: () => compute(tensor(inputs, { dtype })),
  expected: inputs.map((x) => formula(dtype === 'f32' ? Math.fround(x) : x)),
  shape: [inputs.length],
  dtype,
  tolerance: dtype === 'f32' ? 1e-6 : 1e-14,
  relative: true,
  ...(dtype === 'f64' ? { needs: ['f64'] } : {}),
});

/** A function of one tensor in both precisions, with an error relative to each value. */
const unary = (
  name: string,
  compute: (x: Tensor) => Tensor,
  formula: (x: number) => number,
  inputs: readonly number[],
): OpCase[] => (['f32', 'f64'] as const).map((dtype) => inOneDtype(name, compute, formula, inputs, dtype));

const exponentials = [
  ...unary('expm1', (x) => x.expm1(), Math.expm1, [...signed, ...small, -30, 80, ...special]),
  ...unary(
    'exp2',
    (x) => x.exp2(),
    (x) => 2 ** x,
    [...signed, 3, -7, 100, -100, ...special],
  ),
  ...unary('log1p', (x) => x.log1p(), Math.log1p, [...positive, ...small, -0.9, 1e20, ...special, -2]),
  ...unary('log2', (x) => x.log2(), Math.log2, [...positive, 8, 2 ** -20, 2 ** 100, ...special]),
  ...unary('log10', (x) => x.log10(), Math.log10, [...positive, ...special]),
  ...unary('erfc', (x) => x.erfc(), erfc, [...signed, ...small, 0.5, 6, 9, -5, ...special]),
  ...unary(
    'logit',
    (x) => x.logit(),
    (x) => Math.log(x / (1 - x)),
    [0.1, 0.3, 0.7, 0.9, 0.999, 1e-6, ...special],
  ),
  ...unary(
    'logit near 1/2',
    (x) => x.logit(),
    (x) => 4 * (x - 0.5),
    [0.5 + 2 ** -18, 0.5 - 2 ** -18],
  ).map((c) => ({
    ...c,
    tolerance: 1e-6,
  })),
];

/** Whole results are exact. */
const exact: OpCase[] = [
  {
    name: 'log2 of powers of 2 is exact',
    compute: () => tensor([8, 2, 1, 0.5, 2 ** 127, 2 ** -126]).log2(),
    expected: [3, 1, 0, -1, 127, -126],
    shape: [6],
    tolerance: 0,
  },
  {
    name: 'log10 of powers of 10 is within a unit of the last place',
    compute: () => tensor(Array.from({ length: 11 }, (_, k) => 10 ** k)).log10(),
    expected: Array.from({ length: 11 }, (_, k) => k),
    shape: [11],
    // Shaders may round twice where a product and a sum are fused elsewhere.
    tolerance: 2 ** -23,
  },
  {
    name: 'exp2 of whole numbers is exact',
    compute: () => tensor([3, 0, -1, 100, -100, 127, 128]).exp2(),
    expected: [8, 1, 0.5, 2 ** 100, 2 ** -100, 2 ** 127, inf],
    shape: [7],
    tolerance: 0,
  },
  {
    name: 'log10 and exp2 are exact in f64',
    compute: () => tensor([1e3, 1e22, 1e-5], { dtype: 'f64' }).log10(),
    expected: [3, 22, -5],
    shape: [3],
    dtype: 'f64',
    needs: ['f64'],
    tolerance: 0,
  },
];

const angles = [
  ...unary('tan', (x) => x.tan(), Math.tan, signed),
  ...unary('asin', (x) => x.asin(), Math.asin, [...unit, ...small, ...special, 2]),
  ...unary('acos', (x) => x.acos(), Math.acos, [...unit, 0.9999, ...special, -3]),
  ...unary('atan', (x) => x.atan(), Math.atan, [...signed, ...small, 1e20, -1e30, ...special]),
  ...unary('sinh', (x) => x.sinh(), Math.sinh, [...signed, ...small, 89, -88.5, ...special]),
  ...unary('cosh', (x) => x.cosh(), Math.cosh, [...signed, ...small, 89, -88.5, ...special]),
  ...unary('asinh', (x) => x.asinh(), Math.asinh, [...signed, ...small, 1e25, -3e8, ...special]),
  ...unary('acosh', (x) => x.acosh(), Math.acosh, [...positive.map((x) => x + 1), 1.0001, 1e25, ...special, -5]),
  ...unary('atanh', (x) => x.atanh(), Math.atanh, [...unit, ...small, ...special, 2]),
  ...unary(
    'sinc',
    (x) => x.sinc(),
    (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)),
    [0.1, 0.5, -0.7, 1.3, 0, -0],
  ),
  ...unary(
    'deg2rad',
    (x) => x.deg2rad(),
    (x) => (x * Math.PI) / 180,
    [0, 90, -360, 57],
  ),
  ...unary(
    'rad2deg',
    (x) => x.rad2deg(),
    (x) => (x * 180) / Math.PI,
    [0, 1, -3.5, 57],
  ),
];

/** Of halves, the even neighbor. */
const roundEven = (x: number): number => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));
const fractions = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 8388607.5, 4194303.5, 1e30, ...signed, ...special];

const rounding = [
  ...unary('round', (x) => x.round(), roundEven, fractions),
  ...unary('ceil', (x) => x.ceil(), Math.ceil, fractions),
  ...unary('trunc', (x) => x.trunc(), Math.trunc, fractions),
  ...unary(
    'frac',
    (x) => x.frac(),
    (x) => x - Math.trunc(x),
    fractions,
  ),
  ...unary(
    'round to 2 decimals',
    (x) => x.round({ decimals: 2 }),
    (x) => roundEven(x * 100) / 100,
    signed,
  ),
  ...unary(
    'round to tens',
    (x) => x.mul(100).round({ decimals: -1 }),
    (x) => roundEven(x * 10) * 10,
    signed,
  ),
];

const kinds = (name: string, compute: (x: Tensor) => Tensor, expected: (x: number) => boolean): OpCase => {
  const inputs = [...special, 3.4e38, -3.4e38, 1e-40];
  return {
    name,
    compute: () => compute(tensor(inputs)),
    expected: inputs.map((x) => Number(expected(x))),
    shape: [inputs.length],
    ...bool,
  };
};

const kindsOfNumbers: OpCase[] = [
  kinds('isnan', (x) => x.isnan(), Number.isNaN),
  kinds(
    'isinf',
    (x) => x.isinf(),
    (x) => Math.abs(x) === inf,
  ),
  kinds('isfinite', (x) => x.isfinite(), Number.isFinite),
  kinds(
    'isposinf',
    (x) => x.isposinf(),
    (x) => x === inf,
  ),
  kinds(
    'isneginf',
    (x) => x.isneginf(),
    (x) => x === -inf,
  ),
  kinds(
    'signbit',
    (x) => x.signbit(),
    (x) => x < 0 || Object.is(x, -0),
  ),
  {
    name: 'isfinite of integers',
    compute: () => tensor([1, 0], { dtype: 'i32' }).isfinite(),
    expected: [1, 1],
    shape: [2],
    ...bool,
  },
  {
    name: 'isinf of f16',
    compute: () => tensor([65504, 1e6, -inf, nan], { dtype: 'f16' }).isinf(),
    expected: [0, 1, 1, 0],
    shape: [4],
    ...bool,
    needs: ['f16'],
  },
  {
    name: 'atan2 and hypot of f16 are f16',
    compute: () =>
      tensor([3, -300], { dtype: 'f16' })
        .hypot(tensor([4, 400], { dtype: 'f16' }))
        .atan2(tensor([5, 0], { dtype: 'f16' })),
    expected: [0.78515625, 1.5703125],
    shape: [2],
    dtype: 'f16',
    needs: ['f16'],
    tolerance: 0,
  },
  {
    name: 'nanToNum',
    compute: () => tensor([nan, inf, -inf, 2]).nanToNum(),
    expected: [0, 3.4028234663852886e38, -3.4028234663852886e38, 2],
    shape: [4],
    tolerance: 0,
  },
  {
    name: 'nanToNum with values',
    compute: () => tensor([nan, inf, -inf, 2]).nanToNum({ nan: 1, posinf: 5, neginf: -6 }),
    expected: [1, 5, -6, 2],
    shape: [4],
    tolerance: 0,
  },
];

type Pair = readonly [a: readonly number[], b: readonly number[]];
const left = scattered(12, 4);
const right = scattered(15, 2).slice(3);

const binary = (
  name: string,
  compute: (a: Tensor, b: Tensor) => Tensor,
  formula: (a: number, b: number) => number,
  [a, b]: Pair = [left, right],
): OpCase => ({
  name,
  compute: () => compute(tensor(a), tensor(b)),
  expected: a.map((x, i) => formula(Math.fround(x), Math.fround(nth(b, i)))),
  shape: [a.length],
  tolerance: 1e-6,
  relative: true,
});

/** Terms of a sum may cancel: the error is that of the terms. */
const absolute = (opCase: OpCase): OpCase => ({ ...opCase, relative: false });

/** All pairs of special values. */
const pairs: Pair = [special.flatMap((x) => special.map(() => x)), special.flatMap(() => special)];
const ignoringNaN =
  (join: (a: number, b: number) => number) =>
  (a: number, b: number): number =>
    Number.isNaN(a) ? b : Number.isNaN(b) ? a : join(a, b);
const logaddexp = (a: number, b: number): number =>
  a === b ? a + Math.LN2 : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));

const ofTwo: OpCase[] = [
  binary('atan2', (a, b) => a.atan2(b), Math.atan2),
  binary('atan2 of special values', (a, b) => a.atan2(b), Math.atan2, pairs),
  binary('hypot', (a, b) => a.hypot(b), Math.hypot),
  binary('hypot of special values', (a, b) => a.hypot(b), Math.hypot, pairs),
  binary('hypot of large and small numbers', (a, b) => a.hypot(b), Math.hypot, [
    [3e30, -3e-30, 1e38, 0],
    [4e30, 4e-30, 2, 1e-37],
  ]),
  absolute(
    binary(
      'fmod',
      (a, b) => a.fmod(b),
      (a, b) => a % b,
    ),
  ),
  binary('fmax', (a, b) => a.fmax(b), ignoringNaN(Math.max), pairs),
  binary('fmin', (a, b) => a.fmin(b), ignoringNaN(Math.min), pairs),
  binary(
    'copysign',
    (a, b) => a.copysign(b),
    (a, b) => (b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a)),
    [
      [1, -2, 3, -4, 0, 2],
      [-1, 1, -0, 0, -3, -inf],
    ],
  ),
  binary('logaddexp', (a, b) => a.logaddexp(b), logaddexp),
  binary('logaddexp of special values', (a, b) => a.logaddexp(b), logaddexp, pairs),
  binary(
    'logaddexp2',
    (a, b) => a.logaddexp2(b),
    (a, b) => Math.log2(2 ** a + 2 ** b),
  ),
  binary(
    'xlogy',
    (a, b) => xlogy(a, b.abs()),
    (a, b) => a * Math.log(Math.abs(b)),
  ),
  binary(
    'xlogy at 0',
    (a, b) => a.xlogy(b),
    (a, b) => (Number.isNaN(b) ? nan : a === 0 ? 0 : a * Math.log(b)),
    pairs,
  ),
  binary(
    'heaviside',
    (a, b) => a.heaviside(b),
    (a, b) => (a === 0 ? b : Number(a > 0)),
    [special, special.map(() => 7)],
  ),
  absolute(
    binary(
      'lerp',
      (a, b) => a.lerp(b, 0.3),
      (a, b) => a + 0.3 * (b - a),
    ),
  ),
  absolute(
    binary(
      'lerp by a tensor',
      (a, b) => lerp(a, 2, b.sigmoid()),
      (a, b) => a + (2 - a) / (1 + Math.exp(-b)),
    ),
  ),
  absolute(
    binary(
      'addcmul',
      (a, b) => a.addcmul(b, a, { value: -0.5 }),
      (a, b) => a - 0.5 * b * a,
    ),
  ),
  absolute(
    binary(
      'addcdiv',
      (a, b) => a.addcdiv(a, b, { value: 2 }),
      (a, b) => a + (2 * a) / b,
    ),
  ),
  absolute(
    binary(
      'add with alpha',
      (a, b) => a.add(b, { alpha: 3 }),
      (a, b) => a + 3 * b,
    ),
  ),
  absolute(
    binary(
      'sub with alpha',
      (a, b) => a.sub(b, { alpha: 3 }),
      (a, b) => a - 3 * b,
    ),
  ),
  absolute(
    binary(
      'rsub',
      (a, b) => a.rsub(b, { alpha: 2 }),
      (a, b) => b - 2 * a,
    ),
  ),
  binary(
    'div rounded towards 0',
    (a, b) => a.div(b, { roundingMode: 'trunc' }),
    (a, b) => Math.trunc(a / b),
  ),
  binary(
    'div rounded downwards',
    (a, b) => a.div(b, { roundingMode: 'floor' }),
    (a, b) => Math.floor(a / b),
  ),
  binary(
    'clampMin and clampMax',
    (a, b) => a.clampMin(b).clampMax(1),
    (a, b) => Math.min(1, Math.max(a, b)),
  ),
  {
    name: 'a number as the first operand',
    compute: () => atan2(1, tensor([1, -1])),
    expected: [Math.PI / 4, (3 * Math.PI) / 4],
    shape: [2],
  },
];

const integers = (values: readonly number[]): Tensor => tensor(values, { dtype: 'i32' });

const ofIntegers: OpCase[] = [
  {
    name: 'div of integers rounded towards 0',
    compute: () => integers([7, -7, 7, -7, 5]).div(integers([2, 2, -2, -2, 0]), { roundingMode: 'trunc' }),
    expected: [3, -3, -3, 3, 0],
    shape: [5],
    dtype: 'i32',
  },
  {
    name: 'fmod of integers',
    compute: () => integers([7, -7, 7, -7, 5]).fmod(integers([2, 2, -2, -2, 0])),
    expected: [1, -1, 1, -1, 0],
    shape: [5],
    dtype: 'i32',
  },
  {
    name: 'rounding leaves integers as they are',
    compute: () => integers([7, -7]).round().ceil().trunc(),
    expected: [7, -7],
    shape: [2],
    dtype: 'i32',
  },
  {
    name: 'functions of integers are f32',
    compute: () => integers([0, 1]).atan(),
    expected: [0, Math.PI / 4],
    shape: [2],
  },
  {
    name: 'isclose',
    compute: () => tensor([1, 1, inf, inf, nan, 0]).isclose(tensor([1.000001, 1.1, inf, -inf, nan, 1e-9])),
    expected: [1, 0, 1, 0, 0, 1],
    shape: [6],
    ...bool,
  },
  {
    name: 'isclose with equal NaN and tolerances',
    compute: () => tensor([1, nan]).isclose(tensor([1.1, nan]), { atol: 0.2, rtol: 0, equalNan: true }),
    expected: [1, 1],
    shape: [2],
    ...bool,
  },
];

export const functionCases: readonly OpCase[] = [
  ...exponentials,
  ...exact,
  ...angles,
  ...rounding,
  ...kindsOfNumbers,
  ...ofTwo,
  ...ofIntegers,
];
