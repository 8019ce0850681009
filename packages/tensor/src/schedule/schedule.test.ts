/** Schedules and plans of random programs, run by the interpreter of kernels. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { registerReferenceBackends } from '../backends/reference/backend.ts';
import { setDefaultBackend } from '../kernel/backend.ts';
import { nth } from '../kernel/nth.ts';
import { realizeNodes } from '../runtime/realize.ts';
import type { Tensor } from '../tensor.ts';
import {
  buildProgram,
  difference,
  leafTensors,
  type RandomProgram,
  randomProgram,
} from '../testing/random-programs.ts';
import { seed } from '../testing/seed.ts';
import { canonicalize } from './canonicalize.ts';
import { planSchedule, verifyPlan } from './planner.ts';
import { schedule } from './schedule.ts';

registerReferenceBackends();

async function results(
  program: RandomProgram,
  backend: string,
): Promise<{ tensors: Tensor[]; values: ArrayLike<number>[] }> {
  setDefaultBackend(backend);
  const tensors = buildProgram(program, leafTensors(program));
  const { plan } = planSchedule(schedule(canonicalize(tensors.map(({ node }) => node))));
  verifyPlan(plan);
  await realizeNodes(tensors.map(({ node }) => node));
  return { tensors, values: await Promise.all(tensors.map((t) => t.data())) };
}

/** A padded dropout: the random numbers' key, which is read as a whole, has another rank than what is padded. */
const paddedDropout: RandomProgram = {
  shapes: [[0, 0], []],
  steps: [
    { op: 'unary', from: 0, other: 0, choice: 0 },
    { op: 'dropout', from: 0, other: 0, choice: 0 },
    { op: 'unary', from: 11, other: 0, choice: 16 },
    { op: 'pad', from: 29, other: 0, choice: 352 },
    { op: 'unary', from: 0, other: 0, choice: 0 },
  ],
  seed: 1,
};

describe(`schedule (TESSERA_SEED=${seed})`, () => {
  it('computes the same as the graph, for random programs', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(randomProgram, async (program) => {
        const expected = await results(program, 'reference');
        const actual = await results(program, 'reference-kernels');
        actual.values.forEach((values, k) => {
          expect(difference(values, nth(expected.values, k))).toBeLessThan(1e-4);
        });
      }),
      { seed, numRuns: Number(process.env.TESSERA_TEST_RUNS ?? 300), examples: [[paddedDropout]] },
    );
  });
});
