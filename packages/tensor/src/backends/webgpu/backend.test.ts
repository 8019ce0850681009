import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../../compile.ts';
import { arange, tensor, zeros } from '../../functions.ts';
import {
  BackendUnavailableError,
  closeBackend,
  DeviceLostError,
  OutOfMemoryError,
  openBackend,
  registerAsyncBackend,
  setDefaultBackend,
} from '../../kernel/backend.ts';
import type { Tensor } from '../../tensor.ts';
import { webgpuMissing } from '../../testing/backends.ts';
import { opCases } from '../../testing/conformance.ts';
import { createWebGpuBackend, type WebGpuBackend } from './backend.ts';
import { WebGpuExecutable } from './executable.ts';

const values = async (x: Tensor): Promise<number[]> => [...(await x.data())];

/** Opens a backend with these options under the given name and makes it the default. */
async function use(name: string, options: Parameters<typeof createWebGpuBackend>[0]): Promise<WebGpuBackend> {
  registerAsyncBackend(name, () => createWebGpuBackend(options));
  const backend = await openBackend(name);
  setDefaultBackend(name);
  return backend as WebGpuBackend;
}

it('shaders of all operations are valid WGSL, including those with native f16', async () => {
  const backend = await use('webgpu-null', { dawnOptions: ['backend=null'], tune: '0' });
  expect(backend.capabilities.features.has('shader-f16')).toBe(true);
  // Nothing is computed, and what is read back is arbitrary: checks of indices find anything, and shapes that depend on values are none.
  const run = async (compute: () => Tensor | Promise<Tensor>): Promise<Tensor | null> => {
    try {
      const result = await compute();
      await result.data();
      return result;
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      return null;
    }
  };
  for (const { compute, needs = [] } of opCases) {
    if (needs.some((dtype) => backend.whyUnsupported(dtype) !== null)) continue;
    const result = await run(compute);
    if (result?.dtype === 'f32') await run(() => result.to('f16').mul(2).to('bf16'));
  }
  expect(backend.statistics().shaders).toBeGreaterThan(100);
  await closeBackend('webgpu-null');
});

it('reports why there is no adapter', async () => {
  const missing = createWebGpuBackend({ adapter: 'no such adapter' });
  await expect(missing).rejects.toThrow(BackendUnavailableError);
  await expect(
    createWebGpuBackend({ adapter: 'hardware', dawnOptions: ['backend=null', 'adapter=nothing'] }),
  ).rejects.toThrow('webgpu: ');
});

