/** Compiled functions on every backend. */
import { beforeEach, describe, expect, it } from 'vitest';
import { compile } from './compile.ts';
import { rand, tensor, zeros } from './functions.ts';
import { setDefaultBackend } from './kernel/backend.ts';
import { manualSeed } from './random/generator.ts';
import type { Tensor } from './tensor.ts';
import { registerTestedBackends, testedBackends } from './testing/backends.ts';

registerTestedBackends();

describe.each(testedBackends)('compile on %s', (backend) => {
  beforeEach(() => {
    setDefaultBackend(backend);
    manualSeed(1);
  });

  const values = async (x: Tensor): Promise<number[]> => [...(await x.data())];

  it('runs a function with state like the plain function', async () => {
    const train = async (compiled: boolean): Promise<number[][]> => {
      const weight = tensor([1, 2, 3]);
      const momentum = zeros([3]);
      const plain = (x: Tensor, lr: Tensor): Tensor => {
        const error = weight.sub(x);
        momentum.assign(momentum.mul(0.5).add(error));
        weight.assign(weight.sub(momentum.mul(lr)));
        return error.square().sum();
      };
      const step = compiled ? compile(plain) : plain;
      const seen: number[][] = [];
      for (let i = 0; i < 4; i++) seen.push(await values(await step(tensor([i, 0, 1]), tensor(0.1 * (i + 1)))));
      return [...seen, await values(weight), await values(momentum)];
    };
    expect(await train(true)).toEqual(await train(false));
  });

  it('sees what was assigned between runs', async () => {
    const scale = tensor([2]);
    const step = compile((x: Tensor) => x.mul(scale));
    expect(await values(await step(tensor([3])))).toEqual([6]);
    scale.assign(tensor([10]));
    expect(await values(await step(tensor([3])))).toEqual([30]);
  });

  it('reads the old value everywhere, and stores the new one at the end', async () => {
    const a = tensor([1, 2]);
    const b = tensor([3, 4]);
    const swap = compile(() => {
      const [oldA, oldB] = [a.add(0), b.add(0)];
      a.assign(oldB);
      b.assign(oldA);
      return { sum: oldA.add(oldB), a };
    });
    const result = await swap();
    expect(await values(result.sum)).toEqual([4, 6]);
    expect(await values(result.a)).toEqual([3, 4]);
    expect([await values(a), await values(b)]).toEqual([
      [3, 4],
      [1, 2],
    ]);
    await swap();
    expect([await values(a), await values(b)]).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('stores state that was a constant in memory of its own', async () => {
    const zero = zeros([2]);
    const count = zeros([2]);
    const step = compile(() => {
      count.assign(count.add(1));
      return count;
    });
    await step();
    await step();
    expect(await values(count)).toEqual([2, 2]);
    expect(await values(zero)).toEqual([0, 0]);
  });

  it('reads state that another function assigns, even if it was not computed when the function was recorded', async () => {
    const count = zeros([2]);
    count.assign(count.add(tensor([1, 2])));
    const read = compile(() => count.mul(10));
    const step = compile(() => {
      count.assign(count.add(1));
      return [];
    });
    const seen = [await values(await read())];
    for (let k = 0; k < 2; k++) {
      await step();
      seen.push(await values(await read()));
    }
    expect(seen).toEqual([
      [10, 20],
      [20, 30],
      [30, 40],
    ]);
  });

  it('records once for each combination of shapes, and again for other plain values', async () => {
    let recordings = 0;
    const step = compile((x: Tensor, options: { scale: number }) => {
      recordings++;
      return x.mul(options.scale);
    });
    await step(tensor([1, 2]), { scale: 2 });
    await step(tensor([3, 4]), { scale: 2 });
    expect(recordings).toBe(1);
    await step(tensor([1, 2, 3]), { scale: 2 });
    expect(await values(await step(tensor([1, 2]), { scale: 3 }))).toEqual([3, 6]);
    expect(recordings).toBe(3);
  });

  it('draws new random numbers at each run, and the same ones again with the same seed', async () => {
    const step = compile(() => [rand([3]), rand([3])]);
    const draw = async (): Promise<number[][]> => Promise.all((await step()).map((x) => values(x)));
    const first = await draw();
    const second = await draw();
    expect(first[0]).not.toEqual(first[1]);
    expect(second).not.toEqual(first);
    manualSeed(1);
    expect(await draw()).toEqual(first);
    expect(await draw()).toEqual(second);
  });

  it('keeps results of earlier runs', async () => {
    const step = compile((x: Tensor) => x.add(1));
    const first = await step(tensor([1]));
    const second = await step(tensor([5]));
    expect([await values(first), await values(second)]).toEqual([[2], [6]]);
  });

  it('returns arguments and state unchanged', async () => {
    const state = tensor([7]);
    const step = compile((x: Tensor) => ({ x, state, twice: [x, x] as const }));
    const result = await step(tensor([1]));
    expect(await Promise.all([result.x, result.state, ...result.twice].map(values))).toEqual([[1], [7], [1], [1]]);
  });

  it('refuses to read while recording, and results that are not tensors', async () => {
    const reading = compile((x: Tensor) => {
      x.item().catch(() => {});
      return x;
    });
    await expect(reading(tensor([1]))).rejects.toThrow('a value cannot be read while a compiled function is recorded');
    const number = compile(() => 3);
    await expect(number()).rejects.toThrow('which is not a tensor');
    const waiting = compile(async (x: Tensor) => x);
    await expect(waiting(tensor([1]))).rejects.toThrow('the function is asynchronous');
    const inner = compile((x: Tensor) => x);
    const nested = compile((x: Tensor) => {
      void inner(x).catch(() => {});
      return x;
    });
    await expect(nested(tensor([1]))).rejects.toThrow('called while another is recorded');
  });

  it('does not change state if the recording fails', async () => {
    const state = tensor([1]);
    const step = compile((x: Tensor) => {
      state.assign(x);
      throw new Error('from the function');
    });
    await expect(step(tensor([2]))).rejects.toThrow('from the function');
    expect(await values(state)).toEqual([1]);
  });
});
