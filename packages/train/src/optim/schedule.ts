/** Schedules of the learning rate with a warm-up, and how the settings of others begin with one. */
import { z } from 'zod';
import { checkRate, checkSteps, stepCount } from './schedule-checks.ts';
import { defineSchedule, rate, type Schedule } from './settings.ts';

export type { Schedule };

export interface ConstantOptions {
  /** The learning rate. */
  lr: number;
}

export interface WarmupOptions {
  /** The highest learning rate. */
  lr: number;
  /** W: number of steps over which the rate grows linearly; its value in step s is lr * (s + 1) / W. */
  warmupSteps: number;
  /** T: number of steps of the whole run, warm-up included. */
  totalSteps: number;
  /** The rate from step T on. Default 0. */
  minLr?: number;
}

/** The same learning rate in every step. */
export function constant({ lr }: ConstantOptions): Schedule {
  checkRate('constant', 'lr', lr);
  return () => lr;
}

/** Warm-up, then a straight line down to `minLr` at step T. @throws RangeError where the warm-up is longer than the run */
export function warmupLinear(options: WarmupOptions): Schedule {
  return withWarmup('warmupLinear', options, (progress) => 1 - progress);
}

/**
 * Warm-up, then half a cosine wave down to `minLr` at step T, as CLIP was trained:
 * minLr + (lr - minLr) / 2 * (1 + cos(pi * (s - W) / (T - W))). SGDR (Loshchilov & Hutter 2017), equation 5, without restarts.
 *
 * @throws RangeError where the warm-up is longer than the run: the rate would never reach `lr`
 */
export function warmupCosine(options: WarmupOptions): Schedule {
  return withWarmup('warmupCosine', options, (progress) => (1 + Math.cos(Math.PI * progress)) / 2);
}

/** @param decay falls from 1 to 0 while the progress after the warm-up grows from 0 to 1 */
function withWarmup(name: string, options: WarmupOptions, decay: (progress: number) => number): Schedule {
  const { lr, warmupSteps, totalSteps, minLr = 0 } = options;
  checkRate(name, 'lr', lr);
  checkRate(name, 'minLr', minLr);
  if (minLr > lr) throw new RangeError(`${name}: minLr ${minLr} is larger than lr ${lr}`);
  checkSteps(name, 'warmupSteps', warmupSteps);
  checkSteps(name, 'totalSteps', totalSteps);
  if (warmupSteps > totalSteps) {
    throw new RangeError(
      `${name}: a warm-up of ${warmupSteps} steps is longer than the whole run of ${totalSteps} steps, so the learning rate would ` +
        `never reach ${lr}: shorten the warm-up (typically 10 % of the run: here ${stepCount(Math.floor(totalSteps / 10))}) or train longer`,
    );
  }
  return (step) => {
    if (step < warmupSteps) return (lr * (step + 1)) / warmupSteps;
    if (step >= totalSteps) return minLr;
    return minLr + (lr - minLr) * decay((step - warmupSteps) / (totalSteps - warmupSteps));
  };
}

/** The warm-up of a run that sets none. */
export const defaultWarmup = (totalSteps: number): number => Math.min(100, Math.floor(totalSteps / 10));

/**
 * The settings with the warm-up as a number of steps.
 *
 * @throws where the warm-up that was set is longer than the run; the message names the setting
 */
export function withWarmupSteps<S extends { readonly warmupSteps: number | null; readonly totalSteps: number }>(
  settings: S,
): S & { readonly warmupSteps: number } {
  const { warmupSteps, totalSteps } = settings;
  if (warmupSteps !== null && warmupSteps > totalSteps)
    throw new RangeError(
      `schedule.warmupSteps is ${warmupSteps}, longer than the whole run of ${stepCount(totalSteps)}: ` +
        `set it to null for a tenth of the run (here ${stepCount(defaultWarmup(totalSteps))}), or train longer`,
    );
  const isShare = warmupSteps !== null && warmupSteps < 1;
  const set = isShare ? Math.floor(warmupSteps * totalSteps) : warmupSteps;
  return { ...settings, warmupSteps: set ?? defaultWarmup(totalSteps) };
}

/**
 * A schedule whose first steps are smaller: in step s by the factor (s + 1) / W. Unlike a sequence of two schedules, this does not delay
 * what happens at a fixed epoch.
 */
export const rampedUp =
  (schedule: Schedule, warmupSteps: number): Schedule =>
  (step) =>
    step < warmupSteps ? (schedule(step) * (step + 1)) / warmupSteps : schedule(step);

/** A warm-up, and then a schedule, which begins at its own step 0. */
export const afterWarmup =
  (lr: number, warmupSteps: number, schedule: Schedule): Schedule =>
  (step) =>
    step < warmupSteps ? (lr * (step + 1)) / warmupSteps : schedule(step - warmupSteps);

/** The setting of the warm-up. */
export const warmupField = {
  warmupSteps: z
    .number()
    .nonnegative()
    .refine(
      (value) => value < 1 || Number.isInteger(value),
      'expected a whole number of steps, or a share of the run below 1',
    )
    .nullable()
    .default(null)
    .describe(
      'steps over which the rate grows to optimizer.lr, or their share of the run, such as 0.1; null: a tenth of the run, at most 100',
    ),
};

/** The setting of the last rate. */
export const minLrField = { minLr: rate.default(0).describe('rate at the end') };

const warmupFields = { ...warmupField, ...minLrField };

/** The setting `schedule.kind: cosine`. */
export const cosineSchedule = defineSchedule(
  'cosine',
  'warm-up, then half a cosine wave down to minLr',
  warmupFields,
  (settings) => warmupCosine(withWarmupSteps(settings)),
);

/** The setting `schedule.kind: linear`. */
export const linearSchedule = defineSchedule(
  'linear',
  'warm-up, then a straight line down to minLr',
  warmupFields,
  (settings) => warmupLinear(withWarmupSteps(settings)),
);

/** The setting `schedule.kind: constant`. */
export const constantSchedule = defineSchedule('constant', 'the same rate in every step', {}, constant);
