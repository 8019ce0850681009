/** The options of the range test, and how its result is printed. */
import type { RangeTest } from '@tessera/train';
import { expect, test } from 'vitest';
import { checkFindLr, describeSuggestion } from './find-lr.ts';

const none = {
  minLr: undefined,
  maxLr: undefined,
  lrSteps: undefined,
  plot: undefined,
  run: undefined,
  resume: undefined,
  tensorboard: undefined,
  csv: undefined,
};

test('options that have no effect are refused', () => {
  expect(() => checkFindLr({ ...none, findLr: true, minLr: 1e-5, plot: 'a.html' })).not.toThrow();
  expect(() => checkFindLr({ ...none, findLr: false })).not.toThrow();
  expect(() => checkFindLr({ ...none, findLr: true, run: 'runs/a' })).toThrow('writes no run: omit --run');
  expect(() => checkFindLr({ ...none, findLr: true, resume: 'runs/a' })).toThrow('omit --resume');
  expect(() => checkFindLr({ ...none, findLr: true, tensorboard: '' })).toThrow('omit --tensorboard');
  expect(() => checkFindLr({ ...none, findLr: false, lrSteps: 50 })).toThrow(
    '--lr-steps has an effect only with --find-lr',
  );
});

test('the suggestion is a setting that can be copied, or the reason why there is none', () => {
  const options = { minLr: 1e-7, maxLr: 10, steps: 20, beta: 0.9, divergence: 4 };
  const points = Array.from({ length: 20 }, (_, k) => ({ lr: 10 ** (k - 10), loss: 1, smoothed: 1 }));
  const found: RangeTest = {
    options,
    points,
    ended: 'complete',
    suggestion: { lr: 3.16e-4, index: 3 },
    lowest: { lr: 0.02, index: 9 },
  };
  const text = describeSuggestion(found, 1e-3);
  expect(text).toContain(
    'suggested learning rate: 3.16e-4, where the smoothed loss falls fastest (the settings have 0.001)',
  );
  expect(text).toContain('another usual choice: 2.00e-3');
  expect(text).toContain('--set optimizer.lr=3.16e-4');
  expect(describeSuggestion({ ...found, suggestion: null }, 1e-3)).toContain('the smoothed loss falls nowhere');
  const early = { ...found, suggestion: null, points: points.slice(0, 4) };
  expect(describeSuggestion(early, 1e-3)).toContain('there are too few steps; try a smaller --max-lr');
});
