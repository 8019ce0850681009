// COCO's measures of detection, compared with those of pycocotools (make-scores.py), and objects that do not count.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type DetectionMeasures, detectionScores } from './average-precision.ts';
import type { Box, TrueObject } from './matching.ts';

interface Case {
  classes: number;
  images: number;
  truths: { image: number; label: number; box: Box; crowd: number; area: number }[];
  found: { image: number; label: number; box: Box; score: number }[];
  stats: number[];
}

const cases: Case[] = JSON.parse(readFileSync(join(import.meta.dirname, 'scores.json'), 'utf8'));

const names = [
  ...['averagePrecision', 'averagePrecision50', 'averagePrecision75'],
  ...['averagePrecisionSmall', 'averagePrecisionMedium', 'averagePrecisionLarge'],
  ...['averageRecall1', 'averageRecall10', 'averageRecall100'],
  ...['averageRecallSmall', 'averageRecallMedium', 'averageRecallLarge'],
] as (keyof DetectionMeasures)[];

it.each(cases)('as pycocotools: $classes classes, $images images', ({ classes, images, truths, found, stats }) => {
  const scenes = Array.from({ length: images }, (_, image) => ({
    truths: truths
      .filter((each) => each.image === image)
      .map(({ crowd, ...each }) => ({ ...each, crowd: crowd === 1, difficult: false })),
    found: found.filter((each) => each.image === image),
  }));
  const { measures } = detectionScores(scenes, classes);
  for (const [k, name] of names.entries()) expect(measures[name] ?? -1, name).toBeCloseTo(stats[k] ?? Number.NaN, 12);
});

const truth = (more: Partial<TrueObject>): TrueObject => ({
  label: 0,
  box: [0, 0, 10, 10],
  area: 100,
  crowd: false,
  difficult: false,
  ...more,
});
const found = [1, 0.9].map((score) => ({ label: 0, box: [0, 0, 10, 10] as const, score }));

it('a second detection of an object is wrong, but not of a crowd or of a difficult object', () => {
  const second = truth({ box: [50, 50, 10, 10] });
  const recall = (truths: TrueObject[]) => detectionScores([{ truths, found: [...found].reverse() }], 1).measures;
  expect(recall([truth({}), second]).averagePrecision50).toBeCloseTo(51 / 101, 12);
  for (const more of [{ crowd: true }, { difficult: true }]) {
    const late = { label: 0, box: [50, 50, 10, 10] as const, score: 0.1 };
    const { measures, perClass } = detectionScores([{ truths: [truth(more), second], found: [...found, late] }], 1);
    expect(measures.averagePrecision).toBeCloseTo(1, 12);
    expect(perClass[0]?.objects).toBe(1);
  }
  expect(recall([truth({ difficult: true })]).averagePrecision).toBe(null);
});

it('without objects or without detections', () => {
  expect(detectionScores([{ truths: [], found }], 1).measures.averagePrecision).toBe(null);
  expect(detectionScores([{ truths: [truth({})], found: [] }], 1).measures).toMatchObject({
    averagePrecision: 0,
    found: 0,
  });
});
