// Configurations from shapes and files, and the translation of names.
import { CLIP, presets, ResNet, resnetPresets, ViT, vitPresets } from '@tessera/models';
import { init } from '@tessera/nn';
import { registerReferenceBackends, setDefaultBackend, type Tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  clipConfigFromHuggingFace,
  clipConfigFromShapes,
  huggingFaceConfig,
  huggingFaceRefusal,
  openClipConfig,
  openClipRefusal,
} from './clip-config.ts';
import { huggingFaceNames } from './clip-names.ts';
import { modelFromWeights, weightsOf } from './model-weights.ts';
import { type NameTable, toOurNames, toTheirNames } from './names.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
});

describe('a configuration from shapes', () => {
  it.each(['ViT-B/32', 'ViT-B/16', 'RN50'] as const)("is OpenAI's %s", (name) => {
    const model = init.skipInit(() => new CLIP(presets[name]));
    const { vision, text, ...rest } = presets[name];
    const { heads: visionHeads, ...visionSizes } = vision;
    const { heads: textHeads, ...textSizes } = text;
    expect(clipConfigFromShapes(model.stateDict(), 'quickgelu')).toEqual({
      ...rest,
      vision: visionSizes,
      text: textSizes,
    });
    expect(new Set([visionHeads, textHeads])).toEqual(new Set([vision.kind === 'vit' ? 12 : 32, 8]));
    expect([...weightsOf(model).state.keys()]).toEqual([...model.stateDict().keys()]);
  });

  it.each(['ViT-Ti/16', 'ViT-S/16', 'DeiT-B/16'] as const)("is timm's %s", (name) => {
    const model = init.skipInit(() => new ViT({ ...vitPresets[name], depth: 1, classes: 7 }));
    const { model: again, names } = modelFromWeights({ state: model.stateDict() });
    expect(names).toBe('timm');
    expect((again as ViT).blocks[0]?.attn.numHeads).toBe(vitPresets[name].heads);
    expect([...again.stateDict().keys()]).toEqual([...model.stateDict().keys()]);
  });

  it.each(['basic', 'bottleneck'] as const)("is torchvision's with %s blocks", (block) => {
    const layers = [2, 1, 3, 1] as const;
    const model = init.skipInit(() => new ResNet({ block, layers, width: 4, classes: 7, imageSize: 96 }));
    const { model: again, names, assumptions } = modelFromWeights({ state: model.stateDict() });
    expect({ names, assumptions }).toEqual({ names: 'torchvision', assumptions: ['images of 224 x 224 pixels'] });
    expect([...again.stateDict().keys()]).toEqual([...model.stateDict().keys()]);
    const { description } = weightsOf(model);
    const described = modelFromWeights({ state: model.stateDict(), description }).model as ResNet;
    expect(described.inputResolution).toBe(96);
  });
});

it.each(Object.entries({ resnet18: 11_689_512, resnet34: 21_797_672, resnet50: 25_557_032, resnet101: 44_549_160 }))(
  '%s has %i parameters',
  (name, parameters) => {
    const model = init.skipInit(() => new ResNet({ ...resnetPresets[name as 'resnet18'], classes: 1000 }));
    expect(model.parameterCount()).toBe(parameters);
  },
);

