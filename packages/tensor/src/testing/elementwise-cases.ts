/** Conformance cases of elementwise operations on floats, and of broadcasting. */
import { tensor, where, zeros } from '../functions.ts';
import { nth } from '../kernel/nth.ts';
import type { Tensor } from '../tensor.ts';
import { bool, compare, type OpCase, scattered } from './op-case.ts';

const signed = scattered(10);
const positive = signed.map((x) => Math.abs(x) + 0.1);
const special = [0, -0, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];

/** The error function by the midpoint rule, which differs from the backends' methods. */
function erf(x: number): number {
  const steps = 20000;
  let sum = 0;
  for (let i = 0; i < steps; i++) sum += Math.exp(-((((i + 0.5) * x) / steps) ** 2));
  return (2 / Math.sqrt(Math.PI)) * sum * (x / steps);
}

const unary = (
  name: string,
  compute: (x: Tensor) => Tensor,
  formula: (x: number) => number,
  inputs: readonly number[] = signed,
): OpCase => ({
  name,
  compute: () => compute(tensor(inputs)),
  expected: inputs.map(Math.fround).map(formula),
  shape: [inputs.length],
});

const unaryCases: OpCase[] = [
  unary(
    'neg',
    (x) => x.neg(),
    (x) => -x,
  ),
  unary(
    'reciprocal',
    (x) => x.reciprocal(),
    (x) => 1 / x,
  ),
  unary('exp', (x) => x.exp(), Math.exp),
  unary('exp of special values', (x) => x.exp(), Math.exp, special),
  unary('log', (x) => x.log(), Math.log, positive),
  unary('log of special values', (x) => x.log(), Math.log, special),
  unary('sqrt', (x) => x.sqrt(), Math.sqrt, positive),
  unary(
    'rsqrt',
    (x) => x.rsqrt(),
    (x) => 1 / Math.sqrt(x),
    positive,
  ),
  unary(
    'square',
    (x) => x.square(),
    (x) => x * x,
  ),
  unary('abs', (x) => x.abs(), Math.abs),
  unary('abs of special values', (x) => x.abs(), Math.abs, special),
  unary('sign', (x) => x.sign(), Math.sign),
  unary('sin', (x) => x.sin(), Math.sin),
  unary('cos', (x) => x.cos(), Math.cos),
  unary('tanh', (x) => x.tanh(), Math.tanh),
  unary(
    'tanh near 0',
    (x) => x.tanh().mul(1e6),
    (x) => Math.tanh(x) * 1e6,
    [1e-6, -2e-6, 3e-5],
  ),
  unary('tanh far from 0', (x) => x.tanh(), Math.tanh, [-200, -20, 20, 200]),
  unary(
    'sigmoid',
    (x) => x.sigmoid(),
    (x) => 1 / (1 + Math.exp(-x)),
  ),
  unary(
    'sigmoid far from 0',
    (x) => x.sigmoid(),
    (x) => 1 / (1 + Math.exp(-x)),
    [-200, -90, 90, 200],
  ),
  unary('erf', (x) => x.erf(), erf),
  unary('erf far from 0', (x) => x.erf(), Math.sign, [-30, -7, 7, 30]),
  unary(
    'relu',
    (x) => x.relu(),
    (x) => Math.max(x, 0),
  ),
  unary(
    'relu of special values',
    (x) => x.relu(),
    (x) => Math.max(x, 0),
    special,
  ),
  unary('floor', (x) => x.floor(), Math.floor),
  unary('floor of whole numbers', (x) => x.floor(), Math.floor, [-2, -1, 0, 1, 2]),
  unary(
    'clamp',
    (x) => x.clamp(-1, 1.5),
    (x) => Math.min(1.5, Math.max(-1, x)),
  ),
  unary(
    'clamp from below at 0',
    (x) => x.clamp(0),
    (x) => Math.max(0, x),
  ),
  unary(
    'clamp from above',
    (x) => x.clamp(undefined, 0),
    (x) => Math.min(0, x),
  ),
  unary(
    'clamp of special values',
    (x) => x.clamp(-0.5, 0.5),
    (x) => Math.min(0.5, Math.max(-0.5, x)),
    special,
  ),
  unary(
    'pow 0',
    (x) => x.pow(0),
    () => 1,
  ),
  unary(
    'pow 1',
    (x) => x.pow(1),
    (x) => x,
  ),
  unary(
    'pow 2',
    (x) => x.pow(2),
    (x) => x ** 2,
  ),
  unary(
    'pow 5',
    (x) => x.pow(5),
    (x) => x ** 5,
  ),
  unary(
    'pow -3',
    (x) => x.pow(-3),
    (x) => x ** -3,
  ),
  unary('pow 0.5', (x) => x.pow(0.5), Math.sqrt, positive),
  unary(
    'pow -0.5',
    (x) => x.pow(-0.5),
    (x) => x ** -0.5,
    positive,
  ),
  unary(
    'pow 2.7',
    (x) => x.pow(2.7),
    (x) => x ** 2.7,
    positive,
  ),
  unary(
    'pow 0.25 of negative numbers and 0',
    (x) => x.pow(0.25),
    (x) => x ** 0.25,
    [-1, 0, 16],
  ),
  unary(
    'pow 101',
    (x) => x.pow(101),
    (x) => x ** 101,
    [-1.01, 0, 1.02],
  ),
];

type Operands = readonly [a: readonly number[], b: readonly number[]];

