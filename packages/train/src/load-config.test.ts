import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatConfig, listSettings, presetsOf, type RunConfig } from './config/index.ts';
import { type ConfigSources, loadConfig } from './load-config.ts';
import { taskNamed, tasks } from './tasks/index.ts';

let folder: string;
beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'config-'));
});
afterAll(() => fs.rm(folder, { recursive: true }));

async function fileWith(text: string): Promise<string> {
  const path = join(folder, 'settings.yaml');
  await fs.writeFile(path, text);
  return path;
}

/** The `model` section that the task itself describes. */
const modelOf = (config: RunConfig): unknown => (config as { model?: unknown }).model;

const problemsOf = (sources: ConfigSources): Promise<unknown> =>
  loadConfig(sources).then(
    () => [],
    (error) => error.problems,
  );

describe('a configuration', () => {
  it('is CLIP on emoji where nothing is said', async () => {
    expect(await loadConfig({})).toMatchObject({
      task: 'contrastive',
      data: { dataset: 'emoji' },
      training: { batchSize: 128 },
      schedule: { kind: 'cosine', warmupSteps: 100 },
    });
  });

  it.each([...presetsOf(tasks).keys()])('can be the preset %s', async (preset) => {
    expect((await loadConfig({ preset })).name).toBe(preset);
  });

  it('takes the preset of the task that is asked for', async () => {
    expect(await loadConfig({ set: ['task=classify'] })).toMatchObject({ name: 'fashion-classify' });
  });

  it('is put together from preset, file and settings, the later over the earlier', async () => {
    const file = await fileWith('preset: tiny\ntraining:\n  epochs: 7\n  batchSize: 3\noptimizer: {lr: 5e-4}\n');
    expect(await loadConfig({ file, set: ['training.epochs=9', 'data.augmentation={flip: 0.5}'] })).toMatchObject({
      name: 'tiny',
      training: { epochs: 9, batchSize: 3 },
      optimizer: { lr: 5e-4 },
      data: { augmentation: { flip: 0.5, crop: null } },
    });
  });

  it('takes a model by name, alone and with changes', async () => {
    const vit = await loadConfig({ set: ['model=vit-tiny-64'] });
    expect(modelOf(vit)).toMatchObject({ vision: { kind: 'vit', patchSize: 8 } });
    const wide = await loadConfig({ set: ['model.preset=rn-small-64', 'model.vision.width=48'] });
    expect(modelOf(wide)).toMatchObject({ embedDim: 256, vision: { kind: 'resnet', width: 48 } });
  });

  it('keeps nothing of a tower of another kind', async () => {
    const vision = '{kind: vit, imageSize: 32, patchSize: 8, width: 64, layers: 2}';
    const config = await loadConfig({ set: [`model.vision=${vision}`] });
    expect(modelOf(config)).toHaveProperty('vision', {
      kind: 'vit',
      imageSize: 32,
      patchSize: 8,
      width: 64,
      layers: 2,
    });
  });

  it('comes back the same from what is written of it', async () => {
    const config = await loadConfig({ preset: 'fashion-classify', set: ['model=vit-tiny-64', 'optimizer.lr=3e-4'] });
    const base = await fileWith(formatConfig(config));
    expect(await loadConfig({ base })).toEqual(config);
  });
});

describe('a mistake in a configuration', () => {
  it.each([
    ['trainig.epochs=3', '--set trainig.epochs: there is no such setting; did you mean training.epochs?'],
    ['batchSize=3', '--set batchSize: there is no such setting; did you mean training.batchSize?'],
    ['optimizer.lr=fast', '--set optimizer.lr: expected a number, got "fast"'],
    ['training.epochs=1.5', '--set training.epochs: expected a whole number, got 1.5'],
    ['training.epochs=0', '--set training.epochs: expected more than 0, got 0'],
    ['loss.kind=clp', '--set loss.kind: "clp" is not one of clip, siglip; did you mean clip?'],
    [
      'data.augmentation=drawing',
      '--set data.augmentation: "drawing" is not one of clip, drawings, flip; did you mean drawings?',
    ],
    [
      'data.augmentation.flipp=1',
      '--set data.augmentation.flipp: there is no such setting; did you mean data.augmentation.flip?',
    ],
    [
      'model.vision.patchSize=8',
      '--set model.vision.patchSize: is not a setting of model.vision where its kind is resnet',
    ],
    ['model=vit-tiny-6', '--set model: there is no model "vit-tiny-6"; did you mean vit-tiny-64?'],
    [
      'preset=emoji',
      '--set preset: there is no preset "emoji"; there are emoji-clip, emoji-siglip, tiny, fashion-classify, fashion-vit, fashion-resnet, fashion-swin, emoji-vq',
    ],
    ['task=clasify', 'task: "clasify" is not one of contrastive, classify, vq'],
    ['training.epochs', '--set training.epochs: expected key.path=value, such as training.epochs=20'],
  ])('is named: %s', async (assignment, problem) => {
    expect(await problemsOf({ set: [assignment] })).toEqual([problem]);
  });

  it('names the file that it is in, and does not hide others', async () => {
    const file = await fileWith('optimizer:\n  learningRate: 0.1\nseed: -1\n');
    expect(await problemsOf({ file, set: ['training.epoch=3'] })).toEqual([
      `${file}: seed: expected at least 0, got -1`,
      expect.stringContaining(`${file}: optimizer.learningRate: there is no such setting`),
      '--set training.epoch: there is no such setting; did you mean training.epochs?',
    ]);
  });

  it('may be the file itself', async () => {
    expect(await problemsOf({ file: join(folder, 'none.yaml') })).toEqual([
      expect.stringContaining('there is no such file'),
    ]);
    expect(await problemsOf({ file: await fileWith('a: [1, 2') })).toEqual([expect.stringContaining('not valid YAML')]);
    expect(await problemsOf({ file: await fileWith('just words') })).toEqual([
      expect.stringContaining('expected "key: value" lines'),
    ]);
  });

  it('may be a preset of another task', async () => {
    expect(await problemsOf({ preset: 'tiny', set: ['task=classify'] })).toEqual([
      'the preset tiny is for the task contrastive, but task is "classify"',
    ]);
  });
});

describe('the list of settings', () => {
  it.each(['contrastive', 'classify', 'vq'] as const)('has every setting of %s once, with type and default', (task) => {
    const settings = listSettings(taskNamed(task).schema);
    const keys = settings.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(settings).toContainEqual(
      expect.objectContaining({ key: 'training.batchSize', type: 'whole number', default: '128' }),
    );
    expect(keys).toContain('data.augmentation.affine.degrees');
  });
});
