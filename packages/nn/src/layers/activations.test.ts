/** Activations against their formulas, on every backend. */
import { tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { at } from '../testing/numbers.ts';
import { Activation, activations, GELU, gelu, QuickGELU } from './activations.ts';
import { glu } from './glu.ts';
import { Hardtanh, hardtanh, Softshrink, softshrink } from './hard-activations.ts';
import { PReLU, prelu } from './prelu.ts';
import { CELU, celu } from './rectifiers.ts';
import { Softmax2d } from './softmax.ts';

const points = [-8, -1, -0.1, 0, 0.1, 1, 8];

/** Phi(-8), Phi(-1), Phi(-0.1), from tables. */
const phi = [6.22096e-16, 0.15865525, 0.46017216];
const normalDistribution = (k: number): number => (k < 3 ? at(phi, k) : k === 3 ? 0.5 : 1 - at(phi, 6 - k));

const expected: Record<keyof typeof activations, (x: number, k: number) => number> = {
  relu: (x) => Math.max(x, 0),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: (x) => Math.tanh(x),
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu: (x, k) => x * normalDistribution(k),
  'gelu-tanh': (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  quickgelu: (x) => x / (1 + Math.exp(-1.702 * x)),
  'leaky-relu': (x) => (x > 0 ? x : 0.01 * x),
  elu: (x) => (x > 0 ? x : Math.expm1(x)),
  selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
  celu: (x) => (x > 0 ? x : Math.expm1(x)),
  softplus: (x) => Math.log1p(Math.exp(x)),
  hardswish: (x) => (x * Math.min(6, Math.max(0, x + 3))) / 6,
  hardsigmoid: (x) => Math.min(6, Math.max(0, x + 3)) / 6,
  hardtanh: (x) => Math.min(1, Math.max(-1, x)),
  relu6: (x) => Math.min(6, Math.max(0, x)),
  mish: (x) => x * Math.tanh(Math.log1p(Math.exp(x))),
  softsign: (x) => x / (1 + Math.abs(x)),
  tanhshrink: (x) => x - Math.tanh(x),
  softshrink: (x) => Math.sign(x) * Math.max(0, Math.abs(x) - 0.5),
  hardshrink: (x) => (Math.abs(x) > 0.5 ? x : 0),
  'log-sigmoid': (x) => -Math.log1p(Math.exp(-x)),
};

describe.each(testedBackends)('activations on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test.each(Object.keys(activations) as (keyof typeof activations)[])('%s', async (name) => {
    const values = await new Activation(name).forward(tensor(points)).data();
    for (const [k, x] of points.entries()) expect(values[k]).toBeCloseTo(expected[name](x, k), 5);
  });
});

test('module classes have the names of the table', () => {
  expect(new GELU().activation).toBe('gelu');
  expect(new GELU({ approximate: 'tanh' }).activation).toBe('gelu-tanh');
  expect(new QuickGELU().activation).toBe('quickgelu');
  expect(() => new Activation('swish' as never)).toThrow("Activation: 'swish' is not one of relu, sigmoid");
});

test('arguments that have no meaning are refused', () => {
  const x = tensor([1, 2, 3]);
  expect(() => new GELU({ approximate: 'foo' as never })).toThrow(
    "GELU: approximate must be 'none' or 'tanh', got 'foo'",
  );
  expect(() => gelu(x, 'foo' as never)).toThrow("gelu: approximate must be 'none' or 'tanh', got 'foo'");
  expect(() => hardtanh(x, 2, 1)).toThrow('hardtanh: minVal 2 must not be greater than maxVal 1');
  expect(() => new Hardtanh(1, 1)).toThrow('Hardtanh: minVal 1 must be less than maxVal 1');
  expect(() => softshrink(x, -1)).toThrow('softshrink: lambd must be at least 0, got -1');
  expect(() => new Softshrink(-1)).toThrow('Softshrink: lambd must be at least 0, got -1');
  expect(() => celu(x, 0)).toThrow('celu: alpha must not be 0');
  expect(() => new CELU(0)).toThrow('CELU: alpha must not be 0');
  expect(() => glu(x)).toThrow('glu: axis -1 of [3] has the odd size 3 and cannot be halved');
  expect(() => new Softmax2d().forward(x)).toThrow('Softmax2d: needs [N, C, H, W] or [C, H, W], got [3]');
});

describe('prelu', () => {
  test('has one weight for all elements, or one for each index of axis 1', async () => {
    const x = tensor([
      [-1, -2],
      [3, -4],
    ]);
    expect(await prelu(x, tensor([0.5])).toArray()).toEqual([
      [-0.5, -1],
      [3, -2],
    ]);
    expect(await prelu(x, tensor([0.5, 2])).toArray()).toEqual([
      [-0.5, -4],
      [3, -8],
    ]);
  });

  test('refuses weights of other sizes', () => {
    expect(() => prelu(tensor([[1, 2]]), tensor([1, 2, 3]))).toThrow(
      'prelu: weight [3] does not fit [1, 2]: it needs [1], or one element for each of the 2 indices of axis 1',
    );
    expect(() => new PReLU(0)).toThrow('PReLU: numParameters must be a whole number of at least 1, got 0');
  });
});

test('hardtanh of integers has integers as bounds', async () => {
  const y = hardtanh(tensor([-7, 0, 7], { dtype: 'i32' }), -1.5, 2.5);
  expect(y.dtype).toBe('i32');
  expect(await y.toArray()).toEqual([-1, 0, 2]);
});
