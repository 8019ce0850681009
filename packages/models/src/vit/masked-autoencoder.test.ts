/** Masking, and pretraining by hidden patches. */
import { init } from '@tessera/nn';
import {
  arange,
  manualSeed,
  registerReferenceBackends,
  setDefaultBackend,
  type Tensor,
  tensor,
  where,
} from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { fit } from '../testing/fit.ts';
import { at } from '../testing/lists.ts';
import { MaskedAutoencoder, type MaskedAutoencoderOptions, maskByNoise } from './masked-autoencoder.ts';
import { ViT } from './vit.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('wasm');
  manualSeed(8);
});

const tiny: MaskedAutoencoderOptions = {
  imageSize: 16,
  patchSize: 4,
  width: 32,
  depth: 2,
  heads: 2,
  decoderWidth: 16,
  decoderDepth: 1,
  decoderHeads: 2,
};

/** Smooth pictures: a gradient in a random direction for each, so that hidden patches follow from seen ones. */
function pictures(n: number): Tensor {
  const values = Float32Array.from({ length: n * 3 * 256 }, (_, k) => {
    const [image, channel] = [Math.floor(k / 768), Math.floor(k / 256) % 3];
    const [y, x] = [Math.floor((k % 256) / 16), k % 16];
    return Math.sin((image + channel) * 1.3 + (x * Math.cos(image) + y * Math.sin(image)) * 0.4);
  });
  return tensor(values, { shape: [n, 3, 16, 16] });
}

describe('MaskedAutoencoder', () => {
  test("MAE ViT-B/16 has its authors' count of trained parameters, and their names", () => {
    const model = init.skipInit(
      () =>
        new MaskedAutoencoder({
          imageSize: 224,
          patchSize: 16,
          width: 768,
          depth: 12,
          heads: 12,
          decoderWidth: 512,
          decoderDepth: 8,
          decoderHeads: 16,
        }),
    );
    // 111,907,840 with the two fixed tables of positions.
    expect(model.parameterCount()).toBe(111_907_840 - 197 * (768 + 512));
    const state = model.stateDict();
    expect(state.get('pos_embed')?.shape).toEqual([1, 197, 768]);
    expect(state.get('decoder_pos_embed')?.shape).toEqual([1, 197, 512]);
    for (const name of [
      'cls_token',
      'mask_token',
      'patch_embed.proj.weight',
      'decoder_embed.weight',
      'decoder_pred.bias',
    ])
      expect(state.has(name), name).toBe(true);
    expect(state.get('decoder_blocks.7.mlp.fc2.weight')?.shape).toEqual([512, 2048]);
    expect(model.kept).toBe(49);
  });

  test('the smallest numbers are seen, and ranks bring the patches back', async () => {
    const noise = tensor([
      [0.7, 0.1, 0.5, 0.3],
      [0.2, 0.2, 0.9, 0.1],
    ]);
    const { kept, rank, mask } = maskByNoise(noise, 2);
    expect(await kept.toArray()).toEqual([
      [1, 3],
      [3, 0],
    ]);
    expect(await rank.toArray()).toEqual([
      [3, 0, 2, 1],
      [1, 2, 3, 0],
    ]);
    expect(await mask.toArray()).toEqual([
      [1, 0, 1, 0],
      [0, 1, 1, 0],
    ]);
    expect(() => maskByNoise(noise, 5)).toThrow('cannot keep 5 of the patches with noise [2, 4]');
  });

  test('the encoder does not see hidden patches', async () => {
    const model = new MaskedAutoencoder(tiny);
    const images = pictures(2);
    const noise = init.uniform(0, 1)([2, 16]);
    const { latent, mask } = model.encode(images, noise);
    expect(latent.shape).toEqual([2, 5, 32]);
    expect(await mask.sum(1).data()).toEqual(Float32Array.of(12, 12));
    const hidden = mask.reshape(2, 1, 4, 1, 4, 1).expand(2, 3, 4, 4, 4, 4).reshape(2, 3, 16, 16);
    const blotted = where(hidden, 9, images);
    expect(await model.encode(blotted, noise).latent.sub(latent).abs().max().item()).toBeLessThan(1e-6);
    const all = images.add(9);
    expect(await model.encode(all, noise).latent.sub(latent).abs().max().item()).toBeGreaterThan(1e-3);
  });

  test('only hidden patches count, with normalized pixels', async () => {
    const model = new MaskedAutoencoder(tiny);
    const images = pictures(2);
    const noise = init.uniform(0, 1)([2, 16]);
    const { prediction, mask } = model.reconstruct(images, noise);
    expect(prediction.shape).toEqual([2, 16, 48]);
    const target = (await model.target(images).toArray()) as number[][][];
    for (const patch of target.flat()) {
      const mean = patch.reduce((a, b) => a + b) / 48;
      expect(mean).toBeCloseTo(0, 4);
      expect(patch.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 47).toBeCloseTo(1, 2);
    }
    const [guess, hidden] = [(await prediction.toArray()) as number[][][], (await mask.toArray()) as number[][]];
    let [sum, count] = [0, 0];
    for (const [i, image] of guess.entries())
      for (const [l, patch] of image.entries()) {
        if (hidden[i]?.[l] !== 1) continue;
        const own = at(at(target, i), l);
        sum += patch.reduce((s, x, k) => s + (x - at(own, k)) ** 2, 0) / 48;
        count++;
      }
    expect(await model.forward(images, noise).item()).toBeCloseTo(sum / count, 4);
  });

  test('a short training reduces the loss', async () => {
    const model = new MaskedAutoencoder({ ...tiny, maskRatio: 0.5 });
    const losses = await fit(model, (images) => model.forward(images), [pictures(16)], { steps: 200 });
    const mean = (part: number[]): number => part.reduce((a, b) => a + b) / part.length;
    expect(mean(losses.slice(-10))).toBeLessThan(0.6 * mean(losses.slice(0, 10)));
  });

  test('a plain ViT takes over the encoder, for fine-tuning', async () => {
    const model = new MaskedAutoencoder({ ...tiny, maskRatio: 0 });
    const { imageSize, patchSize, width, depth, heads } = tiny;
    const vit = new ViT({ imageSize, patchSize, width, depth, heads });
    const { missing, unexpected } = vit.loadStateDict(model.stateDict(), { strict: false });
    expect(missing).toEqual([]);
    expect(unexpected.every((name) => /^(decoder_|mask_token)/.test(name))).toBe(true);
    const images = pictures(2);
    const inOrder = arange(16).cast('f32').expand(2, 16).contiguous();
    const { latent } = model.encode(images, inOrder);
    expect(await latent.sub(vit.encode(images).tokens).abs().max().item()).toBeLessThan(1e-5);
  });

  test('what does not fit is refused', () => {
    expect(() => new MaskedAutoencoder({ ...tiny, maskRatio: 1 })).toThrow('maskRatio must be in [0, 1), got 1');
    expect(() => new MaskedAutoencoder({ ...tiny, maskRatio: 0.99 })).toThrow('leaves no visible patch of 16');
    expect(() => new MaskedAutoencoder(tiny).forward(init.normal()([1, 3, 8, 8]))).toThrow(
      'needs images [N, C, 16, 16]',
    );
  });
});
