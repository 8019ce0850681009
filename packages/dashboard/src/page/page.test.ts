// The page without a browser: addresses, scales, smoothing, choices, and what is joined as runs grow.
import {
  extent,
  formatTicks,
  formatValue,
  lookOf,
  nearest,
  placeAxis,
  usualExtent,
  valueAxis,
  wholeIncrements,
} from '@tessera/train/charts';
import { describe, expect, it } from 'vitest';
import type { EvaluationPoint, Library, RunCurves, RunSummary } from '../shared/api.ts';
import { formatSeconds } from './chart/format.ts';
import { smoothed } from './chart/smooth.ts';
import { defaultSmoothing, formatAddress, parseAddress } from './state/address-text.ts';
import { continued } from './state/curves.ts';
import { changed } from './state/library.ts';
import { bestOf, formatCsv, isBestOfAll, measuresOf } from './views/runs/best.ts';
import { chosenRuns, listedRuns } from './views/runs/choice.ts';
import { differingKeys } from './views/runs/differences.ts';

const run = (id: string, more: Partial<RunSummary> = {}): RunSummary => ({
  id,
  name: id,
  title: null,
  pace: null,
  task: 'classify',
  dataset: 'emoji',
  status: 'finished',
  started: 0,
  updated: 0,
  step: 10,
  totalSteps: 10,
  epoch: 1,
  last: {},
  evaluations: {},
  version: '1',
  picturesVersion: '1',
  problem: null,
  ...more,
});

describe('an address', () => {
  it('has everything that is shown, and nothing that is usual', () => {
    expect(formatAddress(parseAddress(''))).toBe('.');
    const shown = {
      ...parseAddress(''),
      tab: 'table',
      runs: ['a,b', 'c/d=&é'],
      find: '^lr.*[1-3]$',
      axis: 'time',
      smoothing: 0,
      log: ['step:loss'],
      range: [0.125, 2e6],
      charts: 'R@1',
    } as const;
    expect(parseAddress(formatAddress(shown))).toEqual(shown);
    expect(parseAddress(formatAddress({ ...shown, runs: 'all' })).runs).toBe('all');
    expect(parseAddress(formatAddress({ ...shown, runs: [] })).runs).toEqual([]);
  });

  it('with nonsense in it shows what is usual', () => {
    expect(parseAddress('?x=months&smooth=2&range=5:1&log=')).toEqual(parseAddress(''));
    expect(parseAddress('?smooth=x').smoothing).toBe(defaultSmoothing);
  });
});

describe('scales', () => {
  const line = (y: readonly (number | null)[]) => [{ x: y.map((_, k) => k), y }];

  it('reach around all values, or those that are usual', () => {
    const noisy = line(Array.from({ length: 101 }, (_, k) => (k === 50 ? 1e9 : k)));
    expect(extent(noisy, [0, 100], false)).toEqual([0, 1e9]);
    expect(usualExtent(noisy, [0, 100], false)).toEqual([5, 96]);
    expect(extent(line([null, 3, -1, 7]), [1, 2], false)).toEqual([-1, 3]);
    expect(extent(line([null, 3, -1, 7]), [0, 9], true)).toEqual([3, 7]);
    expect(extent(line([null]), [0, 9], false)).toBeNull();
  });

  it('of a single value have room around it, and no share is beyond 0 or 100 %', () => {
    expect(placeAxis([3, 3])).toEqual([2, 4]);
    expect(valueAxis([0.5, 0.5], 'number', false)).toEqual([0.25, 0.75]);
    expect(valueAxis([1, 1], 'percent', false)).toEqual([0.5, 1]);
    expect(valueAxis([0, 0.99], 'percent', false)).toEqual([0, 1]);
    expect(valueAxis([0.01, 100], 'number', true)[0]).toBeLessThan(0.01);
    expect(valueAxis([-2, 2], 'number', false)[0]).toBeLessThan(-2);
  });

  it('have ticks at whole epochs, unless less than two are shown', () => {
    expect(wholeIncrements([0, 5]).every(Number.isInteger)).toBe(true);
    expect(wholeIncrements([0, 1]).some((distance) => distance < 1)).toBe(true);
  });

  it('find the nearest place', () => {
    expect([-5, 1.4, 1.6, 4, 99].map((value) => nearest([0, 1, 2, 10], value))).toEqual([0, 1, 2, 2, 3]);
    expect(nearest([], 1)).toBe(-1);
  });
});

describe('numbers as text', () => {
  it('are short, and ticks differ', () => {
    expect([0.123456, 12345.6, 2.5e-7, 0].map((value) => formatValue(value, 'number'))).toEqual([
      '0.1235',
      '12,346',
      '2.5e-7',
      '0',
    ]);
    expect(formatValue(0.0312, 'percent', 3)).toBe('3.12\u202f%');
    expect(formatValue(3 * 2 ** 30, 'bytes')).toBe('3\u202fGiB');
    expect(formatValue(null, 'number')).toBe('–');
    expect(formatTicks([0.40001, 0.40002, 0.40003], 'number')).toEqual(['0.40001', '0.40002', '0.40003']);
    expect(formatTicks([0, 0.25, 0.5], 'number')).toEqual(['0.00', '0.25', '0.50']);
    expect(formatTicks([0.424, 0.426], 'percent')).toEqual(['42.4\u202f%', '42.6\u202f%']);
    expect(formatTicks([1e-4, 2e-4], 'scientific')).toEqual(['1e-4', '2e-4']);
    expect([1.26, 59.6, 185, 7620, 200_000].map(formatSeconds)).toEqual([
      '1.3 s',
      '1 min 0 s',
      '3 min 5 s',
      '2 h 7 min',
      '2 d 7 h',
    ]);
  });
});

