// The index of a metrics file: growing, resumed and damaged files, and groups that are exactly those of the file's lines.
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MetricsWriter } from '@tessera/train/loop';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { madeUpLines } from '../testing/made-up-run.ts';
import { curvesOf, fittingSize, previewCurves } from './curves.ts';
import { mostGroups } from './group-table.ts';
import { MetricsIndex } from './metrics-index.ts';
import { previewOf } from './preview.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'metrics-index-'));
  path = join(folder, 'metrics.jsonl');
});
afterEach(() => fs.rm(folder, { recursive: true }));

async function readAll(index: MetricsIndex): Promise<void> {
  while ((await index.advance()) === 'more');
}

const losses = (index: MetricsIndex): Promise<(number | null)[]> =>
  curvesOf('run', index, { metrics: ['loss'], axis: 'step', range: null, points: 1000, bands: true }, null).then(
    ({ metrics }) => [...(metrics.loss?.mean ?? [])],
  );

/** Opens the file as a run does that begins or continues after `step`. */
async function write(step: number, records: readonly object[]): Promise<void> {
  const writer = await MetricsWriter.open(path, step);
  for (const record of records) writer.append({ kind: 'step', step: 0, ...record });
  writer.close();
}
const step = (number: number, loss: number) => ({
  step: number,
  epoch: number / 4,
  loss,
  seconds: 0.5,
  time: 100 + number,
});
const evaluation = (number: number, top1: number) => ({
  kind: 'evaluation',
  step: number,
  epoch: number / 4,
  split: 'test',
  values: { top1 },
});

describe('a growing file', () => {
  it('is read from where the last look ended', async () => {
    const index = new MetricsIndex(path, null);
    const { generation } = index;
    expect(await index.advance()).toBe('missing');
    await write(0, [step(1, 4), step(2, 3)]);
    expect(await index.advance()).toBe('complete');
    expect(await index.advance()).toBe('unchanged');
    await fs.appendFile(path, `${JSON.stringify({ kind: 'step', ...step(3, 2) })}\n{"kind":"step","step":4,"lo`);
    expect(await index.advance()).toBe('complete');
    expect(await losses(index)).toEqual([4, 3, 2]);
    await fs.appendFile(path, 'ss":1}\n');
    await readAll(index);
    expect(await losses(index)).toEqual([4, 3, 2, 1]);
    expect(index.generation).toBe(generation);
  });

  it('has lines longer than a piece, and lines that are not JSON, which are counted', async () => {
    const index = new MetricsIndex(path, null);
    await write(0, [step(1, 4), { kind: 'note', step: 1, text: 'é'.repeat(400_000) }, step(2, 3)]);
    await fs.appendFile(path, 'not json\n42\n');
    await fs.appendFile(path, `${JSON.stringify({ kind: 'step', ...step(3, 2) })}\n`);
    await readAll(index);
    expect(await losses(index)).toEqual([4, 3, 2]);
    expect(index.badLines).toBe(2);
  });
});

describe('a resumed run', () => {
  it('takes back the lines after its checkpoint, and the evaluation at it', async () => {
    const index = new MetricsIndex(path, null);
    const { generation } = index;
    await write(0, [step(1, 4), step(2, 3), evaluation(2, 0.1), step(3, 9), step(4, 9)]);
    await readAll(index);
    // It is longer than before when it is looked at again.
    await write(2, [evaluation(2, 0.5), ...[3, 4, 5, 6].map((number) => step(number, 1))]);
    await readAll(index);
    expect(await losses(index)).toEqual([4, 3, 1, 1, 1, 1]);
    expect(index.evaluations.map(({ values, at }) => [values.top1, at])).toEqual([
      [0.5, { step: 2, epoch: 0.5, time: 1, date: 102 }],
    ]);
    expect(index.generation).not.toBe(generation);
  });

  it('is noticed if the file was rewritten in place, whatever its length is', async () => {
    const index = new MetricsIndex(path, null);
    const line = (number: number, loss: number): string =>
      `${JSON.stringify({ kind: 'step', ...step(number, loss) })}\n`;
    for (const texts of [
      [line(1, 4), line(2, 3)],
      [line(1, 4), line(2, 8)],
      [line(1, 7)],
      [line(1, 6), line(2, 6), line(3, 6)],
    ]) {
      await fs.writeFile(path, texts.join(''));
      await readAll(index);
      expect(await losses(index)).toEqual(texts.map((text) => JSON.parse(text).loss));
    }
    await fs.rm(path);
    expect(await index.advance()).toBe('missing');
    expect(await losses(index)).toEqual([]);
  });
});

