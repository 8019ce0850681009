/** Schedules of the learning rate. */
import { describe, expect, it } from 'vitest';
import { chosen, schedules } from './choices.ts';
import {
  constantLR,
  cosineAnnealingLR,
  cosineAnnealingWarmRestarts,
  exponentialLR,
  linearLR,
  multiStepLR,
  oneCycleLR,
  polynomialLR,
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
  sequentialLR,
  stepLR,
} from './index.ts';
import { constant, warmupCosine, warmupLinear } from './schedule.ts';
import type { MeasuredSchedule, Schedule, ScheduledRun } from './settings.ts';
import { camelCase, numbers } from './testing/torch-numbers.ts';

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

describe('as in PyTorch:', () => {
  type Make = (options: never) => Schedule;
  const makers: Readonly<Record<string, Make>> = {
    stepLR,
    multiStepLR,
    exponentialLR,
    polynomialLR,
    linearLR,
    constantLR,
    cosineAnnealingLR,
    cosineAnnealingWarmRestarts,
    oneCycleLR: (options) => oneCycleLR({ ...(options as { totalSteps: number }), maxLr: 0.1 }),
    sequentialLR: () =>
      sequentialLR(
        [linearLR({ lr: 0.1, startFactor: 0.25, totalIters: 3 }), exponentialLR({ lr: 0.1, gamma: 0.5 })],
        [4],
      ),
  };

  it.each(numbers.schedules)('$name $options', ({ name, options, rates }) => {
    const schedule = (makers[name] as Make)({ lr: 0.1, ...options } as never);
    rates.forEach((rate, step) => {
      expect(schedule(step)).toBeCloseTo(rate, 14);
    });
  });

  it.each(numbers.plateaus)('ReduceLROnPlateau $options', ({ options, values: measured, rates }) => {
    const whole = new ReduceLROnPlateau({ lr: 0.1, ...camelCase(options) } as ReduceLROnPlateauOptions);
    let part = new ReduceLROnPlateau(whole.options);
    measured.forEach((value, k) => {
      expect(whole.step(value ?? Number.NaN)).toBeCloseTo(rates[k] as number, 14);
      // A copy that is stored as JSON and loaded after each value does the same.
      part.step(value ?? Number.NaN);
      const state = JSON.parse(JSON.stringify(part.state()));
      part = new ReduceLROnPlateau(whole.options);
      part.loadState(state);
      expect(part.lr).toBe(whole.lr);
    });
  });
});

describe('impossible options are refused:', () => {
  const lr = 1;
  it.each<[() => unknown, string]>([
    [() => stepLR({ lr, stepSize: 0 }), 'stepLR: stepSize is 0, expected a whole number >= 1'],
    [() => multiStepLR({ lr, milestones: [3, -1] }), 'multiStepLR: a milestone is -1'],
    [() => exponentialLR({ lr, gamma: Number.NaN }), 'exponentialLR: gamma is NaN'],
    [() => polynomialLR({ lr, totalIters: 0 }), 'polynomialLR: totalIters is 0'],
    [() => linearLR({ lr, startFactor: 0 }), 'linearLR: startFactor is 0'],
    [() => constantLR({ lr, factor: 2 }), 'constantLR: factor is 2, expected a number between 0 and 1'],
    [() => cosineAnnealingWarmRestarts({ lr, t0: 1.5 }), 'cosineAnnealingWarmRestarts: t0 is 1.5'],
    [() => oneCycleLR({ maxLr: lr, totalSteps: 10, pctStart: 2 }), 'oneCycleLR: pctStart is 2'],
    [() => oneCycleLR({ maxLr: lr, totalSteps: 10, divFactor: 0 }), 'oneCycleLR: divFactor is 0'],
    [() => sequentialLR([() => 1], [3]), 'sequentialLR: 1 schedules need 0 milestones, got 1'],
    [() => sequentialLR([() => 1, () => 2, () => 3], [3, 2]), 'milestones must be ascending, got 3, 2'],
    [() => new ReduceLROnPlateau({ lr, factor: 1 }), 'ReduceLROnPlateau: factor is 1, expected a number below 1'],
  ])('%s', (make, message) => {
    expect(make).toThrow(message);
  });
});

