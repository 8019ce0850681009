/** Tensors whose values a function creates when they are first used. */
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { registerReferenceBackends } from '../backends/reference/backend.ts';
import { createWasmBackend } from '../backends/wasm/index.ts';
import { compile } from '../compile.ts';
import { full, tensor, tensorFrom, zeros } from '../functions.ts';
import * as graph from '../graph/graph.ts';
import { ownStorage } from '../graph/storage.ts';
import { setDefaultBackend } from '../kernel/backend.ts';
import { Tensor } from '../tensor.ts';
import { tidy } from '../tidy.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
});

const source = () => vi.fn(() => Float32Array.of(1, 2, 3));

describe('tensorFrom', () => {
  test('calls the source once, when the values are first used', async () => {
    const values = source();
    const t = tensorFrom(values, { shape: [3] });
    const sum = t.sum();
    expect(t.shape).toEqual([3]);
    expect(values).not.toHaveBeenCalled();
    expect(await sum.item()).toBe(6);
    expect(await t.toArray()).toEqual([1, 2, 3]);
    expect(values).toHaveBeenCalledTimes(1);
  });

  test('allocates memory only when the values are used, and frees it', async () => {
    const backend = createWasmBackend({ threads: 1 });
    const t = tensorFrom(() => new Float32Array(1000), { shape: [1000], backend });
    expect(backend.memory().used).toBe(0);
    await tidy(async () => {
      await t.data();
      expect(backend.memory().used).toBeGreaterThanOrEqual(4000);
      const unused = tensorFrom(() => new Float32Array(1000), { shape: [1000], backend });
      expect(unused.shape).toEqual([1000]);
    });
    expect(backend.memory().used).toBeLessThan(8000);
    await backend.dispose();
  });

  test('has the requested dtype', async () => {
    const bits = tensorFrom(() => Uint8Array.of(1, 0), { shape: [2], dtype: 'bool' });
    expect(await bits.logicalNot().toArray()).toEqual([0, 1]);
    const half = tensorFrom(() => Float32Array.of(1 + 2 ** -12), { shape: [1], dtype: 'f16' });
    expect(await half.toArray()).toEqual([1]);
  });

  test('refuses values that do not fill the shape', async () => {
    const t = tensorFrom(source(), { shape: [4] });
    await expect(t.data()).rejects.toThrow('tensorFrom: 3 elements do not fill the shape [4]');
  });

  test('a value that is created inside tidy and not returned is released, used or not', async () => {
    let kept: Tensor | undefined;
    tidy(() => {
      kept = tensorFrom(source(), { shape: [3] });
    });
    await expect((kept as Tensor).data()).rejects.toThrow('this value was released');
  });
});

describe('state that is initialized from a source', () => {
  test('assigned state has its own values, and nothing is stored for the tensor that it was initialized from', async () => {
    const backend = createWasmBackend({ threads: 1 });
    const cell = tensor(new Float32Array(1024), { shape: [1024], backend });
    const before = backend.memory().used;
    const values = vi.fn(() => new Float32Array(1024).fill(2));
    const given = tensorFrom(values, { shape: [1024], backend });
    cell.assign(given.detach());
    expect(backend.memory().used).toBe(before);
    expect((await cell.data())[5]).toBe(2);
    expect(backend.memory().used).toBe(before + 4096);
    expect(values).toHaveBeenCalledTimes(1);
    expect((await given.data())[5]).toBe(2);
    await backend.dispose();
  });

  test('what was computed before an assignment keeps the old value', async () => {
    const cell = tensor([1, 1, 1]);
    const doubled = cell.mul(2);
    cell.assign(tensorFrom(source(), { shape: [3] }));
    expect(await doubled.toArray()).toEqual([2, 2, 2]);
    expect(await cell.toArray()).toEqual([1, 2, 3]);
  });

  test.each(['reference', 'wasm'])('a compiled step on %s changes the state alone', async (name) => {
    setDefaultBackend(name);
    const given = tensorFrom(source(), { shape: [3] });
    const storage = ownStorage(setDefaultBackend(name), given.node);
    const cell = Tensor.fromNode(graph.buffer(storage, [3]));
    const step = compile((x: Tensor) => {
      cell.assign(cell.add(x));
      return cell.sum();
    });
    expect(await (await step(tensor([1, 1, 1]))).item()).toBe(9);
    expect(await (await step(tensor([1, 1, 1]))).item()).toBe(12);
    expect(await cell.toArray()).toEqual([3, 4, 5]);
    expect(await given.toArray()).toEqual([1, 2, 3]);
    // New values from outside, between two steps.
    cell.assign(tensorFrom(source(), { shape: [3] }));
    expect(await (await step(zeros([3]))).item()).toBe(6);
    step.dispose();
  });

  test.each(['f32', 'f64', 'i32', 'u8', 'bool', 'f16', 'bf16'] as const)(
    'a constant of %s needs no program',
    async (dtype) => {
      const backend = setDefaultBackend('wasm');
      const prepare = vi.spyOn(backend, 'prepare');
      for (const value of [0, 1]) {
        const storage = ownStorage(backend, full([2, 3], value, { dtype }).node);
        expect(storage).toMatchObject({ dtype, length: 6, pending: null, allocation: null });
        const cell = Tensor.fromNode(graph.buffer(storage, [2, 3]));
        expect([...(await cell.data())]).toEqual(new Array(6).fill(value));
      }
      expect(prepare).not.toHaveBeenCalled();
      prepare.mockRestore();
    },
  );

  test('state that is initialized with a constant has its own memory: a compiled function changes it in place', async () => {
    setDefaultBackend('wasm');
    const [first, second] = [tensor([5, 5]), tensor([5, 5])];
    const start = full([2], 1);
    first.assign(start);
    second.assign(start);
    const step = compile((x: Tensor) => {
      first.assign(first.add(x));
      return first.add(second);
    });
    expect(await (await step(tensor([1, 2]))).toArray()).toEqual([3, 4]);
    expect(await (await step(tensor([1, 2]))).toArray()).toEqual([4, 6]);
    expect([await first.toArray(), await second.toArray(), await start.toArray()]).toEqual([
      [3, 5],
      [1, 1],
      [1, 1],
    ]);
    step.dispose();
  });
});
