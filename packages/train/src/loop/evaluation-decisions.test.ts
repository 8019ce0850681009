/** Runs whose evaluations decide which checkpoints are kept and when the run ends: files, interruptions, crashes. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { useTestBackend } from '../testing/backend.ts';
import { runScripted, type ScriptedRun, stepsPerEpoch } from '../testing/scripted-run.ts';
import { readCheckpoint } from './checkpoint.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'decisions-'));
});
afterAll(() => fs.rm(root, { recursive: true }));
afterEach(() => void vi.restoreAllMocks());

const measure = { name: 'm', better: 'higher' } as const;

/** The run's folder of a name that no other test has. */
async function newFolder(): Promise<string> {
  return fs.mkdtemp(join(root, 'run-'));
}

/** The steps of the files `best-STEP`, and the step of the checkpoint that each file really contains. */
async function bestFiles(folder: string): Promise<Record<string, number>> {
  const names = (await fs.readdir(join(folder, 'checkpoints'))).filter((name) =>
    /^best[-\d]*\.safetensors$/.test(name),
  );
  const steps = names
    .sort()
    .map(async (name) => [name, (await readCheckpoint(join(folder, 'checkpoints', name))).state.step]);
  return Object.fromEntries(await Promise.all(steps));
}

const lastOf = (folder: string) => readCheckpoint(join(folder, 'checkpoints', 'last.safetensors'));

/** Continues a run from its last checkpoint, or from the start if it has none. */
async function resume(run: ScriptedRun) {
  return runScripted({ ...run, resume: await lastOf(run.folder).catch(() => null) });
}

describe('the best checkpoints of a run', () => {
  const values = [0.2, 0.5, 0.3, 0.5, 0.6, 0.1];
  const run = { values, best: { measure, count: 2 } };

  it('are kept besides the latest, and best.safetensors is the first of them', async () => {
    const folder = await newFolder();
    const seen: unknown[] = [];
    const listener = { onEvaluation: async () => void seen.push(Object.values(await bestFiles(folder))) };
    const { position } = await runScripted({ ...run, folder, listener });
    // After each epoch: best, then the files by name.
    expect(seen).toEqual([
      [3, 3],
      [3, 6, 6],
      [6, 9, 6],
      // The second 0.5 is not better than the first.
      [12, 6, 6],
      [15, 6, 15],
      [15, 6, 15],
    ]);
    expect(position.bestCheckpoints).toEqual([
      { step: 15, split: 'test', values: { m: 0.6 } },
      { step: 6, split: 'test', values: { m: 0.5 } },
    ]);
    expect((await fs.readdir(join(folder, 'checkpoints'))).sort()).toEqual([
      ...['best-15.safetensors', 'best-6.safetensors', 'best.safetensors'],
      ...['checkpoint-18.safetensors', 'last.safetensors'],
    ]);
  });

  // The third value equals the second, the last is better.
  const short = { ...run, values: [0.2, 0.5, 0.5, 0.6] };
  const bestOfShort = { 'best-12.safetensors': 12, 'best-6.safetensors': 6, 'best.safetensors': 12 };

  it('are the same after an interruption at any step', async () => {
    const whole = await runScripted({ ...short, folder: await newFolder() });
    for (let stopAfter = 1; stopAfter < short.values.length * stepsPerEpoch; stopAfter++) {
      const folder = await newFolder();
      const controller = new AbortController();
      const onStep = ({ step }: { step: number }) => (step === stopAfter ? controller.abort() : undefined);
      await runScripted({ ...short, folder, listener: { onStep }, signal: controller.signal });
      expect(await resume({ ...short, folder }), `after step ${stopAfter}`).toEqual(whole);
      expect(await bestFiles(folder)).toEqual(bestOfShort);
    }
  });

  it('are the same after a crash at any change of a file', async () => {
    const whole = await runScripted({ ...short, folder: await newFolder() });
    let crashed = true;
    let crashes = 0;
    for (let at = 0; crashed; at++) {
      const folder = await newFolder();
      let changes = 0;
      const crash = () => {
        if (changes++ >= at) throw new Error('crash');
      };
      const { rename, rm } = fs;
      vi.spyOn(fs, 'rename').mockImplementation(async (...paths) => {
        crash();
        return rename(...paths);
      });
      vi.spyOn(fs, 'rm').mockImplementation(async (...paths) => {
        crash();
        return rm(...paths);
      });
      crashed = await runScripted({ ...short, folder }).then(
        () => false,
        () => true,
      );
      vi.restoreAllMocks();
      if (!crashed) break;
      crashes++;
      expect(await resume({ ...short, folder }), `change ${at}`).toEqual(whole);
      expect(await bestFiles(folder), `change ${at}`).toEqual(bestOfShort);
    }
    expect(crashes).toBeGreaterThan(short.values.length * 4);
  });

  it('follow another measure, or another number, after a resume', async () => {
    const folder = await newFolder();
    await runScripted({ ...run, folder, best: { measure, count: 3 } });
    expect((await lastOf(folder)).state.bestCheckpoints?.map(({ step }) => step)).toEqual([15, 6, 12]);
    const lower = { measure: { name: 'm', better: 'lower' } as const, count: 2 };
    const { position } = await resume({ ...run, folder, best: lower });
    // 18 was not among the best before; 12 and 6 have the same value.
    expect(position.bestCheckpoints?.map(({ step }) => step)).toEqual([18, 6]);
    expect(Object.keys(await bestFiles(folder))).toEqual([
      'best-18.safetensors',
      'best-6.safetensors',
      'best.safetensors',
    ]);
  });

  it('are those of the run that was resumed at an earlier step, not of its first continuation', async () => {
    const folder = await newFolder();
    const again = { ...{ folder, keep: 9, everySteps: 1 }, values: [0.4, 0.3, 0.9], best: { measure, count: 2 } };
    await runScripted(again);
    const file = (name: string) => join(folder, 'checkpoints', `${name}-9.safetensors`);
    const inodeOf = async (name: string) => (await fs.stat(file(name))).ino;
    const first = await inodeOf('best');
    // No evaluation comes between this step and the one with the best value, which would remove the file.
    await runScripted({
      ...again,
      resume: await readCheckpoint(join(folder, 'checkpoints', 'checkpoint-7.safetensors')),
    });
    expect(await inodeOf('best')).not.toBe(first);
    expect(await inodeOf('best')).toBe(await inodeOf('checkpoint'));
  });

  it('are not counted where a resume at an earlier step needs one that is gone, which is said', async () => {
    const folder = await newFolder();
    await runScripted({ ...run, folder, keep: 5, values: [0.4, 0.3, 0.9], best: { measure, count: 1 } });
    await fs.rm(join(folder, 'checkpoints', 'checkpoint-3.safetensors'));
    const messages: string[] = [];
    const { position } = await runScripted({
      ...{ folder, values: [0.4, 0.3, 0.2], best: { measure, count: 1 } },
      resume: await readCheckpoint(join(folder, 'checkpoints', 'checkpoint-6.safetensors')),
      listener: { say: (message) => messages.push(message) },
    });
    expect(messages).toEqual([
      expect.stringMatching(/^the checkpoint of step 3 was one of the best, but is no longer in .*checkpoints/),
    ]);
    expect(position.bestCheckpoints?.map(({ step }) => step)).toEqual([9]);
    expect(await bestFiles(folder)).toEqual({ 'best-9.safetensors': 9, 'best.safetensors': 9 });
  });
});

