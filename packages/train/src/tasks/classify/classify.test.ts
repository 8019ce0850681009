/** Runs of the task `classify`. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyDataset } from '@tessera/data/testing';
import { loadWeights, readTensors, saveWeights, writeTensors } from '@tessera/weights';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClassificationResult } from '../../evaluation/classification/evaluate.ts';
import { loadConfig } from '../../load-config.ts';
import { loadRun } from '../../load-run.ts';
import { RunFolder } from '../../run-folder/run-folder.ts';
import { useTestBackend } from '../../testing/backend.ts';
import { trainTiny } from '../../testing/train-tiny.ts';
import { valuesOf } from '../../testing/values-of.ts';
import { type TrainingResult, trainModel } from '../../train-model.ts';
import type { ClassifyConfig } from './settings.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'classify-'));
  await writeTinyDataset(join(root, 'data'), { copies: 2 });
  await trainTiny(root, { name: 'clip', set: ['training.epochs=1'] });
});
afterAll(() => fs.rm(root, { recursive: true }));

async function classify(name: string, ...set: string[]): Promise<TrainingResult> {
  const config = await loadConfig({
    preset: 'fashion-classify',
    set: [
      ...['data.workers=0', 'data.augmentation=null', 'training.batchSize=6', 'training.epochs=1'],
      ...['schedule.warmupSteps=1', 'evaluation.batchSize=6', 'runtime.peakGflops=1', ...set],
    ],
  });
  return trainModel({ config, dataset: join(root, 'data'), folder: new RunFolder(join(root, name)), resume: null });
}

const vit = 'model={embedDim: 8, vision: {kind: vit, imageSize: 16, patchSize: 8, width: 8, layers: 1, heads: 1}}';

async function towerOf(name: string): Promise<Record<string, readonly number[]>> {
  const file = await readTensors(new RunFolder(join(root, name)).model);
  return valuesOf(file.select((tensor) => (tensor.startsWith('visual.') ? tensor : null)));
}

describe('a classifier', () => {
  it('is trained from scratch, evaluated, reported and loaded again', async () => {
    const model =
      'model={embedDim: 16, vision: {kind: vit, imageSize: 16, patchSize: 4, width: 16, layers: 1, heads: 1}}';
    const { results, finished, steps } = await classify('scratch', model, 'training.epochs=6', 'optimizer.lr=1e-2');
    expect({ finished, steps }).toEqual({ finished: true, steps: 24 });
    const [result] = (results ?? []) as ClassificationResult[];
    if (result === undefined) throw new Error('there are no results');
    const { metrics, classNames, split } = result;
    expect(split).toBe('test');
    expect(classNames).toEqual(['circle', 'square', 'bar']);
    expect(metrics.count).toBe(12);
    expect(metrics.top1).toBeGreaterThan(0.5);
    expect(metrics.confusion.flat().reduce((a, b) => a + b)).toBe(12);
    expect(await fs.readFile(join(root, 'scratch', 'report.html'), 'utf8')).toContain('bar');
    const loaded = await loadRun(join(root, 'scratch'));
    expect(loaded.task.name).toBe('classify');
    expect(loaded.subject.metadata).toEqual({ tessera_classes: '["circle","square","bar"]' });
  });

  it.each([
    [
      'plain-vit',
      'imageSize: 16, patchSize: 4, width: 16, layers: 1, heads: 2, positions: 2d-sum, readout: mean',
      { dropPath: 0 },
      'visual.patch_embed.proj.weight',
    ],
    [
      'swin',
      'imageSize: 16, patchSize: 2, width: 8, layers: [1, 2], heads: [1, 2], window: 4',
      { dropPath: 0 },
      'visual.patch_embed.proj.weight',
    ],
    [
      'plain-resnet',
      'imageSize: 32, width: 4, layers: [1, 1, 1, 1]',
      { block: 'basic' },
      'visual.layer1.0.conv1.weight',
    ],
  ])('is trained and loaded again with %s', async (kind, vision, defaults, parameter) => {
    const model = `model={embedDim: 8, activation: gelu, vision: {kind: ${kind}, ${vision}}}`;
    const { results } = await classify(kind, model, 'training.epochs=6', 'optimizer.lr=1e-2');
    expect(results?.[0]?.values.top1).toBeGreaterThan(0.5);
    const loaded = await loadRun(join(root, kind));
    expect((loaded.config as ClassifyConfig).model).toMatchObject({ vision: { kind, ...defaults } });
    expect(Object.keys(await towerOf(kind))).toContain(parameter);
  });

  it("starts from CLIP's image tower, which a linear probe does not change", async () => {
    const from = `initialize.checkpoint=${join(root, 'clip')}`;
    await classify('probe', 'model=null', from, 'initialize.tower=freeze');
    expect(await towerOf('probe')).toEqual(await towerOf('clip'));
    await classify('tuned', 'model=null', from);
    expect(await towerOf('tuned')).not.toEqual(await towerOf('clip'));
    // The stored configuration is complete.
    const kept = await loadConfig({ base: join(root, 'probe', 'config.yaml') });
    expect((kept as ClassifyConfig).model).toMatchObject({ vision: { width: 8 } });
  });

  it('starts from a file of weights, which determine the model', async () => {
    const path = join(root, 'clip', 'model.safetensors');
    await classify('plain', 'model=null', `initialize.checkpoint=${path}`, 'initialize.tower=freeze');
    expect(await towerOf('plain')).toEqual(await towerOf('clip'));
    // The same model under another library's names.
    const { model } = await loadWeights(path);
    await saveWeights(model, join(root, 'elsewhere'), { names: 'hugging-face' });
    await classify(
      'foreign',
      'model=null',
      `initialize.checkpoint=${join(root, 'elsewhere')}`,
      'initialize.tower=freeze',
    );
    expect(await towerOf('foreign')).toEqual(await towerOf('clip'));
  });

  it('starts from a tower without metadata if the configuration specifies its model', async () => {
    const file = await readTensors(join(root, 'clip', 'model.safetensors'));
    const bare = join(root, 'bare.safetensors');
    await writeTensors(
      bare,
      file.select((name) => (name.startsWith('visual.') ? name : null)),
    );
    const from = `initialize.checkpoint=${bare}`;
    await expect(classify('bare', 'model=null', from)).rejects.toThrow(
      'does not contain the configuration of its model',
    );
    await classify('bare', vit, from, 'initialize.tower=freeze');
    expect(await towerOf('bare')).toEqual(await towerOf('clip'));
  });

  it('refuses the tower of a different model with the differences', async () => {
    const wider = vit.replace('width: 8', 'width: 12');
    await expect(classify('wider', wider, `initialize.checkpoint=${join(root, 'clip')}`)).rejects.toThrow(
      "model.vision.width is 8 in the checkpoint, 12 here\n  set model=null to use the checkpoint's model",
    );
  });
});
