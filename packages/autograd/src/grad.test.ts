/** grad and backward: what they differentiate, what they refuse, and second derivatives. */
import { compile, noGrad, setDefaultBackend, Tensor, tensor, zeros } from '@tessera/tensor';
import { graph } from '@tessera/tensor/graph';
import { beforeAll, describe, expect, it } from 'vitest';
import { at } from './at.ts';
import { backward } from './backward.ts';
import { grad } from './grad.ts';
import { gradcheck } from './gradcheck.ts';
import { indices, normal, useTestBackend } from './testing/inputs.ts';

beforeAll(useTestBackend);

const values = async (x: Tensor | null): Promise<number[]> => [...(await (x as Tensor).data())];

describe('grad', () => {
  it('takes one tensor or a list', async () => {
    const x = normal([2, 3], 1);
    const loss = x.mul(x).sum();
    const alone = grad(loss, x);
    const [listed] = grad(loss, [x]) as [Tensor];
    expect(alone.shape).toEqual([2, 3]);
    expect(await values(alone)).toEqual((await values(x)).map((v) => 2 * v));
    expect(await values(listed)).toEqual(await values(alone));
  });

  it('is right after the loss was read', async () => {
    const x = normal([4], 2);
    x.requiresGrad = true;
    const loss = x.exp().sum();
    await loss.item();
    const gradient = await values(grad(loss, x));
    for (const [i, v] of (await values(x)).entries()) expect(gradient[i]).toBeCloseTo(Math.exp(v), 12);
  });

  it('starts from gradOutput', async () => {
    const x = normal([3], 3);
    const gradOutput = tensor(Float64Array.of(1, 0, -2), { dtype: 'f64' });
    const gradient = await values(grad(x.mul(5), x, { gradOutput }));
    expect(gradient).toEqual([5, 0, -10]);
  });

  it('broadcasts: the gradient has the shape of the operand', async () => {
    await gradcheck((a, b, c) => a.mul(b).add(c), [normal([4, 1, 3], 4), normal([2, 1], 5), normal([], 6)]);
  });

  it('differentiates a gradient again', async () => {
    const x = normal([3], 7);
    const first = grad(x.mul(x).mul(x).sum(), x);
    const second = grad(first.sum(), x);
    const third = grad(second.sum(), x);
    for (const [i, v] of (await values(x)).entries()) {
      expect((await values(first))[i]).toBeCloseTo(3 * v * v, 12);
      expect((await values(second))[i]).toBeCloseTo(6 * v, 12);
      expect((await values(third))[i]).toBeCloseTo(6, 12);
    }
  });

  it('stops at detach', async () => {
    const x = normal([3], 8);
    expect(await values(grad(x.mul(x.detach()).sum(), x))).toEqual(await values(x));
  });

  it('stops at what was computed under noGrad', async () => {
    const x = normal([3], 9);
    const frozen = noGrad(() => x.exp());
    expect(await values(grad(x.mul(frozen).sum(), x))).toEqual(await values(frozen));
  });

  it('returns gradients for a tensor that was created under noGrad', async () => {
    const x = noGrad(() => normal([3], 10).exp());
    expect(await values(grad(x.mul(2).sum(), x))).toEqual([2, 2, 2]);
  });

  it('refuses a loss of several elements', () => {
    const x = normal([3], 11);
    expect(() => grad(x.exp(), x)).toThrow(
      'grad: the output has shape [3]: reduce it to one number (sum, mean) or pass a gradOutput of that shape',
    );
  });

  it('refuses gradOutput of another shape or dtype', () => {
    const x = normal([3], 12);
    expect(() => grad(x.exp(), x, { gradOutput: normal([2], 0) })).toThrow(
      'grad: gradOutput is f64 [2], but must be f64 [3]',
    );
    expect(() => grad(x.exp(), x, { gradOutput: normal([3], 0).cast('f32') })).toThrow('gradOutput is f32 [3]');
  });

  it('refuses integers', () => {
    const index = indices([1, 2]);
    expect(() => grad(index.cast('f64').sum(), index)).toThrow('grad: parameter 0, i32 [2] is not floating point');
    expect(() => grad(index.sum(), normal([1], 0))).toThrow('grad: the output i32 [] is not floating point');
  });

  it('names a parameter that the loss does not depend on', () => {
    const x = normal([3], 13);
    const unused = normal([2, 2], 14);
    unused.name = 'visual.proj';
    expect(() => grad(x.sum(), [x, unused])).toThrow(
      "grad: parameter 1, 'visual.proj' (f64 [2, 2]), is not in the graph of the loss",
    );
    const detached = normal([3], 15).exp();
    expect(() => grad(x.mul(detached.detach()).sum(), [x, detached])).toThrow(
      'grad: parameter 1, f64 [3], reaches the loss only through detach, noGrad, integers or comparisons',
    );
    const zero = zeros([3], { dtype: 'f64' });
    expect(() => grad(x.add(zero).sum(), zero)).toThrow('is a constant, which may have been folded away');
  });

  it('returns zeros for unused parameters on request', async () => {
    const x = normal([3], 16);
    const unused = normal([2], 17);
    const [, gradient] = grad(x.sum(), [x, unused], { allowUnused: true }) as [Tensor, Tensor];
    expect(await values(gradient)).toEqual([0, 0]);
  });
});

