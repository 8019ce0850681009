/** Checkpoints: continuing from them, damaged files, full disks. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getDefaultGenerator, tensor } from '@tessera/tensor';
import { writeTensors } from '@tessera/weights';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { useTestBackend } from '../testing/backend.ts';
import { tinyClip, tinyPairs } from '../testing/tiny-clip.ts';
import { readCheckpoint, restoreCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { CheckpointFolder } from './checkpoint-folder.ts';
import { TrainingStep } from './step.ts';

const config = { model: { embedDim: 8, vision: { width: 8 } } };
const data = { seed: 1, rows: 24 };
const position = {
  step: 2,
  epoch: 0,
  batch: 2,
  best: { measure: 'test top1', value: 0.1 + 0.2, step: 1 },
  config,
  data,
};

let folder: string;
let path: string;
beforeAll(useTestBackend);
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'checkpoint-'));
  path = join(folder, 'a.safetensors');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await fs.rm(folder, { recursive: true });
});

/** A model after two steps. */
async function trained() {
  const { objective, optimizer } = tinyClip();
  const step = new TrainingStep(objective, optimizer);
  for (let k = 0; k < 2; k++) await step.run(tinyPairs(k), 1e-2);
  return { objective, optimizer, step };
}

describe('a checkpoint', () => {
  it('restores model, optimizer, random numbers and position, so that training continues bit for bit', async () => {
    const { objective, optimizer, step } = await trained();
    getDefaultGenerator().setState({ seed: 5, step: 6, site: 7 });
    await writeCheckpoint(path, objective.model, optimizer, position);
    const next = [await step.run(tinyPairs(2), 1e-2), await step.run(tinyPairs(3), 1e-2)];

    const other = tinyClip({ seed: 99 });
    const checkpoint = await readCheckpoint(path);
    restoreCheckpoint(checkpoint, other.objective.model, other.optimizer, config);
    expect(getDefaultGenerator().state()).toEqual({ seed: 5, step: 6, site: 7 });
    expect(checkpoint.state).toEqual({ ...position, generator: { seed: 5, step: 6, site: 7 } });
    const resumed = new TrainingStep(other.objective, other.optimizer);
    expect([await resumed.run(tinyPairs(2), 1e-2), await resumed.run(tinyPairs(3), 1e-2)]).toEqual(next);
  });

  it('of a different model is refused with the differences, and changes nothing', async () => {
    const { objective, optimizer } = await trained();
    await writeCheckpoint(path, objective.model, optimizer, position);
    const other = tinyClip({ width: 12 });
    const before = await other.objective.model.logit_scale.item();
    const otherConfig = { model: { embedDim: 8, vision: { width: 12 } } };
    const load = (checkpoint: Awaited<ReturnType<typeof readCheckpoint>>) =>
      restoreCheckpoint(checkpoint, other.objective.model, other.optimizer, otherConfig);
    const checkpoint = await readCheckpoint(path);
    expect(() => load(checkpoint)).toThrow('is a checkpoint of a different model');
    expect(() => load(checkpoint)).toThrow('model.vision.width is 8 in the checkpoint, 12 here');
    expect(() => load(checkpoint)).toThrow('visual.class_embedding is [12] in the module and [8] in the state');
    expect(await other.objective.model.logit_scale.item()).toBe(before);
  });

  it('is refused if it is missing, truncated, or another file', async () => {
    await expect(readCheckpoint(path)).rejects.toThrow(`${path}: there is no such file`);
    const { objective, optimizer } = await trained();
    await writeCheckpoint(path, objective.model, optimizer, position);
    const whole = await fs.readFile(path);
    await fs.writeFile(path, whole.subarray(0, whole.length - 100));
    await expect(readCheckpoint(path)).rejects.toThrow(/a\.safetensors: .*cut off/);
    await writeTensors(path, objective.model.stateDict(), { format: 'pt' });
    await expect(readCheckpoint(path)).rejects.toThrow('not a checkpoint of a training run');
    await writeTensors(path, new Map(), { format: 'tessera-checkpoint', version: '2' });
    await expect(readCheckpoint(path)).rejects.toThrow('of version 2; this program reads version 1');
  });

  it('is not written with values that are not finite', async () => {
    const { objective, optimizer } = tinyClip();
    await writeCheckpoint(path, objective.model, optimizer, position);
    const before = await fs.readFile(path);
    objective.model.logit_scale.assign(tensor(Number.NaN));
    await expect(writeCheckpoint(path, objective.model, optimizer, position)).rejects.toThrow(
      'not written, because logit_scale is not finite (element 0 of 1 is NaN)',
    );
    expect(await fs.readFile(path)).toEqual(before);
  });
});

describe('a folder of checkpoints', () => {
  const write = (text: string) => (file: string) => fs.writeFile(file, text);
  const last = () => fs.readFile(join(folder, 'last.safetensors'), 'utf8');

  it('keeps the latest and a copy of the last one', async () => {
    const checkpoints = new CheckpointFolder(folder, 2);
    expect(await checkpoints.latest()).toBeNull();
    for (const step of [5, 10, 15]) await checkpoints.add(step, write(`${step}`));
    expect((await fs.readdir(folder)).sort()).toEqual([
      'checkpoint-10.safetensors',
      'checkpoint-15.safetensors',
      'last.safetensors',
    ]);
    expect(await last()).toBe('15');
    expect(await checkpoints.latest()).toBe(join(folder, 'last.safetensors'));
  });

  it('removes later ones when a run is resumed from an earlier one', async () => {
    const checkpoints = new CheckpointFolder(folder, 3);
    for (const step of [5, 10, 15, 8]) await checkpoints.add(step, write(`${step}`));
    expect((await fs.readdir(folder)).sort()).toEqual([
      'checkpoint-5.safetensors',
      'checkpoint-8.safetensors',
      'last.safetensors',
    ]);
    expect(await last()).toBe('8');
  });

  it('keeps the last one intact on a full disk, and says what to do', async () => {
    const { objective, optimizer } = await trained();
    const checkpoints = new CheckpointFolder(folder, 1);
    const save = (step: number) =>
      checkpoints.add(step, (file) => writeCheckpoint(file, objective.model, optimizer, { ...position, step }));
    await save(5);
    const before = await fs.readFile(join(folder, 'last.safetensors'));
    const open = fs.open;
    vi.spyOn(fs, 'open').mockImplementation(async (name, flags) => {
      const file = await open(name, flags);
      vi.spyOn(file, 'write').mockRejectedValue(Object.assign(new Error('ENOSPC: write'), { code: 'ENOSPC' }));
      return file;
    });
    await expect(save(10)).rejects.toThrow(
      /checkpoint-10\.safetensors: no space left to write it: \d+ bytes are needed/,
    );
    vi.restoreAllMocks();
    expect((await fs.readdir(folder)).sort()).toEqual(['checkpoint-5.safetensors', 'last.safetensors']);
    expect(await fs.readFile(join(folder, 'last.safetensors'))).toEqual(before);
    expect((await readCheckpoint(join(folder, 'last.safetensors'))).state.step).toBe(5);
  });
});
