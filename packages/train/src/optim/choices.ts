/** All optimizers and schedules that a configuration can choose; the first of each is the default. */
import { adamw } from './adamw.ts';
import { constantSchedule, cosineSchedule, linearSchedule } from './schedule.ts';
import type { OptimizerChoice, ScheduleChoice } from './settings.ts';
import { sgd } from './sgd.ts';

export const optimizers: readonly [OptimizerChoice, ...OptimizerChoice[]] = [adamw, sgd];

export const schedules: readonly [ScheduleChoice, ...ScheduleChoice[]] = [
  cosineSchedule,
  linearSchedule,
  constantSchedule,
];

/** The choice with a section's kind. It exists if the section has been checked. */
export function chosen<Choice extends { readonly kind: string }>(choices: readonly Choice[], kind: string): Choice {
  const found = choices.find((choice) => choice.kind === kind);
  if (found === undefined)
    throw new Error(`unknown kind ${kind}; the kinds are ${choices.map((choice) => choice.kind).join(', ')}`);
  return found;
}
