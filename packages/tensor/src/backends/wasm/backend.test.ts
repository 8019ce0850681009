import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { type Allocation, OutOfMemoryError } from '../../kernel/backend.ts';
import type { ContractKernel, Kernel } from '../../kernel/kernel.ts';
import { nth } from '../../kernel/nth.ts';
import type { Plan } from '../../kernel/plan.ts';
import { createWasmBackend, type WasmBackend, type WasmBackendOptions } from './backend.ts';
import { contiguous, contractKernel, plainProduct, storeProgram } from './products/contract.testing.ts';

const backends: WasmBackend[] = [];
function makeBackend(options: WasmBackendOptions = {}): WasmBackend {
  const backend = createWasmBackend({ threads: 2, ...options });
  backends.push(backend);
  return backend;
}
afterAll(async () => {
  await Promise.all(backends.map((backend) => backend.dispose()));
});

/** A plan for out = (a b) b, for n x n matrices: two kernels; the first result is in the arena. */
function squarePlan(n: number, name = 'product'): Plan {
  const product = (a: number, b: number, out: number): ContractKernel => ({
    ...contractKernel('f32', { batch: [], m: [n], n: [n], k: [n] }, contiguous([n, n]), contiguous([n, n])),
    name: `${name} ${out}`,
    a: { buffer: a, view: contiguous([n, n]) },
    b: { buffer: b, view: contiguous([n, n]) },
    epilogue: storeProgram('f32', out, contiguous([n, n])),
  });
  const buffer = (place: Plan['buffers'][number]['place']): Plan['buffers'][number] => ({
    dtype: 'f32',
    length: n * n,
    place,
  });
  return {
    buffers: [
      buffer({ kind: 'external', index: 0 }),
      buffer({ kind: 'external', index: 1 }),
      buffer({ kind: 'arena', byteOffset: 128 }),
      buffer({ kind: 'external', index: 2 }),
    ],
    stages: [[product(0, 1, 2)], [product(2, 1, 3)]],
    arenaBytes: 128 + n * n * 4,
    externalCount: 3,
  };
}

function squares(n: number): { a: Float32Array; b: Float32Array; expected: Float64Array } {
  const a = Float32Array.from({ length: n * n }, (_, i) => Math.fround(Math.sin(i)));
  const b = Float32Array.from({ length: n * n }, (_, i) => Math.fround(Math.cos(3 * i)) / n);
  const kernel = contractKernel('f32', { batch: [], m: [n], n: [n], k: [n] }, contiguous([n, n]), contiguous([n, n]));
  return { a, b, expected: plainProduct(kernel, Float32Array.from(plainProduct(kernel, a, b)), b) };
}

const worst = (actual: ArrayLike<number>, expected: ArrayLike<number>): number =>
  Array.from(expected).reduce((largest, value, i) => {
    const error = Math.abs(nth(actual, i) - value);
    return error <= largest ? largest : error;
  }, 0);

/** Memory for the operands and the result of `squarePlan`. */
const allocateThree = (backend: WasmBackend, bytes: number): [Allocation, Allocation, Allocation] => [
  backend.allocate(bytes),
  backend.allocate(bytes),
  backend.allocate(bytes),
];

