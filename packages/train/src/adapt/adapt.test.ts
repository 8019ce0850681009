/** Runs that train adapters or parts of a model. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyDataset } from '@tessera/data/testing';
import { readTensors, type TensorFile } from '@tessera/weights';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../load-config.ts';
import { loadRun } from '../load-run.ts';
import { readCheckpoint } from '../loop/checkpoint.ts';
import { RunFolder } from '../run-folder/run-folder.ts';
import { useTestBackend } from '../testing/backend.ts';
import { type TinyRun, trainTiny } from '../testing/train-tiny.ts';
import { valuesOf } from '../testing/values-of.ts';
import { type TrainingResult, trainModel } from '../train-model.ts';

type Values = Record<string, readonly number[]>;

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'adapt-'));
  await writeTinyDataset(join(root, 'data'), { copies: 2 });
  await trainTiny(root, { name: 'base', set: ['training.epochs=1'] });
});
afterAll(() => fs.rm(root, { recursive: true }));

const folder = (name: string): RunFolder => new RunFolder(join(root, name));
const allValues = (file: TensorFile): Promise<Values> => valuesOf(file.select((name) => name));
const model = async (name: string): Promise<Values> => allValues(await readTensors(folder(name).model));
const checkpoint = async (name: string): Promise<Values> =>
  allValues(await readTensors(join(folder(name).checkpoints, 'last.safetensors')));

/** Fine-tunes the run `base`. Returns what it says. */
async function tune(run: TinyRun): Promise<string[]> {
  const said: string[] = [];
  const from = ['initialize.parts=all', `initialize.checkpoint=${join(root, 'base')}`];
  const set = ['training.epochs=1', 'optimizer.lr=1e-2', ...from, ...(run.set ?? [])];
  await trainTiny(root, { ...run, set, listener: { say: (message) => said.push(message) } });
  return said;
}

async function classify(name: string, ...set: string[]): Promise<TrainingResult> {
  const config = await loadConfig({
    preset: 'fashion-classify',
    set: [
      ...['data.workers=0', 'data.augmentation=null', 'training.batchSize=6', 'training.epochs=1', 'optimizer.lr=1e-2'],
      ...['schedule.warmupSteps=1', 'evaluation.batchSize=6', 'runtime.peakGflops=1', ...set],
    ],
  });
  return trainModel({ config, dataset: join(root, 'data'), folder: folder(name), resume: null });
}

/** The names of the tensors that differ. */
const changed = (before: Values, after: Values): string[] =>
  Object.keys(after).filter((name) => String(before[name]) !== String(after[name]));

const adapted = (tower: string): string[] =>
  ['attn.in_proj_weight', 'attn.out_proj.weight', 'mlp.c_fc.weight', 'mlp.c_proj.weight'].map(
    (weight) => `${tower}transformer.resblocks.0.${weight}`,
  );

