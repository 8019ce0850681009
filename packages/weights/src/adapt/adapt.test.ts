// Weights of one model for another one: positions, vocabulary, loss, and timm's Vision Transformers in CLIP's layers.
import { fileURLToPath } from 'node:url';
import { relativeError } from '@tessera/autograd';
import { CLIP, type CLIPConfig, ModifiedResNet, VisionTransformer, ViT } from '@tessera/models';
import { manualSeed, registerReferenceBackends, setDefaultBackend, type Tensor, tensor } from '@tessera/tensor';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadWeights } from '../load-and-save.ts';
import { adaptClip } from './adapt-clip.ts';
import { adaptImageTower } from './adapt-tower.ts';
import { resizedPositions } from './positions.ts';

registerReferenceBackends();
setDefaultBackend('wasm');
beforeEach(() => manualSeed(1));

const sines = (rows: number): Tensor =>
  tensor(
    Float32Array.from({ length: 2 * rows }, (_, k) => Math.sin(k)),
    { shape: [rows, 2] },
  );

const valuesOf = (resized: ReturnType<typeof resizedPositions>) => {
  if (resized === null) throw new Error('not resized');
  return resized.positions.data();
};

describe('positions of patches', () => {
  // open_clip.model.resize_pos_embed of OpenCLIP 3 for torch.sin(torch.arange(20.)).reshape(10, 2), to 4 x 4 and 2 x 2.
  it.each([
    [
      4,
      [
        ...[
          0.0, 0.841471, 0.992512, 0.183577, -0.17868, -0.666365, -0.697951, -0.425864, -0.239761, 0.754305, 1.043012,
        ],
        ...[
          0.36121, -0.059063, -0.61529, -0.67315, -0.51186, -0.41427, 0.606658, 1.070088, 0.598829, 0.11396, -0.516012,
        ],
        ...[-0.608828, -0.612391, -0.645152, 0.370115, 1.056765, 0.747467, 0.23192, -0.430769, -0.545308, -0.664431],
        ...[-0.787663, 0.192966],
      ],
    ],
    [2, [0.0, 0.841471, 0.353617, -0.256537, -0.542314, -0.009046, 0.529396, -0.014699, -0.629921, -0.25135]],
  ])('are interpolated as in OpenCLIP: 3 x 3 to %d x %d', async (side, expected) => {
    const resized = resizedPositions('p', sines(10), 1, [side, side]);
    expect(resized?.note).toBe(`p: interpolated from 3 x 3 to ${side} x ${side} patches`);
    expect(relativeError(await valuesOf(resized), Float32Array.from(expected))).toBeLessThan(2e-6);
  });

  it("are interpolated as in timm's resample_abs_pos_embed: 3 x 3 to 2 x 4, without a class token", async () => {
    const expected = [
      ...[-0.140984, 0.815675, 0.669142, 0.519696, 0.400807, -0.261256, -0.777767, -1.037594, -0.533609, 0.491338],
      ...[0.547317, 0.656198, 0.586698, 0.003426, -0.440154, -1.057748],
    ];
    const resized = resizedPositions('p', sines(9).unsqueeze(0), 0, [2, 4]);
    expect(resized?.positions.shape).toEqual([1, 8, 2]);
    expect(relativeError(await valuesOf(resized), Float32Array.from(expected))).toBeLessThan(2e-6);
  });

  it('stay as they are for the same grid, and are refused if they are not a grid', () => {
    expect(resizedPositions('p', sines(10), 1, [3, 3])).toBeNull();
    expect(() => resizedPositions('p', sines(9), 1, [3, 3])).toThrow(
      'p has 8 places for patches, which is not a square',
    );
  });
});

const config: CLIPConfig = {
  embedDim: 4,
  vision: { kind: 'vit', imageSize: 8, patchSize: 4, width: 8, layers: 1, heads: 1 },
  text: { contextLength: 6, vocabularySize: 20, width: 8, layers: 1, heads: 1 },
};

const clip = (changes: Partial<CLIPConfig>): CLIP => new CLIP({ ...config, ...changes });

const tokens = tensor(Int32Array.of(18, 3, 5, 19, 18, 7, 9, 19), { shape: [2, 4] });

