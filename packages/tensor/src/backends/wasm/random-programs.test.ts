import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { registerBackend, setDefaultBackend } from '../../backend.ts';
import { compile } from '../../compile.ts';
import { tensor } from '../../functions.ts';
import { realizeNodes } from '../../realize.ts';
import type { Tensor } from '../../tensor.ts';
import {
  buildProgram,
  difference,
  leavesOf,
  type RandomProgram,
  randomProgram,
} from '../../testing/random-programs.ts';
import { seed } from '../../testing/seed.ts';
import { registerReferenceBackends } from '../reference/backend.ts';
import { createWasmBackend } from './backend.ts';

registerReferenceBackends();
registerBackend('wasm-1', () => createWasmBackend({ threads: 1 }));
registerBackend('wasm-2', () => createWasmBackend({ threads: 2, poison: true }));
registerBackend('wasm-memories', () => createWasmBackend({ threads: 2, poison: true, memories: 3, pageBytes: 4096 }));

const leafTensors = (program: RandomProgram): Tensor[] =>
  leavesOf(program).map((data, k) => tensor(data, { shape: program.shapes[k] as number[] }));

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

describe(`wasm on random programs (TESSERA_SEED=${seed})`, () => {
  it('agrees with the oracle; one thread, two, replays, and operands in several memories give the same bits', {
    timeout: 240_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(randomProgram, async (program) => {
        const expected = await eager(program, 'reference-kernels');
        const one = await eager(program, 'wasm-1');
        const two = await eager(program, 'wasm-2');
        const again = await replayed(program, 'wasm-2');
        const apart = await eager(program, 'wasm-memories');
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
