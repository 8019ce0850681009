/** Vector quantization, and images as tokens. */
import { grad } from '@tessera/autograd';
import { init } from '@tessera/nn';
import {
  compile,
  manualSeed,
  randint,
  randn,
  registerReferenceBackends,
  setDefaultBackend,
  type Tensor,
  tensor,
  zeros,
} from '@tessera/tensor';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fit } from '../testing/fit.ts';
import { at, expectClose } from '../testing/lists.ts';
import { VectorQuantizer, VQTokenizer, type VQTokenizerConfig } from './index.ts';

beforeAll(() => registerReferenceBackends());
beforeEach(() => {
  setDefaultBackend('wasm');
  manualSeed(6);
});

const list = async (x: Tensor): Promise<number[]> => [...(await x.data())];
const rows = async (x: Tensor): Promise<number[][]> => (await x.toArray()) as number[][];
const largest = async (x: Tensor): Promise<number> => Math.max(...(await list(x.abs())));

/** A quantizer with a given codebook, in evaluation: the codes do not change. */
function fixed(codes: number[][]): VectorQuantizer {
  const quantizer = new VectorQuantizer(codes.length, at(codes, 0).length).eval();
  quantizer.codebook.assign(tensor(codes));
  return quantizer;
}

const small: VQTokenizerConfig = { imageSize: 8, patchSize: 4, width: 8, blocks: 1, codes: 16, codeWidth: 4 };

describe('the nearest code', () => {
  test('is the one at the smallest distance', async () => {
    const codes = await rows(randn([7, 3]));
    const z = randn([2, 4, 3]);
    const quantizer = fixed(codes);
    const found = quantizer.encode(z);
    expect([found.shape, found.dtype]).toEqual([[2, 4], 'i32']);
    const vectors = await rows(z.reshape(8, 3));
    const distance = (a: number[], b: number[]) => a.reduce((sum, x, k) => sum + (x - at(b, k)) ** 2, 0);
    const expected = vectors.map((vector) => {
      const distances = codes.map((code) => distance(vector, code));
      return distances.indexOf(Math.min(...distances));
    });
    expect(await list(found)).toEqual(expected);
    const { quantized, indices, commitment, perplexity } = quantizer.forward(z);
    expect(await list(indices)).toEqual(expected);
    const chosen = expected.map((k) => at(codes, k));
    expectClose(await list(quantized), chosen.flat());
    const mean = vectors.reduce((sum, vector, k) => sum + distance(vector, at(chosen, k)), 0) / 24;
    expect(await commitment.item()).toBeCloseTo(mean, 5);
    const shares = codes.map((_, k) => expected.filter((index) => index === k).length / 8).filter((share) => share > 0);
    const entropy = -shares.reduce((sum, share) => sum + share * Math.log(share), 0);
    expect(await perplexity.item()).toBeCloseTo(Math.exp(entropy), 4);
  });

  test('8192 codes of width 256, 14 x 14 tokens an image', async () => {
    const config = { imageSize: 224, patchSize: 16, width: 16, blocks: 1, codes: 8192, codeWidth: 256 };
    const model = new VQTokenizer(config).eval();
    expect(model.quantizer.codebook.shape).toEqual([8192, 256]);
    const tokens = model.encode(randn([1, 3, 224, 224]));
    expect([tokens.shape, tokens.dtype]).toEqual([[1, 14, 14], 'i32']);
    for (const token of await list(tokens)) expect(token >= 0 && token < 8192).toBe(true);
    expect(model.decode(tokens).shape).toEqual([1, 3, 224, 224]);
  });
});

describe('gradients', () => {
  test('go straight through: that of z is that of the code', async () => {
    const quantizer = fixed([
      [1, 2],
      [-3, 0.5],
    ]);
    const z = tensor([0.9, 1.8, -2.5, 0.1], { shape: [2, 2], requiresGrad: true });
    const factors = [2, -1, 0.5, 3];
    const { quantized } = quantizer.forward(z);
    const gradient = grad(
      quantized
        .square()
        .mul(tensor(factors, { shape: [2, 2] }))
        .sum(),
      z,
    );
    const codes = [1, 2, -3, 0.5];
    expectClose(
      await list(gradient),
      codes.map((code, k) => 2 * code * at(factors, k)),
    );
  });

  test('of the reconstruction alone reach the whole encoder; without the straight-through estimator none would', async () => {
    const model = new VQTokenizer(small);
    const images = randn([2, 3, 8, 8]);
    const parameters = model.encoder.namedParameters();
    const list = parameters.map(([, parameter]) => parameter);
    const through = grad(model.forward(images).reconstruction.sub(images).square().mean(), list);
    for (const [k, [name]] of parameters.entries()) expect(await largest(at(through, k)), name).toBeGreaterThan(0);
    const cut = model.decode(model.encode(images)).sub(images).square().mean();
    expect(() => grad(cut, list)).toThrow(/parameter 0/);
  });

  test('of the commitment pull the encoder to the code, and not the code', async () => {
    const quantizer = fixed([[1, 2]]);
    const z = tensor([[0, 0]], { requiresGrad: true });
    const gradient = grad(quantizer.forward(z).commitment, z);
    expect(await list(gradient)).toEqual([-1, -2]); // 2 (z - code) / 2
    expect(quantizer.parameters()).toEqual([]);
  });
});

