/** Schedules of the learning rate. */
import { describe, expect, it } from 'vitest';
import { constant, warmupCosine, warmupLinear } from './schedule.ts';

const values = (schedule: (step: number) => number, steps: number[]) => steps.map(schedule);

describe('warmupCosine', () => {
  it('grows by lr / W a step, and reaches lr in the last step of the warm-up', () => {
    const schedule = warmupCosine({ lr: 8, warmupSteps: 4, totalSteps: 20 });
    expect(values(schedule, [0, 1, 2, 3])).toEqual([2, 4, 6, 8]);
  });

  it('then follows the cosine', () => {
    const schedule = warmupCosine({ lr: 1, warmupSteps: 10, totalSteps: 110 });
    expect(schedule(10)).toBe(1);
    expect(schedule(60)).toBeCloseTo(0.5, 15);
    for (const step of [11, 35, 80, 109]) {
      expect(schedule(step)).toBeCloseTo(0.5 * (1 + Math.cos((Math.PI * (step - 10)) / 100)), 15);
    }
    expect(values(schedule, [110, 111, 1000])).toEqual([0, 0, 0]);
  });

  it('ends at minLr', () => {
    const schedule = warmupCosine({ lr: 1, warmupSteps: 0, totalSteps: 10, minLr: 0.2 });
    expect(schedule(0)).toBe(1);
    expect(schedule(5)).toBeCloseTo(0.6, 15);
    expect(schedule(10)).toBe(0.2);
  });

  it('refuses a warm-up longer than the run, naming both', () => {
    expect(() => warmupCosine({ lr: 1, warmupSteps: 10000, totalSteps: 1008 })).toThrow(
      'warmupCosine: a warm-up of 10000 steps is longer than the whole run of 1008 steps, so the learning rate would never ' +
        'reach 1: shorten the warm-up (typically 10 % of the run: here 100 steps) or train longer',
    );
    expect(warmupCosine({ lr: 1, warmupSteps: 3, totalSteps: 3 })(2)).toBe(1);
  });

  it.each([
    [{ lr: Number.NaN }, 'lr is NaN'],
    [{ lr: -1 }, 'lr is -1'],
    [{ minLr: 2 }, 'minLr 2 is larger than lr 1'],
    [{ warmupSteps: 1.5 }, 'warmupSteps is 1.5, expected a whole number'],
    [{ totalSteps: Number.POSITIVE_INFINITY }, 'totalSteps is Infinity'],
  ])('refuses %j', (wrong, message) => {
    expect(() => warmupCosine({ lr: 1, warmupSteps: 1, totalSteps: 10, ...wrong })).toThrow(`warmupCosine: ${message}`);
  });
});

it('warmupLinear decreases linearly', () => {
  const schedule = warmupLinear({ lr: 1, warmupSteps: 2, totalSteps: 6, minLr: 0.2 });
  const expected = [0.5, 1, 1, 0.8, 0.6, 0.4, 0.2, 0.2];
  for (const [step, lr] of expected.entries()) expect(schedule(step)).toBeCloseTo(lr, 15);
});

it('constant does not change', () => {
  expect(values(constant({ lr: 3 }), [0, 5, 1e9])).toEqual([3, 3, 3]);
  expect(() => constant({ lr: -3 })).toThrow('constant: lr is -3');
});
