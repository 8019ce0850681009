import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { registerBackend } from '../../kernel/backend.ts';
import { difference, randomProgram, runEagerly, runReplayed } from '../../testing/random-programs.ts';
import { seed } from '../../testing/seed.ts';
import { registerReferenceBackends } from '../reference/backend.ts';
import { createWasmBackend } from './backend.ts';

registerReferenceBackends();
registerBackend('wasm-1', () => createWasmBackend({ threads: 1 }));
registerBackend('wasm-2', () => createWasmBackend({ threads: 2, poison: true }));
registerBackend('wasm-memories', () => createWasmBackend({ threads: 2, poison: true, memories: 3, pageBytes: 4096 }));

describe(`wasm on random programs (TESSERA_SEED=${seed})`, () => {
  it('agrees with the oracle; one thread, two, replays, and operands in several memories give the same bits', {
    timeout: 240_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(randomProgram, async (program) => {
        const expected = await runEagerly(program, 'reference-kernels');
        const one = await runEagerly(program, 'wasm-1');
        const two = await runEagerly(program, 'wasm-2');
        const again = await runReplayed(program, 'wasm-2');
        const apart = await runEagerly(program, 'wasm-memories');
        one.forEach((values, k) => {
          expect(difference(values, expected[k] as ArrayLike<number>)).toBeLessThan(1e-4);
          expect([...(two[k] as Float32Array)]).toEqual([...(values as Float32Array)]);
          expect([...(again[k] as Float32Array)]).toEqual([...(values as Float32Array)]);
          expect([...(apart[k] as Float32Array)]).toEqual([...(values as Float32Array)]);
        });
      }),
      { seed, numRuns: Number(process.env.TESSERA_TEST_RUNS ?? 100), interruptAfterTimeLimit: 200_000 },
    );
  });
});