describe('CLIP', () => {
  const source = (): CLIP => clip({});

  it.each([
    [4, 'positional_embedding: cut from 6 to 4 tokens'],
    [9, 'positional_embedding: extended from 6 to 9 tokens; the new ones start from random values'],
  ])('of another context length (%d) has the same features of texts that fit both', async (contextLength, note) => {
    const from = source();
    const to = clip({ text: { ...config.text, contextLength } });
    const { state, notes } = await adaptClip(from.stateDict(), to);
    expect(notes).toEqual([note]);
    to.loadStateDict(state);
    expect(await to.encodeText(tokens).data()).toEqual(await from.encodeText(tokens).data());
  });

  it('of another image size', async () => {
    const from = source();
    const to = clip({ vision: { ...config.vision, imageSize: 12 } as CLIPConfig['vision'] });
    const { state, notes } = await adaptClip(from.stateDict(), to);
    expect(notes).toEqual(['visual: positional_embedding: interpolated from 2 x 2 to 3 x 3 patches']);
    to.loadStateDict(state);
    const own = (from.visual as VisionTransformer).positional_embedding;
    const resized = resizedPositions('', own, 1, [3, 3])?.positions as Tensor;
    expect(await (to.visual as VisionTransformer).positional_embedding.data()).toEqual(await resized.data());
  });

  it('with another vocabulary keeps its own token embedding', async () => {
    const to = clip({ text: { ...config.text, vocabularySize: 30 } });
    const before = await to.text.token_embedding.weight.data();
    const { state, notes } = await adaptClip(source().stateDict(), to);
    expect(notes).toEqual([
      "token_embedding: starts from random values, because the file's vocabulary has 20 tokens and the run's 30",
    ]);
    to.loadStateDict(state);
    expect(await to.text.token_embedding.weight.data()).toEqual(before);
  });

  it("with SigLIP's loss starts with its scale and bias, and the other way round without a bias", async () => {
    const to = clip({ initialLogitScale: Math.log(10), initialLogitBias: -10 });
    const there = await adaptClip(source().stateDict(), to);
    expect(there.notes).toEqual([
      "logit_scale and logit_bias: start at 2.303 and -10, because the file's model was trained with CLIP's loss, without a bias",
    ]);
    to.loadStateDict(there.state);
    expect(await to.logit_bias?.item()).toBe(-10);
    const back = await adaptClip(to.stateDict(), source());
    expect(back.notes).toEqual(["logit_bias: left out, because CLIP's loss has none"]);
    expect(() => source().loadStateDict(back.state)).not.toThrow();
    const same = await adaptClip(to.stateDict(), clip({ initialLogitBias: -3 }));
    expect(same.notes).toEqual([]);
    expect(await same.state.get('logit_bias')?.item()).toBe(-10);
  });

  it('with a ResNet of another image size', async () => {
    const vision = { kind: 'resnet', imageSize: 32, width: 2, layers: [1, 1, 1, 1], heads: 1 } as const;
    const to = clip({ vision: { ...vision, imageSize: 64 } });
    const { state, notes } = await adaptClip(clip({ vision }).stateDict(), to);
    expect(notes).toEqual(['visual: attnpool.positional_embedding: interpolated from 1 x 1 to 2 x 2 patches']);
    expect(to.visual).toBeInstanceOf(ModifiedResNet);
    expect(() => to.loadStateDict(state)).not.toThrow();
  });
});

const vitOptions = { imageSize: 8, patchSize: 4, width: 8, depth: 2, heads: 2, activation: 'gelu' } as const;

describe("timm's Vision Transformer", () => {
  it('of another image size, with registers', async () => {
    const from = new ViT({ ...vitOptions, registerTokens: 2, noEmbedClass: true, layerScale: 0.1 });
    const to = new ViT({ ...vitOptions, imageSize: 12, registerTokens: 2, noEmbedClass: true, layerScale: 1 });
    const { state, notes } = adaptImageTower(from.stateDict(), to);
    expect(notes).toEqual(['pos_embed: interpolated from 2 x 2 to 3 x 3 patches']);
    to.loadStateDict(state);
    const dynamic = new ViT({
      ...vitOptions,
      registerTokens: 2,
      noEmbedClass: true,
      layerScale: 1,
      dynamicImageSize: true,
    });
    dynamic.loadStateDict(from.stateDict());
    const images = tensor(
      Float32Array.from({ length: 432 }, (_, k) => Math.cos(k)),
      { shape: [1, 3, 12, 12] },
    );
    expect(relativeError(await to.forward(images).data(), await dynamic.forward(images).data())).toBeLessThan(1e-6);
  });

  it('for the mean as readout', () => {
    const from = new ViT(vitOptions);
    const to = new ViT({ ...vitOptions, readout: 'mean', classToken: true });
    const { state, notes } = adaptImageTower(from.stateDict(), to);
    expect(notes).toEqual(['norm.*: used as fc_norm.*, for the readout mean']);
    expect(() => to.loadStateDict(state)).not.toThrow();
  });

  it("in CLIP's layers computes the same blocks", async () => {
    const from = new ViT({ ...vitOptions, layerScale: 0.3 });
    // Large tokens, so that the different epsilons of the norms do not matter.
    const large = (name: string): boolean => /^(patch_embed|cls_token|pos_embed)/.test(name);
    from.loadStateDict(new Map([...from.stateDict()].map(([name, x]) => [name, large(name) ? x.mul(100) : x])));
    const to = new VisionTransformer(8, 4, 8, 2, 2, 5, { activation: 'gelu' });
    const { state, notes } = adaptImageTower(from.stateDict(), to);
    expect(notes).toEqual([
      "timm's Vision Transformer in CLIP's layers; proj, ln_pre.weight, ln_pre.bias do not exist there and start as in a new model: the tower has to be trained",
    ]);
    to.loadStateDict(state);
    const images = tensor(
      Float32Array.from({ length: 192 }, (_, k) => Math.cos(k)),
      { shape: [1, 3, 8, 8] },
    );
    const embedded = from.embed(images);
    expect(relativeError(await to.embed(images).tokens.data(), await embedded.tokens.data())).toBeLessThan(1e-6);
    // Without ln_pre, the rest of both towers is the same function.
    const blocks = to.transformer.forwardAt(embedded.tokens, 0, {});
    const expected = from.encode(images).tokens.select(1, 0);
    const own = to.ln_post.forward(blocks.ndim === 3 ? blocks.select(1, 0) : blocks);
    expect(relativeError(await own.data(), await expected.data())).toBeLessThan(1e-5);
  });

  it('of a file with registers is refused by CLIP', async () => {
    const folder = fileURLToPath(new URL('../../weight-files/timm-vit-registers/', import.meta.url));
    const { model } = await loadWeights(`${folder}weights.pth`);
    const to = new VisionTransformer(16, 4, 64, 1, 1, 5);
    expect(() => adaptImageTower(model.stateDict(), to)).toThrow(
      "reg_token: the file's model has registers, which CLIP's Vision Transformer does not have",
    );
  });
});
