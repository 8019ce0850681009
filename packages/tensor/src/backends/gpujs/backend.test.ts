import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../../compile.ts';
import { full, tensor } from '../../functions.ts';
import { disposeBackends, getBackend, openBackend, setDefaultBackend } from '../../kernel/backend.ts';
import { nth } from '../../kernel/nth.ts';
import type { Tensor } from '../../tensor.ts';
import { difference, randomProgram, runEagerly, runReplayed } from '../../testing/random-programs.ts';
import { seed } from '../../testing/seed.ts';
import { registerReferenceBackends } from '../reference/backend.ts';
import type { GpujsBackend } from './backend.ts';
import { testedModes } from './modes.testing.ts';

registerReferenceBackends();
const { names, missing } = await testedModes();
for (const reason of missing) console.log(`not tested: ${reason}`);
afterAll(disposeBackends);

/** Starting a kernel on a software device takes a hundred times as long as its arithmetic. */
const runsOf = (backend: string): number =>
  Number(process.env.TESSERA_TEST_RUNS ?? (backend === 'gpujs:webgpu' ? 5 : 40));

describe.each(names)('%s', (backend) => {
  beforeAll(() => {
    setDefaultBackend(backend);
  });

  it(`agrees with the oracle on random programs (TESSERA_SEED=${seed})`, async () => {
    await fc.assert(
      fc.asyncProperty(randomProgram, async (program) => {
        const expected = await runEagerly(program, 'reference-kernels');
        const actual = await runEagerly(program, backend);
        const again = await runReplayed(program, backend);
        for (const [k, values] of actual.entries()) {
          expect(difference(values, nth(expected, k))).toBeLessThan(1e-4);
          expect(difference(nth(again, k), values)).toBe(0);
        }
      }),
      { seed, numRuns: runsOf(backend), interruptAfterTimeLimit: 60_000 },
    );
  });

  it('runs a product that only a slice without elements reads', async () => {
    const x = full([3, 2], 1);
    const empty = x.transpose(0, 1).matmul(x).slice(0, 1, 1);
    expect(empty.shape).toEqual([0, 2]);
    expect([...(await empty.data())]).toEqual([]);
    const step = compile((a: Tensor) => a.transpose(0, 1).matmul(a).slice(0, 1, 1));
    expect([...(await (await step(x)).data())]).toEqual([]);
  });

  it('computes with all bits of integers', async () => {
    const bits = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 16777217, -16777217, 123456789];
    const x = tensor(Int32Array.from(bits));
    const by = tensor(Int32Array.of(7, -3, 65537, 2, -1, 1000003, 12, 0));
    const b = [...(await by.data())];
    const expectInts = async (actual: Tensor, compute: (a: number, b: number) => number): Promise<void> => {
      expect([...(await actual.data())]).toEqual(bits.map((a, k) => compute(a, nth(b, k)) + 0));
    };
    await expectInts(x.add(by), (p, q) => (p + q) | 0);
    await expectInts(x.sub(by), (p, q) => (p - q) | 0);
    await expectInts(x.mul(by), Math.imul);
    await expectInts(x.bitXor(by), (p, q) => p ^ q);
    await expectInts(x.maximum(by), Math.max);
    await expectInts(x.shiftLeft(by), (p, q) => p << q);
    await expectInts(x.shiftRight(by), (p, q) => (p >>> q) | 0);
    await expectInts(x.lt(by).cast('i32'), (p, q) => Number(p < q));
    expect([...(await x.cast('f32').data())]).toEqual(bits.map(Math.fround));
  });

  it('keeps a compiled step in one pipeline and updates state in place', async () => {
    const weight = tensor([1, 2, 3, 4], { shape: [2, 2] });
    const step = compile((x: Tensor) => {
      const y = x.matmul(weight).softmax(1);
      weight.assign(weight.sub(y.sum(0).mul(0.5)));
      return y.sum();
    });
    const losses: number[] = [];
    for (let k = 0; k < 3; k++) losses.push(await (await step(full([2, 2], k))).item());
    for (const loss of losses) expect(loss).toBeCloseTo(2, 5);
    const { executable } = await step.program(full([2, 2], 0));
    expect(executable.slowKernels).toEqual([]);
    expect(executable).toHaveProperty('pipelines', 1);
    expect([...(await weight.data())].reduce((sum, x) => sum + x, 0)).toBeCloseTo(10 - 3 * 2, 4);
  });

  it('runs double precision on the host, and reports that', async () => {
    const x = tensor(Float64Array.of(1, 2, 3));
    expect([...(await x.mul(1 / 3).data())]).toEqual([1 / 3, 2 / 3, 1]);
    const step = compile((a: Tensor) => a.mul(2));
    const { executable } = await step.program(x);
    expect(executable.slowKernels).toEqual([
      { kernel: 'mul', reason: 'runs as plain JavaScript on the host: gpu.js computes in f32 and has no f64' },
    ]);
  });
});

describe('gpujs', () => {
  it('refuses an unknown mode', async () => {
    await expect(openBackend('gpujs:opencl')).rejects.toThrow("unknown backend 'gpujs:opencl'");
  });

  it('opens the best available mode', async () => {
    const backend = (await openBackend('gpujs')) as GpujsBackend;
    expect(backend.mode).not.toBe('cpu');
    expect(getBackend('gpujs')).toBe(backend);
  });
});
