/** How far a sweep is, computed from its plan and its records alone: which configurations are in which rung, and what is to be trained. */
import { promoted } from './halving.ts';
import type { PlannedConfiguration, PlannedRun, SweepPlan } from './plan.ts';
import { type Reached, type Records, reachedAt, recordOf } from './state.ts';
import { mean } from './statistics.ts';

/** A run that is to be trained up to an epoch. */
export interface Work {
  readonly run: PlannedRun;
  /** Number of its configuration. */
  readonly number: number;
  /** Complete epochs at its end, counted from the start of the run. */
  readonly epochs: number;
}

/** The value of the metric; null where the evaluation has no value. @throws where the evaluation does not know the metric */
function metricOf({ metric }: SweepPlan, { evaluations }: Reached): number | null {
  const [first] = evaluations;
  if (first === undefined)
    throw new Error(`the runs of the sweep have no ${metric}: no split is evaluated; see evaluation.splits`);
  const value = first.values[metric];
  if (value === undefined)
    throw new Error(
      `metric is ${metric}, which the evaluation of ${first.split} does not have; it has ${Object.keys(first.values).join(', ')}`,
    );
  return value;
}

/** The last epoch of a run in a rung: a configuration may train for fewer epochs than others. */
const epochsOf = (run: PlannedRun, epochs: number): number => Math.min(epochs, run.config.training.epochs);

/** Whether a run needs no more training in a rung of so many epochs: it has its result, or has failed. */
export function isSettled(records: Records, run: PlannedRun, epochs: number): boolean {
  const record = recordOf(records, run.folder);
  return record.failure !== null || reachedAt(record, epochsOf(run, epochs)) !== undefined;
}

/** A configuration in the last rung that it has reached. */
export interface Standing {
  readonly configuration: PlannedConfiguration;
  /** Position of that rung. */
  readonly rung: number;
  /** Whether it will not be trained further, because others were promoted. */
  readonly isEliminated: boolean;
}

/** What is known about a sweep. */
export interface Progress {
  readonly standings: readonly Standing[];
  /** What is to be trained now; what follows depends on its results. */
  readonly work: readonly Work[];
}

/**
 * A rung is complete as soon as each of its runs has its result or has failed. Then the configurations with the best means over their seeds
 * are promoted; one with a failed run has no mean, because it could not be compared with others.
 */
export function progressOf(plan: SweepPlan, records: Records): Progress {
  const standings = new Map<PlannedConfiguration, Standing>();
  let left = plan.configurations;
  for (const [rung, { epochs }] of plan.rungs.entries()) {
    for (const configuration of left) standings.set(configuration, { configuration, rung, isEliminated: false });
    const work = left.flatMap(({ runs, number }) =>
      runs.flatMap((run): Work[] =>
        isSettled(records, run, epochs) ? [] : [{ run, number, epochs: epochsOf(run, epochs) }],
      ),
    );
    const next = plan.rungs[rung + 1];
    if (work.length > 0 || next === undefined) return { standings: [...standings.values()], work };
    const means = left.map((configuration) => completeMean(plan, records, configuration, epochs));
    const best = promoted(means, next.configurations, plan.mode).map((position) => left[position]);
    for (const configuration of left)
      if (!best.includes(configuration)) standings.set(configuration, { configuration, rung, isEliminated: true });
    left = left.filter((configuration) => best.includes(configuration));
  }
  return { standings: [...standings.values()], work: [] };
}

/** The values of a configuration's runs after some epochs, in the order of the seeds; null for a run without one. */
export const valuesAt = (
  plan: SweepPlan,
  records: Records,
  { runs }: PlannedConfiguration,
  epochs: number,
): (number | null)[] =>
  runs.map((run) => {
    const record = recordOf(records, run.folder);
    const reached = record.failure === null ? reachedAt(record, epochsOf(run, epochs)) : undefined;
    return reached === undefined ? null : metricOf(plan, reached);
  });

/** The mean over all seeds; null where one has no value. */
function completeMean(
  plan: SweepPlan,
  records: Records,
  configuration: PlannedConfiguration,
  epochs: number,
): number | null {
  const values = valuesAt(plan, records, configuration, epochs);
  const present = values.filter((value) => value !== null);
  return present.length < values.length ? null : mean(present);
}
