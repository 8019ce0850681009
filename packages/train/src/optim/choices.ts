/** All optimizers and schedules that a configuration can choose; the first of each is the default. */
import { adadelta } from './adadelta.ts';
import { adafactor } from './adafactor.ts';
import { adagrad } from './adagrad.ts';
import { adam } from './adam.ts';
import { adamax } from './adamax.ts';
import { adamw } from './adamw.ts';
import { cosineRestartsSchedule } from './cosine-annealing.ts';
import { exponentialSchedule, multiStepSchedule, stepSchedule } from './gamma-schedules.ts';
import { lamb } from './lamb.ts';
import { lars } from './lars.ts';
import { lion } from './lion.ts';
import { nadam } from './nadam.ts';
import { oneCycleSchedule } from './one-cycle.ts';
import { polynomialSchedule } from './polynomial.ts';
import { radam } from './radam.ts';
import { plateauSchedule } from './reduce-lr-on-plateau.ts';
import { rmsprop } from './rmsprop.ts';
import { constantSchedule, cosineSchedule, linearSchedule } from './schedule.ts';
import type { OptimizerChoice, ScheduleChoice } from './settings.ts';
import { sgd } from './sgd.ts';

/** Rprop is not among them: it takes the gradient of all data, and does not follow a schedule. */
export const optimizers: readonly [OptimizerChoice, ...OptimizerChoice[]] = [
  adamw,
  sgd,
  adam,
  nadam,
  radam,
  adamax,
  rmsprop,
  adagrad,
  adadelta,
  adafactor,
  lion,
  lamb,
  lars,
];

export const schedules: readonly [ScheduleChoice, ...ScheduleChoice[]] = [
  cosineSchedule,
  linearSchedule,
  constantSchedule,
  stepSchedule,
  multiStepSchedule,
  exponentialSchedule,
  polynomialSchedule,
  oneCycleSchedule,
  cosineRestartsSchedule,
  plateauSchedule,
];

/** The choice with a section's kind. It exists if the section has been checked. */
export function chosen<Choice extends { readonly kind: string }>(choices: readonly Choice[], kind: string): Choice {
  const found = choices.find((choice) => choice.kind === kind);
  if (found === undefined)
    throw new Error(`unknown kind ${kind}; the kinds are ${choices.map((choice) => choice.kind).join(', ')}`);
  return found;
}
