/** Cosine schedules, with and without restarts. */
import { afterWarmup, minLrField, warmupField, withWarmupSteps } from './schedule.ts';
import { checkCount, checkRate } from './schedule-checks.ts';
import { count, defineSchedule, type Schedule } from './settings.ts';

export interface CosineAnnealingLROptions {
  lr: number;
  /** Number of steps of half a wave: the rate is `etaMin` at that step, and then rises again. */
  tMax: number;
  etaMin?: number;
}

/** The rate after a share of half a cosine wave from `lr` down to `etaMin`. */
const halfWave = (lr: number, etaMin: number, progress: number): number =>
  etaMin + ((lr - etaMin) * (1 + Math.cos(Math.PI * progress))) / 2;

/**
 * etaMin + (lr - etaMin) / 2 * (1 + cos(pi s / tMax)), as `torch.optim.lr_scheduler.CosineAnnealingLR`: a wave without end. `warmupCosine`
 * ends at its minimum. SGDR (Loshchilov & Hutter 2017), equation 5.
 *
 * @throws RangeError for options that are out of range
 */
export function cosineAnnealingLR({ lr, tMax, etaMin = 0 }: CosineAnnealingLROptions): Schedule {
  checkRate('cosineAnnealingLR', 'lr', lr);
  checkCount('cosineAnnealingLR', 'tMax', tMax);
  checkRate('cosineAnnealingLR', 'etaMin', etaMin);
  return (step) => halfWave(lr, etaMin, step / tMax);
}

export interface CosineAnnealingWarmRestartsOptions {
  lr: number;
  /** Number of steps up to the first restart. */
  t0: number;
  /** Each cycle is this many times as long as the one before: a whole number. Default 1. */
  tMult?: number;
  etaMin?: number;
}

/**
 * Half a cosine wave from `lr` down to `etaMin` again and again, as `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`. Steps may have
 * fractions. SGDR (Loshchilov & Hutter 2017), equation 5.
 *
 * @throws RangeError for options that are out of range
 */
export function cosineAnnealingWarmRestarts(options: CosineAnnealingWarmRestartsOptions): Schedule {
  const { lr, t0, tMult = 1, etaMin = 0 } = options;
  checkRate('cosineAnnealingWarmRestarts', 'lr', lr);
  checkCount('cosineAnnealingWarmRestarts', 't0', t0);
  checkCount('cosineAnnealingWarmRestarts', 'tMult', tMult);
  checkRate('cosineAnnealingWarmRestarts', 'etaMin', etaMin);
  return (step) => {
    let [since, length] = [step, t0];
    if (tMult === 1) since %= t0;
    else
      while (since >= length) {
        since -= length;
        length *= tMult;
      }
    return halfWave(lr, etaMin, since / length);
  };
}

/** The setting `schedule.kind: cosineRestarts`. */
export const cosineRestartsSchedule = defineSchedule(
  'cosineRestarts',
  'warm-up, then half a cosine wave down to minLr, again and again',
  {
    ...warmupField,
    t0: count.describe('epochs of the first wave'),
    tMult: count.default(1).describe('each wave is this many times as long as the one before'),
    ...minLrField,
  },
  (settings) => {
    const { lr, warmupSteps, stepsPerEpoch, t0, tMult, minLr, epochs, length } = withWarmupSteps(settings);
    if (t0 > epochs)
      throw new RangeError(
        `schedule.t0 is ${t0}, but the run has ${length}, so the first wave would not end; ` +
          'schedule.kind=cosine is one wave over the whole run',
      );
    if (minLr > lr) throw new RangeError(`schedule.minLr is ${minLr}, larger than optimizer.lr, ${lr}`);
    const waves = cosineAnnealingWarmRestarts({ lr, t0: t0 * stepsPerEpoch, tMult, etaMin: minLr });
    return afterWarmup(lr, warmupSteps, waves);
  },
);
