/** Adapters in peft's format: what is written, and what is added to the weights of a model. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLIP, createImageTower, ImageClassifier } from '@tessera/models';
import { addLora, loraPairs, type Module, mergedStateDict, type Parameter } from '@tessera/nn';
import {
  Generator,
  manualSeed,
  randn,
  registerReferenceBackends,
  setDefaultBackend,
  type Tensor,
} from '@tessera/tensor';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readTensors, writeTensors } from '../safetensors/tensor-files.ts';
import { addAdapters } from './add-adapters.ts';
import { type AdapterSettings, adapterFiles, saveAdapters } from './peft.ts';

let root: string;
beforeAll(async () => {
  registerReferenceBackends();
  setDefaultBackend('reference');
  root = await fs.mkdtemp(join(tmpdir(), 'adapters-'));
});
afterAll(() => fs.rm(root, { recursive: true }));
beforeEach(() => {
  manualSeed(5);
});

const generator = new Generator(11);
const text = { contextLength: 6, vocabularySize: 20, width: 8, layers: 1, heads: 2 };
const vit = () => {
  const vision = { kind: 'vit', imageSize: 8, patchSize: 4, width: 8, layers: 1, heads: 2 } as const;
  return new CLIP({ embedDim: 4, vision, text });
};
const resnet = () => {
  const vision = { kind: 'resnet', imageSize: 32, width: 2, layers: [1, 1, 1, 1], heads: 1 } as const;
  return new CLIP({ embedDim: 4, vision, text });
};
const classifier = () => {
  const vision = { kind: 'vit', imageSize: 8, patchSize: 4, width: 8, layers: 1, heads: 2 } as const;
  return new ImageClassifier(createImageTower(vision, 4, {}), 3);
};

const settings: AdapterSettings = { rank: 2, alpha: 6, dropout: 0, rankStabilized: false, base: null };

/** Adapters with values, as training gives them to both matrices, and to what is trained besides. */
function adapt(model: Module, targets?: readonly string[], trainable: readonly string[] = []): Map<string, Parameter> {
  addLora(model, { rank: 2, alpha: 6, trainable, ...(targets === undefined ? {} : { targets }) });
  const trained = model.namedParameters().filter(([, { requiresGrad }]) => requiresGrad);
  for (const [, parameter] of trained) parameter.assign(randn(parameter.shape, { generator }));
  return new Map(trained.filter(([name]) => !name.includes('parametrizations')));
}

const numbers = async (state: ReadonlyMap<string, Tensor>): Promise<Map<string, readonly number[]>> =>
  new Map(await Promise.all([...state].map(async ([name, tensor]) => [name, [...(await tensor.data())]] as const)));

