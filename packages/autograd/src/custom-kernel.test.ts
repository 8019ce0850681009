import { compile, openBackend, setDefaultBackend, type Tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { customKernel } from './custom-kernel.ts';
import { grad } from './grad.ts';
import { gradcheck, gradgradcheck } from './gradcheck.ts';
import { normal, useTestBackend } from './testing/inputs.ts';

const sigmoidLinear = customKernel({
  name: 'sigmoidLinear',
  output: (x) => x.shape,
  threadAxes: 1,
  kernel(x) {
    const v = x[this.thread.x];
    return v / (1 + Math.exp(-v));
  },
  gradient: (upstream, [x], y) => {
    const s = (x as Tensor).sigmoid();
    return [upstream.mul(y.add(s.mul(y.neg().add(1))))];
  },
});

/** The same without a gradient of its own. */
const derived = customKernel({
  name: 'derived',
  output: (x) => x.shape,
  threadAxes: 1,
  kernel(x) {
    const v = x[this.thread.x];
    return v / (1 + Math.exp(-v));
  },
});

describe('customKernel', () => {
  beforeAll(useTestBackend);

  it('has the gradient that is given', async () => {
    await gradcheck(sigmoidLinear, [normal([3, 4], 1)]);
    await gradgradcheck(sigmoidLinear, [normal([3, 4], 1)]);
  });

  it('uses that gradient and not the one that follows', async () => {
    const straight = customKernel({
      name: 'straight',
      output: (x) => x.shape,
      kernel(x, threshold) {
        return x[this.thread.x] > threshold ? 1 : 0;
      },
      gradient: (upstream) => [upstream],
    });
    const x = normal([5], 2);
    const y = straight(x, 0.25);
    expect([...(await y.data())]).toEqual([...(await x.data())].map((v) => Number(v > 0.25)));
    expect([...(await grad(y.sum(), x).data())]).toEqual([1, 1, 1, 1, 1]);
  });

  it('is differentiated through its own operations otherwise', async () => {
    await gradcheck(derived, [normal([7], 3)]);
    const attention = customKernel({
      name: 'attention',
      output: (q, k) => [q.shape[0] as number, k.shape[0] as number],
      constants: { width: 5 },
      kernel(q, k) {
        let score = 0;
        for (let c = 0; c < this.constants.width; c++) score += q[this.thread.y][c] * k[this.thread.x][c];
        return score > 0 ? Math.sqrt(1 + score) : Math.tanh(score);
      },
    });
    await gradcheck(attention, [normal([3, 5], 4), normal([4, 5], 5)]);
    const neighbours = customKernel({
      name: 'neighbours',
      output: (x) => x.shape,
      kernel(x) {
        let sum = 0;
        for (let d = -2; d <= 2; d++) sum += Math.exp(-d * d) * x[this.thread.x + d] ** 2;
        return Math.log1p(sum);
      },
    });
    await gradcheck(neighbours, [normal([6], 6)]);
  });

  it('names itself where its gradient does not fit', () => {
    const wrong = customKernel({
      name: 'wrong',
      output: (x) => x.shape,
      kernel(x) {
        return x[this.thread.x] * 2;
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
    const parameters = [weight];
    const step = compile((x: Tensor, target: Tensor) => {
      const loss = sigmoidLinear(x.matmul(weight)).sub(target).square().mean();
      const [gradient] = grad(loss, parameters);
      weight.assign(weight.sub((gradient as Tensor).mul(0.3)));
      return loss;
    });
    const x = normal([16, 4], 9).cast('f32');
    const target = sigmoidLinear(x.sum(1, true));
    const losses: number[] = [];
    for (let k = 0; k < 30; k++) losses.push(await (await step(x, target)).item());
    expect(losses.at(-1)).toBeLessThan(0.1 * (losses[0] as number));
  });
});
