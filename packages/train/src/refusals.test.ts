/** Runs that fail: values that are not finite, full disks, damaged data, unsuitable checkpoints. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyDataset } from '@tessera/data/testing';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { readCheckpoint } from './loop/checkpoint.ts';
import { NonFiniteError } from './loop/index.ts';
import { readMetrics } from './loop/metrics-file.ts';
import { useTestBackend } from './testing/backend.ts';
import { trainTiny } from './testing/train-tiny.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'refusals-'));
  await writeTinyDataset(join(root, 'data'));
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(() => fs.rm(root, { recursive: true }));

const lastOf = (name: string) => join(root, name, 'checkpoints', 'last.safetensors');

it('a loss that is NaN: training stops, names the tensor, and keeps the last good checkpoint', async () => {
  // After a step with this learning rate, the weights are so large that squares overflow in the next step.
  const run = trainTiny(root, {
    name: 'nan',
    set: ['optimizer.lr=1e30', 'schedule.warmupSteps=0', 'checkpoints.everySteps=1'],
  });
  const error = await run.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(NonFiniteError);
  const { step, source, message } = error as NonFiniteError;
  expect(source).toMatch(/^activation visual\./);
  expect(message).toContain(`step ${step}: the loss is NaN`);
  expect(message).toContain(`the first tensor that is not finite: ${source}`);
  expect(message).toContain(`the last good checkpoint is ${lastOf('nan')}`);
  expect((await readCheckpoint(lastOf('nan'))).state.step).toBe(step - 1);
  expect(await readMetrics(join(root, 'nan', 'metrics.jsonl'))).toHaveLength(step - 1);
});

it('a full disk: training stops, and continues from its last checkpoint once there is space', async () => {
  const set = ['checkpoints.everySteps=2'];
  const open = fs.open;
  vi.spyOn(fs, 'open').mockImplementation(async (name, flags) => {
    const file = await open(name, flags);
    if (String(name).includes('checkpoint-4'))
      vi.spyOn(file, 'write').mockRejectedValue(Object.assign(new Error('ENOSPC: write'), { code: 'ENOSPC' }));
    return file;
  });
  await expect(trainTiny(root, { name: 'full', set })).rejects.toThrow(
    /checkpoint-4\.safetensors: no space left to write it/,
  );
  expect((await readCheckpoint(lastOf('full'))).state.step).toBe(2);
  vi.restoreAllMocks();
  expect(await trainTiny(root, { name: 'full', set, resume: true })).toMatchObject({ finished: true, steps: 8 });
});

it('a warm-up longer than the run', async () => {
  const run = trainTiny(root, { name: 'warm', set: ['schedule.warmupSteps=9'] });
  await expect(run).rejects.toThrow('schedule.warmupSteps is 9, longer than the whole run of 8 steps: set it to null');
});

it('a data set that is missing or truncated', async () => {
  await expect(trainTiny(root, { name: 'none', data: 'none' })).rejects.toThrow(/none: there is no such directory/);
  await fs.cp(join(root, 'data'), join(root, 'cut'), { recursive: true });
  const [shard] = (await fs.readdir(join(root, 'cut', 'train'))).filter((name) => name.endsWith('.arrow'));
  const path = join(root, 'cut', 'train', shard ?? '');
  await fs.truncate(path, (await fs.stat(path)).size - 500);
  await expect(trainTiny(root, { name: 'cut-run', data: 'cut' })).rejects.toThrow(path);
});

it('an image that cannot be decoded: replaced and counted, or an error', async () => {
  await writeTinyDataset(join(root, 'damaged'), { damaged: [3, 20] });
  const run = { name: 'damaged-run', data: 'damaged', set: ['training.epochs=1'] };
  expect(await trainTiny(root, run)).toMatchObject({ finished: true, skippedRows: 2 });
  const strict = trainTiny(root, { ...run, name: 'strict', set: [...run.set, 'data.strict=true'] });
  await expect(strict).rejects.toThrow(/damaged, split "train", row (3|20): the image cannot be decoded/);
});

it('a caption that is empty: replaced and counted, or an error', async () => {
  await writeTinyDataset(join(root, 'empty'), { captions: { 7: ['  '] } });
  const run = { name: 'empty-run', data: 'empty', set: ['training.epochs=1'] };
  expect(await trainTiny(root, run)).toMatchObject({ finished: true, skippedRows: 1 });
  const strict = trainTiny(root, { ...run, name: 'empty-strict', set: [...run.set, 'data.strict=true'] });
  await expect(strict).rejects.toThrow('empty, split "train", row 7: the caption is empty');
});

it('a caption that is too long: an error before training, or truncated', async () => {
  const caption = 'a red circle that is followed by a green square and a blue bar';
  await writeTinyDataset(join(root, 'long'), { captions: { 5: [caption] } });
  const run = { name: 'long-run', data: 'long', set: ['training.epochs=1'] };
  const refused = trainTiny(root, { ...run, set: [...run.set, 'tokenizer.onTooLong=error'] });
  await expect(refused).rejects.toThrow(
    /split "train": 1 of 47 captions are longer than the context of 10 tokens.*\n {2}row 5, \d+ tokens/,
  );
  const said: string[] = [];
  const cut = await trainTiny(root, { ...run, name: 'long-cut', listener: { say: (message) => said.push(message) } });
  expect(cut.finished).toBe(true);
  expect(said[0]).toMatch(/^train: 1 of 47 captions are truncated to 10 tokens/);
});

it('a checkpoint of a different model, or a mid-epoch one with different batches', async () => {
  await trainTiny(root, { name: 'other', stopAfter: 2 });
  const resume = (...set: string[]) => trainTiny(root, { name: 'other', resume: true, set });
  await expect(resume('model.vision.width=12')).rejects.toThrow('model.vision.width was 8, is 12');
  await expect(resume('training.batchSize=8')).rejects.toThrow('batchSize was 6, is 8');
  expect(await resume()).toMatchObject({ finished: true });
});
