/** Runs of the task `contrastive`. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyDataset } from '@tessera/data/testing';
import type { CLIP } from '@tessera/models';
import { readTensors } from '@tessera/weights';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadRun } from '../../load-run.ts';
import { readMetrics } from '../../loop/metrics-file.ts';
import { zip } from '../../loop/zip.ts';
import { RunFolder } from '../../run-folder/run-folder.ts';
import { useTestBackend } from '../../testing/backend.ts';
import { trainTiny } from '../../testing/train-tiny.ts';
import { valuesOf } from '../../testing/values-of.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'contrastive-'));
  await writeTinyDataset(join(root, 'data'), { copies: 2 });
  await trainTiny(root, { name: 'clip', set: ['training.epochs=1'] });
});
afterAll(() => fs.rm(root, { recursive: true }));

async function weightsOf(name: string, prefix: string): Promise<Record<string, readonly number[]>> {
  const file = await readTensors(new RunFolder(join(root, name)).model);
  return valuesOf(file.select((tensor) => (tensor.startsWith(prefix) ? tensor : null)));
}

const firstLoss = async (name: string): Promise<number> => {
  const [first] = await readMetrics(new RunFolder(join(root, name)).metrics);
  return first?.kind === 'step' ? Number(first.loss) : Number.NaN;
};

describe('SigLIP', () => {
  it('starts at a temperature of 10 and a bias of -10, and trains both', async () => {
    const untrained = await trainTiny(root, { name: 'siglip-0', set: ['loss.kind=siglip', 'optimizer.lr=0'] });
    expect(untrained.finished).toBe(true);
    const { logit_scale: scale, logit_bias: bias } = await weightsOf('siglip-0', 'logit');
    expect(scale?.[0]).toBeCloseTo(Math.log(10), 6);
    expect(bias?.[0]).toBe(-10);
    await trainTiny(root, { name: 'siglip', set: ['loss.kind=siglip'] });
    const trained = await weightsOf('siglip', 'logit');
    expect(trained.logit_scale).not.toEqual(scale);
    expect(trained.logit_bias).not.toEqual(bias);
    const loaded = (await loadRun(join(root, 'siglip'))).subject.model as CLIP;
    expect(await loaded.logit_bias?.item()).toBe(trained.logit_bias?.[0]);
  });

  it('starts with the values of the configuration', async () => {
    const set = ['loss.initialLogitScale=1', 'loss.initialLogitBias=-2', 'training.epochs=1', 'optimizer.lr=0'];
    await trainTiny(root, { name: 'start', set });
    expect(await weightsOf('start', 'logit')).toEqual({ logit_scale: [1], logit_bias: [-2] });
  });
});

describe('locked-image tuning', () => {
  const set = ['training.epochs=2', 'initialize.tower=freeze'];

  it('trains only the text tower, also when resumed', async () => {
    const from = [...set, `initialize.checkpoint=${join(root, 'clip')}`];
    await trainTiny(root, { name: 'locked', set: from, stopAfter: 3 });
    await trainTiny(root, { name: 'locked', set: from, resume: true });
    expect(await weightsOf('locked', 'visual.')).toEqual(await weightsOf('clip', 'visual.'));
    expect(await weightsOf('locked', 'transformer.')).not.toEqual(await weightsOf('clip', 'transformer.'));
    const checkpoint = await readTensors(join(root, 'locked', 'checkpoints', 'last.safetensors'));
    const optimized = checkpoint.names.filter((name) => name.startsWith('optimizer.exp_avg.'));
    expect(optimized.some((name) => name.includes('visual.'))).toBe(false);
    expect(optimized.length).toBeGreaterThan(5);
  });

  it('trains the image tower by default', async () => {
    const from = ['training.epochs=1', `initialize.checkpoint=${join(root, 'clip')}`];
    await trainTiny(root, { name: 'unlocked', set: from });
    expect(await weightsOf('unlocked', 'visual.')).not.toEqual(await weightsOf('clip', 'visual.'));
  });

  it('refuses the tower of a different model', async () => {
    const from = [...set, `initialize.checkpoint=${join(root, 'clip')}`, 'model.vision.width=12'];
    await expect(trainTiny(root, { name: 'wider', set: from })).rejects.toThrow(
      'model.vision.width is 8 in the checkpoint, 12 here',
    );
  });
});

describe('fine-tuning', () => {
  it('starts from all weights and the tokenizer of a run', async () => {
    const set = ['training.epochs=1', 'optimizer.lr=0', 'initialize.parts=all', 'tokenizer.vocabularySize=600'];
    await trainTiny(root, { name: 'tuned', set: [...set, `initialize.checkpoint=${join(root, 'clip')}`] });
    expect(await weightsOf('tuned', '')).toEqual(await weightsOf('clip', ''));
    const tokenizer = (name: string) => fs.readFile(new RunFolder(join(root, name)).tokenizer, 'utf8');
    expect(await tokenizer('tuned')).toBe(await tokenizer('clip'));
  });
});

describe('equal concepts in a batch', () => {
  it('are treated as the configuration says', async () => {
    const losses: number[] = [];
    for (const rule of ['keep', 'mask', 'share']) {
      // The concepts are shapes: pictures of one shape have different colors.
      const set = ['data.columns.concept=label', `loss.duplicates=${rule}`, 'training.epochs=1'];
      await trainTiny(root, { name: rule, set });
      losses.push(await firstLoss(rule));
    }
    const [keep = 0, mask] = losses;
    expect(mask).toBeLessThan(keep);
    expect(new Set(losses).size).toBe(3);
  });
});

describe('several captions of an image', () => {
  it('are all positives of the image', async () => {
    // At this high temperature all logits are almost equal: the loss is near (ln 12 + ln 6) / 2 instead of ln 6.
    const set = ['data.captionsPerImage=2', 'training.epochs=1', 'loss.initialLogitScale=-3'];
    await trainTiny(root, { name: 'captions', set });
    expect(Math.abs((await firstLoss('captions')) - (Math.log(12) + Math.log(6)) / 2)).toBeLessThan(0.1);
  });
});

describe('a batch in parts', () => {
  it('trains as the whole batch does, and continues bit for bit', async () => {
    const set = ['training.epochs=1', 'checkpoints.everySteps=1'];
    const parts = [...set, 'training.accumulate=3'];
    await trainTiny(root, { name: 'whole', set });
    await trainTiny(root, { name: 'parts', set: parts });
    const losses = async (name: string) =>
      (await readMetrics(new RunFolder(join(root, name)).metrics)).flatMap(({ loss }) =>
        loss === undefined ? [] : [loss],
      );
    const [whole, inParts] = [(await losses('whole')) as number[], (await losses('parts')) as number[]];
    expect(inParts).toHaveLength(4);
    for (const [loss, other] of zip(whole, inParts)) expect(Math.abs(loss - other)).toBeLessThan(1e-3);
    await trainTiny(root, { name: 'parts-2', set: parts, stopAfter: 2 });
    await trainTiny(root, { name: 'parts-2', set: parts, resume: true });
    expect(await weightsOf('parts-2', '')).toEqual(await weightsOf('parts', ''));
  });

  it('must be divided evenly', async () => {
    await expect(trainTiny(root, { name: 'uneven', set: ['training.accumulate=4'] })).rejects.toThrow(
      'training.accumulate is 4, which does not divide training.batchSize, 6',
    );
  });
});
