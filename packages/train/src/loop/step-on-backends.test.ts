/** The same training steps on several backends. */
import { closeBackend, openBackend, setDefaultBackend, type WebGpuBackend } from '@tessera/tensor';
import { whyMissing } from '@tessera/tensor/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { tinyClip, tinyPairs } from '../testing/tiny-clip.ts';
import { TrainingStep } from './step.ts';
import { zip } from './zip.ts';

const steps = 20;

/** The losses of some training steps on a backend, and the resulting parameters. */
async function train(backend: string): Promise<{ losses: number[]; parameters: number[][] }> {
  setDefaultBackend(backend);
  const { objective, optimizer } = tinyClip();
  const step = new TrainingStep(objective, optimizer, { clipGradNorm: 1 });
  const losses: number[] = [];
  for (let k = 0; k < steps; k++) losses.push((await step.run(tinyPairs(k % 3), 1e-2)).loss);
  const parameters = await Promise.all(objective.model.parameters().map(async (p) => [...(await p.data())]));
  step.dispose();
  return { losses, parameters };
}

const missing = { webgpu: await whyMissing('webgpu'), 'gpujs:webasm': await whyMissing('gpujs:webasm') };
afterAll(async () => {
  setDefaultBackend('wasm');
  for (const [name, reason] of Object.entries(missing)) if (reason === null) await closeBackend(name);
});

describe.each(Object.entries(missing))('training on %s', (backend, reason) => {
  it.skipIf(reason !== null)(`has the losses of wasm, and is reproducible bit for bit ${reason ?? ''}`, async () => {
    const expected = await train('wasm');
    const once = await train(backend);
    const again = await train(backend);
    expect(expected.losses.at(-1)).toBeLessThan(0.8 * (expected.losses[0] ?? 0));
    for (const [k, [loss, other]] of zip(expected.losses, once.losses).entries())
      expect(Math.abs(loss - other), `step ${k}`).toBeLessThan(1e-3);
    expect(again).toEqual(once);
  });
});

describe('a training step on webgpu', () => {
  it.skipIf(missing.webgpu !== null)(
    `is one submission and uploads only the batch ${missing.webgpu ?? ''}`,
    async () => {
      const backend = (await openBackend('webgpu')) as WebGpuBackend;
      setDefaultBackend('webgpu');
      const { objective, optimizer } = tinyClip();
      const step = new TrainingStep(objective, optimizer, { clipGradNorm: 1 });
      for (let k = 0; k < 2; k++) await step.run(tinyPairs(k), 1e-2);
      const batch = tinyPairs(2);
      const batchBytes = Object.values(batch).reduce(
        (sum, { size, dtype }) => sum + size * (dtype === 'u8' ? 1 : 4),
        0,
      );
      const before = backend.statistics();
      await step.run(batch, 1e-2);
      const after = backend.statistics();
      expect(after.submits - before.submits).toBe(1);
      expect(after.dispatches - before.dispatches).toBeGreaterThan(50);
      // Apart from the batch: the learning rate.
      expect(after.bytesUploaded - before.bytesUploaded - batchBytes).toBeLessThanOrEqual(16);
      expect(after.bytesDownloaded - before.bytesDownloaded).toBeLessThanOrEqual(64);
      step.dispose();
    },
  );
});
