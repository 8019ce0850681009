/** Group, instance and root-mean-square normalization: what the check cases do not cover. */
import { full, type Tensor, tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { useBackend } from '../testing/backends.ts';
import { distance, numbered } from '../testing/numbers.ts';
import { GroupNorm, groupNorm } from './group-norm.ts';
import { InstanceNorm2d, InstanceNorm3d, instanceNorm } from './instance-norm.ts';
import { LayerNorm, layerNorm } from './layer-norm.ts';
import { localResponseNorm } from './local-response-norm.ts';
import { RMSNorm, rmsNorm } from './rms-norm.ts';

beforeAll(() => useBackend('reference'));

const same = async (a: Tensor, b: Tensor): Promise<void> =>
  expect(distance(await a.data(), await b.data())).toBeLessThan(1e-6);

describe('groupNorm', () => {
  test('one group is layer normalization of all but the batch, one channel each instance normalization', async () => {
    const x = numbered([2, 4, 3, 2]);
    await same(groupNorm(x, 1), layerNorm(x, [4, 3, 2]));
    await same(groupNorm(x, 4), instanceNorm(x));
  });

  test('refuses what does not fit', () => {
    expect(() => new GroupNorm(2, 0)).toThrow('GroupNorm: numChannels must be a whole number of at least 1, got 0');
    expect(() => new LayerNorm([3, -1])).toThrow('LayerNorm: normalizedShape must be whole numbers of at least 1');
    expect(() => new RMSNorm([])).toThrow('RMSNorm: the number of normalized axes');
    expect(() => new InstanceNorm2d(0)).toThrow('InstanceNorm2d: numFeatures must be a whole number of at least 1');
    expect(() => new GroupNorm(4, 6)).toThrow('GroupNorm: 4 groups must divide 6 channels');
    expect(() => groupNorm(zeros([2, 6]), 0)).toThrow('groupNorm: 0 groups must divide 6 channels');
    expect(() => groupNorm(zeros([6]), 2)).toThrow('groupNorm: needs an input [N, C, ...], got a tensor of shape [6]');
    expect(() => groupNorm(zeros([1, 2]), 2)).toThrow('groupNorm: needs more than one value per group');
    expect(() => groupNorm(zeros([2, 6, 3]), 2, zeros([3]))).toThrow(
      'groupNorm: the weight has shape [3], [6] is expected',
    );
    expect(() => new GroupNorm(2, 6).forward(zeros([2, 4, 3]))).toThrow('GroupNorm: 6 channels expected');
  });
});

describe('instanceNorm', () => {
  test('without the batch axis it returns what it returns with it', async () => {
    const x = numbered([3, 4, 2]);
    const layer = new InstanceNorm2d(3);
    expect(layer.forward(x).shape).toEqual([3, 4, 2]);
    await same(layer.forward(x), layer.forward(x.unsqueeze(0)).squeeze(0));
  });

  test('the state is that of PyTorch, and evaluation uses it', async () => {
    const layer = new InstanceNorm2d(2, { affine: true, trackRunningStats: true });
    expect([...layer.stateDict().keys()]).toEqual([
      'weight',
      'bias',
      'running_mean',
      'running_var',
      'num_batches_tracked',
    ]);
    expect([...new InstanceNorm2d(2).stateDict().keys()]).toEqual([]);
    layer.forward(numbered([2, 2, 2, 2]));
    layer.eval();
    const constant = full([1, 2, 1, 1], 1);
    expect(layer.forward(constant).shape).toEqual([1, 2, 1, 1]);
  });

  test('refuses what does not fit', () => {
    expect(() => instanceNorm(zeros([2, 3, 1]))).toThrow('instanceNorm: needs more than one position per channel');
    expect(() => instanceNorm(zeros([2, 3]))).toThrow('instanceNorm: needs an input [N, C, ...]');
    expect(() => new InstanceNorm3d(2).forward(zeros([2, 2, 3]))).toThrow(
      'InstanceNorm3d: needs volumes [N, C, D, H, W] or [C, D, H, W], got a tensor of shape [2, 2, 3]',
    );
    expect(() => new InstanceNorm2d(2).forward(zeros([3, 4, 4]))).toThrow('InstanceNorm2d: 2 channels expected');
  });
});

describe('rmsNorm', () => {
  test('without an eps, the machine epsilon of the dtype is added', async () => {
    // x / sqrt(x^2 + eps), at x^2 = 3 eps.
    const expected = Math.sqrt(3) / 2;
    for (const [dtype, eps] of [
      ['f32', 2 ** -23],
      ['f64', 2 ** -52],
    ] as const) {
      const x = tensor([Math.sqrt(3 * eps)], { dtype });
      expect(await rmsNorm(x, [1]).item()).toBeCloseTo(expected, 6);
    }
    const half = tensor([Math.sqrt(3 * 2 ** -10)], { dtype: 'f32' }).cast('f16');
    expect(await rmsNorm(half, [1]).item()).toBeCloseTo(expected, 3);
  });

  test('refuses what does not fit', () => {
    expect(() => rmsNorm(zeros([2, 3]), [4])).toThrow('rmsNorm: input [2, 3] does not end in the normalized shape [4]');
    expect(() => rmsNorm(zeros([2, 3]), [3], zeros([1]))).toThrow('rmsNorm: the weight has shape [1], [3] is expected');
    expect(() => rmsNorm(zeros([3], { dtype: 'i32' }), [3])).toThrow('rmsNorm: needs a floating-point input, got i32');
    expect([...new RMSNorm([2, 3]).stateDict().keys()]).toEqual(['weight']);
    expect([...new RMSNorm(2, { elementwiseAffine: false }).stateDict().keys()]).toEqual([]);
  });
});

test('localResponseNorm refuses what does not fit', () => {
  expect(() => localResponseNorm(zeros([2, 3]), 2)).toThrow('localResponseNorm: needs an input [N, C, L]');
  expect(() => localResponseNorm(zeros([2, 3, 4]), 0)).toThrow('the size must be a whole number of at least 1, got 0');
});
