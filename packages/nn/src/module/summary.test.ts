/** Summaries of models. FLOP are those of torch.utils.flop_counter in PyTorch 2.15. */
import { type Tensor, tensor } from '@tessera/tensor';
import { describe, expect, test } from 'vitest';
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  Embedding,
  Linear,
  MultiheadAttention,
  ReLU,
  Sequential,
} from '../layers/index.ts';
import { Module } from './module.ts';
import { summary } from './summary.ts';

const net = (): Sequential =>
  new Sequential(
    ['conv', new Conv2d(3, 8, 3, { stride: 2, padding: 1 })],
    ['bn', new BatchNorm2d(8)],
    ['relu', new ReLU()],
    ['grouped', new Conv2d(8, 4, 3, { groups: 4, bias: false })],
  );

describe('a summary', () => {
  test('has shapes, parameters, FLOP and bytes of every layer', () => {
    const model = net();
    model.freeze('bn');
    const { layers, ...total } = summary(model, [2, 3, 16, 16]);
    expect(
      layers.map(({ name, outputShapes, parameters, flops, activationBytes }) => [
        name,
        outputShapes,
        parameters,
        flops,
        activationBytes,
      ]),
    ).toEqual([
      ['', [[2, 4, 6, 6]], 0, 0, 0],
      ['conv', [[2, 8, 8, 8]], 224, 55296, 4096],
      ['bn', [[2, 8, 8, 8]], 16, 0, 4096],
      ['relu', [[2, 8, 8, 8]], 0, 0, 4096],
      ['grouped', [[2, 4, 6, 6]], 72, 10368, 1152],
    ]);
    expect(total).toEqual({
      inputShapes: [[2, 3, 16, 16]],
      parameters: 312,
      trainableParameters: 296,
      parameterBytes: 1248,
      flops: 65664,
      activationBytes: 13440,
    });
  });

  test('is a table', () => {
    const model = net();
    model.freeze('bn');
    expect(String(summary(model, [2, 3, 16, 16])).split('\n')).toEqual([
      'layer              output        parameters    FLOP  activations',
      '----------------------------------------------------------------',
      'Sequential         [2, 4, 6, 6]',
      '  conv: Conv2d     [2, 8, 8, 8]         224  55.3 K      4.10 KB',
      '  bn: BatchNorm2d  [2, 8, 8, 8]          16              4.10 KB',
      '  relu: ReLU       [2, 8, 8, 8]                          4.10 KB',
      '  grouped: Conv2d  [2, 4, 6, 6]          72  10.4 K      1.15 KB',
      '----------------------------------------------------------------',
      'total                                   312  65.7 K      13.4 KB',
      'input [2, 3, 16, 16]; parameters 1.25 KB, 16 of them frozen',
    ]);
  });

  test('changes neither modes nor state, and computes nothing', async () => {
    const model = new Sequential(new BatchNorm2d(3), new Dropout(0.5));
    model.get('1').eval();
    const { running_mean } = model.get('0') as BatchNorm2d;
    const before = running_mean?.node;
    summary(model, [4, 3, 2, 2]);
    expect(running_mean?.node).toBe(before);
    expect([...model.namedModules()].map(([, { training }]) => training)).toEqual([true, true, false]);
  });

  test('takes several inputs, integers, tensors and other methods than forward', () => {
    class Tower extends Module {
      readonly embedding = new Embedding(10, 4);
      readonly attention = new MultiheadAttention(4, 2, { batchFirst: true });
      readonly head = new Linear(4, 3);

      encode(ids: Tensor, scale: Tensor): Tensor {
        return this.head.forward(this.attention.forward(this.embedding.forward(ids))).mul(scale);
      }
    }
    const model = new Tower();
    const { layers, flops } = summary(model, [[2, 5], tensor([2])], {
      dtype: ['i32', 'f32'],
      call: (ids, scale) => model.encode(ids as Tensor, scale as Tensor),
    });
    // Projections 2 * 10 * 4 * 12, scores and values 2 * (2 * 2 * 2 * 5 * 5 * 2), output 2 * 10 * 4 * 4, head 2 * 10 * 4 * 3.
    expect(flops).toBe(960 + 400 * 2 + 320 + 240);
    expect(layers.map(({ name, calls }) => [name, calls])).toEqual([
      ['', 0],
      ['embedding', 1],
      ['attention', 1],
      ['attention.out_proj', 1],
      ['head', 1],
    ]);
  });

  test('a shared module counts its parameters once and its calls twice', () => {
    const shared = new Linear(3, 3);
    const { layers, parameters, flops } = summary(new Sequential(shared, ['again', shared]), [1, 3]);
    expect(parameters).toBe(12);
    expect(flops).toBe(36);
    expect(layers[1]).toMatchObject({ name: '0', calls: 2, activationBytes: 24 });
  });

  test('an input that does not fit names the module', () => {
    expect(() => summary(net(), [2, 4, 16, 16])).toThrow(/4 channels.* \(in model\.conv; called from/);
  });
});
