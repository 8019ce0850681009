/**
 * Layers of parameters against timm: `testing/timm-layers.json` has the `lr_scale` of each parameter by
 * `timm.optim.param_groups_layer_decay(model, layer_decay=0.75)`. The names of CLIP's towers there are those that timm's own
 * `_convert_openai_clip` reads.
 */
import { readFileSync } from 'node:fs';
import { init, type Module } from '@tessera/nn';
import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { CLIP } from '../clip/clip.ts';
import { MultimodalClassifier } from '../multimodal/index.ts';
import { ModifiedResNet } from '../resnet/modified-resnet.ts';
import { ResNet } from '../resnet/resnet.ts';
import { Swin } from '../swin/swin.ts';
import { MaskedAutoencoder } from '../vit/masked-autoencoder.ts';
import { VisionTransformer } from '../vit/vision-transformer.ts';
import { ViT } from '../vit/vit.ts';
import { VQTokenizer } from '../vq/index.ts';
import { ImageClassifier } from './image-classifier.ts';
import { layersToOutput } from './parameter-layers.ts';

interface Recorded {
  readonly layerDecay: number;
  /** The parameters of each model by the factor on their learning rate. */
  readonly lrScales: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

const { layerDecay, lrScales } = JSON.parse(
  readFileSync(new URL('../testing/timm-layers.json', import.meta.url), 'utf8'),
) as Recorded;

const vit = { imageSize: 8, patchSize: 4, width: 8, depth: 3, heads: 2 };

const models: Readonly<Record<string, () => Module>> = {
  ViT: () => new ViT({ ...vit, classes: 2 }),
  'ViT without a head': () => new ViT(vit),
  'ViT, mean of the patches': () => new ViT({ ...vit, classes: 2, readout: 'mean' }),
  Swin: () =>
    new Swin({ imageSize: 16, patchSize: 2, width: 8, depths: [2, 1, 2], heads: [1, 1, 1], window: 2, classes: 2 }),
  ResNet: () => new ResNet({ block: 'basic', layers: [2, 1, 1, 2], width: 2, classes: 2 }),
  VisionTransformer: () => new VisionTransformer(8, 4, 8, 3, 2, 2),
  ModifiedResNet: () => new ModifiedResNet([1, 2, 1, 1], 2, 2, 32, 2),
};

/** Layers of some parameters, by name. */
const some = (model: Module, names: readonly string[]): (number | undefined)[] => {
  const layers = layersToOutput(model);
  return names.map((name) => layers.get(name));
};

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
});

describe('layersToOutput', () => {
  it.each(Object.keys(lrScales))("is timm's for %s", (name) => {
    const model = init.skipInit(models[name] as () => Module);
    const scales = Object.fromEntries([...layersToOutput(model)].map(([path, layers]) => [path, layerDecay ** layers]));
    const expected = Object.entries(lrScales[name] ?? {}).flatMap(([scale, paths]) =>
      paths.map((path) => [path, Number(scale)] as const),
    );
    expect(expected.length).toBeGreaterThan(40);
    expect(scales).toEqual(Object.fromEntries(expected));
  });

  it("counts the layers of each of CLIP's towers, and nothing for the scale", () => {
    const clip = new CLIP({
      embedDim: 4,
      vision: { kind: 'vit', imageSize: 8, patchSize: 4, width: 8, layers: 3, heads: 2 },
      text: { contextLength: 4, vocabularySize: 8, width: 8, layers: 2, heads: 2 },
    });
    const names = [
      ...['visual.conv1.weight', 'visual.transformer.resblocks.0.ln_1.bias', 'visual.ln_post.weight', 'visual.proj'],
      ...['token_embedding.weight', 'positional_embedding', 'transformer.resblocks.0.attn.in_proj_weight'],
      ...['transformer.resblocks.1.ln_2.weight', 'ln_final.bias', 'text_projection', 'logit_scale'],
    ];
    expect(some(clip, names)).toEqual([4, 3, 1, 0, 3, 3, 2, 1, 1, 0, 0]);
  });

  it('counts a head outside of a tower as the layer after it', () => {
    const classifier = new ImageClassifier(new ViT({ ...vit, classes: 4 }), 2);
    expect(some(classifier, ['head.weight', 'visual.head.weight', 'visual.norm.bias', 'visual.cls_token'])).toEqual([
      0, 0, 1, 4,
    ]);
    const pairs = new MultimodalClassifier({
      vision: { imageSize: 8, patchSize: 4, width: 8, depth: 2, heads: 2 },
      text: { contextLength: 4, vocabularySize: 8, width: 8, layers: 1, heads: 2 },
      fusion: 'concat',
      dim: 8,
      classes: 2,
    });
    expect(
      some(pairs, [
        'visual.blocks.0.norm1.bias',
        'text.token_embedding.weight',
        'text.ln_final.bias',
        'head.c_fc.bias',
      ]),
    ).toEqual([2, 2, 1, 0]);
  });

  it("counts a masked autoencoder's decoder as its output", () => {
    const autoencoder = new MaskedAutoencoder({ ...vit, decoderWidth: 8, decoderDepth: 2, decoderHeads: 2 });
    const names = ['cls_token', 'blocks.2.norm1.bias', 'norm.bias', 'decoder_blocks.0.norm1.bias', 'mask_token'];
    expect(some(autoencoder, names)).toEqual([4, 1, 1, 0, 0]);
  });

  it('is empty for a model whose layers have no order', () => {
    const tokenizer = new VQTokenizer({ imageSize: 8, patchSize: 4, width: 4, blocks: 1, codes: 8, codeWidth: 4 });
    expect(layersToOutput(tokenizer).size).toBe(0);
  });
});
