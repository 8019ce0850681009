/** Schedules that multiply the learning rate by a factor: at intervals, at milestones, or always. */
import { z } from 'zod';
import { rampedUp, warmupField, withWarmupSteps } from './schedule.ts';
import { checkCount, checkRate, checkSteps } from './schedule-checks.ts';
import { count, defineSchedule, rate, type Schedule, type ScheduledRun } from './settings.ts';

export interface StepLROptions {
  lr: number;
  /** Number of steps with the same rate. */
  stepSize: number;
  gamma?: number;
}

/** lr * gamma^floor(s / stepSize), as `torch.optim.lr_scheduler.StepLR`. @throws RangeError for options that are out of range */
export function stepLR({ lr, stepSize, gamma = 0.1 }: StepLROptions): Schedule {
  checkRate('stepLR', 'lr', lr);
  checkCount('stepLR', 'stepSize', stepSize);
  checkRate('stepLR', 'gamma', gamma);
  return (step) => lr * gamma ** Math.floor(step / stepSize);
}

export interface MultiStepLROptions {
  lr: number;
  /** The steps from which on the rate is multiplied by `gamma` once more. */
  milestones: readonly number[];
  gamma?: number;
}

/**
 * lr * gamma^(number of milestones <= s), as `torch.optim.lr_scheduler.MultiStepLR`: a milestone that is listed twice counts twice.
 *
 * @throws RangeError for options that are out of range
 */
export function multiStepLR({ lr, milestones, gamma = 0.1 }: MultiStepLROptions): Schedule {
  checkRate('multiStepLR', 'lr', lr);
  for (const milestone of milestones) checkSteps('multiStepLR', 'a milestone', milestone);
  checkRate('multiStepLR', 'gamma', gamma);
  return (step) => lr * gamma ** milestones.filter((milestone) => milestone <= step).length;
}

export interface ExponentialLROptions {
  lr: number;
  gamma: number;
}

/** lr * gamma^s, as `torch.optim.lr_scheduler.ExponentialLR`. @throws RangeError for options that are out of range */
export function exponentialLR({ lr, gamma }: ExponentialLROptions): Schedule {
  checkRate('exponentialLR', 'lr', lr);
  checkRate('exponentialLR', 'gamma', gamma);
  return (step) => lr * gamma ** step;
}

/** A schedule of epochs as one of steps, with a warm-up. */
function ofEpochs(schedule: Schedule, run: ScheduledRun & { readonly warmupSteps: number | null }): Schedule {
  const { warmupSteps, stepsPerEpoch } = withWarmupSteps(run);
  return rampedUp((step) => schedule(Math.floor(step / stepsPerEpoch)), warmupSteps);
}

const gammaField = { gamma: rate.default(0.1).describe('factor on the rate') };

/** The setting `schedule.kind: step`. */
export const stepSchedule = defineSchedule(
  'step',
  'the rate is multiplied by gamma every stepSize epochs',
  { ...warmupField, stepSize: count.describe('epochs with the same rate'), ...gammaField },
  (settings) => {
    const { lr, stepSize, gamma, epochs, length } = settings;
    if (stepSize >= epochs)
      throw new RangeError(
        `schedule.stepSize is ${stepSize}, but the run has ${length}, so the rate would never change`,
      );
    return ofEpochs(stepLR({ lr, stepSize, gamma }), settings);
  },
);

/** The setting `schedule.kind: multiStep`. */
export const multiStepSchedule = defineSchedule(
  'multiStep',
  'the rate is multiplied by gamma after each of the milestones',
  {
    ...warmupField,
    milestones: z.array(count).min(1).describe('numbers of epochs after which the rate is multiplied by gamma'),
    ...gammaField,
  },
  (settings) => {
    const { lr, milestones, gamma, epochs, length } = settings;
    const late = milestones.find((milestone) => milestone >= epochs);
    if (late !== undefined)
      throw new RangeError(
        `schedule.milestones contains ${late}, but the run has ${length}, so it would never be reached`,
      );
    return ofEpochs(multiStepLR({ lr, milestones, gamma }), settings);
  },
);

/** The setting `schedule.kind: exponential`. */
export const exponentialSchedule = defineSchedule(
  'exponential',
  'the rate is multiplied by gamma after every epoch',
  { ...warmupField, gamma: rate.describe('factor on the rate of the epoch before') },
  (settings) => ofEpochs(exponentialLR({ lr: settings.lr, gamma: settings.gamma }), settings),
);
