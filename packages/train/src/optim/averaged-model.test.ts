/** Averages of weights: against PyTorch, in compiled steps, stored and loaded. */
import { BatchNorm1d, BatchNorm2d, BatchNorm3d, Linear } from '@tessera/nn';
import {
  closeBackend,
  compile,
  registerReferenceBackends,
  setDefaultBackend,
  type Tensor,
  tensor,
} from '@tessera/tensor';
import { whyMissing } from '@tessera/tensor/testing';
import { afterAll, beforeAll, describe, expect, test as vitest } from 'vitest';
import { valuesOf } from '../testing/values-of.ts';
import { AveragedModel, type AveragedModelOptions } from './averaged-model.ts';
import { draw, numbers } from './testing/torch-numbers.ts';
import { updateBn } from './update-bn.ts';

const closeTo = (values: readonly number[]): unknown[] => values.map((value) => expect.closeTo(value, 12));

describe.each(['reference', 'wasm'])('on %s', (backend) => {
  beforeAll(() => {
    registerReferenceBackends();
    setDefaultBackend(backend);
  });

  vitest.each(numbers.averages)('PyTorch has the same averages: $name', async ({ options, state, updated }) => {
    const model = new BatchNorm2d(3).to('f64');
    const averaged = new AveragedModel(model, options as AveragedModelOptions);
    for (let n = 0; n < 5; n++) {
      model.weight?.assign(draw(20 + n, [3], 'f64'));
      model.bias?.assign(draw(30 + n, [3], 'f64'));
      model.forward(draw(40 + n, [4, 3, 2, 2], 'f64'));
      averaged.updateParameters();
    }
    const own = await valuesOf(averaged.stateDict());
    expect(Object.keys(own).sort()).toEqual(Object.keys(state).sort());
    // PyTorch averages whole numbers too, and cuts off the fractions.
    const { 'module.num_batches_tracked': _, ...compared } = state;
    for (const [name, expected] of Object.entries(compared)) expect(own[name], name).toEqual(closeTo(expected));

    const before = await valuesOf(model.stateDict());
    await averaged.updateBn(() => {
      for (let n = 0; n < 3; n++) model.forward(draw(60 + n, [4, 3, 2, 2], 'f64'));
    });
    const after = await valuesOf(averaged.stateDict());
    for (const [name, expected] of Object.entries(updated)) expect(after[name], name).toEqual(closeTo(expected));
    // The model itself is as it was.
    expect(await valuesOf(model.stateDict())).toEqual(before);
    expect(model.momentum).toBe(0.1);
  });

  vitest('the decay grows with the number of updates, if that is wanted', async () => {
    const model = new Linear(1, 1, { bias: false });
    const averaged = new AveragedModel(model, { decay: 0.25, warmup: true });
    let expected = 0;
    for (let n = 0; n < 6; n++) {
      model.weight.assign(tensor([[n * n]]));
      averaged.updateParameters();
      const decay = n === 0 ? 0 : Math.min(0.25, (1 + n) / (10 + n));
      expected = decay * expected + (1 - decay) * n * n;
      expect((await averaged.stateDict().get('module.weight')?.data())?.[0]).toBeCloseTo(expected, 5);
    }
  });
});

const missing = { wasm: null, webgpu: await whyMissing('webgpu'), 'gpujs:webasm': await whyMissing('gpujs:webasm') };
afterAll(async () => {
  setDefaultBackend('wasm');
  for (const [name, reason] of Object.entries(missing))
    if (name !== 'wasm' && reason === null) await closeBackend(name);
});

