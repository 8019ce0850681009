/** Groups of parameters from the settings: which parameters are in them, what they do in a run, and what is refused. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyDataset } from '@tessera/data/testing';
import { CLIP, ImageClassifier, ModifiedResNet, VQTokenizer } from '@tessera/models';
import type { Module } from '@tessera/nn';
import { readTensors } from '@tessera/weights';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../load-config.ts';
import { useTestBackend } from '../testing/backend.ts';
import { trainTiny } from '../testing/train-tiny.ts';
import { valuesOf } from '../testing/values-of.ts';
import { noDecay } from './optimizer.ts';
import { parameterGroups } from './parameter-groups.ts';
import type { GroupSettings } from './settings.ts';

beforeAll(useTestBackend);

const clip = (): CLIP =>
  new CLIP({
    embedDim: 4,
    vision: { kind: 'vit', imageSize: 8, patchSize: 4, width: 4, layers: 2, heads: 1 },
    text: { contextLength: 4, vocabularySize: 8, width: 4, layers: 1, heads: 1 },
  });

const group = (match: string, options: Partial<GroupSettings['groups'][number]> = {}) => ({
  match,
  lrScale: 1,
  weightDecay: null,
  ...options,
});

const settings = (
  groups: GroupSettings['groups'],
  layerDecay: number | null = null,
  weightDecay = 0.2,
): GroupSettings => ({ groups, layerDecay, weightDecay });

/** The options of single parameters, as the optimizer finds them: factor on the rate, and weight decay. */
function optionsOf(model: Module, given: GroupSettings, names: readonly string[]): (readonly (number | undefined)[])[] {
  const { groups } = parameterGroups(model, given);
  const parameters = new Map(model.namedParameters());
  return names.map((name) => {
    const parameter = parameters.get(name);
    if (parameter === undefined) throw new Error(`the model has no parameter ${name}`);
    const found = groups.find(({ match }) => match(name, parameter));
    return [found?.lrScale, found?.weightDecay];
  });
}

describe('parameterGroups', () => {
  it('is the group without weight decay alone where nothing is set', () => {
    expect(parameterGroups(clip(), settings([]))).toEqual({ groups: [noDecay], description: null });
  });

  it('takes the first group that matches, and decays only the parameters that can be', () => {
    const groups = [
      group('visual.conv1', { lrScale: 0 }),
      group('visual', { lrScale: 0.1, weightDecay: 0.5 }),
      group('*.out_proj.weight', { weightDecay: 0 }),
    ];
    const names = [
      ...[
        'visual.conv1.weight',
        'visual.proj',
        'visual.ln_pre.bias',
        'visual.transformer.resblocks.0.attn.out_proj.weight',
      ],
      ...['transformer.resblocks.0.attn.out_proj.weight', 'text_projection', 'logit_scale'],
    ];
    expect(optionsOf(clip(), settings(groups), names)).toEqual([
      [0, 0.2],
      [0.1, 0.5],
      [0.1, 0],
      [0.1, 0.5],
      [1, 0],
      [1, 0.2],
      [1, 0],
    ]);
  });

  it('multiplies the factors of layers and groups', () => {
    const names = [
      'visual.proj',
      'visual.ln_post.bias',
      'visual.transformer.resblocks.0.mlp.c_fc.weight',
      'ln_final.bias',
    ];
    expect(optionsOf(clip(), settings([group('visual', { lrScale: 0.1 })], 0.5), names)).toEqual([
      [0.1, 0.2],
      [0.05, 0],
      [0.025, 0.2],
      [0.5, 0],
    ]);
  });

  it('describes the groups in a line', () => {
    const model = new ImageClassifier(new ModifiedResNet([1, 1, 1, 1], 4, 2, 32, 2), 3).freeze('visual.conv1');
    const { description, groups } = parameterGroups(model, settings([group('head', { weightDecay: 0 })], 0.5));
    expect(description).toBe(
      'learning rate times 1 (11 parameters), 0.5 (12), 0.25 (12), 0.125 (12), 0.0625 (12), 0.03125 (8); ' +
        'weight decay 0.2 (23 parameters), 0 (44)',
    );
    const trained = model.namedParameters().filter(([, { requiresGrad }]) => requiresGrad);
    for (const [name, parameter] of trained)
      expect(groups.filter(({ match }) => match(name, parameter))).toHaveLength(1);
  });

  it('refuses groups that would have no effect', () => {
    const refused = (...groups: GroupSettings['groups']) => {
      const model = clip();
      model.freeze('text_projection');
      return () => parameterGroups(model, settings(groups));
    };
    expect(refused(group('visul.**'))).toThrow(
      `optimizer.groups: group 1, "visul.**": no parameter matches 'visul.**'; did you mean 'visual'?`,
    );
    expect(refused(group('text_projection'))).toThrow('all parameters of that name are frozen; remove the group');
    expect(refused(group('*'), group('visual.proj'))).toThrow(
      'group 2, "visual.proj": earlier groups contain all of its parameters',
    );
    expect(refused(group('*.bias', { weightDecay: 0.1 }))).toThrow(
      'group 1, "*.bias": has a weightDecay of 0.1, but all of its parameters are of the kinds without weight decay',
    );
    expect(refused(group('*.bias', { weightDecay: 0 }))).not.toThrow();
    const tokenizer = new VQTokenizer({ imageSize: 8, patchSize: 4, width: 4, blocks: 1, codes: 8, codeWidth: 4 });
    expect(() => parameterGroups(tokenizer, settings([], 0.75))).toThrow(
      'optimizer.layerDecay is 0.75, but the layers of VQTokenizer have no order that is known',
    );
  });

  it('is a setting of every optimizer, and mistakes in it are named', async () => {
    const set = ['optimizer=lion', 'optimizer.groups=[{match: visual, lrScale: 0.1}]', 'optimizer.layerDecay=0.8'];
    const { optimizer } = await loadConfig({ set });
    expect(optimizer).toMatchObject({
      layerDecay: 0.8,
      groups: [{ match: 'visual', lrScale: 0.1, weightDecay: null }],
    });
    for (const [wrong, message] of [
      ['optimizer.groups=[{match: visual, lrscale: 0.1}]', 'optimizer.groups.0.lrscale: there is no such setting'],
      ['optimizer.groups=[{lrScale: 0.1}]', 'optimizer.groups.0.match: is missing'],
      ['optimizer.groups=[{match: visual, lrScale: -1}]', 'optimizer.groups.0.lrScale: expected at least 0, got -1'],
      ['optimizer.layerDecay=1.5', 'optimizer.layerDecay: expected at most 1, got 1.5'],
    ] as const)
      await expect(loadConfig({ set: [wrong] })).rejects.toThrow(message);
  });
});