describe('smoothing', () => {
  const x = Array.from({ length: 1001 }, (_, k) => k);

  it('leaves a straight line and gaps where they are, up to the ends', () => {
    const straight = x.map((k) => 3 * k + 1);
    const found = smoothed(x, straight, 0.9, 1000);
    for (const k of x.slice(200, 800)) expect(found[k]).toBeCloseTo(straight[k] as number, 6);
    expect(
      smoothed(
        x,
        x.map(() => 5),
        0.99,
        1000,
      ).every((y) => Math.abs((y ?? 0) - 5) < 1e-9),
    ).toBe(true);
    expect(smoothed([0, 1, 2], [1, null, 3], 0.5, 1000)[1]).toBeNull();
    expect(smoothed(x, straight, 0, 1000)).toBe(straight);
  });

  it('depends on the distance of points, not on their number', () => {
    const wave = (k: number): number => Math.sin(k / 40);
    const fine = smoothed(x, x.map(wave), 0.95, 1000);
    const coarse = x.filter((k) => k % 4 === 0);
    const found = smoothed(coarse, coarse.map(wave), 0.95, 1000);
    expect(Math.abs((found[125] as number) - (fine[500] as number))).toBeLessThan(0.02);
  });
});

describe('runs', () => {
  const many = Array.from({ length: 30 }, (_, k) => run(`run-${k}`, { started: k, last: { loss: 30 - k } }));

  it('are compared as chosen: at first the latest that have a step', () => {
    const waiting = run('new', { step: 0, started: 99 });
    expect(chosenRuns([...many, waiting], null).map(({ id }) => id)).toEqual(many.slice(-8).map(({ id }) => id));
    expect(chosenRuns(many, ['run-3', 'gone'])).toEqual([many[3]]);
    expect(chosenRuns(many, 'all')).toHaveLength(30);
  });

  it('are found by a regular expression, or by text that is none', () => {
    expect(listedRuns(many, '^run-1\\d ', 'name').map(({ id }) => id)).toEqual(many.slice(10, 20).map(({ id }) => id));
    expect(listedRuns([run('a (1')], '(1', 'name')).toHaveLength(1);
    expect(listedRuns(many, '', 'loss')[0]?.id).toBe('run-29');
    expect(listedRuns(many, '', 'newest')[0]?.id).toBe('run-29');
  });

  it('change by events', () => {
    const before: Library = { root: '', runs: [run('a', { started: 1 }), run('b', { started: 2 })], sweeps: [] };
    const change = {
      runs: [run('b', { started: 2, step: 11 }), run('c', { started: 0 })],
      removed: ['a'],
      sweeps: null,
    };
    expect(changed(before, change).runs.map(({ id, step }) => [id, step])).toEqual([
      ['c', 10],
      ['b', 11],
    ]);
  });

  it('differ in settings that are not the same in all of them', () => {
    expect(
      differingKeys([
        { a: '1', b: '2' },
        { a: '1', b: '3' },
        { a: '1', b: '2', c: '4' },
      ]),
    ).toEqual({
      all: ['a', 'b', 'c'],
      differing: ['b', 'c'],
    });
    expect(differingKeys([{ a: '1' }]).differing).toEqual([]);
  });
});

it('curves are continued from the group that is sent again', () => {
  const curves = (start: number, x: number[], mean: number[], nonFinite = 0): RunCurves => ({
    ...{ id: 'a', generation: 1, groupSize: 4, start, x, names: ['loss'], read: 1 },
    metrics: { loss: { mean, min: mean, max: mean, nonFinite } },
  });
  const joined = continued(curves(0, [1, 2, 3], [9, 8, 7]), curves(2, [3.5, 4], [6, 5], 2));
  expect(joined).toEqual(curves(0, [1, 2, 3.5, 4], [9, 8, 6, 5], 2));
  expect(continued(null, joined)).toBe(joined);
});

describe('best values', () => {
  const point = (step: number, split: string, values: EvaluationPoint['values']): EvaluationPoint => ({
    at: { step, epoch: 1, time: 1, date: null },
    split,
    values,
  });
  const points = [
    point(1, 'test', { loss: 3, top1: 0.5 }),
    point(2, 'test', { loss: 2, top1: 0.7 }),
    point(3, 'test', { loss: null, top1: 0.7 }),
    point(3, 'train', { top1: 0.9, newMeasure: 1 }),
  ];

  it('are the smallest loss and the largest share, the first of equal ones', () => {
    const columns = measuresOf([points], 'test');
    expect(columns.map(({ name }) => name)).toEqual(['loss', 'top1']);
    expect(columns.map((column) => bestOf(points, 'test', column))).toEqual([
      { value: 2, step: 2 },
      { value: 0.7, step: 2 },
    ]);
    expect(isBestOfAll(2, [2, 3, null], columns[0] as (typeof columns)[0])).toBe(true);
    expect(isBestOfAll(2, [2], columns[0] as (typeof columns)[0])).toBe(false);
    expect(bestOf(points, 'test', { name: 'newMeasure', look: lookOf('evaluation', 'newMeasure') })).toBeNull();
  });

  it('are saved as CSV', () => {
    expect(formatCsv([['a,b', 'say "x"', null, 1.5]])).toBe('"a,b","say ""x""",,1.5');
  });
});
