/** The learning rate of stochastic weight averaging. */
import { checkRate, checkSteps } from './schedule-checks.ts';
import type { Schedule } from './settings.ts';

const strategies = ['cos', 'linear'] as const;

export interface SWALROptions {
  /** The step of the schedule from which on the rate moves to `swaLr`. */
  start: number;
  swaLr: number;
  /** Number of steps until it is there. Default 10. */
  annealEpochs?: number;
  annealStrategy?: (typeof strategies)[number];
}

/**
 * A schedule whose rate moves from its value at a step to a constant one, as `torch.optim.swa_utils.SWALR`.
 *
 * @throws RangeError for options that are out of range
 */
export function swaLR(
  schedule: Schedule,
  { start, swaLr, annealEpochs = 10, annealStrategy = 'cos' }: SWALROptions,
): Schedule {
  checkSteps('swaLR', 'start', start);
  checkRate('swaLR', 'swaLr', swaLr);
  checkSteps('swaLR', 'annealEpochs', annealEpochs);
  if (!strategies.includes(annealStrategy))
    throw new RangeError(`swaLR: annealStrategy is ${annealStrategy}, expected ${strategies.join(' or ')}`);
  return (step) => {
    if (step < start) return schedule(step);
    const progress = annealEpochs === 0 ? 1 : Math.min(1, (step - start) / annealEpochs);
    const share = annealStrategy === 'cos' ? (1 - Math.cos(Math.PI * progress)) / 2 : progress;
    return swaLr * share + schedule(start) * (1 - share);
  };
}
