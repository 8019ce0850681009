import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openBackend, registerAsyncBackend, setDefaultBackend } from '../../backend.ts';
import { compile } from '../../compile.ts';
import { tensor } from '../../functions.ts';
import { realizeNodes } from '../../realize.ts';
import type { Tensor } from '../../tensor.ts';
import { webgpuMissing } from '../../testing/backends.ts';
import {
  buildProgram,
  difference,
  leavesOf,
  type RandomProgram,
  randomProgram,
} from '../../testing/random-programs.ts';
import { registerReferenceBackends } from '../reference/backend.ts';
import { createWebGpuBackend } from './backend.ts';

/** Shaders of software adapters take long to compile: few programs, the same ones each time unless TESSERA_SEED says otherwise. */
const seed = Number(process.env.TESSERA_SEED ?? 20261121);
const runs = Number(process.env.TESSERA_TEST_RUNS ?? 12);

registerReferenceBackends();
registerAsyncBackend('webgpu-poisoned', () => createWebGpuBackend({ poison: true }));
registerAsyncBackend('webgpu-narrow', () => createWebGpuBackend({ poison: true, storageBuffers: 2 }));

const leafTensors = (program: RandomProgram): Tensor[] =>
  leavesOf(program).map((data, k) => tensor(data, { shape: program.shapes[k] }));

async function eager(program: RandomProgram, backend: string): Promise<ArrayLike<number>[]> {
  setDefaultBackend(backend);
  const results = buildProgram(program, leafTensors(program));
  await realizeNodes(results.map(({ node }) => node));
  return Promise.all(results.map((result) => result.data()));
}

/** The second run of a compiled step: what it leaves in memory must not depend on what the first left there. */
async function replayed(program: RandomProgram, backend: string): Promise<ArrayLike<number>[]> {
  setDefaultBackend(backend);
  const step = compile((...leaves: Tensor[]) => buildProgram(program, leaves));
  await step(...leafTensors(program).map((leaf) => leaf.mul(3).add(1)));
  const results = await step(...leafTensors(program));
  const values = await Promise.all(results.map((result) => result.data()));
  step.dispose();
  return values;
}

describe.skipIf(webgpuMissing !== null)(
  `webgpu on random programs (TESSERA_SEED=${seed}) ${webgpuMissing ?? ''}`,
  () => {
    it('agrees with the oracle; replays, and devices with two storage bindings, give the same bits', {
      timeout: 300_000,
    }, async () => {
      await openBackend('webgpu-poisoned');
      await openBackend('webgpu-narrow');
      await fc.assert(
        fc.asyncProperty(randomProgram, async (program) => {
          const expected = await eager(program, 'reference-kernels');
          const values = await eager(program, 'webgpu-poisoned');
          const again = await replayed(program, 'webgpu-poisoned');
          const narrow = await eager(program, 'webgpu-narrow');
          values.forEach((value, k) => {
            expect(difference(value, expected[k])).toBeLessThan(1e-4);
            expect([...(again[k] as Float32Array)]).toEqual([...(value as Float32Array)]);
            expect([...(narrow[k] as Float32Array)]).toEqual([...(value as Float32Array)]);
          });
        }),
        { seed, numRuns: runs, interruptAfterTimeLimit: 250_000 },
      );
    });
  },
);
