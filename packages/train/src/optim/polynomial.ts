/** The schedule that falls by a power. */
import { afterWarmup, warmupField, withWarmupSteps } from './schedule.ts';
import { checkCount, checkRate } from './schedule-checks.ts';
import { defineSchedule, rate, type Schedule } from './settings.ts';

export interface PolynomialLROptions {
  lr: number;
  /** The step from which on the rate is 0. Default 5. */
  totalIters?: number;
  /** Default 1: a straight line. */
  power?: number;
}

/**
 * lr * (1 - min(s, totalIters) / totalIters)^power, as `torch.optim.lr_scheduler.PolynomialLR`.
 *
 * @throws RangeError for options that are out of range
 */
export function polynomialLR({ lr, totalIters = 5, power = 1 }: PolynomialLROptions): Schedule {
  checkRate('polynomialLR', 'lr', lr);
  checkCount('polynomialLR', 'totalIters', totalIters);
  checkRate('polynomialLR', 'power', power);
  return (step) => lr * (1 - Math.min(step, totalIters) / totalIters) ** power;
}

/** The setting `schedule.kind: polynomial`. */
export const polynomialSchedule = defineSchedule(
  'polynomial',
  'warm-up, then (1 - progress)^power down to 0',
  { ...warmupField, power: rate.default(1).describe('power of the remaining share of the run; 1: a straight line') },
  (settings) => {
    const { lr, power, totalSteps, warmupSteps } = withWarmupSteps(settings);
    const totalIters = Math.max(1, totalSteps - warmupSteps);
    return afterWarmup(lr, warmupSteps, polynomialLR({ lr, totalIters, power }));
  },
);
