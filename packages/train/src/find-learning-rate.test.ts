/** Range tests of whole runs. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyDataset } from '@tessera/data/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findLearningRate, type RangeTestRequest } from './find-learning-rate.ts';
import { readMetrics } from './loop/metrics-file.ts';
import type { RangeTest, RangeTestPoint } from './loop/range-test.ts';
import { renderRangeTest } from './report/range-test-page.ts';
import { useTestBackend } from './testing/backend.ts';
import { tinyConfig } from './testing/tiny-run.ts';
import { trainTiny } from './testing/train-tiny.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'find-lr-'));
  await writeTinyDataset(join(root, 'data'));
});
afterAll(() => fs.rm(root, { recursive: true }));

const find = async (
  options: RangeTestRequest['options'] = {},
  set: readonly string[] = [],
  more: Pick<RangeTestRequest, 'signal' | 'listener'> = {},
): Promise<RangeTest> =>
  findLearningRate({ config: await tinyConfig(...set), dataset: join(root, 'data'), options: { ...options }, ...more });

const lossesOf = ({ points }: RangeTest): number[] => points.map(({ loss }) => loss);

describe('findLearningRate', () => {
  it('has the losses of a run at these rates, and the same ones again', async () => {
    // The rate grows by less than f32 can represent: the run has a constant one. An epoch has 4 steps.
    const options = { minLr: 1e-3, maxLr: 1e-3 * (1 + 1e-12), steps: 10 };
    const test = await find(options);
    expect(test).toMatchObject({ ended: 'complete', options });
    const set = ['optimizer.lr=1e-3', 'schedule=constant', 'training.maxSteps=10'];
    await trainTiny(root, { name: 'run', set });
    const records = await readMetrics(join(root, 'run', 'metrics.jsonl'));
    const losses = records.flatMap(({ kind, loss }) => (kind === 'step' ? [Number(loss)] : []));
    expect(lossesOf(test)).toEqual(losses);
    expect(lossesOf(await find(options))).toEqual(losses);
  });

  it('finds a rate for plain SGD, whose loss diverges, and draws the curve', async () => {
    const test = await find({ minLr: 1e-3, maxLr: 1e4, steps: 60, beta: 0.8 }, [
      'optimizer={kind: sgd, momentum: 0, weightDecay: 0.01}',
      'training.accumulate=2',
    ]);
    expect(test.ended).toBe('diverged');
    expect(test.points.length).toBeLessThan(60);
    const { suggestion, points } = test;
    const slopes = points.map(({ smoothed }, k) => (points[k + 1]?.smoothed ?? smoothed) - smoothed);
    expect(points[suggestion?.index ?? -1]?.lr).toBe(suggestion?.lr);
    expect(slopes.slice(10, -1).some((slope) => slope < 0)).toBe(true);
    const page = renderRangeTest(test, 'a <run>', 'in one line');
    expect(page).toContain('a &lt;run&gt;');
    const [, json = '[]'] = /<script type="application\/json" id="charts">(.*?)<\/script>/s.exec(page) ?? [];
    expect(JSON.parse(json)).toMatchObject([{ xLabel: 'learning rate', mark: { x: suggestion?.lr } }]);
  });

  it('stops at a signal, with the steps so far', async () => {
    const controller = new AbortController();
    const seen: RangeTestPoint[] = [];
    const test = await find({ steps: 20 }, [], {
      signal: controller.signal,
      listener: {
        onStep(point, done, steps) {
          seen.push(point);
          expect(steps).toBe(20);
          if (done === 3) controller.abort();
        },
      },
    });
    expect(test).toMatchObject({ ended: 'stopped', suggestion: null });
    expect(test.points).toEqual(seen);
    expect(seen).toHaveLength(3);
  });
});
