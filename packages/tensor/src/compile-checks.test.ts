/** Checked compiled functions, and functions that read what changes from outside. */
import { beforeEach, describe, expect, it } from 'vitest';
import { compile } from './compile.ts';
import { rand, tensor, where, zeros } from './functions.ts';
import { nameScope } from './graph/node.ts';
import { setDefaultBackend } from './kernel/backend.ts';
import { manualSeed } from './random/generator.ts';
import type { Tensor } from './tensor.ts';
import { registerTestedBackends, testedBackends } from './testing/backends.ts';

registerTestedBackends();

describe.each(testedBackends)('checked compiled functions on %s', (backend) => {
  beforeEach(() => {
    setDefaultBackend(backend);
    manualSeed(1);
  });

  it('name the first operation that makes an infinity or a NaN from finite values', async () => {
    const step = compile(
      (x: Tensor) => {
        const logits = nameScope('head', () => x.log());
        return logits.sub(logits).exp().sum();
      },
      { check: true },
    );
    expect(await (await step(tensor([1, 2]))).item()).toBe(2);
    await expect(step(tensor([1, 0]))).rejects.toThrow(
      /^checked: log made -Infinity at \[1\] of f32 \[2\] from finite values; in 'head'; made at .*compile-checks\.test\.ts:\d+:\d+$/,
    );
    await expect(step(tensor([-1, 1]))).rejects.toThrow('checked: log made NaN at [0] of f32 [2]');
    expect(await (await step(tensor([3, 4]))).item()).toBe(2);
  });

  it('see what does not reach the result, and allow infinities that are given', async () => {
    const hidden = compile((x: Tensor) => where(x.eq(0), 0, x.reciprocal()).sum(), { check: true });
    await expect(hidden(tensor([[4, 0]]))).rejects.toThrow('made Infinity at [0, 1] of f32 [1, 2]');
    const masked = compile(
      (x: Tensor, mask: Tensor) => where(x.lt(2), Number.NEGATIVE_INFINITY, x).softmax(0).add(mask.exp()),
      { check: true },
    );
    const result = await masked(tensor([1, 2]), tensor([0, Number.NEGATIVE_INFINITY]));
    expect(await result.toArray()).toEqual([1, 1]);
  });

  it('name a parameter that is not finite, and data that make the result so', async () => {
    const weight = tensor([1, Number.NaN], { requiresGrad: true });
    weight.name = 'head.weight';
    const step = compile((x: Tensor) => x.mul(weight).sum(), { check: true });
    await expect(step(tensor([1, 2]))).rejects.toThrow("checked: 'head.weight', f32 [2], holds NaN at [1]");
    const cleaned = compile((x: Tensor) => where(x.eq(x), x, 0).sum(), { check: true });
    expect(await (await cleaned(tensor([1, Number.NaN]))).item()).toBe(1);
    const total = compile((x: Tensor) => x.sum(), { check: true });
    await expect(total(tensor([[1], [Number.NaN]]))).rejects.toThrow(
      'checked: argument 0, f32 [2, 1], holds NaN at [1, 0], and a result is not finite',
    );
  });

  it('change nothing where a check fails', async () => {
    const state = tensor([1, 1]);
    const step = compile(
      (x: Tensor) => {
        state.assign(state.div(x));
        return state.sum();
      },
      { check: true },
    );
    await step(tensor([2, 1]));
    await expect(step(tensor([0, 1]))).rejects.toThrow('checked: ');
    expect(await state.toArray()).toEqual([0.5, 1]);
    await step(tensor([2, 1]));
    expect(await state.toArray()).toEqual([0.25, 1]);
  });

  it('have the bits of unchecked ones, with state and random numbers', async () => {
    const train = async (check: boolean): Promise<unknown> => {
      manualSeed(3);
      const weight = tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]);
      const velocity = zeros([2, 3]);
      const step = compile(
        (x: Tensor) => {
          const error = x
            .matmul(weight)
            .add(rand([4, 3]))
            .tanh()
            .sub(0.25);
          velocity.assign(velocity.mul(0.9).add(x.transpose().matmul(error)));
          weight.assign(weight.sub(velocity.mul(0.1)));
          return { loss: error.square().mean(), rows: error.argmax(1).oneHot(3) };
        },
        { check },
      );
      const seen = [];
      for (let k = 0; k < 5; k++) {
        const { loss, rows } = await step(
          tensor(
            Float32Array.from({ length: 8 }, (_, i) => Math.sin(i + k)),
            { shape: [4, 2] },
          ),
        );
        seen.push(await loss.item(), await rows.toArray());
      }
      return [seen, await weight.toArray()];
    };
    expect(await train(true)).toEqual(await train(false));
  });

  it('report a number from outside that changes', async () => {
    let scale = 2;
    const step = compile((x: Tensor) => nameScope('scaling', () => x.add(1).mul(scale)), { check: true });
    await step(tensor([1]));
    await step(tensor([1]));
    scale = 3;
    await expect(step(tensor([1]))).rejects.toThrow(
      /the function reads a number from outside that has changed since it was recorded: 2 is now 3, in mul \[1\]; in 'scaling'; made at .*compile-checks\.test\.ts:\d+:\d+; pass it as a tensor/,
    );
  });

  it('are verified on demand, checked or not', async () => {
    let rate = 0.5;
    let data = [1, 2];
    let deep = false;
    const state = tensor([1, 1]);
    const step = compile(function update(x: Tensor) {
      const y = x.mul(tensor(data)).mul(rate);
      state.assign(state.sub(deep ? y.relu() : y));
      return state.add(rand([2]));
    });
    const x = tensor([1, 1]);
    await step(x);
    await step.verify(x);
    state.assign(tensor([5, 5]));
    await step.verify(x);
    rate = 0.1;
    await expect(step.verify(x)).rejects.toThrow(
      "'update' reads a number from outside that has changed since it was recorded: 0.5 is now 0.1, in mul [2]",
    );
    rate = 0.5;
    data = [1, 3];
    await expect(step.verify(x)).rejects.toThrow(
      "'update' reads data from outside that have changed since it was recorded: f32 [2], in mul",
    );
    data = [1, 2];
    deep = true;
    await expect(step.verify(x)).rejects.toThrow("'update' was recorded again and is another program now");
    deep = false;
    await step.verify(x);
    // Nothing of this changed the state, or the stream of random numbers.
    expect(await state.toArray()).toEqual([5, 5]);
  });

  it('check captured tensors as they are now', async () => {
    const w = tensor([1]);
    const step = compile((x: Tensor) => x.div(w), { check: true });
    await step(tensor([1]));
    w.assign(tensor([0]));
    await expect(step(tensor([1]))).rejects.toThrow('from finite values');
    w.assign(tensor([2]));
    expect(await (await step(tensor([1]))).item()).toBe(0.5);
  });
});