describe('early stopping', () => {
  const values = [0.2, 0.5, 0.5, 0.4, 0.9, 0.9];
  const rule = { measure, patience: 2, minDelta: 0 };

  it('ends a run after evaluations without an improvement', async () => {
    const end = await runScripted({ folder: await newFolder(), values, earlyStopping: rule });
    expect(end).toMatchObject({ finished: true, position: { step: 12, epoch: 4, batch: 0 } });
    expect(end.stopReason).toMatch(/^m was not better than 0.5000, its value after step 6, in 2 evaluations/);
    const later = await runScripted({ folder: await newFolder(), values, earlyStopping: { ...rule, patience: 3 } });
    expect(later).toMatchObject({ finished: true, stopReason: null, position: { step: 18 } });
  });

  it('is not the reason where the last evaluation would end the run', async () => {
    const end = await runScripted({ folder: await newFolder(), values: [0.5, 0.4, 0.3], earlyStopping: rule });
    expect(end).toMatchObject({ finished: true, stopReason: null, position: { step: 9 } });
  });

  it('ends at the same step after an interruption at any step, and again when it is resumed', async () => {
    const whole = await runScripted({ folder: await newFolder(), values, earlyStopping: rule });
    for (let stopAfter = 1; stopAfter < 12; stopAfter++) {
      const folder = await newFolder();
      const controller = new AbortController();
      const onStep = ({ step }: { step: number }) => (step === stopAfter ? controller.abort() : undefined);
      await runScripted({ folder, values, earlyStopping: rule, listener: { onStep }, signal: controller.signal });
      expect(await resume({ folder, values, earlyStopping: rule }), `after step ${stopAfter}`).toEqual(whole);
      expect(await resume({ folder, values, earlyStopping: rule })).toEqual(whole);
    }
  });

  it('goes on with more patience, as if it had been so from the start', async () => {
    const patient = { ...rule, patience: 3 };
    const whole = await runScripted({ folder: await newFolder(), values, earlyStopping: patient });
    const folder = await newFolder();
    await runScripted({ folder, values, earlyStopping: rule });
    expect(await resume({ folder, values, earlyStopping: patient })).toEqual(whole);
  });
});
