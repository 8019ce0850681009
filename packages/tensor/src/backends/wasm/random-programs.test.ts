import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { registerBackend } from '../../kernel/backend.ts';
import { nth } from '../../kernel/nth.ts';
import { difference, randomProgram, runEagerly, runReplayed } from '../../testing/random-programs.ts';
import { seed } from '../../testing/seed.ts';
import { registerReferenceBackends } from '../reference/backend.ts';
import { createWasmBackend } from './backend.ts';

registerReferenceBackends();
registerBackend('wasm-1', () => createWasmBackend({ threads: 1 }));
registerBackend('wasm-2', () => createWasmBackend({ threads: 2, poison: true }));
registerBackend('wasm-memories', () => createWasmBackend({ threads: 2, poison: true, memories: 3, pageBytes: 4096 }));

describe(`wasm on random programs (TESSERA_SEED=${seed})`, () => {
  it('agrees with the oracle; one thread, two, replays, and operands in several memories return the same bits', {
    timeout: 240_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(randomProgram, async (program) => {
        const expected = await runEagerly(program, 'reference-kernels');
        const one = await runEagerly(program, 'wasm-1');
        const two = await runEagerly(program, 'wasm-2');
        const again = await runReplayed(program, 'wasm-2');
        const apart = await runEagerly(program, 'wasm-memories');
        for (const [k, values] of one.entries()) {
          expect(difference(values, nth(expected, k))).toBeLessThan(1e-4);
          for (const other of [two, again, apart]) expect(Array.from(nth(other, k))).toEqual(Array.from(values));
        }
      }),
      { seed, numRuns: Number(process.env.TESSERA_TEST_RUNS ?? 100), interruptAfterTimeLimit: 200_000 },
    );
  });
});
