import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { feature, openDataset, writeDataset } from '@tessera/data';
import { countedSplit } from '@tessera/data/testing/counted-split';
import { describe, expect, it } from 'vitest';
import { resultTables, summarizeResults } from '../../evaluation/result.ts';
import { loadRun } from '../../load-run.ts';
import { testTask } from '../../testing/task-suite.ts';
import { classesByName, type MultiLabelResult } from './evaluate.ts';
import { balancedWeights } from './index.ts';

const names = ['red', 'green', 'blue', 'circle', 'square', 'bar'];

const runs = testTask({
  preset: 'emoji-tags',
  set: [
    'model={embedDim: 8, vision: {kind: vit, imageSize: 16, patchSize: 4, width: 16, layers: 1, heads: 1}}',
    ...['data.augmentation=null', 'loss.classWeights=balanced', 'optimizer.lr=1e-2', 'training.epochs=30'],
  ],
});
const oneEpoch = 'training.epochs=1';

describe('multi-label', () => {
  it('learns the tags, and is shown', async () => {
    const results = (await runs.evaluate('run')) as readonly MultiLabelResult[];
    const [result] = results;
    expect(result?.classNames).toEqual(names);
    const { meanAveragePrecision: mAP, chance, micro, perClass } = result?.metrics ?? {};
    expect(chance).toBeCloseTo((3 * 3 + 3 * 4) / 6 / 12, 10);
    expect(mAP).toBeGreaterThan(0.6);
    expect(micro?.f1).toBeGreaterThan(0.5);
    expect(perClass?.map(({ support }) => support)).toEqual([3, 3, 3, 4, 4, 4]);
    const [table] = resultTables(results);
    expect(table?.rows[0]?.slice(0, 4)).toEqual(['test', '12', `${(100 * (mAP ?? 0)).toFixed(2)} %`, '29.17 %']);
    expect(table?.notes?.[0]).toBe('Average precision, test:');
    const stored = JSON.parse(await fs.readFile(runs.folder('run').evaluation, 'utf8'));
    expect(stored).toEqual(JSON.parse(JSON.stringify(summarizeResults(results))));
    expect(stored.multiLabel[0].metrics.perClass).toHaveLength(6);
    const page = await fs.readFile(join(runs.folder('run').path, 'report.html'), 'utf8');
    expect(page).toContain('Multi-label classification: test');
    expect(page).toMatch(/true: red, circle/);
  });

  it('stores names and weights of the classes with the model', async () => {
    const { subject } = await loadRun(runs.folder('run').path);
    expect(subject.metadata).toEqual({ tessera_classes: JSON.stringify(names) });
    // Of 24 rows, 6 are of a color and 8 of a shape.
    expect(await runs.tensors('run', 'pos_weight')).toEqual({ pos_weight: [3, 3, 3, 2, 2, 2] });
  });

  it('takes the weights that it is given, or none', async () => {
    await runs.train({ name: 'given', set: ['loss.classWeights=[1, 2, 3, 4, 5, 6]', oneEpoch] });
    expect(await runs.tensors('given', 'pos_weight')).toEqual({ pos_weight: [1, 2, 3, 4, 5, 6] });
    await runs.train({ name: 'plain', set: ['loss.classWeights=null', oneEpoch] });
    expect(await runs.tensors('plain', 'pos_weight')).toEqual({});
    expect(await runs.losses('plain')).not.toEqual(await runs.losses('given'));
    await expect(runs.train({ name: 'few', set: ['loss.classWeights=[1, 2]'] })).rejects.toThrow(
      'loss.classWeights has 2 numbers, but column tags has 6 classes',
    );
  });

  it('has the same loss in parts of a batch', async () => {
    const [[inParts], [atOnce]] = [await runs.losses('cut'), await runs.losses('run')];
    expect(inParts).toBeCloseTo(atOnce ?? Number.NaN, 5);
  });

  it('predicts at the threshold of the configuration', async () => {
    // Both as the run was configured, and as it is evaluated later.
    const { results } = await runs.train({ name: 'eager', set: ['evaluation.threshold=0.001', oneEpoch] });
    const [eager] = await runs.evaluate('run', { set: ['evaluation.threshold=0.0000001'] });
    for (const result of [results?.[0], eager])
      expect(result?.values).toMatchObject({ recallMicro: 1, recallMacro: 1, precisionMicro: 21 / 72 });
  });

  it('starts from the image tower of another model, which a linear probe leaves as it is', async () => {
    const from = ['model=null', `initialize.checkpoint=${runs.folder('run').path}`, oneEpoch];
    await runs.train({ name: 'probe', set: [...from, 'initialize.tower=freeze'] });
    expect(await runs.tensors('probe', 'visual.')).toEqual(await runs.tensors('run', 'visual.'));
    await runs.train({ name: 'tuned', set: from });
    expect(await runs.tensors('tuned', 'visual.')).not.toEqual(await runs.tensors('run', 'visual.'));
  });

  /** The split `test` with these names of the tags, in their order, evaluated by the model of `run`. */
  const evaluateNamed = async (folder: string, tags: readonly string[]): Promise<MultiLabelResult> => {
    using data = await openDataset(runs.data);
    const features = { image: feature.image(), tags: feature.list(feature.classLabel(tags)) };
    const test = await data.split('test').rows(Array.from({ length: 12 }, (_, row) => row));
    const rows = test.map(({ image, tags: own }) => {
      return { image, tags: (own as number[]).map((c) => names[c]).filter((name) => tags.includes(name ?? '')) };
    });
    const path = runs.folder(folder).path;
    await writeDataset(path, { features }, { test: rows });
    const [result] = await runs.evaluate('run', { data: path });
    return result as MultiLabelResult;
  };

  it('finds the classes of a data set by their names', async () => {
    const own = (await runs.evaluate('run'))[0] as MultiLabelResult;
    const reversed = await evaluateNamed('reversed', names.toReversed());
    for (const [name, value] of Object.entries(reversed.values)) expect(value).toBeCloseTo(own.values[name] ?? -1, 12);
    const fewer = await evaluateNamed('fewer', ['bar', 'red']);
    expect(fewer.metrics.perClass).toEqual([own.metrics.perClass[5], own.metrics.perClass[0]]);
    await expect(evaluateNamed('unknown', ['bar', 'star', 'red'])).rejects.toThrow(
      /column tags: the model has no class "star"; its classes are red, green/,
    );
  });

  it('says that a column has no tags', async () => {
    await expect(runs.train({ name: 'untagged', set: ['data.columns.tags=label'] })).rejects.toThrow(
      'column "label" cannot serve as tags: expected a list of ClassLabel',
    );
  });
});

it('balanced weights have bounds', async () => {
  const rows = Array.from({ length: 300 }, (_, row) => (row === 0 ? [0, 1] : [1]));
  const { split } = countedSplit({ tags: (row) => rows[row] ?? null }, [rows.length]);
  expect(await balancedWeights(split, 'tags', 3)).toEqual(Float32Array.of(100, 0.01, 100));
});

it('classes are compared by name', () => {
  expect(classesByName(['a', 'b', 'c'], ['c', 'a'], 'data')).toEqual([2, 0]);
  expect(() => classesByName(['a'], ['x', 'a', 'y'], 'data')).toThrow('data: the model has no class "x", "y"');
});
