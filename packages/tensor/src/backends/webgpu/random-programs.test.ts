import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openBackend, registerAsyncBackend } from '../../kernel/backend.ts';
import { webgpuMissing } from '../../testing/backends.ts';
import { difference, randomProgram, runEagerly, runReplayed } from '../../testing/random-programs.ts';
import { registerReferenceBackends } from '../reference/backend.ts';
import { createWebGpuBackend } from './backend.ts';

/** Shaders of software adapters take long to compile: few programs, the same ones each time unless TESSERA_SEED says otherwise. */
const seed = Number(process.env.TESSERA_SEED ?? 20261121);
const runs = Number(process.env.TESSERA_TEST_RUNS ?? 12);

registerReferenceBackends();
registerAsyncBackend('webgpu-poisoned', () => createWebGpuBackend({ poison: true }));
registerAsyncBackend('webgpu-narrow', () => createWebGpuBackend({ poison: true, storageBuffers: 2 }));

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
          const expected = await runEagerly(program, 'reference-kernels');
          const values = await runEagerly(program, 'webgpu-poisoned');
          const again = await runReplayed(program, 'webgpu-poisoned');
          const narrow = await runEagerly(program, 'webgpu-narrow');
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
