/** Optimizers against the numbers of PyTorch (LAMB, LARS and Lion: of timm), and what must hold for each of them. */
import {
  closeBackend,
  compile,
  realize,
  registerReferenceBackends,
  setDefaultBackend,
  type Tensor,
  tensor,
} from '@tessera/tensor';
import { whyMissing } from '@tessera/tensor/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type CaseRun,
  gradientsOf,
  numbers,
  type OptimizerCase,
  optimizerClasses,
  rateOf,
  startCase,
  valuesOf,
} from './testing/torch-numbers.ts';

const describeCase = ({ name, options, pattern }: OptimizerCase): string =>
  `${name} ${JSON.stringify(options)}, gradients: ${pattern}`;

const cases = numbers.optimizers.map((entry) => [describeCase(entry), entry] as const);

/** Relative to the largest number. */
const tolerance = { f64: 1e-12, f32: 2e-6 };

/** The oracle computes f32 in f64, so it does not round the products of NAdam as PyTorch does. */
const toleranceOf = ({ name }: OptimizerCase, dtype: 'f32' | 'f64', backend: string): number =>
  name === 'NAdam' && backend === 'reference' ? Math.max(tolerance[dtype], 1e-8) : tolerance[dtype];

function expectClose(values: readonly number[], expected: readonly number[], bound: number): void {
  const largest = Math.max(...expected.map(Math.abs));
  const error = Math.max(...values.map((value, k) => Math.abs(value - (expected[k] ?? Number.NaN))));
  expect(values).toHaveLength(expected.length);
  expect(error).toBeLessThanOrEqual(bound * largest);
}

async function takeSteps(run: CaseRun, entry: OptimizerCase, dtype: 'f32' | 'f64', from: number, to: number) {
  for (let n = from; n < to; n++) {
    run.optimizer.step(gradientsOf(entry, n, dtype), rateOf(run, n));
    await realize(...run.parameters);
  }
}

describe.each(['reference', 'wasm'])('on %s', (backend) => {
  beforeAll(() => {
    registerReferenceBackends();
    setDefaultBackend(backend);
  });

  describe.each(['f64', 'f32'] as const)('in %s, the parameters are those of PyTorch:', (dtype) => {
    test.each(cases)('%s', async (_, entry) => {
      const run = startCase(entry, dtype);
      await takeSteps(run, entry, dtype, 0, numbers.steps);
      expectClose(await valuesOf(run.parameters), entry[dtype], toleranceOf(entry, dtype, backend));
    });
  });
});

/** The last case of each optimizer: other backends run what the same kernels describe, so they need not run every option. */
const oneOfEach = [...new Map(cases.map((entry) => [entry[1].name, entry])).values()];

const missing = { webgpu: await whyMissing('webgpu'), 'gpujs:webasm': await whyMissing('gpujs:webasm') };
afterAll(async () => {
  setDefaultBackend('wasm');
  for (const [name, reason] of Object.entries(missing)) if (reason === null) await closeBackend(name);
});

describe.each(Object.entries(missing))('on %s, the parameters are those of PyTorch:', (backend, reason) => {
  beforeAll(() => setDefaultBackend(backend));

  test.skipIf(reason !== null).each(oneOfEach)(`%s ${reason ?? ''}`, async (_, entry) => {
    const run = startCase(entry, 'f32');
    for (let n = 0; n < numbers.steps; n++) {
      run.optimizer.step(gradientsOf(entry, n, 'f32'), rateOf(run, n));
      await realize(...run.parameters);
    }
    // WGSL allows inexact roots and quotients.
    expectClose(await valuesOf(run.parameters), entry.f32, 1e-5);
  });
});

describe('each optimizer', () => {
  beforeAll(() => {
    registerReferenceBackends();
    setDefaultBackend('wasm');
  });

  test('has cases', () => {
    expect(new Set(numbers.optimizers.map(({ name }) => name))).toEqual(new Set(Object.keys(optimizerClasses)));
  });

  test.each(cases)('continues from its saved state with the same bits: %s', async (_, entry) => {
    const [whole, first, second] = [startCase(entry, 'f32'), startCase(entry, 'f32'), startCase(entry, 'f32')];
    await takeSteps(whole, entry, 'f32', 0, numbers.steps);
    const stop = 5;
    await takeSteps(first, entry, 'f32', 0, stop);
    const saved = new Map<string, Tensor>();
    for (const [name, value] of first.optimizer.stateDict())
      saved.set(name, tensor(await value.data(), { shape: value.shape, dtype: value.dtype }));
    for (const [k, parameter] of second.parameters.entries()) parameter.assign(first.parameters[k] as Tensor);
    second.optimizer.loadStateDict(saved);
    await takeSteps(second, entry, 'f32', stop, numbers.steps);
    expect(await valuesOf(second.parameters)).toEqual(await valuesOf(whole.parameters));
    expect([...second.optimizer.stateDict().keys()]).toEqual([...whole.optimizer.stateDict().keys()]);
  });

  const withoutGaps = numbers.optimizers.filter(({ pattern }) => pattern === 'all');
  test.each(withoutGaps.map((entry) => [describeCase(entry), entry] as const))(
    'is part of a compiled step: %s',
    async (_, entry) => {
      const run = startCase(entry, 'f32');
      const step = compile((gradients: readonly Tensor[], lr: Tensor) => run.optimizer.step(gradients, lr));
      for (let n = 0; n < numbers.steps; n++)
        await step(gradientsOf(entry, n, 'f32') as Tensor[], tensor(rateOf(run, n)));
      step.dispose();
      expectClose(await valuesOf(run.parameters), entry.f32, tolerance.f32);
    },
  );

  // A group with a rate of 0 must not divide by it.
  test.each(cases.filter(([, { pattern }]) => pattern !== 'missing'))(
    'makes no NaN in a checked step, not even where another value is chosen: %s',
    async (_, entry) => {
      const run = startCase(entry, 'f32');
      const step = compile((gradients: readonly Tensor[]) => run.optimizer.step(gradients), { check: true });
      for (let n = 0; n < 3; n++) await step(gradientsOf(entry, n, 'f32') as Tensor[]);
      step.dispose();
    },
  );
});
