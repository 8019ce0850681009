/** Calls of compiled functions: their order, many at once, and functions that are not to be compiled. */
import { beforeEach, describe, expect, it } from 'vitest';
import { compile } from './compile.ts';
import { realize, tensor, zeros } from './functions.ts';
import { setDefaultBackend } from './kernel/backend.ts';
import { recordedWhile } from './runtime/recording.ts';
import type { Tensor } from './tensor.ts';
import { registerTestedBackends, testedBackends } from './testing/backends.ts';

registerTestedBackends();

describe.each(testedBackends)('calls of compiled functions on %s', (backend) => {
  beforeEach(() => setDefaultBackend(backend));

  it('may be many at once, with more shapes than programs are kept', { timeout: 60_000 }, async () => {
    let recordings = 0;
    const double = compile((x: Tensor) => {
      recordings++;
      return x.mul(2);
    });
    const count = 100;
    const results = await Promise.all(
      Array.from({ length: count }, (_, n) => double(tensor(new Float32Array(n + 1).fill(n)))),
    );
    const last = await Promise.all(results.map(async (result) => (await result.data()).at(-1)));
    expect(last).toEqual(Array.from({ length: count }, (_, n) => 2 * n));
    expect(recordings).toBe(count);
    // Those that were not used for long were disposed of, and are made again.
    expect(await (await double(tensor([4]))).item()).toBe(8);
    expect(recordings).toBe(count + 1);
  });

  it('record the function again once a condition of its recording is false', async () => {
    let [factor, recordings] = [2, 0];
    const scale = compile((x: Tensor) => {
      const own = factor;
      recordings++;
      recordedWhile(() => factor === own);
      return x.mul(own);
    });
    const call = async (): Promise<number> => (await scale(tensor([3]))).item();
    expect([await call(), await call(), recordings]).toEqual([6, 6, 1]);
    factor = 5;
    expect([await call(), await call(), recordings]).toEqual([15, 15, 2]);
    // Without a recording it does nothing.
    recordedWhile(() => false);
  });

  it('may be disposed of while calls wait', async () => {
    const double = compile((x: Tensor) => x.mul(2));
    const calls = [double(tensor([1])), double(tensor([1, 2])), double(tensor([3]))];
    await calls[0];
    double.dispose();
    expect((await (await calls[2])?.data())?.[0]).toBe(6);
    expect((await (await double(tensor([5]))).data())[0]).toBe(10);
  });

  it('records once where calls of one shape wait', async () => {
    let recordings = 0;
    const double = compile((x: Tensor) => {
      recordings++;
      return x.mul(2);
    });
    await Promise.all([1, 2, 3].map((n) => double(tensor([n]))));
    expect(recordings).toBe(1);
  });

  it.each(['recorded at the call', 'recorded before'])(
    'work with the values at the time of the call: %s',
    async (when) => {
      const x = tensor([1]);
      const w = tensor([10]);
      const sum = compile((y: Tensor) => y.add(w));
      if (when === 'recorded before') await sum(tensor([0]));
      const first = sum(x);
      x.assign(tensor([7]));
      const second = sum(x);
      w.assign(tensor([20]));
      const third = sum(x);
      w.assign(tensor([30]));
      const seen = await Promise.all([first, second, third].map(async (y) => (await y).item()));
      expect(seen).toEqual([11, 17, 27]);
      expect([await x.item(), await w.item()]).toEqual([7, 30]);
    },
  );

  it.each(['recorded at the call', 'recorded before'])('assign before what is assigned later: %s', async (when) => {
    const count = zeros([1]);
    const step = compile((by: Tensor) => {
      count.assign(count.add(by));
      return count;
    });
    if (when === 'recorded before') await step(tensor([0]));
    const first = step(tensor([1]));
    count.assign(tensor([100]));
    const second = step(tensor([2]));
    expect(await Promise.all([first, second].map(async (y) => (await y).item()))).toEqual([1, 102]);
    expect(await count.item()).toBe(102);
    expect(await (await step(tensor([3]))).item()).toBe(105);
    expect(await count.item()).toBe(105);
  });

  it('do not end the process when the function reads, whatever becomes of its promises', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', note);
    const refused = 'a value cannot be read while a compiled function is recorded';
    try {
      const inner = compile((x: Tensor) => x);
      const functions: ((x: Tensor) => unknown)[] = [
        async (x) => x.mul(await x.item()),
        async (x) => {
          const [first] = await x.data();
          return x.add(first ?? 0);
        },
        (x) => [x.item(), x][1],
        (x) => [x.data(), x][1],
        (x) => [x.toArray(), x][1],
        (x) => [x.realize(), x][1],
        (x) => [realize(x), x][1],
        (x) => [x.to('reference'), x][1],
      ];
      for (const body of functions) await expect(compile(body)(tensor([1]))).rejects.toThrow(refused);
      const nested: ((x: Tensor) => unknown)[] = [(x) => [inner(x), x][1], (x) => [inner.explain(x), x][1]];
      for (const body of nested)
        await expect(compile(body)(tensor([1]))).rejects.toThrow('called while another is recorded');
      await expect(compile(async () => Promise.reject(new Error('own')))()).rejects.toThrow(
        'the function is asynchronous',
      );
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      process.off('unhandledRejection', note);
    }
    expect(unhandled).toEqual([]);
  });
});
