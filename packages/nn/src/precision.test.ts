/** Layers in mixed precision: their errors and dtypes. */
import { grad } from '@tessera/autograd';
import { autocast, type Precision, type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { quickGelu } from './layers/activations.ts';
import { splitHeads } from './layers/attention/multihead-attention.ts';
import { scaledDotProductAttention } from './layers/attention/scaled-dot-product-attention.ts';
import { batchNorm } from './layers/batch-norm.ts';
import { conv2d } from './layers/convolution.ts';
import { layerNorm } from './layers/layer-norm.ts';
import { linear } from './layers/linear.ts';
import { crossEntropy } from './losses/cross-entropy.ts';
import { useBackend } from './testing/backends.ts';
import { at } from './testing/numbers.ts';

const [width, hidden, batch, length, heads] = [64, 256, 4, 17, 4];

const waves = (shape: readonly number[], frequency: number, scale: number, offset = 0): Tensor => {
  const size = shape.reduce((product, n) => product * n, 1);
  const values = Array.from(
    { length: size },
    (_, i) => Math.sin(1 + 2.3 * i + 0.7 * frequency * i * i) * scale + offset,
  );
  return tensor(Float32Array.from(values), { shape: [...shape] });
};

/** A pre-norm transformer block: its parameters and its output. */
function block(): { parameters: Tensor[]; forward: () => Tensor } {
  const [scale, shift] = [waves([width], 0.1, 0.2, 1), waves([width], 0.2, 0.2)];
  const [w1, b1] = [waves([3 * width, width], 0.3, 0.15), waves([3 * width], 0.4, 0.1)];
  const [w2, b2] = [waves([hidden, width], 0.5, 0.15), waves([hidden], 0.6, 0.1)];
  const [w3, b3] = [waves([width, hidden], 0.7, 0.1), waves([width], 0.8, 0.1)];
  const input = waves([batch, length, width], 0.9, 1);
  const forward = (): Tensor => {
    const packed = linear(layerNorm(input, [width], scale, shift), w1, b1);
    const part = (k: number): Tensor =>
      splitHeads(packed.slice(-1, k * width, (k + 1) * width), heads).permute(0, 2, 1, 3);
    const attended = scaledDotProductAttention(part(0), part(1), part(2)).permute(0, 2, 1, 3).flatten(2);
    const middle = input.add(attended);
    const activated = quickGelu(linear(layerNorm(middle, [width], scale, shift), w2, b2));
    return middle.add(linear(activated, w3, b3));
  };
  return { parameters: [scale, shift, w1, b1, w2, b2, w3, b3], forward };
}

/**
 * How far PyTorch 2.15's autocast on a CPU is from its f32 on this block, by the Euclidean norm: the output, then the gradients of
 * the mean cube of the output.
 */
const pytorch = {
  bf16: [3.6e-3, 7.4e-3, 2.7e-3, 5.1e-3, 2.5e-3, 5.3e-3, 3.0e-3, 3.2e-3, 1.9e-3],
  f16: [4.4e-4, 9.7e-4, 3.8e-4, 6.5e-4, 3.6e-4, 6.8e-4, 3.8e-4, 4.0e-4, 2.6e-4],
} as const;

describe('mixed precision', () => {
  beforeAll(() => useBackend('wasm'));

  it.each(['bf16', 'f16'] as const)(
    '%s: a transformer block loses no more digits than under PyTorch',
    async (precision) => {
      const { parameters, forward } = block();
      const compute = async (p: Precision): Promise<number[][]> => {
        const output = autocast(p, forward);
        const results = [output, ...grad(output.pow(3).mean(), parameters)];
        expect(new Set(results.map(({ dtype }) => dtype))).toEqual(new Set(['f32']));
        return Promise.all(results.map(async (result) => [...(await result.data())]));
      };
      const [exact, rounded] = [await compute('f32'), await compute(precision)];
      for (const [k, values] of rounded.entries()) {
        const reference = at(exact, k);
        const error = Math.hypot(...values.map((value, i) => value - at(reference, i))) / Math.hypot(...reference);
        const usual = at(pytorch[precision], k);
        expect(error, `result ${k}`).toBeLessThan(1.02 * usual);
        expect(error, `result ${k}`).toBeGreaterThan(0.3 * usual);
      }
    },
  );
});

describe('dtypes', () => {
  beforeAll(() => useBackend('reference'));

  test('products and batch normalization are in the low precision, layer normalization and losses in f32', () => {
    const [x, weight, bias] = [waves([2, 3], 1, 1), waves([4, 3], 2, 1), waves([4], 3, 1)];
    const image = waves([2, 3, 4, 4], 1, 1);
    autocast('bf16', () => {
      const y = linear(x, weight, bias);
      expect(y.dtype).toBe('bf16');
      expect(y.relu().dtype).toBe('bf16');
      expect(y.softmax(1).dtype).toBe('bf16');
      expect(y.add(x.sum()).dtype).toBe('f32');
      expect(layerNorm(y, [4]).dtype).toBe('f32');
      expect(crossEntropy(y, tensor(Int32Array.of(0, 3))).dtype).toBe('f32');
      const features = conv2d(image, waves([5, 3, 2, 2], 1, 1), waves([5], 1, 1));
      expect(features.dtype).toBe('bf16');
      expect(batchNorm(features, null, null, null, null, { training: true }).dtype).toBe('bf16');
      expect(autocast('f32', () => linear(x, weight, bias)).dtype).toBe('f32');
      expect(autocast('f16', () => linear(y, weight.transpose(0, 1))).dtype).toBe('f16');
      expect(linear(x.cast('f64'), weight, bias).dtype).toBe('f64');
    });
    expect(linear(x, weight, bias).dtype).toBe('f32');
  });

  test('outside of autocast, tensors in low precision keep their dtype', () => {
    const x = waves([2, 4], 1, 1).cast('f16');
    for (const y of [x.mean(), x.variance(), x.norm(), x.logSoftmax(1), layerNorm(x, [4]), x.matmul(x.transpose(0, 1))])
      expect(y.dtype).toBe('f16');
  });
});

test('autocast refuses unknown precisions and asynchronous functions', () => {
  expect(() => autocast('f8' as 'f16', () => 0)).toThrow("autocast: the precision must be f32, f16, bf16, got 'f8'");
  expect(() => autocast('f16', async () => 0)).toThrow('autocast: the function must not be asynchronous');
});