describe('the settings of schedules', () => {
  const run: ScheduledRun = {
    lr: 1,
    totalSteps: 100,
    stepsPerEpoch: 10,
    epochs: 10,
    length: 'training.epochs=10',
    evaluatedEpochs: 1,
    better: 'higher',
  };
  const create = (settings: object, changes: Partial<ScheduledRun> = {}): Schedule | MeasuredSchedule => {
    const { kind } = settings as { kind: string };
    const choice = chosen(schedules, kind);
    return choice.create(choice.schema.parse(settings), { ...run, ...changes });
  };
  const rates = (settings: object, steps: number[]): number[] => values(create(settings) as Schedule, steps);

  it('count in epochs, from the start of the run, and begin with the warm-up', () => {
    const warmupSteps = 4;
    expect(rates({ kind: 'step', warmupSteps, stepSize: 2, gamma: 0.5 }, [0, 3, 4, 19, 20, 40])).toEqual([
      0.25, 1, 1, 1, 0.5, 0.25,
    ]);
    expect(rates({ kind: 'multiStep', warmupSteps: 0, milestones: [3, 5] }, [0, 29, 30, 50])).toEqual([
      1,
      1,
      0.1,
      expect.closeTo(0.01, 15),
    ]);
    expect(rates({ kind: 'exponential', warmupSteps: 20, gamma: 0.5 }, [0, 10, 20])).toEqual([0.05, 0.275, 0.25]);
    expect(rates({ kind: 'polynomial', warmupSteps: 20, power: 2 }, [0, 19, 20, 60, 100])).toEqual([
      0.05, 1, 1, 0.25, 0,
    ]);
    const waves = rates({ kind: 'cosineRestarts', warmupSteps: 10, t0: 2, tMult: 2 }, [9, 10, 20, 30, 50, 70]);
    expect(waves).toEqual([1, 1, 0.5, 1, 0.5, 1].map((rate) => expect.closeTo(rate, 14)));
    expect(rates({ kind: 'oneCycle' }, [0, 29, 99])).toEqual([0.04, 1, 4e-6].map((rate) => expect.closeTo(rate, 14)));
  });

  it('make a schedule of a measure, whose state is loaded', () => {
    const settings = { kind: 'plateau', warmupSteps: 2, patience: 0, factor: 0.5 };
    const schedule = create(settings) as MeasuredSchedule;
    expect([schedule.rate(0), schedule.rate(1), schedule.rate(5)]).toEqual([0.5, 1, 1]);
    // Higher is better, as for the main measure.
    for (const value of [0.5, 0.6, 0.6]) schedule.observe(value);
    expect(schedule.rate(5)).toBe(0.5);
    const other = create(settings) as MeasuredSchedule;
    other.load(JSON.parse(JSON.stringify(schedule.state())));
    expect(other.rate(5)).toBe(0.5);
    other.load(null);
    expect(other.rate(5)).toBe(1);
  });

  it.each<[object, Partial<ScheduledRun>, string]>([
    [{ kind: 'step', stepSize: 10 }, {}, 'schedule.stepSize is 10, but the run has training.epochs=10'],
    [
      { kind: 'multiStep', milestones: [5, 12] },
      {},
      'schedule.milestones contains 12, but the run has training.epochs=10',
    ],
    [{ kind: 'exponential', gamma: 1, warmupSteps: 101 }, {}, 'schedule.warmupSteps is 101, longer than the whole run'],
    [{ kind: 'cosineRestarts', t0: 11 }, {}, 'schedule.t0 is 11, but the run has training.epochs=10'],
    [{ kind: 'cosineRestarts', t0: 5, minLr: 2 }, {}, 'schedule.minLr is 2, larger than optimizer.lr, 1'],
    [{ kind: 'oneCycle', pctStart: 0.6, threePhase: true }, {}, 'schedule.pctStart is 0.6'],
    [{ kind: 'plateau' }, { evaluatedEpochs: null }, 'evaluation.everyEpochs is null: set it, for example to 1'],
    [{ kind: 'plateau' }, {}, 'schedule.patience is 10, but the run has 9 evaluations before its last epoch'],
    [{ kind: 'plateau', metric: 'loss' }, {}, 'schedule.metric is loss: set schedule.mode to min or max'],
  ])('refuse what does not fit the run: %j', (settings, changes, message) => {
    expect(() => create(settings, changes)).toThrow(message);
  });
});