async function expectSame(got: ReadonlyMap<string, Tensor>, want: ReadonlyMap<string, Tensor>): Promise<void> {
  const [found, wanted] = [await numbers(got), await numbers(want)];
  expect([...found.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [name, values] of wanted)
    for (const [k, value] of values.entries()) expect(found.get(name)?.[k], name).toBeCloseTo(value, 5);
}

describe('adapters that are written and added to the weights again', () => {
  it.each([
    ['CLIP with Vision Transformers', vit, undefined, [], 'hugging-face'],
    ['CLIP with a ResNet', resnet, undefined, ['ln_final'], 'tessera'],
    ['a part of the attention', resnet, ['transformer.resblocks.0.attn.out_proj'], [], 'tessera'],
    ['a classifier with its head', classifier, ['visual'], ['head'], 'tessera'],
  ] as const)('lead to the merged weights: %s', async (title, create, targets, trainable, names) => {
    const [model, base] = [create(), create()];
    base.loadStateDict(model.stateDict());
    const trained = adapt(model, targets, trainable);
    const files = adapterFiles(model, loraPairs(model.stateDict()), trained, settings);
    expect(files.names).toBe(names);
    const folder = join(root, title);
    await saveAdapters(folder, files);
    const added = await addAdapters(base, folder);
    expect(added.replaced).toHaveLength(trained.size);
    await expectSame(base.stateDict(), mergedStateDict(model.stateDict(), { rank: 2, alpha: 6 }));
  });

  it("have peft's names", async () => {
    const model = resnet();
    adapt(model, ['transformer', 'visual.attnpool.c_proj']);
    const { state, config } = adapterFiles(model, loraPairs(model.stateDict()), new Map(), settings);
    const block = 'transformer.resblocks.0';
    const modules = [
      // nn.MultiheadAttention has an adapter for in_proj_weight, and its out_proj is a layer inside.
      `${block}.attn`,
      `${block}.attn.base_layer.out_proj`,
      'visual.attnpool.c_proj',
      `${block}.mlp.c_fc`,
      `${block}.mlp.c_proj`,
    ];
    expect([...state.keys()].sort()).toEqual(
      modules.flatMap((name) => ['A', 'B'].map((part) => `base_model.model.${name}.lora_${part}.weight`)).sort(),
    );
    expect(state.get(`base_model.model.${block}.attn.lora_B.weight`)?.shape).toEqual([24, 2]);
    expect([...(config.target_modules as string[])].sort()).toEqual(
      modules.filter((name) => !name.includes('base_layer')).sort(),
    );
  });

  it('may be those of two of three projections, as peft usually has them for CLIP', async () => {
    const model = vit();
    const before = await numbers(model.stateDict());
    const folder = join(root, 'two');
    const prefix = 'base_model.model.text_model.encoder.layers.0.self_attn';
    const [a, b] = [randn([1, 8], { generator }), randn([8, 1], { generator })];
    const parts = ['q_proj', 'v_proj'].flatMap((name): [string, Tensor][] => [
      [`${prefix}.${name}.lora_A.weight`, a],
      [`${prefix}.${name}.lora_B.weight`, b],
    ]);
    await fs.mkdir(folder, { recursive: true });
    await writeTensors(join(folder, 'adapter_model.safetensors'), new Map(parts));
    const config = { peft_type: 'LORA', r: 1, lora_alpha: 4, use_rslora: true, use_dora: false, rank_pattern: {} };
    await fs.writeFile(join(folder, 'adapter_config.json'), JSON.stringify(config));
    expect(await addAdapters(model, folder)).toEqual({ adapted: 2, replaced: [] });
    const after = await numbers(model.stateDict());
    const [left, right] = [[...(await b.data())], [...(await a.data())]];
    const name = 'transformer.resblocks.0.attn.in_proj_weight';
    for (const [k, value] of (before.get(name) ?? []).entries()) {
      const [row, column] = [Math.floor(k / 8), k % 8];
      const isKey = row >= 8 && row < 16;
      const delta = isKey ? 0 : 4 * Number(left[row % 8]) * Number(right[column]);
      expect(after.get(name)?.[k]).toBeCloseTo(value + delta, 5);
    }
    const changed = [...after.keys()].filter((key) => String(after.get(key)) !== String(before.get(key)));
    expect(changed).toEqual([name]);
  });
});

describe('adapters are refused', () => {
  /** A folder of adapters with another configuration or other tensors. */
  async function folderWith(
    name: string,
    config: object,
    rename: (name: string) => string = (same) => same,
  ): Promise<string> {
    const model = vit();
    adapt(model);
    const files = adapterFiles(model, loraPairs(model.stateDict()), new Map(), settings);
    const folder = join(root, name);
    await saveAdapters(folder, {
      ...files,
      config: { ...files.config, ...config },
      state: new Map([...files.state].map(([key, tensor]) => [rename(key), tensor])),
    });
    return folder;
  }

  it.each([
    ['another kind', { peft_type: 'IA3' }, 'adapter_config.json.peft_type is "IA3"; expected "LORA"'],
    [
      'DoRA',
      { use_dora: true },
      'adapter_config.json.use_dora is true; expected false: such adapters are not supported',
    ],
    ['ranks of single modules', { rank_pattern: { q_proj: 4 } }, 'rank_pattern is {"q_proj":4}'],
    ['another rank', { r: 4 }, 'has rank 2, adapter_config.json says 4'],
    [
      'weights without their largest part',
      { init_lora_weights: 'pissa_niter_16' },
      'init_lora_weights is "pissa_niter_16"',
    ],
    ['invocation tokens', { alora_invocation_tokens: [1] }, 'alora_invocation_tokens is [1]'],
    ['no factor', { lora_alpha: -1 }, 'lora_alpha is -1; expected a number above 0'],
  ])('%s', async (name, config, message) => {
    const model = vit();
    const before = await numbers(model.stateDict());
    await expect(addAdapters(model, await folderWith(name, config))).rejects.toThrow(message);
    expect(await numbers(model.stateDict())).toEqual(before);
  });

  it('that do not fit the model, which is not changed', async () => {
    const model = vit();
    const before = await numbers(model.stateDict());
    const misnamed = await folderWith('misnamed', {}, (name) => name.replace('mlp.fc1', 'mlp.fc7'));
    await expect(addAdapters(model, misnamed)).rejects.toThrow(
      /which has no .*mlp\.fc7\.weight \(did it mean .*mlp\.fc1\.weight\?\)/,
    );
    const half = await folderWith('half', {}, (name) => name.replace('fc1.lora_B', 'fc1.lora_C'));
    await expect(addAdapters(model, half)).rejects.toThrow('has only one of its two matrices');
    await expect(addAdapters(model, join(root, 'nowhere'))).rejects.toThrow(
      'adapter_config.json: there is no such file',
    );
    const other = new CLIP({ embedDim: 4, vision: { ...vit().config.vision }, text: { ...text, width: 16 } } as never);
    await expect(addAdapters(other, await folderWith('narrow', {}))).rejects.toThrow('which does not fit');
    expect(await numbers(model.stateDict())).toEqual(before);
  });

  it('where a weight is not that of a linear layer', () => {
    const model = vit();
    adapt(model, ['token_embedding']);
    expect(() => adapterFiles(model, loraPairs(model.stateDict()), new Map(), settings)).toThrow(
      'token_embedding.weight is not the weight of a linear layer, and peft has no adapter for it',
    );
  });
});

it('files have tensors only, and say what peft needs to know', async () => {
  const model = classifier();
  const trained = adapt(model, ['c_fc'], ['head', 'visual.class_embedding']);
  const files = adapterFiles(model, loraPairs(model.stateDict()), trained, { ...settings, base: 'runs/clip' });
  expect(files.notLoaded).toEqual(['visual.class_embedding']);
  const [weights = '', config = ''] = await saveAdapters(join(root, 'files'), files);
  expect((await readTensors(weights)).names).toContain('base_model.model.head.weight');
  expect(JSON.parse(await fs.readFile(config, 'utf8'))).toMatchObject({
    ...{ base_model_name_or_path: 'runs/clip', modules_to_save: ['head'], r: 2, lora_alpha: 6 },
    target_modules: ['visual.transformer.resblocks.0.mlp.c_fc'],
  });
});