describe('a run with groups', () => {
  let root: string;
  beforeAll(async () => {
    root = await fs.mkdtemp(join(tmpdir(), 'groups-'));
    await writeTinyDataset(join(root, 'data'));
  });
  afterAll(() => fs.rm(root, { recursive: true }));

  const weights = async (name: string): Promise<Record<string, readonly number[]>> =>
    valuesOf((await readTensors(join(root, name, 'model.safetensors'))).select((tensor) => tensor));

  it('keeps parameters with a rate of 0, says which groups there are, and continues with the same bits', async () => {
    const set = ['optimizer.groups=[{match: visual.conv1, lrScale: 0}, {match: visual, lrScale: 0.1}]'];
    const said: string[] = [];
    const all = [...set, 'optimizer.layerDecay=0.75'];
    await trainTiny(root, { name: 'whole', set: all, listener: { say: (message) => said.push(message) } });
    expect(said.filter((message) => message.startsWith('learning rate times 1 ('))).toHaveLength(1);
    await trainTiny(root, { name: 'parts', set: all, stopAfter: 3 });
    await expect(trainTiny(root, { name: 'parts', set, resume: true })).rejects.toThrow(
      'optimizer.layerDecay was 0.75, is null',
    );
    await trainTiny(root, { name: 'parts', set: all, resume: true });
    const files = await Promise.all(
      ['whole', 'parts'].map((name) => fs.readFile(join(root, name, 'model.safetensors'))),
    );
    expect(files[1]).toEqual(files[0]);
    // Without a learning rate, all parameters keep their initial values.
    await trainTiny(root, { name: 'still', set: ['optimizer.lr=0', 'training.epochs=1'] });
    const [trained, still] = [await weights('whole'), await weights('still')];
    for (const name of ['visual.conv1.weight', 'visual.proj']) {
      const same = JSON.stringify(trained[name]) === JSON.stringify(still[name]);
      expect({ name, same }).toEqual({ name, same: name === 'visual.conv1.weight' });
    }
  });
});
