/** Schedules in sequence, and the two that usually come first. */
import { checkCount, checkRange, checkRate, checkSteps } from './schedule-checks.ts';
import type { Schedule } from './settings.ts';

export interface LinearLROptions {
  lr: number;
  /** Default 1 / 3. */
  startFactor?: number;
  /** Default 1. */
  endFactor?: number;
  /** The step from which on the factor is `endFactor`. Default 5. */
  totalIters?: number;
}

/**
 * lr times a factor that moves in a straight line, as `torch.optim.lr_scheduler.LinearLR`.
 *
 * @throws RangeError for options that are out of range
 */
export function linearLR({ lr, startFactor = 1 / 3, endFactor = 1, totalIters = 5 }: LinearLROptions): Schedule {
  checkRate('linearLR', 'lr', lr);
  checkRange('linearLR', 'startFactor', startFactor, Number.MIN_VALUE, 1);
  checkRange('linearLR', 'endFactor', endFactor, 0, 1);
  checkCount('linearLR', 'totalIters', totalIters);
  return (step) => lr * (startFactor + ((endFactor - startFactor) * Math.min(step, totalIters)) / totalIters);
}

export interface ConstantLROptions {
  lr: number;
  /** Default 1 / 3. */
  factor?: number;
  /** The step from which on the rate is `lr`. Default 5. */
  totalIters?: number;
}

/** lr * factor, then lr, as `torch.optim.lr_scheduler.ConstantLR`. @throws RangeError for options that are out of range */
export function constantLR({ lr, factor = 1 / 3, totalIters = 5 }: ConstantLROptions): Schedule {
  checkRate('constantLR', 'lr', lr);
  checkRange('constantLR', 'factor', factor, 0, 1);
  checkSteps('constantLR', 'totalIters', totalIters);
  return (step) => (step < totalIters ? lr * factor : lr);
}

/**
 * One schedule after the other, as `torch.optim.lr_scheduler.SequentialLR`: schedule k + 1 begins, at its own step 0, at milestone k.
 *
 * @throws RangeError where the milestones are not ascending or their number is not that of the schedules less 1
 */
export function sequentialLR(schedules: readonly Schedule[], milestones: readonly number[]): Schedule {
  const [first] = schedules;
  if (first === undefined || milestones.length !== schedules.length - 1)
    throw new RangeError(
      `sequentialLR: ${schedules.length} schedules need ${Math.max(0, schedules.length - 1)} milestones, got ${milestones.length}`,
    );
  for (const [k, milestone] of milestones.entries()) {
    checkSteps('sequentialLR', 'a milestone', milestone);
    if (milestone < (milestones[k - 1] ?? 0))
      throw new RangeError(`sequentialLR: milestones must be ascending, got ${milestones.join(', ')}`);
  }
  return (step) => {
    const index = milestones.filter((milestone) => milestone <= step).length;
    const schedule = schedules[index] ?? first;
    return schedule(step - (milestones[index - 1] ?? 0));
  };
}