describe.each(Object.entries(missing))('averages on %s', (backend, reason) => {
  beforeAll(() => {
    if (reason === null) setDefaultBackend(backend);
  });
  const test = vitest.skipIf(reason !== null);

  /** A compiled step that moves the weights of a layer, with an average. */
  function moving(options: AveragedModelOptions) {
    const model = new Linear(2, 1, { bias: false });
    model.weight.assign(tensor([[0.5, -1]]));
    const averaged = new AveragedModel(model, options);
    const step = compile((change: Tensor) => {
      model.weight.assign(model.weight.add(change));
      averaged.updateParameters();
    });
    return { model, averaged, step };
  }

  test.each<AveragedModelOptions>([{}, { decay: 0.9 }, { decay: 0.9, warmup: true }])(
    'are a part of a compiled step, and continue from their state with the same bits: %j',
    async (options) => {
      const [whole, parts] = [moving(options), moving(options)];
      const take = async ({ step }: ReturnType<typeof moving>, from: number, to: number) => {
        for (let k = from; k < to; k++) await step(tensor([[0.3 * k, 1 / (k + 1)]]));
      };
      await take(whole, 0, 6);
      await take(parts, 0, 3);
      const saved = new Map<string, Tensor>();
      for (const [name, value] of parts.averaged.stateDict())
        saved.set(name, tensor(await value.data(), { shape: value.shape }));
      const other = moving(options);
      other.model.weight.assign(tensor(await parts.model.weight.data(), { shape: [1, 2] }));
      other.averaged.loadStateDict(saved);
      await take(other, 3, 6);
      expect(await valuesOf(other.averaged.stateDict())).toEqual(await valuesOf(whole.averaged.stateDict()));
      for (const { step } of [whole, parts, other]) step.dispose();
    },
  );

  test('are in the model only during `use`, for compiled functions too', async () => {
    const { model, averaged, step } = moving({});
    const forward = compile((x: Tensor) => model.forward(x));
    const x = tensor([[1, 0]]);
    await step(tensor([[1, 0]])); // 1.5
    await step(tensor([[1, 0]])); // 2.5
    expect(await (await forward(x)).toArray()).toEqual([[2.5]]);
    expect(await averaged.use(async () => (await forward(x)).toArray())).toEqual([[2]]);
    expect(await (await forward(x)).toArray()).toEqual([[2.5]]);
    await expect(averaged.use(() => Promise.reject(new Error('stop')))).rejects.toThrow('stop');
    // Training goes on from the model's own weights.
    await step(tensor([[1, 0]])); // 3.5
    expect(await model.weight.toArray()).toEqual([[3.5, -1]]);
    expect(await averaged.use(() => model.weight.toArray())).toEqual([[2.5, -1]]);
    averaged.restart();
    expect(await valuesOf(averaged.stateDict())).toEqual({ n_averaged: [0], 'module.weight': [3.5, -1] });
    step.dispose();
    forward.dispose();
  });

  test.each([
    ['BatchNorm1d', () => new BatchNorm1d(2), [4, 2]],
    ['BatchNorm3d', () => new BatchNorm3d(2), [4, 2, 1, 2, 1]],
  ] as const)('updateBn computes the statistics of %s, but not of frozen layers', async (_, make, shape) => {
    const layer = make();
    const pass = (): void => {
      for (const salt of [1, 2]) layer.forward(draw(salt, shape, 'f32'));
    };
    pass();
    await updateBn(layer, pass);
    expect(await layer.num_batches_tracked?.item()).toBe(2);
    const values = draw(1, shape, 'f32')
      .add(draw(2, shape, 'f32'))
      .mul(0.5);
    const mean = await values.reshape([4, 2, -1]).mean([0, 2]).data();
    const found = await layer.running_mean?.data();
    expect([...(found ?? [])]).toEqual([...mean].map((value) => expect.closeTo(value, 6)));
    layer.eval();
    const before = await valuesOf(layer.stateDict());
    await updateBn(layer, pass);
    expect(await valuesOf(layer.stateDict())).toEqual(before);
  });

  test('leave out frozen parameters', () => {
    const model = new Linear(2, 1);
    model.freeze('weight');
    expect([...new AveragedModel(model).stateDict().keys()]).toEqual(['n_averaged', 'module.bias']);
  });

  test('refuse what does not fit', () => {
    const model = new Linear(2, 1);
    expect(() => new AveragedModel(model, { decay: 1.5 })).toThrow('AveragedModel: decay must be in [0, 1], got 1.5');
    expect(() => new AveragedModel(model, { warmup: true })).toThrow('AveragedModel: warmup needs a decay');
    expect(() => new AveragedModel(model).loadStateDict(new AveragedModel(new Linear(3, 1)).stateDict())).toThrow(
      'module.weight is f32 [1, 2] in the averages and f32 [1, 3] in the state',
    );
  });
});
