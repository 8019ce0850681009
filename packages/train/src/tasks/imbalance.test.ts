/** Runs on classes of unequal frequency, and with mixed images: what resumes, and what is refused. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { feature, openDataset, writeDataset } from '@tessera/data';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../load-config.ts';
import { readMetrics } from '../loop/metrics-file.ts';
import { SuiteRuns } from '../testing/task-suite.ts';
import { samplingWeights } from './sampling.ts';

const vit = 'model={embedDim: 8, vision: {kind: vit, imageSize: 16, patchSize: 8, width: 8, layers: 1, heads: 1}}';
const plain = [vit, 'training.epochs=2', 'training.batchSize=8', 'evaluation.everyEpochs=1'];
const everything = [
  ...plain,
  ...['data.sampling=balanced', 'data.augmentation=drawings', 'loss.labelSmoothing=0.1', 'loss.classWeights=balanced'],
  'mixup={mixupAlpha: 0.8, cutmixAlpha: 1}',
];
const classify = new SuiteRuns({ preset: 'fashion-classify', set: [] });
const tags = new SuiteRuns({ preset: 'emoji-tags', set: [] });

describe('mixed images, class weights and balanced sampling', () => {
  it('continue after an interruption within an epoch with the same bits', async () => {
    await classify.train({ name: 'whole', set: everything });
    const { finished } = await classify.train({ name: 'parts', set: everything, stopAfter: 2 });
    expect(finished).toBe(false);
    await classify.train({ name: 'parts', set: everything, resume: true });
    expect(await classify.losses('parts')).toEqual(await classify.losses('whole'));
    expect(await classify.weights('parts')).toEqual(await classify.weights('whole'));
    await classify.train({ name: 'plain', set: plain });
    const samples = async (name: string): Promise<{ row: number; mixedWith?: number; shareOfOther?: number }[]> =>
      JSON.parse(await fs.readFile(join(classify.folder(name).samples, 'training-batch.json'), 'utf8'));
    const shown = await samples('whole');
    expect(shown.map(({ mixedWith }) => mixedWith)).toEqual(shown.map(({ row }) => row).reverse());
    for (const { shareOfOther } of shown) expect(shareOfOther).toBe(shown[0]?.shareOfOther);
    expect((await samples('plain'))[0]).not.toHaveProperty('mixedWith');
    expect(await classify.losses('plain')).not.toEqual(await classify.losses('whole'));
  });

  it('have the same loss in parts of a batch, because the whole batch is mixed first', async () => {
    await classify.train({ name: 'cut', set: [...everything, 'training.accumulate=4'], stopAfter: 2 });
    const [whole, cut] = [await classify.losses('whole'), await classify.losses('cut')];
    expect(cut[0]).toBeCloseTo(whole[0] ?? Number.NaN, 5);
    expect(cut[1]).toBeCloseTo(whole[1] ?? Number.NaN, 4);
  });

  it('are not resumed within an epoch of other rows', async () => {
    const set = [...plain, 'data.sampling=shuffle'];
    await classify.train({ name: 'changed', set: [...plain, 'data.sampling=balanced'], stopAfter: 1 });
    await expect(classify.train({ name: 'changed', set, resume: true })).rejects.toThrow(
      'data.sampling was "balanced", is "shuffle"',
    );
  });

  it('are possible with several classes for each image', async () => {
    const set = [...plain, 'data.augmentation=null', 'data.sampling=balanced', 'mixup={mixupAlpha: 1, cutmixAlpha: 1}'];
    await tags.train({ name: 'whole', set: [...set, 'loss.classWeights={red: 2, bar: 0.5}'] });
    expect(await tags.tensors('whole', 'pos_weight')).toEqual({ pos_weight: [2, 1, 1, 1, 1, 0.5] });
    await tags.train({ name: 'unmixed', set: [...plain, 'data.augmentation=null', 'training.epochs=1'] });
    expect((await tags.losses('whole'))[0]).not.toBeCloseTo((await tags.losses('unmixed'))[0] ?? 0, 4);
  });

  it('have values for schedules: macro F1 and balanced accuracy', async () => {
    const schedule = 'schedule={kind: plateau, metric: f1Macro, mode: max, patience: 0}';
    await classify.train({ name: 'scheduled', set: [...plain, schedule, 'training.epochs=3'] });
    const records = await readMetrics(classify.folder('scheduled').metrics);
    const evaluations = records.filter(({ kind }) => kind === 'evaluation');
    expect(evaluations).toHaveLength(3);
    for (const { values } of evaluations)
      expect(values).toEqual({
        top1: expect.any(Number),
        top5: 1,
        balancedAccuracy: expect.any(Number),
        f1Macro: expect.any(Number),
        f1Weighted: expect.any(Number),
      });
    const stored = JSON.parse(await fs.readFile(classify.folder('scheduled').evaluation, 'utf8'));
    expect(stored.classification[0].metrics.perClass[0]).toEqual({
      precision: expect.any(Number),
      recall: expect.any(Number),
      f1: expect.any(Number),
      support: 4,
    });
  });

  it('are refused where there is a name of no class, or no class to mix', async () => {
    await expect(classify.train({ name: 'named', set: [...plain, 'loss.classWeights={cat: 2}'] })).rejects.toThrow(
      'loss.classWeights: there is no class "cat"; the classes are circle, square, bar',
    );
    await expect(loadConfig({ preset: 'tiny', set: ['mixup.mixupAlpha=0.8'] })).rejects.toThrow(
      '--set mixup.mixupAlpha: is not a setting of this task: a mixed image has no caption; mixup needs class labels',
    );
    await expect(loadConfig({ preset: 'fashion-classify', set: ['mixup.prob=0.5'] })).rejects.toThrow(
      '--set mixup.prob: needs mixup.mixupAlpha or mixup.cutmixAlpha above 0, got 0.5',
    );
  });
});

describe('data.sampling=balanced', () => {
  it('balances the classes that the task reads, or the labels that it does not', async () => {
    const folder = join(classify.folder('unequal').path);
    const labels = [0, 0, 0, 1, 1, 0, null, 0];
    const features = {
      text: feature.value('string'),
      label: feature.classLabel(['a', 'b']),
      concept: feature.value('int64'),
    };
    const rows = labels.map((label, row) => ({ text: 'x', label, concept: row < 6 ? 70 : row }));
    await writeDataset(folder, { features }, { train: rows });
    using dataset = await openDataset(folder);
    const config = await loadConfig({ preset: 'tiny', set: ['data.sampling=balanced'] });
    const weights = async (columns: object): Promise<number[]> => [
      ...((await samplingWeights(config, dataset.split('train'), columns as never)) ?? []),
    ];
    const concept = { kind: 'integer', names: ['concept'], optional: true };
    const label = { kind: 'class', names: ['label'] };
    const byLabel = labels.map((own) => (own === null ? 1 : own === 1 ? 1 / 2 : 1 / 5));
    expect(await weights({ label, concept })).toEqual(byLabel);
    expect(await weights({ concept })).toEqual([...Array(6).fill(1 / 6), 1, 1]);
    expect(await weights({ concept: { ...concept, names: ['idea'] } })).toEqual(byLabel);
  });

  it('is refused where there are neither classes nor concepts', async () => {
    const folder = join(classify.folder('bare').path);
    await writeDataset(folder, { features: { text: feature.value('string') } }, { train: [{ text: 'x' }] });
    using dataset = await openDataset(folder);
    const config = await loadConfig({ preset: 'tiny', set: ['data.sampling=balanced'] });
    const concept = { concept: { kind: 'integer', names: ['concept'], optional: true } } as const;
    await expect(samplingWeights(config, dataset.split('train'), concept)).rejects.toThrow(
      'data.sampling is balanced, but there is no column with classes or concepts that the task contrastive could balance; its columns are text',
    );
  });
});
