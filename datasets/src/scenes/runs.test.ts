// Masks of polygons and counts, compared with those of pycocotools (make-runs.py).
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { eachPixel, polygonRuns, type Segmentation, segmentationRuns, textRuns } from './runs.ts';

interface Case {
  height: number;
  width: number;
  outline: Segmentation;
  rows: string[];
}

const cases: Case[] = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, 'runs.json'), 'utf8'));

describe('as pycocotools', () => {
  test.each(cases.map((each, k) => [k, each] as const))('case %i', (_, { height, width, outline, rows }) => {
    const pixels = new Uint8Array(height * width);
    for (const runs of segmentationRuns(outline, height, width)) {
      expect(runs.reduce((sum, run) => sum + run, 0)).toBe(height * width);
      eachPixel(runs, height, width, (at) => {
        pixels[at] = 1;
      });
    }
    const found = Array.from({ length: height }, (_, y) => pixels.subarray(y * width, (y + 1) * width).join(''));
    expect(found).toEqual(rows);
  });
});

test('what is damaged is refused', () => {
  expect(() => polygonRuns([0, 0, 1, 1], 4, 4)).toThrow('a polygon of 4 numbers');
  expect(() => polygonRuns([0, 0, 1, 1, 2, Number.NaN], 4, 4)).toThrow('the coordinate NaN');
  expect(() => polygonRuns([0, 0, 1, 1, 2, 1e12], 4, 4)).toThrow('the coordinate 1000000000000');
  expect(() => textRuns('0o')).toThrow('damaged');
  expect(() => textRuns('0\u00e9')).toThrow('damaged');
  expect(() => segmentationRuns({ size: [4, 5], counts: [20] }, 5, 4)).toThrow('counts for 4 x 5 pixels');
  expect(() => segmentationRuns({ size: [4, 5], counts: [25, -5] }, 4, 5)).toThrow('counts of NaN pixels');
  expect(() => segmentationRuns({ size: [4, 5], counts: [19] }, 4, 5)).toThrow('counts of 19 pixels; expected 20');
});