describe('a run with adapters', () => {
  it('trains the linear layers of both towers of CLIP, and nothing else', async () => {
    const said = await tune({ name: 'clip', set: ['lora={rank: 2, alpha: 4}'] });
    const [before, after] = [await model('base'), await model('clip')];
    expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
    expect(changed(before, after).sort()).toEqual([...adapted(''), ...adapted('visual.')].sort());
    // Of each [out, in]: 2 (in + out).
    const numbers = 2 * 2 * (8 + 24 + (8 + 8) + (8 + 32) + (32 + 8));
    expect(said.filter((line) => /adapters|trained/.test(line))).toEqual([
      expect.stringContaining(
        'lora: adapters of rank 2 on 8 weights: visual.transformer.resblocks.*.attn.in_proj_weight, ',
      ),
      expect.stringContaining(`${numbers} of `),
    ]);
    // The checkpoint has the weights as they were, and the state of the optimizer for the adapters only.
    const kept = await checkpoint('clip');
    const path = 'transformer.resblocks.0.mlp.c_fc';
    expect(kept[`${path}.parametrizations.weight.original`]).toEqual(before[`${path}.weight`]);
    expect(Object.keys(kept).filter((name) => name.startsWith('optimizer.exp_avg.'))).toHaveLength(16);
    const report = await fs.readFile(folder('clip').report, 'utf8');
    expect(report).toContain('rank 2, 8 weights');
  });

  it.each([
    ['', []],
    [' with averages', ['ema.decay=0.5']],
  ])('saves its best weights%s, merged', async (name, set) => {
    // So small a rate changes the weights, but no rank: of equal values, the first is the best.
    const best = ['training.epochs=2', 'optimizer.lr=1e-6', 'evaluation.everyEpochs=1', 'checkpoints.model=best'];
    await tune({ name: `best${name}`, set: ['lora={rank: 2, alpha: 4}', ...best, ...set] });
    const { state, modelState } = await readCheckpoint(folder(`best${name}`).bestCheckpoint);
    const last = await readCheckpoint(join(folder(`best${name}`).checkpoints, 'last.safetensors'));
    expect([state.step, last.state.step]).toEqual([4, 8]);
    const saved = await model(`best${name}`);
    expect(saved).toEqual(await valuesOf(modelState()));
    expect(saved).not.toEqual(await valuesOf(last.modelState()));
  });

  it('is loaded as a model with merged weights, from which other runs can start', async () => {
    const { subject } = await loadRun(folder('clip').path);
    const loaded = await valuesOf(subject.model.stateDict());
    const saved = await model('clip');
    for (const [name, values] of Object.entries(saved))
      for (const [k, value] of values.entries()) expect(loaded[name]?.[k], name).toBeCloseTo(value, 6);
    const from = `initialize.checkpoint=${folder('clip').path}`;
    await classify('after', 'model=null', from, 'initialize.tower=freeze');
    const tower = Object.entries(await model('after')).filter(([name]) => name.startsWith('visual.'));
    expect(tower.length).toBeGreaterThan(0);
    for (const [name, values] of tower) expect(values, name).toEqual(loaded[name]);
  });

  it('starts with the outputs of its base: the first loss is the same to the bit', async () => {
    const losses = async (name: string): Promise<unknown[]> => {
      const lines = (await fs.readFile(folder(name).metrics, 'utf8')).trim().split('\n');
      return lines.map((line) => JSON.parse(line)).flatMap(({ kind, loss }) => (kind === 'step' ? [loss] : []));
    };
    await tune({ name: 'plain', set: [] });
    const [plain, lora] = [await losses('plain'), await losses('clip')];
    expect(lora[0]).toBe(plain[0]);
    expect(lora[3]).not.toBe(plain[3]);
  });

  it('continues with the same bits, with dropout, an average, bf16 and batches in parts', async () => {
    const set = [
      'lora={rank: 2, dropout: 0.5, rankStabilized: true}',
      ...['ema.decay=0.5', 'training.precision=bf16', 'training.accumulate=2'],
    ];
    await tune({ name: 'whole', set });
    await tune({ name: 'parts', set, stopAfter: 2 });
    await tune({ name: 'parts', set, resume: true });
    expect(await fs.readFile(folder('parts').model)).toEqual(await fs.readFile(folder('whole').model));
    // The average is what is saved: the merged weights are those of the averaged adapters.
    const kept = await checkpoint('whole');
    expect(Object.keys(kept)).toContain(
      'optimizer.averaged_model.module.transformer.resblocks.0.mlp.c_fc.parametrizations.weight.lora_B',
    );
    const { subject } = await loadRun(folder('whole').path);
    const loaded = await valuesOf(subject.model.stateDict());
    for (const [name, values] of Object.entries(await model('whole')))
      for (const [k, value] of values.entries()) expect(loaded[name]?.[k], name).toBeCloseTo(value, 6);
  });

  it('saves only the adapters, as peft reads them', async () => {
    const targets = 'targets: [transformer], trainable: [ln_final, logit_scale]';
    const said = await tune({ name: 'adapters', set: [`lora={rank: 2, alpha: 4, save: adapters, ${targets}}`] });
    await expect(fs.stat(folder('adapters').model)).rejects.toThrow('ENOENT');
    const file = await readTensors(join(folder('adapters').adapters, 'adapter_model.safetensors'));
    const saved = await allValues(file);
    const layer = 'base_model.model.text_model.encoder.layers.0';
    expect(Object.keys(saved).sort()).toEqual(
      [
        ...[
          'self_attn.q_proj',
          'self_attn.k_proj',
          'self_attn.v_proj',
          'self_attn.out_proj',
          'mlp.fc1',
          'mlp.fc2',
        ].flatMap((name) => [`${layer}.${name}.lora_A.weight`, `${layer}.${name}.lora_B.weight`]),
        'base_model.model.text_model.final_layer_norm.weight',
        'base_model.model.text_model.final_layer_norm.bias',
        'base_model.model.logit_scale',
      ].sort(),
    );
    const config = JSON.parse(await fs.readFile(join(folder('adapters').adapters, 'adapter_config.json'), 'utf8'));
    expect(config).toMatchObject({
      ...{ peft_type: 'LORA', r: 2, lora_alpha: 4, lora_dropout: 0, use_rslora: false },
      modules_to_save: ['text_model.final_layer_norm'],
    });
    expect(config.target_modules).toHaveLength(6);
    expect(said).toContainEqual(expect.stringContaining('peft does not load logit_scale'));

    // W + (alpha / r) B A, part by part, is the merged weight.
    const { subject } = await loadRun(folder('adapters').path);
    const merged = (await valuesOf(subject.model.stateDict()))['transformer.resblocks.0.attn.in_proj_weight'] ?? [];
    const base = (await model('base'))['transformer.resblocks.0.attn.in_proj_weight'] ?? [];
    const width = 8;
    for (const [part, name] of ['q', 'k', 'v'].entries()) {
      const [a, b] = ['A', 'B'].map((which) => saved[`${layer}.self_attn.${name}_proj.lora_${which}.weight`] ?? []);
      for (let row = 0; row < width; row++)
        for (let column = 0; column < width; column++) {
          const product = [0, 1].reduce(
            (sum, r) => sum + Number(b?.[row * 2 + r]) * Number(a?.[r * width + column]),
            0,
          );
          const at = (part * width + row) * width + column;
          expect(merged[at]).toBeCloseTo(Number(base[at]) + 2 * product, 5);
        }
    }
    expect(merged).not.toEqual(base);
  });

  it('adapts the pool of a ResNet, whose batch normalization stays as it was', async () => {
    const vision = 'model.vision={kind: resnet, imageSize: 32, width: 2, layers: [1, 1, 1, 1], heads: 1}';
    await trainTiny(root, { name: 'resnet', set: ['training.epochs=1', vision] });
    const from = `initialize.checkpoint=${folder('resnet').path}`;
    await classify('pool', 'model=null', from, 'lora={rank: 2}');
    const [before, after] = [await model('resnet'), await model('pool')];
    expect(changed(before, after).sort()).toEqual(
      [
        ...['q', 'k', 'v', 'c'].map((name) => `visual.attnpool.${name}_proj.weight`),
        // Not in CLIP: the head, which is trained itself.
        ...['head.weight', 'head.bias'],
      ].sort(),
    );
    expect(Object.keys(after).some((name) => name.endsWith('running_mean'))).toBe(true);
  });

  it('adapts a plain Vision Transformer with a head that it trains', async () => {
    const vision = '{kind: plain-vit, imageSize: 16, patchSize: 8, width: 8, layers: 1, heads: 1}';
    const plain = `model={embedDim: 8, activation: gelu, vision: ${vision}}`;
    await classify('vit', plain);
    await classify(
      'vit-lora',
      'model=null',
      `initialize.checkpoint=${folder('vit').path}`,
      'lora={rank: 1, targets: [qkv]}',
      'training.precision=f16',
    );
    expect(changed(await model('vit'), await model('vit-lora'))).toEqual([
      'visual.blocks.0.attn.qkv.weight',
      'head.weight',
      'head.bias',
    ]);
    // `attention` and `split` work with the image tower of such a run.
    const { subject } = await loadRun(folder('vit-lora').path);
    expect(subject.image?.head?.parameterCount()).toBe(8 * 3 + 3);
  });

  it('says that it starts from random weights', async () => {
    const said: string[] = [];
    const listener = { say: (message: string) => said.push(message) };
    await trainTiny(root, { name: 'scratch', set: ['training.epochs=1', 'lora={rank: 1}'], listener });
    expect(said).toContainEqual(expect.stringContaining('the weights that the adapters adapt are random'));
    const half = await tune({ name: 'half', set: ['lora={rank: 1}', 'initialize.parts=image'], stopAfter: 1 });
    expect(half).toContainEqual(expect.stringContaining('initialize.parts is image, so the text tower is random'));
  });

  it.each([
    ['lora={rank: 2, targets: [c_fcc]}', "lora: no parameter matches 'c_fcc'; "],
    ['lora={rank: 9}', 'lora: a rank of 9 is larger than a side of visual.transformer.resblocks.0.attn.in_proj_weight'],
    ['lora={rank: 2, trainable: [haed]}', "lora: no parameter matches 'haed'"],
    [
      'lora={rank: 2, targets: [token_embedding], save: adapters}',
      'lora.save is adapters, but token_embedding.weight is not',
    ],
  ])('refuses %s', async (setting, message) => {
    await expect(tune({ name: `refused-${setting.length}`, set: [setting] })).rejects.toThrow(message);
  });

  it('refuses settings that freeze twice', async () => {
    const lora = 'lora={rank: 2}';
    await expect(tune({ name: 'twice', set: [lora, 'training.freeze=[visual]'] })).rejects.toThrow(
      'training.freeze is set',
    );
    await expect(tune({ name: 'twice', set: [lora, 'initialize.tower=freeze'] })).rejects.toThrow(
      'initialize.tower is freeze',
    );
  });
});

