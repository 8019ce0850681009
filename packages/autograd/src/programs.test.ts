/** Derivatives of random programs, against central differences. */
import type { Tensor } from '@tessera/tensor';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { at } from './at.ts';
import { checkpoint } from './checkpoint.ts';
import { grad } from './grad.ts';
import { gradcheck, gradgradcheck } from './gradcheck.ts';
import { normal, useTestBackend } from './testing/inputs.ts';
import { operationNames, type Program, programs, runProgram } from './testing/programs.ts';

beforeAll(useTestBackend);

/** Set TESSERA_TEST_SEED to repeat a run, TESSERA_TEST_RUNS for more programs. */
const seed = Number(process.env.TESSERA_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const runs = Number(process.env.TESSERA_TEST_RUNS ?? 200);

const inputsOf = ({ shapes, seed: first }: Program): Tensor[] => shapes.map((shape, k) => normal(shape, first + k));

/** One number that depends on every result, each with its own weight. */
const lossOf = (results: readonly Tensor[]): Tensor =>
  results
    .map((x, k) =>
      x
        .sin()
        .sum()
        .mul(k + 1),
    )
    .reduce((total, x) => total.add(x));

describe(`random programs (TESSERA_TEST_SEED=${seed})`, () => {
  it('have the gradients that differences show', async () => {
    const check = async (program: Program): Promise<void> => {
      await gradcheck((...inputs) => runProgram(program, inputs), inputsOf(program), {
        directions: 1,
        tolerance: 1e-5,
      });
    };
    await fc.assert(fc.asyncProperty(programs, check), { seed, numRuns: runs });
  });

  it('have the second derivatives that differences show', async () => {
    const check = async (program: Program): Promise<void> => {
      const fn = (...inputs: Tensor[]): Tensor => lossOf(runProgram(program, inputs));
      await gradgradcheck(fn, inputsOf(program), { directions: 1, tolerance: 1e-5 });
    };
    await fc.assert(fc.asyncProperty(programs, check), { seed, numRuns: Math.ceil(runs / 3) });
  });

  it('have the same gradients when checkpointed', async () => {
    const check = async (program: Program): Promise<void> => {
      const inputs = inputsOf(program);
      const plain = grad(lossOf(runProgram(program, inputs)), inputs, { allowUnused: true });
      const late = checkpoint((...all: Tensor[]) => runProgram(program, all));
      const checkpointed = grad(lossOf(late(...inputs)), inputs, { allowUnused: true });
      for (const [k, gradient] of checkpointed.entries()) {
        const wanted = await at(plain, k).data();
        (await gradient.data()).forEach((g, i) => {
          expect(g).toBeCloseTo(at(wanted, i), 10);
        });
      }
    };
    await fc.assert(fc.asyncProperty(programs, check), { seed, numRuns: Math.ceil(runs / 3) });
  });

  it('use every operation that they can', () => {
    const inputs = [normal([4, 3], 1)];
    const lengths = operationNames.map((_, op) => {
      const program = { shapes: [[4, 3]], seed: 0, instructions: [{ op, a: 0, b: 0, c: 0 }] };
      return runProgram(program, inputs).filter((x) => !inputs.includes(x)).length;
    });
    expect(lengths).toEqual(operationNames.map(() => 1));
  });
});
