/** Conformance cases of elementwise operations on integers, and of casts. */
import { tensor } from '../functions.ts';
import { nth } from '../kernel/nth.ts';
import type { Tensor } from '../tensor.ts';
import { bool, compare, type OpCase, scattered } from './op-case.ts';

/** Positive numbers for elementary functions. */
const positive = scattered(10).map((x) => Math.abs(x) + 0.1);

const integers = [-7, -6, -1, 0, 1, 2, 7, 2147483647, -2147483648, 2000000000];
const divisors = [2, -4, 3, 5, -1, 0, -3, 10, 7, 2147483647];

const integer = (
  name: string,
  compute: (a: Tensor, b: Tensor) => Tensor,
  formula: (a: number, b: number) => number,
  rest: Partial<OpCase> = {},
): OpCase => ({
  name,
  compute: () => compute(tensor(Int32Array.from(integers)), tensor(Int32Array.from(divisors))),
  expected: integers.map((a, i) => formula(a, nth(divisors, i))),
  shape: [integers.length],
  dtype: 'i32',
  ...rest,
});

const floorDivide = (a: number, b: number): number => (b === 0 ? 0 : Math.floor(a / b));

const operations: OpCase[] = [
  integer(
    'integers add',
    (a, b) => a.add(b),
    (a, b) => (a + b) | 0,
  ),
  integer(
    'integers sub',
    (a, b) => a.sub(b),
    (a, b) => (a - b) | 0,
  ),
  integer('integers mul', (a, b) => a.mul(b), Math.imul),
  integer(
    'integers div',
    (a, b) => a.div(b),
    (a, b) => a / b,
    { dtype: 'f32' },
  ),
  integer('integers maximum', (a, b) => a.maximum(b), Math.max),
  integer('integers minimum', (a, b) => a.minimum(b), Math.min),
  integer('integers floorDivide', (a, b) => a.floorDivide(b), floorDivide),
  integer(
    'integers remainder',
    (a, b) => a.remainder(b),
    (a, b) => (b === 0 ? 0 : a - b * floorDivide(a, b)),
  ),
  integer(
    'bitAnd',
    (a, b) => a.bitAnd(b),
    (a, b) => a & b,
  ),
  integer(
    'bitOr',
    (a, b) => a.bitOr(b),
    (a, b) => a | b,
  ),
  integer(
    'bitXor',
    (a, b) => a.bitXor(b),
    (a, b) => a ^ b,
  ),
  integer(
    'shiftLeft',
    (a, b) => a.shiftLeft(b),
    (a, b) => a << b,
  ),
  integer(
    'shiftRight',
    (a, b) => a.shiftRight(b),
    (a, b) => (a >>> b) | 0,
  ),
  integer(
    'integers lt',
    (a, b) => a.lt(b),
    compare((a, b) => a < b),
    bool,
  ),
  integer(
    'integers le',
    (a, b) => a.le(b),
    compare((a, b) => a <= b),
    bool,
  ),
  integer(
    'integers neg',
    (a) => a.neg(),
    (a) => -a | 0,
  ),
  integer(
    'integers abs',
    (a) => a.abs(),
    (a) => Math.abs(a) | 0,
  ),
  integer('integers sign', (a) => a.sign(), Math.sign),
  integer(
    'integers relu',
    (a) => a.relu(),
    (a) => Math.max(a, 0),
  ),
  integer(
    'integers pow 3',
    (a) => a.pow(3),
    (a) => Math.imul(Math.imul(a, a), a),
  ),
  integer(
    'integers sqrt',
    (a) => a.abs().sqrt(),
    (a) => Math.sqrt(a === -2147483648 ? a : Math.abs(a)),
    { dtype: 'f32' },
  ),
  integer(
    'integers minus the smallest',
    (a) => a.sub(-2147483648),
    (a) => (a + 2147483648) | 0,
  ),
  integer(
    'logicalAnd',
    (a, b) => a.logicalAnd(b),
    compare((a, b) => a !== 0 && b !== 0),
    bool,
  ),
  integer(
    'logicalOr',
    (a, b) => a.logicalOr(b),
    compare((a, b) => a !== 0 || b !== 0),
    bool,
  ),
  integer(
    'logicalNot',
    (a) => a.logicalNot(),
    compare((a) => a === 0),
    bool,
  ),
  integer(
    'integers and a fraction',
    (a) => a.bitAnd(15).add(0.5),
    (a) => (a & 15) + 0.5,
    { dtype: 'f32' },
  ),
];