describe.skipIf(webgpuMissing !== null)(`the webgpu backend ${webgpuMissing ?? ''}`, () => {
  let backend: WebGpuBackend;

  beforeAll(async () => {
    backend = await use('webgpu-own', {});
  });

  afterAll(async () => {
    await closeBackend('webgpu-own');
  });

  it('runs a compiled step with one submit, and uploads only its arguments', async () => {
    setDefaultBackend('webgpu-own');
    const weight = zeros([64, 32]);
    const step = compile((x: Tensor) => {
      const error = x.matmul(weight).sub(1);
      weight.assign(weight.sub(x.transpose().matmul(error).mul(0.01)));
      return error.square().mean();
    });
    await step(arange(128).reshape(2, 64).mul(0.01));
    const x = tensor(new Float32Array(128).fill(0.5), { shape: [2, 64] });
    const before = backend.statistics();
    const losses = [await step(x), await step(x)] as const;
    const after = backend.statistics();
    expect(after.submits - before.submits).toBe(2);
    expect(after.bytesUploaded - before.bytesUploaded).toBe(0);
    expect(after.bytesDownloaded - before.bytesDownloaded).toBe(0);
    expect(after.shaders - before.shaders).toBe(0);
    const [first, second] = await Promise.all([losses[0].item(), losses[1].item()]);
    expect(second).toBeLessThan(first);
    const { executable, allocations } = await step.program(x);
    if (!(executable instanceof WebGpuExecutable)) throw new Error('the step was not prepared for WebGPU');
    const profile = await executable.profile(allocations);
    expect(profile.length).toBe(executable.statistics.dispatches);
    if (backend.device.features.has('timestamp-query'))
      for (const { milliseconds } of profile) expect(milliseconds).toBeGreaterThanOrEqual(0);
  });

  it('lets a step read memory that it also overwrites', async () => {
    setDefaultBackend('webgpu-own');
    const state = tensor([1, 2, 3]);
    const step = compile((x: Tensor) => {
      state.assign(state.mul(2));
      return x.add(state.flip([0]));
    });
    // The argument is the state itself, and the step sees its value from before the step.
    expect(await values(await step(state))).toEqual([7, 6, 5]);
    expect(await values(state)).toEqual([2, 4, 6]);
  });

  it('writes neighboring bytes without disturbing each other', async () => {
    setDefaultBackend('webgpu-own');
    const x = arange(1037).to('u8');
    expect(await values(x)).toEqual(Array.from({ length: 1037 }, (_, k) => k & 255));
    expect(await values(x.lt(tensor(100, { dtype: 'u8' })).slice(0, 3))).toEqual(
      Array.from({ length: 1034 }, (_, k) => Number(((k + 3) & 255) < 100)),
    );
  });

  it('refuses allocations that are too large, and those of other backends', async () => {
    const small = await use('webgpu-small', { bufferBytes: 1 << 16 });
    expect(() => small.allocate(1 << 17)).toThrow(OutOfMemoryError);
    expect(() => small.allocate(1 << 17)).toThrow('a tensor needs 0.1 MiB in one buffer');
    expect(() => small.write(backend.allocate(4), Float32Array.of(1, 2))).toThrow('8 bytes do not fit');
    expect(() => small.write({ bytes: 4 }, Float32Array.of(1))).toThrow('belongs to another backend');
    // Temporaries that do not fit into one buffer together are placed in several.
    const parts = Array.from({ length: 4 }, (_, k) =>
      arange(12_000)
        .mul(k + 1)
        .contiguous(),
    );
    const flipped = parts.map((part) => part.flip([0]).contiguous());
    const sum = flipped.reduce((total, part) => total.add(part));
    expect((await values(sum)).slice(0, 2)).toEqual([119_990, 119_980]);
    const large = zeros([200, 100]);
    await expect(large.matmul(large.transpose()).data()).rejects.toThrow(OutOfMemoryError);
    expect(await values(tensor([1]).add(1))).toEqual([2]);
    await expect(tensor([1]).to('f64').add(1).data()).rejects.toThrow('webgpu: WGSL has no f64');
    await closeBackend('webgpu-small');
  });

  it('reports a lost device, and opens again', async () => {
    const lost = await use('webgpu-lost', {});
    const x = tensor([1, 2]);
    expect(await values(x.add(1))).toEqual([2, 3]);
    lost.device.destroy();
    await lost.device.lost;
    await expect(x.mul(2).data()).rejects.toThrow(DeviceLostError);
    expect(() => lost.allocate(4)).toThrow("Close it with closeBackend('webgpu')");
    await closeBackend('webgpu-lost');
    const again = await openBackend('webgpu-lost');
    expect(again).not.toBe(lost);
    setDefaultBackend('webgpu-lost');
    expect(await values(tensor([1]).add(1))).toEqual([2]);
    await closeBackend('webgpu-lost');
    expect(() => again.allocate(4)).toThrow('was disposed');
  });

  it('lets the process end after it is disposed', () => {
    const source = new URL('../../index.ts', import.meta.url);
    const script = `
      const { openBackend, setDefaultBackend, tensor, disposeBackends } = await import('${source}');
      await openBackend('webgpu');
      setDefaultBackend('webgpu');
      console.log((await tensor([1]).add(1).data())[0]);
      await disposeBackends();`;
    const node = ['--conditions=tessera-source', '--input-type=module', '-e', script];
    const output = execFileSync(process.execPath, node, {
      encoding: 'utf8',
      timeout: 60_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(output.trim()).toBe('2');
  });
});
