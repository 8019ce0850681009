/** Configurations: how they are composed, the messages for mistakes, and the list of settings. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { captionWeights } from './config/caption-columns.ts';
import { formatConfig, listSettings, presetsOf, type RunConfig } from './config/index.ts';
import { type ConfigSources, loadConfig } from './load-config.ts';
import { optimizers } from './optim/choices.ts';
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
  it('is CLIP on emoji by default', async () => {
    expect(await loadConfig({})).toMatchObject({
      task: 'contrastive',
      data: { dataset: 'emoji' },
      training: { batchSize: 128 },
      schedule: { kind: 'cosine', warmupSteps: null },
    });
  });

  it.each([...presetsOf(tasks).keys()])('can be the preset %s', async (preset) => {
    expect((await loadConfig({ preset })).name).toBe(preset);
  });

  it('uses the preset of the chosen task', async () => {
    expect(await loadConfig({ set: ['task=classify'] })).toMatchObject({ name: 'fashion-classify' });
  });

  it('has a name and settings of its own for own data', async () => {
    expect(await loadConfig({ set: ['data.dataset=/tmp/my-pictures/'] })).toMatchObject({
      name: 'my-pictures-contrastive',
      data: { augmentation: 'clip' },
    });
    expect(await loadConfig({ set: ['task=classify', 'data.dataset=./photos'] })).toMatchObject({
      name: 'photos-classify',
      data: { augmentation: 'clip' },
      model: { vision: { kind: 'resnet', imageSize: 64, width: 16 } },
    });
    expect(await loadConfig({ set: ['task=mae', 'data.dataset=..'] })).toMatchObject({
      name: 'data-mae',
      model: { imageSize: 64, patchSize: 8 },
      schedule: { warmupSteps: null },
    });
  });

  it('keeps what own data are given, and a preset that was asked for', async () => {
    const set = [
      'task=classify',
      'data.dataset=photos',
      'name=mine',
      'data.augmentation=flip',
      'model.vision.imageSize=48',
    ];
    expect(await loadConfig({ set })).toMatchObject({
      name: 'mine',
      data: { augmentation: 'flip' },
      model: { vision: { imageSize: 48 } },
    });
    expect(await loadConfig({ preset: 'fashion-classify', set: ['data.dataset=photos'] })).toMatchObject({
      name: 'fashion-classify',
      model: { vision: { imageSize: 32 } },
    });
    expect(await loadConfig({ set: ['task=classify', 'data.dataset=fashion-mnist'] })).toMatchObject({
      name: 'fashion-classify',
    });
  });

  it('is composed of preset, file and settings; later ones override earlier ones', async () => {
    const file = await fileWith('preset: tiny\ntraining:\n  epochs: 7\n  batchSize: 3\noptimizer: {lr: 5e-4}\n');
    expect(await loadConfig({ file, set: ['training.epochs=9', 'data.augmentation={flip: 0.5}'] })).toMatchObject({
      name: 'tiny',
      training: { epochs: 9, batchSize: 3 },
      optimizer: { lr: 5e-4 },
      data: { augmentation: { flip: 0.5, crop: null } },
    });
  });

  it('knows columns by short names, and captions with weights', async () => {
    const set = (...settings: string[]) => loadConfig({ set: settings });
    expect(await set('data.image=photo', 'data.caption=alt')).toMatchObject({
      data: { columns: { image: 'photo', captions: 'alt', concept: null }, captions: null },
    });
    expect(await set('data.caption=[alt, text]')).toMatchObject({ data: { captions: ['alt', 'text'] } });
    const weighted = await loadConfig({ file: await fileWith('data: {captions: {alt: 0.3, text: 0.7}}') });
    expect(captionWeights(weighted.data.captions)).toEqual({ alt: 0.3, text: 0.7 });
    expect(captionWeights('alt:0.3, text')).toEqual({ alt: 0.3, text: 1 });
    expect(captionWeights(['a:b', 'c'])).toEqual({ 'a:b': 1, c: 1 });
    expect(() => captionWeights('alt,text,alt')).toThrow('the column "alt" is named twice');
    expect(() => captionWeights({ alt: 0 })).toThrow('all weights are 0');
    expect(await problemsOf({ set: ['task=classify', 'data.caption=alt'] })).toEqual([
      expect.stringContaining('data.columns.captions'),
    ]);
  });

  it('accepts the name of a model, also with changes', async () => {
    const vit = await loadConfig({ set: ['model=vit-tiny-64'] });
    expect(modelOf(vit)).toMatchObject({ vision: { kind: 'vit', patchSize: 8 } });
    const wide = await loadConfig({ set: ['model.preset=rn-small-64', 'model.vision.width=48'] });
    expect(modelOf(wide)).toMatchObject({ embedDim: 256, vision: { kind: 'resnet', width: 48 } });
  });

  it('keeps no settings of a tower of another kind', async () => {
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

  it('is the same after writing and reading it', async () => {
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
      '--set data.augmentation: "drawing" is not one of clip, drawings, flip, trivialaugment, randaugment; did you mean drawings?',
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
    ['preset=emoji', `--set preset: there is no preset "emoji"; there are ${[...presetsOf(tasks).keys()].join(', ')}`],
    ['task=clasify', `task: "clasify" is not one of ${tasks.map(({ name }) => name).join(', ')}`],
    ['training.epochs', '--set training.epochs: expected key.path=value, such as training.epochs=20'],
  ])('is reported: %s', async (assignment, problem) => {
    expect(await problemsOf({ set: [assignment] })).toEqual([problem]);
  });

  it('is reported with its file, together with all other mistakes', async () => {
    const file = await fileWith('optimizer:\n  learningRate: 0.1\nseed: -1\n');
    expect(await problemsOf({ file, set: ['training.epoch=3'] })).toEqual([
      `${file}: seed: expected at least 0, got -1`,
      expect.stringContaining(`${file}: optimizer.learningRate: there is no such setting`),
      '--set training.epoch: there is no such setting; did you mean training.epochs?',
    ]);
  });

  it('may be an unreadable file', async () => {
    expect(await problemsOf({ file: join(folder, 'none.yaml') })).toEqual([
      expect.stringContaining('there is no such file'),
    ]);
    expect(await problemsOf({ file: await fileWith('a: [1, 2') })).toEqual([expect.stringContaining('not valid YAML')]);
    expect(await problemsOf({ file: await fileWith('just words') })).toEqual([
      expect.stringContaining('expected "key: value" lines'),
    ]);
  });

  it('may be a preset of another task', async () => {
    expect(await problemsOf({ preset: 'tiny', set: ['evaluation.everyEpochs=often'] })).toEqual([
      '--set evaluation.everyEpochs: "often" is neither a number nor auto',
    ]);
    expect(await problemsOf({ preset: 'tiny', set: ['task=classify'] })).toEqual([
      'the preset tiny is for the task contrastive, but task is "classify"',
    ]);
  });
});

describe('a section that chooses by kind', () => {
  const withoutGroups = { groups: [], layerDecay: null };

  it('can be chosen by its name, with the defaults of that kind', async () => {
    const config = await loadConfig({ set: ['optimizer=sgd', 'schedule=constant', 'training.precision=bf16'] });
    expect(config.optimizer).toEqual({
      kind: 'sgd',
      lr: 1e-3,
      weightDecay: 0.2,
      momentum: 0.9,
      dampening: 0,
      nesterov: false,
      ...withoutGroups,
    });
    expect(config.schedule).toEqual({ kind: 'constant' });
    expect(config.training.precision).toEqual({ kind: 'bf16' });
  });

  it('keeps the settings that both kinds have in common', async () => {
    const file = await fileWith('optimizer: {lr: 0.5, betas: [0.8, 0.9]}');
    const { optimizer } = await loadConfig({ file, set: ['optimizer.kind=sgd'] });
    const sgd = { kind: 'sgd', lr: 0.5, weightDecay: 0.2, momentum: 0.9, dampening: 0, nesterov: false };
    expect(optimizer).toEqual({ ...sgd, ...withoutGroups });
  });

  it('keeps what the user has written, and nothing that only a preset contains', async () => {
    const set = ['optimizer.lr=3e-4', 'optimizer.weightDecay=0.1', 'optimizer.kind=lion'];
    expect((await loadConfig({ set })).optimizer).toEqual({
      kind: 'lion',
      lr: 3e-4,
      weightDecay: 0.1,
      betas: [0.9, 0.99],
      ...withoutGroups,
    });
    expect((await loadConfig({ preset: 'fashion-classify', set: ['optimizer=lion'] })).optimizer.lr).toBe(1e-4);
  });

  it.each([
    ['optimizer.momentum=0.9', 'optimizer.momentum: is not a setting of optimizer where its kind is adamw'],
    [
      'training.precision.lossScale=8',
      'training.precision.lossScale: is not a setting of training.precision where its kind is f32',
    ],
    [
      'optimizer.kind=rmspropp',
      `optimizer.kind: "rmspropp" is not one of ${optimizers.map(({ kind }) => kind).join(', ')}; did you mean rmsprop?`,
    ],
  ])('refuses a setting that the kind does not use: %s', async (assignment, problem) => {
    expect(await problemsOf({ set: [assignment] })).toEqual([`--set ${problem}`]);
  });

  it('refuses a warm-up for a constant rate', async () => {
    expect(await problemsOf({ set: ['schedule.kind=constant', 'schedule.warmupSteps=5'] })).toEqual([
      '--set schedule.warmupSteps: is not a setting of schedule where its kind is constant',
    ]);
  });
});

describe('a configuration of an earlier version', () => {
  const former = (training: string): string =>
    [
      'optimizer: {kind: adamw, lr: 0.002, weightDecay: 0.1, betas: [0.9, 0.98], eps: 1.0e-6, momentum: 0.9, nesterov: false}',
      'schedule: {kind: constant, warmupSteps: 100, minLr: 0}',
      `training: {epochs: 3, batchSize: 8, accumulate: 1, clipGradNorm: null, ${training}}`,
    ].join('\n');

  it('is read, as a file and as the configuration of a run', async () => {
    const file = await fileWith(former('precision: f16, lossScale: 256'));
    const config = await loadConfig({ preset: 'emoji-vq', file });
    expect(config).toMatchObject({
      optimizer: { kind: 'adamw', lr: 0.002 },
      schedule: { kind: 'constant' },
      training: { epochs: 3, precision: { kind: 'f16', lossScale: 256 } },
    });
    expect(config.optimizer).not.toHaveProperty('momentum');
    const base = await fileWith(
      `task: vq\nname: run\nseed: 0\ndata: {dataset: emoji}\nmodel: {imageSize: 16, patchSize: 4, width: 8, blocks: 1, codes: 8, codeWidth: 4}\n${former('precision: f32, lossScale: 65536')}`,
    );
    expect((await loadConfig({ base })).training.precision).toEqual({ kind: 'f32' });
  });

  it('is refused if its settings were not defaults, with the setting that replaces them', async () => {
    const file = await fileWith('optimizer: {momentum: 0.5}');
    expect(await problemsOf({ file })).toEqual([
      `${file}: optimizer.momentum: is not a setting of optimizer where its kind is adamw`,
    ]);
    expect(await problemsOf({ set: ['training.lossScale=8'] })).toEqual([
      '--set training.lossScale: it belongs to f16 now: set training.precision.kind=f16 and training.precision.lossScale',
    ]);
  });
});

describe('names from other programs', () => {
  it.each([
    ['learning_rate', 'optimizer.lr'],
    ['lr', 'optimizer.lr'],
    ['batch_size', 'training.batchSize'],
    ['depth', 'model.vision.layers'],
    ['grad_accum', 'training.accumulate'],
    ['gradient_accumulation_steps', 'training.accumulate'],
    ['clip_grad', 'training.clipGradNorm'],
    ['max_grad_norm', 'training.clipGradNorm'],
    ['weight_decay', 'optimizer.weightDecay'],
    ['num_workers', 'data.workers'],
    ['warmup_steps', 'schedule.warmupSteps'],
    ['amp', 'training.precision.kind'],
    ['ema_decay', 'ema.decay'],
    ['swa_start', 'swa.startEpoch'],
    ['step_size', 'schedule.stepSize'],
    ['milestones', 'schedule.milestones'],
    ['lr_gamma', 'schedule.gamma'],
    ['T_0', 'schedule.t0'],
    ['eta_min', 'schedule.minLr'],
    ['pct_start', 'schedule.pctStart'],
    ['amsgrad', 'optimizer.amsgrad'],
    ['lr_decay', 'optimizer.lrDecay'],
    ['clip_value', 'training.clipGradValue'],
    ['device', 'runtime.backend'],
  ])('%s is suggested as %s', async (name, key) => {
    expect(await problemsOf({ set: [`${name}=1`] })).toEqual([
      `--set ${name}: there is no such setting; did you mean ${key}?`,
    ]);
  });
});

describe('a run of fewer steps than its preset was made for', () => {
  it.each([
    [3, [], null],
    [30, [], null],
    [100, [], 4],
    [3, ['schedule.warmupSteps=2'], 2],
    [3, ['schedule=linear', 'schedule.warmupSteps=4'], 4],
  ])('of %i steps with %j', async (steps, set, expected) => {
    const config = await loadConfig({ preset: 'tiny', set: [`training.maxSteps=${steps}`, ...set] });
    expect((config.schedule as { warmupSteps?: unknown }).warmupSteps).toBe(expected);
  });
});

describe('the list of settings', () => {
  it.each(tasks.map(({ name }) => name))('describes every setting of %s, once for each choice that has it', (name) => {
    const settings = listSettings(taskNamed(name).schema);
    const names = settings.map(({ key, when }) => `${key} ${when}`);
    expect(new Set(names).size).toBe(names.length);
    expect(settings.filter(({ description }) => description === '').map(({ key }) => key)).toEqual([]);
    expect(settings).toContainEqual(
      expect.objectContaining({ key: 'training.batchSize', type: 'whole number', default: '128' }),
    );
    expect(settings).toContainEqual(
      expect.objectContaining({ key: 'optimizer.momentum', when: 'optimizer.kind=sgd|lars', default: '0.9' }),
    );
    expect(names).toContain('optimizer.lr optimizer.kind=adamw|sgd|adam|nadam|radam|adamax|rmsprop|lamb');
    expect(names).toContain('data.augmentation.affine.degrees null');
  });
});
