/** Activations where their formulas change and far from 0, on every backend: values and slopes that PyTorch computes in double precision. */
import { grad } from '@tessera/autograd';
import { tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { at } from '../testing/numbers.ts';
import { type ActivationName, activations } from './activations.ts';
import { logSigmoid, softplus } from './smooth-activations.ts';

const { POSITIVE_INFINITY: inf } = Number;

interface Expected {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly slope: readonly number[];
}

const expected: Readonly<Partial<Record<ActivationName, Expected>>> = {
  'leaky-relu': {
    x: [0, -1e-30, inf, -inf],
    y: [0, -1e-32, inf, -inf],
    slope: [0.01, 0.01, 1.0, 0.01],
  },
  elu: {
    x: [0, -30.0, 100.0, inf, -inf],
    y: [0, -0.9999999999999064, 100.0, inf, -1.0],
    slope: [1.0, 9.357622968840175e-14, 1.0, 1.0, 0],
  },
  selu: {
    x: [0, -30.0, 100.0, inf, -inf],
    y: [0, -1.758099340847212, 105.07009873554804, inf, -1.7580993408473766],
    slope: [1.7580993408473766, 1.6451630773416182e-13, 1.0507009873554805, 1.0507009873554805, 0],
  },
  celu: {
    x: [0, -30.0, 100.0, inf, -inf],
    y: [0, -0.9999999999999064, 100.0, inf, -1.0],
    slope: [1.0, 9.357622968840175e-14, 1.0, 1.0, 0],
  },
  softplus: {
    x: [0, -30.0, -100.0, 20.0, 20.5, 100.0, inf, -inf],
    y: [Math.LN2, 9.357622968839737e-14, 3.720075976020836e-44, 20.000000002061153, 20.5, 100.0, inf, 0],
    slope: [0.5, 9.3576229688393e-14, 3.720075976020836e-44, 0.9999999979388464, 1.0, 1.0, 1.0, 0],
  },
  hardswish: {
    x: [-3.0, 3.0, 0, -4.0, 4.0, inf],
    y: [-0, 3.0, 0, -0, 4.0, inf],
    slope: [0, 1.0, 0.5, 0, 1.0, 1.0],
  },
  hardsigmoid: {
    x: [-3.0, 3.0, 0, -4.0, 4.0, inf, -inf],
    y: [0, 1.0, 0.5, 0, 1.0, 1.0, 0],
    slope: [0, 0, 0.1666666716337204, 0, 0, 0, 0],
  },
  hardtanh: {
    x: [-1.0, 1.0, 0, inf, -inf],
    y: [-1.0, 1.0, 0, 1.0, -1.0],
    slope: [0, 0, 1.0, 0, 0],
  },
  relu6: {
    x: [0, 6.0, 3.0, inf, -inf],
    y: [0, 6.0, 3.0, 6.0, 0],
    slope: [0, 0, 1.0, 0, 0],
  },
  mish: {
    x: [0, -30.0, -100.0, 20.0, 100.0, 10000.0],
    y: [0, -2.807286890651921e-12, -3.7200759760208363e-42, 20.0, 100.0, 10000.0],
    slope: [0.6, -2.713710660963392e-12, -3.682875216260627e-42, 1.0, 1.0, 1.0],
  },
  softsign: {
    x: [0, 1e30, -1e30],
    y: [0, 1.0, -1.0],
    slope: [1.0, 0, 0],
  },
  tanhshrink: {
    x: [0, 0.001, -0.1, 0.4999, 0.5001, 20.0, inf, -inf],
    y: [0, 3.333332000178546e-10, -0.0003320053750441865, 0.037861491147502535, 0.03790420160109775, 19.0, inf, -inf],
    slope: [0, 9.999993333398294e-7, 0.0099337091525602, 0.21347958366263942, 0.21362495605759868, 1.0, 1.0, 1.0],
  },
  softshrink: {
    x: [0.5, -0.5, 0, 0.75, inf, -inf],
    y: [0, -0, 0, 0.25, inf, -inf],
    slope: [0, 0, 0, 1.0, 1.0, 1.0],
  },
  hardshrink: {
    x: [0.5, -0.5, 0, 0.75, inf, -inf],
    y: [0, 0, 0, 0.75, inf, -inf],
    slope: [0, 0, 0, 1.0, 1.0, 1.0],
  },
  'log-sigmoid': {
    x: [12.0, 0, 30.0, -30.0, -100.0, inf, -inf],
    y: [-6.144193477732806e-6, -Math.LN2, -9.357622968839737e-14, -30.000000000000092, -100.0, 0, -inf],
    slope: [6.144174602214718e-6, 0.5, 9.3576229688393e-14, 0.9999999999999064, 1.0, 0, 1.0],
  },
};

/** Subnormal numbers may become 0. */
const near = (found: number, wanted: number): boolean =>
  found === wanted || Math.abs(found - wanted) <= 1e-6 * Math.abs(wanted) + 1e-38;

describe.each(testedBackends)('activations at special points on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test.each(Object.entries(expected))('%s', async (name, { x, y, slope }) => {
    const input = tensor(x, { requiresGrad: true });
    const value = activations[name as ActivationName](input);
    const gradient = grad(value.sum(), input);
    const found = { y: await value.data(), slope: await gradient.data() };
    for (const [k, at_] of x.entries()) {
      expect(near(at(found.y, k), at(y, k)), `${name}(${at_}) is ${found.y[k]}, expected ${y[k]}`).toBe(true);
      const message = `the slope of ${name} at ${at_} is ${found.slope[k]}, expected ${slope[k]}`;
      expect(near(at(found.slope, k), at(slope, k)), message).toBe(true);
    }
  });

  test('NaN stays NaN', async () => {
    for (const [name, activation] of Object.entries(activations))
      expect(await activation(tensor([Number.NaN])).item(), name).toBeNaN();
  });
});

describe('on the reference backend', () => {
  beforeAll(() => useBackend('reference'));

  test('the second derivative of logSigmoid at 0 is -1/4', async () => {
    const x = tensor([0], { dtype: 'f64', requiresGrad: true });
    const second = grad(grad(logSigmoid(x).sum(), x).sum(), x);
    expect(await second.item()).toBeCloseTo(-0.25, 14);
  });

  test('softplus with beta and threshold', async () => {
    const x = tensor([-1, 0.5, 2, 3], { dtype: 'f64', requiresGrad: true });
    const value = softplus(x, 2, 5);
    const slope = grad(value.sum(), x);
    const wanted = [-1, 0.5, 2].map((v) => Math.log1p(Math.exp(2 * v)) / 2);
    for (const [k, y] of [...wanted, 3].entries()) expect((await value.data())[k]).toBeCloseTo(y, 14);
    expect((await slope.data())[0]).toBeCloseTo(1 / (1 + Math.exp(2)), 14);
    expect((await slope.data())[3]).toBe(1);
  });
});
