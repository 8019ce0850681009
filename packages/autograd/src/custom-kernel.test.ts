/** Gradients of custom kernels: their own, or those of their operations. */
import { compile, type KernelArray, openBackend, setDefaultBackend, type Tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { at } from './at.ts';
import { customKernel } from './custom-kernel.ts';
import { grad } from './grad.ts';
import { gradcheck, gradgradcheck } from './gradcheck.ts';
import { normal, useTestBackend } from './testing/inputs.ts';

const sigmoidLinear = customKernel({
  name: 'sigmoidLinear',
  output: (x) => x.shape,
  threadAxes: 1,
  kernel(x) {
    const v = x[this.thread.x] as number;
    return v / (1 + Math.exp(-v));
  },
  gradient: (upstream, [x], y) => {
    const s = (x as Tensor).sigmoid();
    return [upstream.mul(y.add(s.mul(y.neg().add(1))))];
  },
});

/** The same function without its own gradient. */
const derived = customKernel({
  name: 'derived',
  output: (x) => x.shape,
  threadAxes: 1,
  kernel(x) {
    const v = x[this.thread.x] as number;
    return v / (1 + Math.exp(-v));
  },
});

describe('customKernel', () => {
  beforeAll(useTestBackend);

  it('has the gradient that is given', async () => {
    await gradcheck(sigmoidLinear, [normal([3, 4], 1)]);
    await gradgradcheck(sigmoidLinear, [normal([3, 4], 1)]);
  });

  it('uses that gradient and not the derivative of its operations', async () => {
    const straight = customKernel({
      name: 'straight',
      output: (x) => x.shape,
      kernel(x, threshold) {
        return (x[this.thread.x] as number) > threshold ? 1 : 0;
      },
      gradient: (upstream) => [upstream],
    });
    const x = normal([5], 2);
    x.requiresGrad = true;
    const y = straight(x, 0.25);
    expect([...(await y.data())]).toEqual([...(await x.data())].map((v) => Number(v > 0.25)));
    expect([...(await grad(y.sum(), x).data())]).toEqual([1, 1, 1, 1, 1]);
  });

  it('is otherwise differentiated through its operations', async () => {
    await gradcheck(derived, [normal([7], 3)]);
    const attention = customKernel({
      name: 'attention',
      output: (q, k) => [at(q.shape, 0), at(k.shape, 0)],
      constants: { width: 5 },
      kernel(q, k) {
        let score = 0;
        for (let c = 0; c < this.constants.width; c++)
          score += ((q[this.thread.y] as KernelArray)[c] as number) * ((k[this.thread.x] as KernelArray)[c] as number);
        return score > 0 ? Math.sqrt(1 + score) : Math.tanh(score);
      },
    });
    await gradcheck(attention, [normal([3, 5], 4), normal([4, 5], 5)]);
    const neighbors = customKernel({
      name: 'neighbors',
      output: (x) => x.shape,
      kernel(x) {
        let sum = 0;
        for (let d = -2; d <= 2; d++) sum += Math.exp(-d * d) * (x[this.thread.x + d] as number) ** 2;
        return Math.log1p(sum);
      },
    });
    await gradcheck(neighbors, [normal([6], 6)]);
  });

  it('names itself in the error if its gradient does not fit', () => {
    const wrong = customKernel({
      name: 'wrong',
      output: (x) => x.shape,
      kernel(x) {
        return (x[this.thread.x] as number) * 2;
      },
      gradient: (upstream) => [upstream.sum()],
    });
    const x = normal([3], 7);
    expect(() => grad(wrong(x).sum(), x)).toThrow("custom gradient 'wrong'");
  });
});

describe.each(['wasm', 'gpujs:webasm', 'gpujs:cpu'])('customKernel in a compiled step on %s', (backend) => {
  beforeAll(async () => {
    await openBackend(backend);
    setDefaultBackend(backend);
  });

  it('trains', async () => {
    const weight = normal([4, 1], 8).cast('f32').detach();
    await weight.realize();
    const step = compile((x: Tensor, target: Tensor) => {
      const loss = sigmoidLinear(x.matmul(weight)).sub(target).square().mean();
      weight.assign(weight.sub(grad(loss, weight).mul(0.3)));
      return loss;
    });
    const x = normal([16, 4], 9).cast('f32');
    const target = sigmoidLinear(x.sum(1, true));
    const losses: number[] = [];
    for (let k = 0; k < 30; k++) losses.push(await (await step(x, target)).item());
    expect(losses.at(-1)).toBeLessThan(0.1 * at(losses, 0));
  });
});
