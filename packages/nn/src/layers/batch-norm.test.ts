/** Batch normalization: running statistics, modes, and derivatives. */
import { gradcheck } from '@tessera/autograd';
import { compile, type Tensor, tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { numbered } from '../testing/numbers.ts';
import { BatchNorm1d, BatchNorm2d, BatchNorm3d, batchNorm } from './batch-norm.ts';

describe.each(testedBackends)('batch normalization on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test('running statistics: biased in the output, unbiased in the running variance', async () => {
    const layer = new BatchNorm2d(1);
    const output = layer.forward(tensor([[[[1]]], [[[3]]]]));
    // Mean 2; variance 1 (biased), 2 (unbiased).
    expect((await output.data())[1]).toBeCloseTo(1 / Math.sqrt(1 + 1e-5), 6);
    expect(await layer.running_mean?.item()).toBeCloseTo(0.2, 6);
    expect(await layer.running_var?.item()).toBeCloseTo(0.9 + 0.2, 6);
    expect(await layer.num_batches_tracked?.item()).toBe(1);
    layer.eval().forward(tensor([[[[5]]]]));
    expect(await layer.num_batches_tracked?.item()).toBe(1);
  });

  test('equal values are normalized to exactly 0', async () => {
    const layer = new BatchNorm2d(1, { momentum: 1 });
    const output = await layer.forward(tensor(new Float32Array(4096).fill(0.1), { shape: [16, 1, 16, 16] })).data();
    expect(output.every((x) => x === 0)).toBe(true);
    expect(await layer.running_mean?.item()).toBe(Math.fround(0.1));
    expect(await layer.running_var?.item()).toBe(0);
  });

  test('without a momentum the running mean is that of all batches', async () => {
    const layer = new BatchNorm2d(1, { momentum: null });
    for (const value of [1, 2, 6]) layer.forward(tensor([[[[value]]], [[[value]]]]));
    expect(await layer.running_mean?.item()).toBeCloseTo(3, 6);
  });

  test('statistics are updated by a compiled step too', async () => {
    const [eager, compiled] = [new BatchNorm2d(3), new BatchNorm2d(3)];
    const step = compile((x: Tensor) => compiled.forward(x).sum());
    for (const salt of [1, 2, 3]) {
      const batch = numbered([4, 3, 2, 2], salt);
      eager.forward(batch);
      await step(batch);
    }
    const [a, b] = [await eager.running_var?.data(), await compiled.running_var?.data()];
    for (const [k, expected] of a?.entries() ?? []) expect(b?.[k]).toBeCloseTo(expected, 5);
    expect(a?.length).toBe(3);
    expect(await compiled.num_batches_tracked?.item()).toBe(3);
    step.dispose();
  });

  test('without running statistics evaluation takes the batch', async () => {
    const layer = new BatchNorm2d(1, { trackRunningStats: false, affine: false }).eval();
    const values = await layer.forward(tensor([[[[1]]], [[[3]]]])).data();
    expect(values[0]).toBeCloseTo(-1, 4);
    expect([...layer.stateDict().keys()]).toEqual([]);
  });
});

describe('batch normalization', () => {
  beforeAll(() => useBackend('reference'));

  test('derivatives', async () => {
    const f64 = (shape: number[], salt: number): Tensor => numbered(shape, salt).cast('f64').mul(0.3);
    await gradcheck(
      (x, w, b) => batchNorm(x, null, null, w, b, { training: true }),
      [f64([3, 2, 2, 2], 1), f64([2], 2), f64([2], 3)],
    );
  });

  test('what does not fit is refused', () => {
    expect(() => new BatchNorm2d(2).forward(zeros([1, 2, 1, 1]))).toThrow('more than one value per channel');
    expect(() => new BatchNorm2d(2).forward(zeros([4, 2]))).toThrow('BatchNorm2d: needs images [N, C, H, W]');
    expect(() => new BatchNorm2d(2).forward(zeros([4, 3, 2, 2]))).toThrow('BatchNorm2d: 2 channels');
    expect(() => new BatchNorm1d(2).forward(zeros([4, 2, 2, 2]))).toThrow(
      'BatchNorm1d: needs features [N, C] or sequences [N, C, L], got a tensor of shape [4, 2, 2, 2]',
    );
    expect(() => new BatchNorm3d(2).forward(zeros([4, 2, 2, 2]))).toThrow('BatchNorm3d: needs volumes [N, C, D, H, W]');
    for (const eps of [-1, 0, Number.NaN])
      expect(() => new BatchNorm2d(2, { eps })).toThrow(`BatchNorm2d: eps must be a positive number, got ${eps}`);
    const training = { training: true };
    expect(() => batchNorm(zeros([3]), null, null, null, null, training)).toThrow(
      'batchNorm: needs an input [N, C, ...], got a tensor of shape [3]',
    );
    expect(() => batchNorm(zeros([2, 3, 4]), zeros([2]), zeros([3]), null, null, training)).toThrow(
      'batchNorm: the running mean has shape [2], [3] is expected',
    );
    expect(() => batchNorm(zeros([2, 3, 4]), null, null, zeros([3, 1]), null, training)).toThrow(
      'batchNorm: the weight has shape [3, 1], [3] is expected',
    );
  });

  test('an empty batch changes no statistics', async () => {
    const layer = new BatchNorm2d(2);
    expect(layer.forward(zeros([0, 2, 3, 3])).shape).toEqual([0, 2, 3, 3]);
    expect([...((await layer.running_mean?.data()) ?? [])]).toEqual([0, 0]);
    expect([...((await layer.running_var?.data()) ?? [])]).toEqual([1, 1]);
  });
});
