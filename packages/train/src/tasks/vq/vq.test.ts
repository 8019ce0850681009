/** Runs of the task `vq`. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyDataset } from '@tessera/data/testing';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReconstructionResult } from '../../evaluation/reconstruction/evaluate.ts';
import { loadConfig } from '../../load-config.ts';
import { loadRun } from '../../load-run.ts';
import { readCheckpoint } from '../../loop/checkpoint.ts';
import { readMetrics } from '../../loop/metrics-file.ts';
import { findCheckpoint, RunFolder } from '../../run-folder/run-folder.ts';
import { useTestBackend } from '../../testing/backend.ts';
import { type TrainingResult, trainModel } from '../../train-model.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'vq-'));
  await writeTinyDataset(join(root, 'data'), { copies: 2 });
});
afterAll(() => fs.rm(root, { recursive: true }));

interface Run {
  readonly set?: readonly string[];
  readonly stopAfter?: number;
  readonly resume?: boolean;
}

async function train(name: string, { set = [], stopAfter, resume = false }: Run = {}): Promise<TrainingResult> {
  const config = await loadConfig({
    preset: 'emoji-vq',
    set: [
      'model={imageSize: 16, patchSize: 4, width: 16, blocks: 1, codes: 32, codeWidth: 8}',
      ...['data.workers=0', 'data.augmentation=null', 'training.batchSize=12', 'training.epochs=30'],
      ...['schedule.warmupSteps=4', 'optimizer.lr=5e-3', 'evaluation.batchSize=5', 'runtime.peakGflops=1', ...set],
    ],
  });
  const folder = new RunFolder(join(root, name));
  const controller = new AbortController();
  return trainModel({
    config,
    dataset: join(root, 'data'),
    folder,
    resume: resume ? await readCheckpoint(await findCheckpoint(folder.path)) : null,
    signal: controller.signal,
    listener: {
      onStep: ({ step }) => {
        if (step === stopAfter) controller.abort();
      },
    },
  });
}

describe('a tokenizer of images', () => {
  it('is trained, evaluated, shown and loaded again', async () => {
    const { results, finished, steps } = await train('run');
    expect({ finished, steps }).toEqual({ finished: true, steps: 60 });
    const [result] = (results ?? []) as ReconstructionResult[];
    if (result === undefined) throw new Error('there are no results');
    const { split, metrics, examples } = result;
    expect(split).toBe('test');
    expect(metrics).toMatchObject({ count: 12, codes: 32 });
    expect(metrics.psnr).toBeGreaterThan(metrics.meanColorPsnr + 2);
    expect(metrics.usedCodes).toBeGreaterThan(4);
    expect(metrics.perplexity).toBeLessThanOrEqual(metrics.usedCodes);
    expect(examples).toHaveLength(12);

    const folder = new RunFolder(join(root, 'run'));
    const picture = sharp(join(folder.samples, 'reconstruction-test.png'));
    // Two rows of eight originals, each followed by a row of reconstructions; pictures of 16 pixels with a gap of 1.
    expect(await picture.metadata()).toMatchObject({ width: 8 * 17 + 1, height: 4 * 17 + 1 });
    expect(await fs.readFile(join(folder.path, 'report.html'), 'utf8')).toContain('Reconstruction: test');
    const { meanColorPsnr, ...others } = metrics;
    const stored = JSON.parse(await fs.readFile(folder.evaluation, 'utf8')).reconstruction[0].metrics;
    expect(stored).toEqual({ ...others, meanColourPsnr: meanColorPsnr });
    const [first] = await readMetrics(folder.metrics);
    expect(first).toMatchObject({ reconstruction: expect.any(Number), commitment: expect.any(Number) });

    const loaded = await loadRun(folder.path);
    expect(loaded.task.name).toBe('vq');
    expect(loaded.checkpoint.modelState().has('quantizer.codebook')).toBe(true);
  });

  it('continues bit for bit after an interruption, including codes, counts and restarts', async () => {
    const set = ['training.epochs=3'];
    await train('whole', { set });
    await train('parts', { set, stopAfter: 3 });
    await train('parts', { set, resume: true });
    const model = (name: string) => fs.readFile(new RunFolder(join(root, name)).model);
    expect(await model('parts')).toEqual(await model('whole'));
  });

  it('cannot be computed in parts, because its codes follow the whole batch', async () => {
    await expect(train('cut', { set: ['training.accumulate=2'] })).rejects.toThrow(
      'VQObjective: the loss cannot be computed in 2 parts',
    );
  });
});