const casts: OpCase[] = [
  {
    name: 'cast f32 to i32 truncates and saturates',
    compute: () => tensor([1.9, -1.9, 3e9, -3e9, Number.NaN, 0.5]).cast('i32'),
    expected: [1, -1, 2147483647, -2147483648, 0, 0],
    shape: [6],
    dtype: 'i32',
  },
  {
    name: 'cast f32 to u8 keeps the low bits',
    compute: () => tensor([0, 1.5, 255, 257, -1]).cast('u8'),
    expected: [0, 1, 255, 1, 255],
    shape: [5],
    dtype: 'u8',
  },
  {
    name: 'cast f32 to bool',
    compute: () => tensor([0, -0, 0.1, -2, Number.NaN]).cast('bool'),
    expected: [0, 0, 1, 1, 1],
    shape: [5],
    dtype: 'bool',
  },
  {
    name: 'cast i32 to f64 and back',
    needs: ['f64'],
    compute: () => tensor(Int32Array.of(2147483647, -5)).to('f64').sub(1).to('i32'),
    expected: [2147483646, -6],
    shape: [2],
    dtype: 'i32',
  },
  {
    name: 'u8 wraps around',
    compute: () => tensor(Uint8Array.of(200, 10)).add(tensor(Uint8Array.of(100, 5))),
    expected: [44, 15],
    shape: [2],
    dtype: 'u8',
  },
  {
    name: 'u8 wraps around before it is compared',
    compute: () =>
      tensor(Uint8Array.of(200, 10))
        .add(tensor(Uint8Array.of(100, 5)))
        .lt(tensor(Uint8Array.of(50, 1))),
    expected: [1, 0],
    shape: [2],
    dtype: 'bool',
  },
  {
    name: 'u8 with a number outside its range',
    compute: () => tensor(Uint8Array.of(200, 10)).sub(300),
    expected: [-100, -290],
    shape: [2],
    dtype: 'i32',
  },
  {
    name: 'u8 times a fraction',
    compute: () => tensor(Uint8Array.of(200, 10)).div(255),
    expected: [200 / 255, 10 / 255],
    shape: [2],
  },
  {
    name: 'bool times f32',
    compute: () => tensor([true, false]).mul(tensor([2.5, 3.5])),
    expected: [2.5, 0],
    shape: [2],
  },
  {
    name: 'bool plus a number',
    compute: () => tensor([true, false]).add(1),
    expected: [2, 1],
    shape: [2],
    dtype: 'i32',
  },
  {
    name: 'f32 and f64 are promoted to f64',
    needs: ['f64'],
    compute: () => tensor([1, 2]).add(tensor(Float64Array.of(1e-9, 2e-9))),
    expected: [1 + 1e-9, 2 + 2e-9],
    shape: [2],
    dtype: 'f64',
    tolerance: 1e-15,
  },
  {
    name: 'f64 keeps its precision through elementary functions',
    needs: ['f64'],
    compute: () => tensor(Float64Array.from(positive)).log().exp().sqrt().tanh().sin(),
    expected: positive.map((x) => Math.sin(Math.tanh(Math.sqrt(x)))),
    shape: [10],
    dtype: 'f64',
    tolerance: 1e-14,
  },
];

export const integerCases: readonly OpCase[] = [...operations, ...casts];
