/** The schedule of one cycle. */
import { z } from 'zod';
import { checkCount, checkRange, checkRate } from './schedule-checks.ts';
import { defineSchedule, rate, type Schedule, share } from './settings.ts';

const strategies = ['cos', 'linear'] as const;

export interface OneCycleLROptions {
  /** The highest rate. */
  maxLr: number;
  /** Number of steps of the whole run. */
  totalSteps: number;
  /** Share of the run in which the rate rises. Default 0.3. */
  pctStart?: number;
  annealStrategy?: (typeof strategies)[number];
  /** The first rate is maxLr / divFactor. Default 25. */
  divFactor?: number;
  /** The last rate is the first one / finalDivFactor. Default 1e4. */
  finalDivFactor?: number;
  /** Whether the rate falls to the first one as slowly as it rose, and then to the last one. Default false. */
  threePhase?: boolean;
}

interface Phase {
  /** The step at which the phase ends. */
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The rate rises from maxLr / divFactor to maxLr and falls to the last rate (Smith and Topin 2018, "Super-Convergence"), as
 * `torch.optim.lr_scheduler.OneCycleLR` with `cycle_momentum=False`.
 *
 * @throws RangeError for options that are out of range
 */
export function oneCycleLR(options: OneCycleLROptions): Schedule {
  const { maxLr, totalSteps, pctStart = 0.3, annealStrategy = 'cos', threePhase = false } = options;
  const { divFactor = 25, finalDivFactor = 1e4 } = options;
  checkRate('oneCycleLR', 'maxLr', maxLr);
  checkCount('oneCycleLR', 'totalSteps', totalSteps);
  checkRange('oneCycleLR', 'pctStart', pctStart, 0, threePhase ? 0.5 : 1);
  if (!strategies.includes(annealStrategy))
    throw new RangeError(`oneCycleLR: annealStrategy is ${annealStrategy}, expected ${strategies.join(' or ')}`);
  for (const [name, value] of Object.entries({ divFactor, finalDivFactor }))
    if (!(value > 0 && Number.isFinite(value)))
      throw new RangeError(`oneCycleLR: ${name} is ${value}, expected a number above 0`);
  const first = maxLr / divFactor;
  const last = first / finalDivFactor;
  const rise: Phase = { end: pctStart * totalSteps - 1, from: first, to: maxLr };
  const end = totalSteps - 1;
  const phases: readonly Phase[] = threePhase
    ? [rise, { end: 2 * pctStart * totalSteps - 2, from: maxLr, to: first }, { end, from: first, to: last }]
    : [rise, { end, from: maxLr, to: last }];
  return (step) => {
    const at = Math.min(step, end);
    const index = phases.findIndex((phase) => at <= phase.end);
    const phase = phases[index] as Phase;
    const start = phases[index - 1]?.end ?? 0;
    const progress = phase.end > start ? (at - start) / (phase.end - start) : 1;
    return annealStrategy === 'cos'
      ? phase.to + ((phase.from - phase.to) / 2) * (Math.cos(Math.PI * progress) + 1)
      : (phase.to - phase.from) * progress + phase.from;
  };
}

/** The setting `schedule.kind: oneCycle`. */
export const oneCycleSchedule = defineSchedule(
  'oneCycle',
  'from optimizer.lr / divFactor up to optimizer.lr and down again (Smith and Topin 2018)',
  {
    pctStart: share.default(0.3).describe('share of the run in which the rate rises'),
    annealStrategy: z.enum(strategies).default('cos').describe('how the rate rises and falls'),
    divFactor: rate.min(1).default(25).describe('the first rate is optimizer.lr divided by this'),
    finalDivFactor: rate.min(1).default(1e4).describe('the last rate is the first one divided by this'),
    threePhase: z
      .boolean()
      .default(false)
      .describe('whether the rate falls to the first one as slowly as it rose, and then to the last one'),
  },
  (settings) => {
    const { lr, totalSteps, pctStart, annealStrategy, divFactor, finalDivFactor, threePhase } = settings;
    if (threePhase && pctStart > 0.5)
      throw new RangeError(
        `schedule.pctStart is ${pctStart}: with schedule.threePhase the rise and the fall take twice this share, at most 0.5`,
      );
    return oneCycleLR({ maxLr: lr, totalSteps, pctStart, annealStrategy, divFactor, finalDivFactor, threePhase });
  },
);
