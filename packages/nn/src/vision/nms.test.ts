/** Non-maximum suppression, against results that torchvision computed (make-nms.py). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { batchedNms, nms } from './nms.ts';

interface Recorded {
  readonly boxes: readonly number[];
  readonly scores: readonly number[];
  readonly classes: readonly number[];
  readonly threshold: number;
  readonly nms: readonly number[];
  readonly batched: readonly number[];
}

const recorded: Recorded[] = JSON.parse(readFileSync(join(import.meta.dirname, 'nms.json'), 'utf8'));

describe('non-maximum suppression', () => {
  it.each(recorded.map((each, k) => [k, each.scores.length, each.threshold, each] as const))(
    'case %i: keeps of %i boxes at threshold %f what torchvision keeps',
    (_, __, threshold, { boxes, scores, classes, ...expected }) => {
      expect(nms(boxes, scores, threshold)).toEqual(expected.nms);
      expect(batchedNms(boxes, scores, classes, threshold)).toEqual(expected.batched);
    },
  );

  it('is tested by cases in which boxes are suppressed, and in which classes matter', () => {
    expect(recorded.filter(({ batched, scores }) => batched.length < scores.length).length).toBeGreaterThan(5);
    expect(recorded.filter((each) => each.nms.length < each.batched.length).length).toBeGreaterThan(5);
  });

  it('refuses numbers that do not fit', () => {
    expect(() => nms([0, 0, 1], [1], 0.5)).toThrow('nms: 3 numbers of boxes for 1 scores');
    expect(() => batchedNms([0, 0, 1, 1], [1], [], 0.5)).toThrow('batchedNms: 0 classes for 1 scores');
  });
});