describe('groups of steps', () => {
  const steps = 3 * mostGroups + 77;
  const records = [...madeUpLines({ name: 'exact', steps, stepsPerEpoch: 1000, epochs: 13 })].map((line) =>
    JSON.parse(line),
  );
  const lines = records.filter(({ kind }) => kind === 'step');
  lines[100].loss = null;

  const large = join(tmpdir(), `metrics-index-${process.pid}.jsonl`);
  let index: MetricsIndex;
  beforeAll(async () => {
    await fs.writeFile(large, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    index = new MetricsIndex(large, null);
    await readAll(index);
  });
  afterAll(() => fs.rm(large));

  /** What a group of `size` steps from `begin` on has to be. */
  const expected = (begin: number, size: number) => {
    const group = lines.slice(begin, begin + size).flatMap(({ loss }) => (loss === null ? [] : [loss as number]));
    return {
      min: Math.min(...group),
      max: Math.max(...group),
      mean: group.reduce((sum, y) => sum + y, 0) / group.length,
    };
  };

  it('are bounded in number, and those of the file at every resolution', async () => {
    expect(index.table.groups).toBeLessThanOrEqual(mostGroups);
    for (const points of [mostGroups, 1000, 7]) {
      const wanted = { metrics: ['loss'], axis: 'step', range: null, points, bands: true } as const;
      const { groupSize, x, metrics } = await curvesOf('run', index, wanted, null);
      const { mean = [], min = [], max = [], nonFinite } = metrics.loss ?? {};
      expect(x.length).toBe(Math.ceil(steps / groupSize));
      expect(x.length).toBeLessThanOrEqual(points);
      expect(nonFinite).toBe(1);
      for (const [k, place] of x.entries()) {
        const one = expected(k * groupSize, groupSize);
        expect([min[k], max[k]]).toEqual([one.min, one.max]);
        expect(mean[k]).toBeCloseTo(one.mean, 12);
        const last = Math.min(steps, (k + 1) * groupSize);
        expect(place).toBe((k * groupSize + 1 + last) / 2);
      }
    }
  });

  it('are single steps where few are shown, read from the file', async () => {
    for (const axis of ['step', 'epoch', 'time', 'date'] as const) {
      const { x } = await curvesOf(
        'run',
        index,
        { metrics: [], axis, range: null, points: mostGroups, bands: true },
        null,
      );
      const range = [x[300] as number, x[320] as number] as const;
      const found = await curvesOf('run', index, { metrics: ['loss'], axis, range, points: 500, bands: true }, null);
      expect(found.groupSize).toBe(1);
      const places = await curvesOf(
        'run',
        index,
        { metrics: ['loss'], axis: 'step', range: null, points: mostGroups, bands: true },
        null,
      );
      const first = (places.x[300] as number) - 10;
      expect(found.x.length).toBeGreaterThan(20);
      const begin = lines.findIndex(({ loss }) => loss === found.metrics.loss?.mean[0]);
      expect(begin).toBeLessThan(first + 10);
      expect(found.metrics.loss?.mean).toEqual(lines.slice(begin, begin + found.x.length).map(({ loss }) => loss));
      if (axis === 'epoch')
        expect(found.x).toEqual(lines.slice(begin, begin + found.x.length).map(({ epoch }) => epoch));
      if (axis === 'time') {
        const elapsed = lines.slice(0, begin + 5).reduce((sum, { seconds }) => sum + seconds, 0);
        expect(found.x[4]).toBeCloseTo(elapsed, 6);
      }
    }
  });

  it('are continued: only the last known group and later ones are sent again', async () => {
    const wanted = { metrics: ['loss'], axis: 'step', range: null, points: 1000, bands: true } as const;
    const whole = await curvesOf('run', index, wanted, null);
    const held = { generation: whole.generation, groupSize: whole.groupSize, groups: 500 };
    const rest = await curvesOf('run', index, wanted, held);
    expect(rest.start).toBe(499);
    expect(rest.x).toEqual(whole.x.slice(499));
    expect(rest.metrics.loss?.min).toEqual(whole.metrics.loss?.min.slice(499));
    // Of another generation or another size, nothing can be continued.
    expect((await curvesOf('run', index, wanted, { ...held, generation: held.generation + 1 })).start).toBe(0);
    expect((await curvesOf('run', index, wanted, { ...held, groupSize: 1 })).start).toBe(0);
  });

  it('are single steps over the whole file in a preview', async () => {
    const wanted = { metrics: ['loss'], axis: 'step', range: null, points: 1000, bands: true } as const;
    const { x, metrics, groupSize } = previewCurves('run', previewOf(large, null), wanted, 0.2);
    expect(groupSize).toBe(1);
    expect(x.length).toBeGreaterThan(300);
    expect([x[0], x.at(-1)]).toEqual([1, steps]);
    expect(metrics.loss?.mean).toEqual(x.map((place) => lines[place - 1].loss));
  });
});

it.each([
  [1, 10, 1],
  [10, 10, 1],
  [11, 10, 2],
  [100_000, 1000, 128],
])('%d steps in at most %d groups: %d steps each', (steps, points, size) => {
  expect(fittingSize(steps, points)).toBe(size);
});