const left = scattered(12, 4);
const right = scattered(15, 2).slice(3);
const leftAndRight: Operands = [left, right];

const binary = (
  name: string,
  compute: (a: Tensor, b: Tensor) => Tensor,
  formula: (a: number, b: number) => number,
  [a, b]: Operands = leftAndRight,
  rest: Partial<OpCase> = {},
): OpCase => ({
  name,
  compute: () => compute(tensor(a), tensor(b)),
  expected: a.map((x, i) => formula(Math.fround(x), Math.fround(nth(b, i)))),
  shape: [a.length],
  ...rest,
});

const nan = Number.NaN;
const withNaN: Operands = [
  [1, nan, nan, 2, -0, 3],
  [nan, 1, nan, 3, 0, 2],
];

const binaryCases: OpCase[] = [
  binary(
    'add',
    (a, b) => a.add(b),
    (a, b) => a + b,
  ),
  binary(
    'sub',
    (a, b) => a.sub(b),
    (a, b) => a - b,
  ),
  binary(
    'mul',
    (a, b) => a.mul(b),
    (a, b) => a * b,
  ),
  binary(
    'div',
    (a, b) => a.div(b),
    (a, b) => a / b,
  ),
  binary(
    'pow',
    (a, b) => a.abs().pow(b),
    (a, b) => Math.abs(a) ** b,
  ),
  binary(
    'pow at the edges',
    (a, b) => a.pow(b),
    (a, b) => a ** b,
    [
      [0, 0, 0, -2, -2, -2, 1],
      [0, 2, -1, 3, 2, -1, 7],
    ],
  ),
  binary('maximum', (a, b) => a.maximum(b), Math.max),
  binary('minimum', (a, b) => a.minimum(b), Math.min),
  binary('maximum with NaN', (a, b) => a.maximum(b), Math.max, withNaN),
  binary('minimum with NaN', (a, b) => a.minimum(b), Math.min, withNaN),
  ...[leftAndRight, withNaN, [left, left] satisfies Operands].flatMap((inputs, k) => [
    binary(
      `lt ${k}`,
      (a, b) => a.lt(b),
      compare((a, b) => a < b),
      inputs,
      bool,
    ),
    binary(
      `le ${k}`,
      (a, b) => a.le(b),
      compare((a, b) => a <= b),
      inputs,
      bool,
    ),
    binary(
      `gt ${k}`,
      (a, b) => a.gt(b),
      compare((a, b) => a > b),
      inputs,
      bool,
    ),
    binary(
      `ge ${k}`,
      (a, b) => a.ge(b),
      compare((a, b) => a >= b),
      inputs,
      bool,
    ),
    binary(
      `eq ${k}`,
      (a, b) => a.eq(b),
      compare((a, b) => a === b),
      inputs,
      bool,
    ),
    binary(
      `ne ${k}`,
      (a, b) => a.ne(b),
      compare((a, b) => a !== b),
      inputs,
      bool,
    ),
  ]),
  binary(
    'where',
    (a, b) => where(a.lt(b), a.mul(2), b),
    (a, b) => (a < b ? 2 * a : b),
  ),
  binary(
    'floorDivide of fractions',
    (a, b) => a.floorDivide(b),
    (a, b) => Math.floor(a / b),
  ),
  binary(
    'remainder of fractions',
    (a, b) => a.remainder(b),
    (a, b) => a - b * Math.floor(a / b),
  ),
];

const numbersCases: OpCase[] = [
  unary(
    'add a number',
    (x) => x.add(0.5),
    (x) => x + 0.5,
  ),
  unary(
    'sub a number',
    (x) => x.sub(0.5),
    (x) => x - 0.5,
  ),
  unary(
    'mul by a number',
    (x) => x.mul(-3),
    (x) => x * -3,
  ),
  unary(
    'div by a number',
    (x) => x.div(3),
    (x) => x / 3,
  ),
  unary(
    'div by 0',
    (x) => x.div(0),
    (x) => x / 0,
    special,
  ),
  unary(
    'maximum with a number',
    (x) => x.maximum(1),
    (x) => Math.max(x, 1),
  ),
  unary(
    'minimum with a number',
    (x) => x.minimum(1),
    (x) => Math.min(x, 1),
  ),
  unary(
    'where with numbers',
    (x) => where(x.gt(0), 1, -2),
    (x) => (x > 0 ? 1 : -2),
  ),
];

const broadcasting: OpCase[] = [
  {
    name: 'rows and columns broadcast',
    compute: () => tensor([[1], [2], [3]]).mul(tensor([10, 20])),
    expected: [10, 20, 20, 40, 30, 60],
    shape: [3, 2],
  },
  {
    name: 'a scalar broadcasts',
    compute: () => tensor(2).sub(tensor([[1, 2, 3]])),
    expected: [1, 0, -1],
    shape: [1, 3],
  },
  {
    name: 'where broadcasts its three operands',
    compute: () => where(tensor([[true], [false]]), tensor([1, 2, 3]), tensor([[[7]]])),
    expected: [1, 2, 3, 7, 7, 7],
    shape: [1, 2, 3],
  },
  {
    name: 'an axis of size 0 stays empty',
    compute: () => zeros([2, 0, 3]).add(tensor([1, 2, 3])),
    expected: [],
    shape: [2, 0, 3],
  },
];

export const elementwiseCases: readonly OpCase[] = [...unaryCases, ...binaryCases, ...numbersCases, ...broadcasting];