describe('names', () => {
  const table: NameTable = [
    { ours: 'blocks.*.qkv.*', theirs: ['layers.*.q.*', 'layers.*.k.*', 'layers.*.v.*'] },
    { ours: 'projection', theirs: 'out.weight', transposed: true },
  ];

  it('concatenate three tensors and transpose matrices, and back', async () => {
    const parts = ['q', 'k', 'v'].map((name, k): [string, Tensor] => [`layers.3.${name}.bias`, zeros([2]).add(k)]);
    const state = new Map([...parts, ['out.weight', zeros([2, 5])] as [string, Tensor]]);
    const ours = toOurNames(state, table);
    expect([...ours.keys()]).toEqual(['blocks.3.qkv.bias', 'projection']);
    expect([...(await (ours.get('blocks.3.qkv.bias') as Tensor).data())]).toEqual([0, 0, 1, 1, 2, 2]);
    expect(ours.get('projection')?.shape).toEqual([5, 2]);
    const back = toTheirNames(ours, table);
    expect([...back.keys()]).toEqual([...state.keys()]);
    for (const [name, tensor] of state) expect(await back.get(name)?.data()).toEqual(await tensor.data());
  });

  it('reject a tensor that the table does not contain', () => {
    expect(() => toTheirNames(new Map([['other', zeros([1])]]), table)).toThrow('has no name for other');
  });

  it("include every tensor of CLIP under Hugging Face's names", () => {
    const model = init.skipInit(() => new CLIP(presets['vit-tiny-64']));
    const theirs = toTheirNames(model.stateDict(), huggingFaceNames);
    expect([...toOurNames(theirs, huggingFaceNames).keys()].sort()).toEqual([...model.stateDict().keys()].sort());
  });
});

describe('configuration files', () => {
  const tiny = presets['vit-tiny-64'];

  it('specify heads and activation, which are restored', () => {
    const config = { ...tiny, activation: 'gelu', vision: { ...tiny.vision, heads: 8 } } as const;
    const sizes = clipConfigFromShapes(init.skipInit(() => new CLIP(config)).stateDict(), 'quickgelu');
    expect(clipConfigFromHuggingFace(huggingFaceConfig(config), sizes)).toMatchObject({
      activation: 'gelu',
      vision: { heads: 8 },
      text: { heads: 2 },
    });
    expect(openClipConfig(config, false)).toMatchObject({ quick_gelu: false, vision_cfg: { head_width: 16 } });
  });

  it("use Hugging Face's defaults for missing keys", () => {
    const sizes = clipConfigFromShapes(init.skipInit(() => new CLIP(tiny)).stateDict(), 'gelu');
    expect(clipConfigFromHuggingFace({}, sizes)).toMatchObject({
      activation: 'quickgelu',
      vision: { heads: 12 },
      text: { heads: 8 },
    });
  });

  it('are not written for models that the other library does not have', () => {
    expect(openClipRefusal(tiny)).toBeNull();
    expect(openClipRefusal({ ...tiny, activation: 'silu' })).toContain('cannot express model.activation=silu');
    expect(huggingFaceRefusal(tiny)).toBeNull();
    expect(huggingFaceRefusal(presets['rn-tiny-64'])).toContain('cannot express model.vision.kind=resnet');
    expect(huggingFaceRefusal({ ...tiny, activation: 'elu', initialLogitBias: -10 })).toBe(
      "Hugging Face's CLIPModel cannot express model.activation=elu, the logit_bias of loss.kind=siglip",
    );
  });
});

it('a file with very many unexpected names is rejected quickly', () => {
  const model = init.skipInit(
    () => new ViT({ imageSize: 16, patchSize: 8, width: 12, depth: 1, heads: 3, classes: 2 }),
  );
  const more = Array.from({ length: 50_000 }, (_, k): [string, Tensor] => [`blocks.0.mlp.fc${k}.weigth`, zeros([1])]);
  const state = new Map([...model.stateDict(), ...more]);
  expect(() => modelFromWeights({ state })).toThrow('\n  ... and 49970 more');
}, 20_000);

describe('a false description', () => {
  const model = init.skipInit(
    () => new ViT({ imageSize: 16, patchSize: 8, width: 12, depth: 1, heads: 3, classes: 2 }),
  );

  it.each<[unknown, string]>([
    [{ heads: 5 }, 'width 12 does not divide into 5 heads'],
    [{ heads: -1 }, 'heads is -1; expected an integer of at least 1'],
    [{ heads: 1e300 }, 'heads is 1e+300'],
    [{ activation: 'constructor' }, 'activation is "constructor"; expected one of relu'],
    [[], 'description is not an object'],
  ])('%j is rejected', (description, message) => {
    expect(() => modelFromWeights({ state: model.stateDict(), description })).toThrow(message);
  });
});
