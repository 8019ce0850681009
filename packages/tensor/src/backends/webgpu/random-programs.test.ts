import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openBackend, registerAsyncBackend } from '../../kernel/backend.ts';
import { nth } from '../../kernel/nth.ts';
import { webgpuMissing } from '../../testing/backends.ts';
import { difference, randomProgram, runEagerly, runReplayed } from '../../testing/random-programs.ts';
import { registerReferenceBackends } from '../reference/backend.ts';
import { createWebGpuBackend } from './backend.ts';

/** Software adapters compile shaders slowly: so there are few programs, which are fixed unless TESSERA_SEED is set. */
const seed = Number(process.env.TESSERA_SEED ?? 20261121);
const runs = Number(process.env.TESSERA_TEST_RUNS ?? 12);

registerReferenceBackends();
registerAsyncBackend('webgpu-poisoned', () => createWebGpuBackend({ poison: true }));
registerAsyncBackend('webgpu-narrow', () => createWebGpuBackend({ poison: true, storageBuffers: 2 }));

describe.skipIf(webgpuMissing !== null)(
  `webgpu on random programs (TESSERA_SEED=${seed}) ${webgpuMissing ?? ''}`,
  () => {
    it('agrees with the oracle; replays, and devices with two storage bindings, return the same bits', {
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
          for (const [k, value] of values.entries()) {
            expect(difference(value, nth(expected, k))).toBeLessThan(1e-4);
            expect(Array.from(nth(again, k))).toEqual(Array.from(value));
            expect(Array.from(nth(narrow, k))).toEqual(Array.from(value));
          }
        }),
        { seed, numRuns: runs, interruptAfterTimeLimit: 250_000 },
      );
    });
  },
);
