/** Functions with their own derivative. */
import type { Tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { customGradient } from './custom.ts';
import { grad } from './grad.ts';
import { gradcheck, gradgradcheck } from './gradcheck.ts';
import { normal, useTestBackend } from './testing/inputs.ts';

beforeAll(useTestBackend);

/** log(1 + exp(x)), whose derivative is written with the output: 1 - exp(-y). */
const softplus = customGradient(
  (x: Tensor) => x.exp().add(1).log(),
  (gradient, _inputs, output) => [gradient.mul(output.neg().exp().neg().add(1))],
  'softplus',
);

describe('customGradient', () => {
  it('is used in place of the derivative of the forward function', async () => {
    const straightThrough = customGradient(
      (x: Tensor) => x.floor(),
      (gradient) => [gradient],
    );
    const x = normal([4], 1);
    x.requiresGrad = true;
    const y = straightThrough(x);
    expect([...(await y.data())]).toEqual([...(await x.data())].map(Math.floor));
    expect([...(await grad(y.sum(), x).data())]).toEqual([1, 1, 1, 1]);
  });

  it('can be differentiated twice, also through the output', async () => {
    const fn = (x: Tensor): Tensor => softplus(x);
    await gradcheck(fn, [normal([3], 2)]);
    await gradgradcheck(fn, [normal([3], 2)]);
  });

  it('lets no gradient through the forward function to captured tensors', () => {
    const captured = normal([3], 3);
    const scale = customGradient(
      (x: Tensor) => x.mul(captured),
      (gradient) => [gradient],
    );
    const x = normal([3], 4);
    expect(() => grad(scale(x).sum(), captured)).toThrow('only through detach, noGrad');
  });

  it('may return null for an input without a gradient', () => {
    const first = customGradient(
      (a: Tensor, b: Tensor) => a.add(b),
      (gradient) => [gradient, null],
    );
    const [a, b] = [normal([2], 5), normal([2], 6)];
    const loss = first(a, b).sum();
    expect(grad(loss, a).shape).toEqual([2]);
    expect(() => grad(loss, b)).toThrow('parameter 0');
  });

  it('names itself in errors', () => {
    const wrong = customGradient(
      (x: Tensor) => x.exp(),
      (gradient) => [gradient.sum()],
      'exponential',
    );
    const x = normal([3], 7);
    expect(() => grad(wrong(x).sum(), x)).toThrow(
      "custom gradient 'exponential': the gradient of a f64 [3] input must have its dtype and shape, got f64 []",
    );
  });
});