describe('WasmBackend', () => {
  it.each([5, 150])('returns the same bits on one thread and on two, blocking and not, n = %i', async (n) => {
    const { a, b, expected } = squares(n);
    const results: string[] = [];
    for (const threads of [1, 2]) {
      const backend = makeBackend({ threads, poison: true });
      await backend.startThreads();
      const externals = allocateThree(backend, a.byteLength);
      backend.write(externals[0], a);
      backend.write(externals[1], b);
      const executable = backend.prepare(squarePlan(n));
      expect(executable.slowKernels).toEqual([]);
      for (const blocking of [false, true, false]) {
        backend.write(externals[2], new Float32Array(n * n).fill(Number.NaN));
        if (blocking) executable.runSync(externals);
        else await executable.run(externals);
        const result = await backend.read(externals[2], 'f32', n * n);
        expect(worst(result, expected)).toBeLessThan(1e-5);
        results.push(Buffer.from(result.buffer).toString('base64'));
      }
    }
    expect(new Set(results).size).toBe(1);
  });

  it('keeps the order of runs and transfers that are not awaited, and of blocking ones', async () => {
    const n = 150;
    const { a, b } = squares(n);
    const backend = makeBackend();
    const executable = backend.prepare(squarePlan(n));
    const [x, y, z] = allocateThree(backend, a.byteLength);
    backend.write(x, a);
    backend.write(y, b);
    // x -> z -> x -> z, not awaited; the last one blocks.
    const first = executable.run([x, y, z]);
    const second = executable.run([z, y, x]);
    executable.runSync([x, y, z]);
    const third = backend.readSync(z, 'f32', n * n);
    await Promise.all([first, second]);

    backend.write(x, a);
    executable.runSync([x, y, z]);
    executable.runSync([z, y, x]);
    executable.runSync([x, y, z]);
    expect(backend.readSync(z, 'f32', n * n)).toEqual(third);

    // Writing and freeing memory that a run reads waits for the run.
    backend.write(x, a);
    const run = executable.run([x, y, z]);
    backend.write(x, new Float32Array(n * n));
    backend.free(x);
    const reused = backend.allocate(a.byteLength);
    backend.write(reused, new Float32Array(n * n).fill(Number.NaN));
    await run;
    backend.write(reused, a);
    executable.runSync([reused, y, x]);
    expect(await backend.read(z, 'f32', n * n)).toEqual(backend.readSync(x, 'f32', n * n));
  });

  it('frees memory that a run uses when the run has finished', async () => {
    const backend = makeBackend();
    const { a, b } = squares(150);
    const executable = backend.prepare(squarePlan(150));
    await backend.startThreads();
    const externals = allocateThree(backend, a.byteLength);
    backend.write(externals[0], a);
    backend.write(externals[1], b);
    await executable.run(externals);
    const before = backend.memory().used;
    const run = executable.run(externals);
    backend.free(externals[0]);
    expect(backend.memory().used).toBe(before);
    await run;
    expect(backend.memory().used).toBeLessThan(before);
  });

  it('shares code between equal plans, and refuses buffers that do not fit', async () => {
    const backend = makeBackend();
    const first = backend.prepare(squarePlan(7));
    const second = backend.prepare(squarePlan(7));
    first.dispose();
    const small = backend.allocate(7 * 7 * 4 - 4);
    const right = backend.allocate(7 * 7 * 4);
    expect(() => second.runSync([right, small, right])).toThrow(/external buffer 1 needs 196 bytes, got 192/);
    expect(() => second.runSync([right, right])).toThrow(/has 3 external buffers, got 2/);
    await expect(first.run([right, right, right])).rejects.toThrow(/disposed/);
    expect(() => backend.write(small, new Float32Array(49))).toThrow(/do not fit/);
    await expect(backend.read(small, 'f32', 49)).rejects.toThrow(/49 elements of f32/);
    expect(() => second.runSync([{ bytes: 196 }, right, right])).toThrow(/another backend/);
  });

  it('names the kernel that failed, with any number of threads, and can run again', async () => {
    for (const threads of [1, 2]) {
      const backend = makeBackend({ threads });
      await backend.startThreads();
      const n = 150;
      const { a, b, expected } = squares(n);
      const plan = squarePlan(n, 'outside');
      const executable = backend.prepare(plan);
      const good = allocateThree(backend, a.byteLength);
      backend.write(good[0], a);
      backend.write(good[1], b);
      // An address after the end of the memory, to which the second kernel writes.
      const bad = [good[0], good[1], { bytes: n * n * 4, memory: 0, address: 0xfff00000 }];
      await expect(executable.run(bad)).rejects.toThrow(/kernel 'outside 3' failed: .*out of bounds/);
      expect(() => executable.runSync(bad)).toThrow(/kernel 'outside 3' failed/);
      await executable.run(good);
      expect(worst(await backend.read(good[2], 'f32', n * n), expected)).toBeLessThan(1e-5);
    }
  });

  it('reports when each thread worked on which kernel', async () => {
    for (const threads of [1, 2]) {
      const backend = makeBackend({ threads });
      await backend.startThreads();
      const { a, b, expected } = squares(150);
      const externals = allocateThree(backend, a.byteLength);
      backend.write(externals[0], a);
      backend.write(externals[1], b);
      const executable = backend.prepare(squarePlan(150));
      const used = backend.memory().used;
      const before = performance.timeOrigin + performance.now();
      const spans = await executable.trace(externals);
      expect(spans.map(({ kernel, thread }) => `${thread}: ${kernel}`)).toEqual(
        Array.from({ length: threads }, (_, thread) => [`${thread}: 0`, `${thread}: 1`]).flat(),
      );
      for (const { start, end } of spans) {
        expect(start).toBeGreaterThanOrEqual(before - 1);
        expect(end).toBeGreaterThanOrEqual(start);
        expect(end).toBeLessThanOrEqual(performance.timeOrigin + performance.now() + 1);
      }
      // No thread starts the second kernel before all have finished the first.
      const ends = spans.filter(({ kernel }) => kernel === 0).map(({ end }) => end);
      for (const { kernel, start } of spans)
        if (kernel === 1) expect(start).toBeGreaterThanOrEqual(Math.max(...ends) - 1);
      expect(worst(await backend.read(externals[2], 'f32', 150 * 150), expected)).toBeLessThan(1e-5);
      expect(backend.memory().used - used).toBeLessThan(2 ** 20);
    }
  });

  it('runs on the calling thread after it was disposed', async () => {
    const backend = createWasmBackend({ threads: 2 });
    const { a, b, expected } = squares(150);
    const externals = allocateThree(backend, a.byteLength);
    backend.write(externals[0], a);
    backend.write(externals[1], b);
    const executable = backend.prepare(squarePlan(150));
    await executable.run(externals);
    await backend.dispose();
    backend.write(externals[2], new Float32Array(a.length));
    await executable.run(externals);
    expect(worst(await backend.read(externals[2], 'f32', a.length), expected)).toBeLessThan(1e-5);
  });

  it('measures each kernel', () => {
    const backend = makeBackend();
    const executable = backend.prepare(squarePlan(64));
    const externals = allocateThree(backend, 64 * 64 * 4);
    for (const external of externals) backend.write(external, new Float32Array(64 * 64));
    const profile = executable.profile(externals);
    expect(profile.map(({ kernel }) => kernel)).toEqual(['product 2', 'product 3']);
    expect(profile[0]?.operations).toBe(2 * 64 ** 3);
    expect(profile[0]?.bytes).toBe(3 * 64 * 64 * 4);
    expect(profile[0]?.milliseconds).toBeGreaterThan(0);
  });

  it('poisons freed memory', () => {
    const backend = makeBackend({ poison: true });
    const allocation = backend.allocate(64);
    backend.write(allocation, new Float32Array(16));
    backend.free(allocation);
    const again = backend.allocate(64);
    expect([...backend.readSync(again, 'f32', 16)].every(Number.isNaN)).toBe(true);
  });

  it('reports memory in use, and throws when it is exhausted', () => {
    const backend = makeBackend();
    const before = backend.memory();
    const allocation = backend.allocate(1 << 20);
    expect(backend.memory().used - before.used).toBe(1 << 20);
    expect(backend.memory().reserved).toBeGreaterThanOrEqual(1 << 20);
    backend.free(allocation);
    expect(backend.memory().used).toBe(before.used);
    expect(() => backend.allocate(2 ** 33)).toThrow(OutOfMemoryError);
  });

  it('checks the number of threads', () => {
    expect(() => createWasmBackend({ threads: 0 })).toThrow(/threads must be an integer from 1 to 256, got 0/);
  });

  it('collects dead tensors before their memory fills the machine', async () => {
    const backend = makeBackend({ threads: 1 });
    const registry = new FinalizationRegistry<ReturnType<WasmBackend['allocate']>>((held) => backend.free(held));
    let most = 0;
    for (let i = 0; i < 200; i++) {
      const allocation = backend.allocate(32 << 20);
      registry.register({}, allocation);
      most = Math.max(most, backend.memory().used);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // In total 6.25 GiB were allocated.
    expect(most).toBeLessThan(2 ** 30);
  });

  it('lets a process end without disposing the backend', async () => {
    const module = new URL('./backend.ts', import.meta.url).href;
    const script = `
      const { createWasmBackend } = await import(${JSON.stringify(module)});
      const backend = createWasmBackend({ threads: 2 });
      await backend.startThreads();
      console.log('ready', backend.threads);`;
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { timeout: 60_000 });
    expect(stdout.trim()).toBe('ready 2');
  });

  it('does nothing for an empty plan', async () => {
    const backend = makeBackend();
    const kernels: Kernel[][] = [];
    const executable = backend.prepare({ buffers: [], stages: kernels, arenaBytes: 0, externalCount: 0 });
    await executable.run([]);
    executable.runSync([]);
  });
});