describe('the codebook', () => {
  test('follows the means of its vectors', async () => {
    const quantizer = new VectorQuantizer(2, 2, { decay: 0.9, restartBelow: 0 });
    quantizer.codebook.assign(
      tensor([
        [0, 0],
        [10, 10],
      ]),
    );
    quantizer.cluster_size.assign(tensor([4, 2]));
    quantizer.cluster_sum.assign(
      tensor([
        [0, 0],
        [20, 20],
      ]),
    );
    const step = compile((z: Tensor) => quantizer.forward(z).indices);
    const z = tensor([
      [1, 0],
      [0, 2],
      [9, 9],
    ]);
    expect(await list(await step(z))).toEqual([0, 0, 1]);
    const sizes = [0.9 * 4 + 0.1 * 2, 0.9 * 2 + 0.1 * 1];
    const sums = [
      [0.1, 0.2],
      [0.9 * 20 + 0.9, 0.9 * 20 + 0.9],
    ];
    expectClose(await list(quantizer.cluster_size), sizes, 4);
    expectClose(await list(quantizer.cluster_sum), sums.flat(), 4);
    const total = sizes.reduce((a, b) => a + b);
    const smoothed = sizes.map((size) => ((size + 1e-5) / (total + 2e-5)) * total);
    const codes = sums.flatMap((sum, k) => sum.map((x) => x / at(smoothed, k)));
    expectClose(await list(quantizer.codebook), codes, 4);
  });

  test('stays as it is in evaluation', async () => {
    const quantizer = new VectorQuantizer(4, 2).eval();
    const before = await list(quantizer.codebook);
    await list(await compile((z: Tensor) => quantizer.forward(z).quantized)(randn([9, 2])));
    expect(await list(quantizer.codebook)).toEqual(before);
  });

  test('restarts dead codes at vectors of the batch, the same ones for the same seed', async () => {
    const run = async (seed: number): Promise<{ codes: number[][]; batch: number[][] }> => {
      manualSeed(1);
      const quantizer = new VectorQuantizer(8, 3);
      const batch = randn([32, 3]).add(5);
      await batch.realize();
      manualSeed(seed);
      const step = compile((z: Tensor) => quantizer.forward(z).perplexity);
      await step(batch);
      return { codes: await rows(quantizer.codebook), batch: await rows(batch) };
    };
    const { codes, batch } = await run(2);
    // At the first step all codes are dead.
    for (const code of codes) {
      const nearest = Math.min(...batch.map((row) => Math.hypot(...row.map((x, k) => x - at(code, k)))));
      expect(nearest).toBeLessThan(1e-3);
    }
    expect((await run(2)).codes).toEqual(codes);
    expect((await run(3)).codes).not.toEqual(codes);
  });

  test('uses all of its codes in the end; without restarts it does not', async () => {
    const use = async (restartBelow: number): Promise<number> => {
      manualSeed(8);
      const quantizer = new VectorQuantizer(16, 4, { decay: 0.8, restartBelow });
      // Sixteen clusters far from where the codes begin.
      const centers = randn([16, 4]).mul(10).add(40);
      const step = compile((noise: Tensor, which: Tensor) => {
        const z = centers.indexSelect(0, which).add(noise.mul(0.1));
        return quantizer.forward(z).perplexity;
      });
      let perplexity = 0;
      for (let k = 0; k < 60; k++) perplexity = await (await step(randn([256, 4]), randint([256], 0, 16))).item();
      return perplexity;
    };
    expect(await use(2)).toBeGreaterThan(12);
    expect(await use(0)).toBeLessThan(4);
  });
});

describe('a VQ tokenizer', () => {
  test('learns to reproduce what it saw through a handful of tokens', async () => {
    const model = new VQTokenizer({ ...small, codes: 32, width: 16 });
    // Images of two colors, divided somewhere.
    const pixels = Array.from({ length: 16 }, (_, n) =>
      Array.from({ length: 3 * 64 }, (_, i) => ((i % 8) + (n >> 2) < 5 ? Math.cos(n + Math.floor(i / 64)) : -0.8)),
    );
    const images = tensor(Float32Array.from(pixels.flat()), { shape: [16, 3, 8, 8] });
    const losses = await fit(
      model,
      (x) => {
        const { reconstruction, commitment } = model.forward(x);
        return reconstruction.sub(x).square().mean().add(commitment.mul(0.25));
      },
      [images],
      { steps: 250 },
    );
    const variance = await images.square().mean().item();
    expect(losses.at(-1)).toBeLessThan(0.15 * variance);
    model.eval();
    const again = model.decode(model.encode(images)).sub(images).square().mean();
    expect(await again.item()).toBeLessThan(0.1 * variance);
  });

  test('refuses what does not fit', () => {
    const make = (change: Partial<VQTokenizerConfig>) => () =>
      init.skipInit(() => new VQTokenizer({ ...small, ...change }));
    expect(make({ patchSize: 3 })).toThrow('the patch size must be a power of two of at least 2, got 3');
    expect(make({ imageSize: 10 })).toThrow('image size 10 is not a multiple of the patch size 4');
    expect(() => make({})().encode(zeros([1, 3, 16, 16]))).toThrow('needs images [N, 3, 8, 8], got [1, 3, 16, 16]');
    expect(() => new VectorQuantizer(4, 3).forward(zeros([2, 4]))).toThrow('needs vectors [..., 3], got [2, 4]');
  });
});