describe('training.freeze', () => {
  it('trains everything but what its patterns name', async () => {
    const said = await tune({ name: 'frozen', set: ['training.freeze=[visual, ln_final, "*bias"]'] });
    const names = changed(await model('base'), await model('frozen'));
    expect(names).toContain('transformer.resblocks.0.mlp.c_fc.weight');
    expect(names).toContain('logit_scale');
    expect(names.filter((name) => /^visual|^ln_final|bias$/.test(name))).toEqual([]);
    expect(said).toContainEqual(expect.stringContaining('parameters are trained'));
  });

  it('keeps the statistics of frozen batch normalization', async () => {
    const from = `initialize.checkpoint=${folder('resnet').path}`;
    await classify('bn', 'model=null', from, 'training.freeze=[visual.layer1, bn1]');
    const names = changed(await model('resnet'), await model('bn'));
    expect(names.filter((name) => /layer1|\.bn1\./.test(name))).toEqual([]);
    expect(names).toContain('visual.bn2.running_mean');
  });

  it('refuses a pattern that matches nothing', async () => {
    await expect(tune({ name: 'nothing', set: ['training.freeze=[visuall]'] })).rejects.toThrow(
      "training.freeze: no parameter matches 'visuall'; did you mean 'visual'?",
    );
  });
});