describe('a compiled step', () => {
  it('differentiates with respect to state and to arguments, at every replay', async () => {
    setDefaultBackend('reference-kernels');
    const w = await normal([3], 18).realize();
    const step = compile((x: Tensor) => {
      const [dw, dx] = grad(w.mul(x).square().sum(), [w, x]) as [Tensor, Tensor];
      w.assign(w.sub(dw.mul(0.1)));
      return dx;
    });
    let state = await values(w);
    for (const seed of [19, 20, 21]) {
      const x = normal([3], seed);
      const point = await values(x);
      const dx = await values(await step(x));
      dx.forEach((g, i) => {
        expect(g).toBeCloseTo(2 * at(state, i) ** 2 * at(point, i), 12);
      });
      state = state.map((v, i) => v - 0.2 * v * at(point, i) ** 2);
      (await values(w)).forEach((v, i) => {
        expect(v).toBeCloseTo(at(state, i), 12);
      });
    }
    step.dispose();
    useTestBackend();
  });
});

describe('backward', () => {
  const parameter = (shape: number[], seed: number): Tensor => {
    const x = normal(shape, seed);
    x.requiresGrad = true;
    return x;
  };

  it('fills .grad of the leaves, and adds to what is there', async () => {
    const w = parameter([3], 20);
    const x = normal([3], 21);
    backward(w.mul(x).sum());
    expect(await values(w.grad)).toEqual(await values(x));
    expect(x.grad).toBeNull();
    backward(w.mul(2).sum());
    expect(await values(w.grad)).toEqual((await values(x)).map((v) => v + 2));
  });

  it('finds a parameter under the value that assign gave it', async () => {
    const w = parameter([2], 22);
    await w.assign(w.mul(3)).realize();
    backward(w.mul(w).sum());
    expect(await values(w.grad)).toEqual((await values(w)).map((v) => 2 * v));
  });

  it('makes gradients without history, unless asked to', async () => {
    const w = parameter([2], 23);
    backward(w.mul(w).mul(w).sum());
    expect(() => grad((w.grad as Tensor).sum(), w)).toThrow('noGrad');
    const again = parameter([2], 23);
    backward(again.mul(again).mul(again).sum(), { createGraph: true });
    const second = await values(grad((again.grad as Tensor).sum(), again));
    for (const [i, v] of (await values(again)).entries()) expect(second[i]).toBeCloseTo(6 * v, 12);
  });

  it('leaves alone a parameter that was used only under noGrad', () => {
    const w = parameter([2], 24);
    const other = parameter([2], 25);
    backward(
      noGrad(() => w.exp())
        .mul(other)
        .sum(),
    );
    expect(w.grad).toBeNull();
    expect(other.grad).not.toBeNull();
  });

  it('throws an error if nothing requires a gradient', () => {
    expect(() => backward(normal([2], 26).sum())).toThrow(
      'backward: the loss does not depend on any tensor with requiresGrad',
    );
    const scalar = Tensor.fromNode(graph.constant(1, [], 'f64'));
    expect(() => backward(scalar)).toThrow('any tensor with requiresGrad');
  });
});
