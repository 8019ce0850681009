/** The drawing of charts: where curves, ticks and marks are. */
import { expect, test } from 'vitest';
import { drawCharts } from './curve-drawing.ts';
import type { Chart } from './curves.ts';

const chart = (changes: Partial<Chart> = {}): Chart => ({
  title: 'Loss',
  xLabel: 'step',
  format: 'number',
  x: [0, 50, 100],
  series: [{ label: 'loss', y: [2, 1, 0] }],
  ...changes,
});

const draw = (changes: Partial<Chart> = {}): string => drawCharts([chart(changes)]).text;
const texts = (svg: string): string[] => [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text = '']) => text);
const curves = (svg: string): string[] => [...svg.matchAll(/<path d="([^"]*)" fill="none"/g)].map(([, d = '']) => d);

test('a curve goes from the first place to the last, and higher values are further up', () => {
  const [curve = ''] = curves(draw());
  const points = curve
    .split(/[ML]/)
    .slice(1)
    .map((point) => point.split(' ').map(Number));
  expect(points.map(([x]) => x)).toEqual([58, 240, 422]);
  const [first = 0, second = 0, third = 0] = points.map(([, y]) => y);
  expect(first).toBeLessThan(second);
  expect(second - first).toBeCloseTo(third - second, 0);
  expect(third).toBe(196);
});

test('ticks have the decimals that they need, and the key has the last values', () => {
  const [values, places] = [
    ['0.0', '0.5', '1.0', '1.5', '2.0'],
    ['0', '20', '40', '60', '80', '100'],
  ];
  expect(texts(draw())).toEqual(['Loss', 'loss 0', ...values, ...places, 'step']);
});

test('missing values are gaps', () => {
  const [curve = ''] = curves(draw({ x: [0, 1, 2, 3, 4], series: [{ label: 'a', y: [1, 2, null, 2, 1] }] }));
  expect(curve.match(/M/g)).toHaveLength(2);
  expect(curve.match(/L/g)).toHaveLength(2);
});

test('evaluations are dots as well; curves without any value are empty', () => {
  const svg = draw({
    xLabel: 'epoch',
    series: [
      { label: 'test', y: [0.5, null, 0.75] },
      { label: 'none', y: [null, null, null] },
    ],
  });
  expect(svg.match(/<circle/g)).toHaveLength(2);
  expect(curves(svg)[1]).toBe('');
  expect(svg).toContain('none –');
  expect(svg).not.toContain('NaN');
});

test('a single place and equal values have room around them', () => {
  const svg = draw({ x: [7], series: [{ label: 'a', y: [3] }] });
  expect(svg).toContain('<circle cx="240"');
  expect(svg).not.toContain('NaN');
});

test('learning rates are on a logarithmic axis, with a mark', () => {
  const svg = draw({
    xLabel: 'learning rate',
    x: [1e-5, 1e-3, 1e-1],
    series: [{ label: 'loss', y: [3, 1, 5] }],
    mark: { x: 1e-3, label: 'suggested' },
  });
  expect(
    curves(svg)[0]
      ?.split(/[ML]/)
      .slice(1)
      .map((point) => Number(point.split(' ')[0])),
  ).toEqual([58, 240, 422]);
  expect(svg).toContain('M240 46V196');
  expect(texts(svg)).toContain('suggested');
});

test('charts are placed in rows, and their text is escaped', () => {
  const charts = ['<a>', 'b & c', 'd'].map((title) => chart({ title }));
  const { text } = drawCharts(charts, 2);
  expect(text).toContain('viewBox="0 0 896 476"');
  expect([...text.matchAll(/translate\(([^)]*)\)/g)].map(([, at]) => at)).toEqual(['0 0', '456 0', '0 246']);
  expect(text).toContain('&lt;a&gt;');
  expect(text).not.toContain('<a>');
});
