/** Runs that fail, are changed or are used twice: nothing is lost, and nothing continues as something else. */
import { promises as fs, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyDataset } from '@tessera/data/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCheckpoint } from './loop/checkpoint.ts';
import { readMetrics, withoutTiming } from './loop/metrics-file.ts';
import { lockRun } from './run-folder/lock.ts';
import { RunFolder } from './run-folder/run-folder.ts';
import { useTestBackend } from './testing/backend.ts';
import { trainTiny } from './testing/train-tiny.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'nothing-lost-'));
  await writeTinyDataset(join(root, 'data'));
  await trainTiny(root, { name: 'whole' });
});
afterAll(() => fs.rm(root, { recursive: true }));

const folderOf = (name: string) => new RunFolder(join(root, name));
const modelOf = (name: string) => fs.readFile(folderOf(name).model);
const lastOf = (name: string) => join(root, name, 'checkpoints', 'last.safetensors');

describe('an evaluation that fails', () => {
  it('costs no training: the checkpoint is written before it, and a resumed run evaluates', async () => {
    const samples = join(root, 'failing', 'samples', 'retrieval-test.png');
    await fs.mkdir(samples, { recursive: true });
    await expect(trainTiny(root, { name: 'failing' })).rejects.toThrow();
    expect((await readCheckpoint(lastOf('failing'))).state).toMatchObject({ step: 8, epoch: 2, batch: 0 });
    await fs.rmdir(samples);
    expect(await trainTiny(root, { name: 'failing', resume: true })).toMatchObject({ finished: true, steps: 8 });
    const metrics = async (name: string) => (await readMetrics(folderOf(name).metrics)).map(withoutTiming);
    expect(await metrics('failing')).toEqual(await metrics('whole'));
    expect(await modelOf('failing')).toEqual(await modelOf('whole'));
  });

  it('is done again where the run was stopped during it', async () => {
    const set = ['evaluation.everyEpochs=1'];
    await trainTiny(root, { name: 'stopped', set, stopAfter: 4 });
    const kinds = async () => (await readMetrics(folderOf('stopped').metrics)).map(({ kind }) => kind);
    expect(await kinds()).toEqual(['step', 'step', 'step', 'step']);
    await trainTiny(root, { name: 'stopped', set, resume: true });
    expect((await kinds()).slice(0, 6)).toEqual(['step', 'step', 'step', 'step', 'evaluation', 'step']);
  });
});

describe('a finished run', () => {
  it('is not continued with other settings', async () => {
    const before = await fs.readFile(folderOf('whole').config, 'utf8');
    await expect(trainTiny(root, { name: 'whole', resume: true, set: ['optimizer.lr=1'] })).rejects.toThrow(
      'optimizer.lr was 0.002, is 1\n  resume with the original settings and data, or accept the changes with --allow-changes',
    );
    expect(await fs.readFile(folderOf('whole').config, 'utf8')).toBe(before);
  });

  it('is continued with more epochs, and evaluated again with other settings of evaluation', async () => {
    await fs.cp(join(root, 'whole'), join(root, 'longer'), { recursive: true });
    expect(await trainTiny(root, { name: 'longer', resume: true, set: ['training.epochs=3'] })).toMatchObject({
      finished: true,
      steps: 12,
    });
    const again = { name: 'longer', resume: true, set: ['training.epochs=3', 'evaluation.limit=3'] };
    expect(await trainTiny(root, again)).toMatchObject({ finished: true, steps: 12 });
  });
});

describe('a run that is resumed', () => {
  it('notices that its settings or its data have changed, unless that is allowed', async () => {
    await fs.cp(join(root, 'data'), join(root, 'moved'), { recursive: true });
    await trainTiny(root, { name: 'changed', data: 'moved', stopAfter: 4 });
    const resume = { name: 'changed', data: 'moved', resume: true } as const;
    await expect(trainTiny(root, { ...resume, set: ['optimizer.lr=0.5'] })).rejects.toThrow('optimizer.lr was 0.002');
    await fs.rm(join(root, 'moved'), { recursive: true });
    await writeTinyDataset(join(root, 'moved'), { captions: { 23: ['something else'] } });
    await expect(trainTiny(root, resume)).rejects.toThrow(/split train: .* different/);
    await fs.rm(join(root, 'moved'), { recursive: true });
    await writeTinyDataset(join(root, 'moved'), { copies: 3 });
    await expect(trainTiny(root, resume)).rejects.toThrow('split train: had 24 rows, has 36');
    expect(await trainTiny(root, { ...resume, allowChanges: true })).toMatchObject({ finished: true });
  });

  it('compares every row where that is asked for', async () => {
    await writeTinyDataset(join(root, 'large'), { copies: 20 });
    const set = ['training.batchSize=60'];
    await trainTiny(root, { name: 'large-run', data: 'large', set, stopAfter: 4, verifyData: true });
    const path = join(root, 'large', 'train');
    const [shard] = (await fs.readdir(path)).filter((file) => file.endsWith('.arrow'));
    const bytes = await fs.readFile(join(path, shard as string));
    // One letter of one caption, of the same length.
    const at = bytes.indexOf('green bar', bytes.length >> 1);
    bytes.write('G', at);
    await fs.writeFile(join(path, shard as string), bytes);
    const resume = { name: 'large-run', data: 'large', set, resume: true, verifyData: true } as const;
    await expect(trainTiny(root, resume)).rejects.toThrow('split train: the content of its rows is different');
  });

  it('notices a bit that was flipped in its checkpoint', async () => {
    await trainTiny(root, { name: 'flipped', stopAfter: 4 });
    const bytes = await fs.readFile(lastOf('flipped'));
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
    await fs.writeFile(lastOf('flipped'), bytes);
    await expect(trainTiny(root, { name: 'flipped', resume: true })).rejects.toThrow(
      /last\.safetensors: is damaged: the checksum of \S+ does not match/,
    );
  });

  it('is not resumed by two processes at once', async () => {
    await trainTiny(root, { name: 'locked', stopAfter: 4 });
    const lock = await lockRun(join(root, 'locked'));
    await expect(trainTiny(root, { name: 'locked', resume: true })).rejects.toThrow('is in use by process');
    await lock.release();
    expect(await trainTiny(root, { name: 'locked', resume: true })).toMatchObject({ finished: true });
  });
});

it('a report is there after the first evaluation, before the run ends', async () => {
  const reports: string[] = [];
  const result = await trainTiny(root, {
    name: 'watched',
    set: ['evaluation.everyEpochs=1'],
    listener: {
      onStep: ({ step }) => {
        if (step > 4) reports.push(readFileSync(join(root, 'watched', 'report.html'), 'utf8'));
      },
    },
  });
  expect(result.finished).toBe(true);
  expect(reports).toHaveLength(4);
  expect(reports[0]).toContain('4 of 8 so far');
  expect(await fs.readFile(result.report as string, 'utf8')).not.toContain('so far');
});

it('the name of a split cannot lead out of the folder', async () => {
  await fs.cp(join(root, 'data'), join(root, 'escape'), { recursive: true });
  await fs.writeFile(join(root, 'escape', 'dataset_dict.json'), JSON.stringify({ splits: ['train', '/../../x'] }));
  await expect(trainTiny(root, { name: 'escaped', data: 'escape' })).rejects.toThrow(
    '"/../../x" cannot be the name of a split',
  );
});
