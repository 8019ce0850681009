import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { readTensors } from '@tessera/weights';
import { describe, expect, it } from 'vitest';
import { loadRun } from '../../load-run.ts';
import { testTask } from '../../testing/task-suite.ts';

const runs = testTask({
  preset: 'deit',
  set: [
    'model={imageSize: 32, patchSize: 8, width: 16, layers: 1, heads: 2}',
    'teacher={epochs: 2, model: {embedDim: 8, vision: {imageSize: 32, width: 4}}}',
    'optimizer.lr=1e-2',
    'mixup={mixupAlpha: 0.1, cutmixMinmax: [0.2, 0.4]}',
    'loss={labelSmoothing: 0.1, classWeights: {circle: 1.5, bar: 0.5}}',
    'training.epochs=5',
  ],
});

describe('a teacher', () => {
  it('is a run of its own below the run, and no part of the student', async () => {
    const teacher = await loadRun(join(runs.folder('run').path, 'teacher'));
    expect(teacher.config).toMatchObject({ name: 'deit-teacher', training: { epochs: 2 } });
    // Adapters are the student's: the teacher has no weights to adapt.
    expect((await loadRun(join(runs.folder('lora').path, 'teacher'))).config.lora).toBe(null);
    await fs.access(join(runs.folder('run').path, 'teacher', 'report.html'));
    const { names } = await readTensors(runs.folder('run').model);
    expect(names).toContain('dist_token');
    expect(names.filter((name) => name.startsWith('visual.'))).toEqual([]);
  });

  it('continues where it was interrupted, and the student has the same bits', async () => {
    const stopped = await runs.train({ name: 'early', stopAfter: 3 });
    expect(stopped).toMatchObject({ finished: false, steps: 0 });
    await runs.train({ name: 'early', resume: true });
    expect(await runs.weights('early')).toEqual(await runs.weights('run'));
  });

  it('is started again if it was interrupted before its first checkpoint', async () => {
    const { path, config } = runs.folder('killed');
    await fs.mkdir(join(path, 'teacher'), { recursive: true });
    await fs.copyFile(runs.folder('run').config, config);
    await fs.copyFile(join(runs.folder('run').path, 'teacher', 'config.yaml'), join(path, 'teacher', 'config.yaml'));
    await runs.train({ name: 'killed', resume: true });
    expect(await runs.weights('killed')).toEqual(await runs.weights('run'));
  });

  it('is evaluated if it was interrupted before its report, and not trained any further', async () => {
    const { path } = runs.folder('unreported');
    await fs.cp(runs.folder('run').path, path, { recursive: true });
    await fs.rm(join(path, 'checkpoints'), { recursive: true });
    for (const file of ['report.html', 'evaluation.json']) await fs.rm(join(path, 'teacher', file));
    const weights = await runs.weights('unreported/teacher');
    await runs.train({ name: 'unreported', resume: true });
    await fs.access(join(path, 'teacher', 'report.html'));
    expect(await runs.weights('unreported/teacher')).toEqual(weights);
    expect(await runs.weights('unreported')).toEqual(await runs.weights('run'));
  });

  it('may come from another run; the student is the same, and is measured without it where it is gone', async () => {
    const checkpoint = join(runs.folder('run').path, 'teacher');
    const copy = runs.folder('copy').path;
    await fs.cp(checkpoint, copy, { recursive: true });
    const { results } = await runs.train({ name: 'taught', set: [`teacher.checkpoint=${copy}`] });
    expect(await runs.weights('taught')).toEqual(await runs.weights('run'));
    expect(Object.keys(results?.[0]?.values ?? {})).toContain('teacher');
    await fs.rm(copy, { recursive: true });
    const { subject } = await loadRun(runs.folder('taught').path);
    expect(subject.facts).not.toHaveProperty('Teacher');
    expect(subject.image).toBeDefined();
  });

  it('is as limited as the student, and is not trained again if the student has begun and its run becomes longer', async () => {
    const set = ['training.maxSteps=3', 'data.limitTrain=50%', 'schedule.kind=constant'];
    expect(await runs.train({ name: 'limited', set })).toMatchObject({ finished: true, steps: 3 });
    expect(await runs.losses('limited/teacher')).toHaveLength(3);
    const teacher = await loadRun(join(runs.folder('limited').path, 'teacher'));
    expect(teacher.checkpoint.state.data).toMatchObject({ rows: 12, batchesPerEpoch: 1 });
    const longer = ['training.maxSteps=4', 'data.limitTrain=50%', 'schedule.kind=constant'];
    expect(await runs.train({ name: 'limited', set: longer, resume: true })).toMatchObject({
      finished: true,
      steps: 4,
    });
    expect(await runs.losses('limited/teacher')).toHaveLength(3);
  });

  it('is refused where it does not fit', async () => {
    const path = join(runs.folder('run').path, 'teacher');
    await expect(
      runs.train({ name: 'other', set: [`teacher.checkpoint=${path}`, 'model.imageSize=40'] }),
    ).rejects.toThrow('the teacher deit-teacher takes images of 32 pixels, the student of 40');
    await expect(
      runs.train({ name: 'student', set: [`teacher.checkpoint=${runs.folder('run').path}`] }),
    ).rejects.toThrow('the teacher deit is a run of the task distill: a teacher must be a classifier');
    await expect(runs.train({ name: 'none', set: ['teacher.model=null'] })).rejects.toThrow('there is no teacher');
  });
});
