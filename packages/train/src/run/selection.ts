/** What a run decides by its evaluations: which checkpoints are the best, and whether it ends early. */
import type { Split } from '@tessera/data';
import { getDefaultGenerator } from '@tessera/tensor';
import type { RunConfig } from '../config/schema.ts';
import type { BestRule } from '../loop/best-checkpoints.ts';
import type { EarlyStoppingRule } from '../loop/early-stopping.ts';
import { plannedInterval } from '../loop/evaluation-interval.ts';
import { checkMeasure, chosenMeasure, type MainMeasure } from '../loop/measure.ts';
import type { RunLength } from '../loop/run-length.ts';
import type { AnyTaskModel, EvaluationRequest } from '../tasks/task.ts';

export interface Selection {
  readonly best: BestRule | null;
  readonly earlyStopping: EarlyStoppingRule | null;
}

/**
 * The rules of a run that follow its evaluations.
 *
 * @throws RangeError where the settings do not go together or would have no effect; the message names them and what to set
 */
export const createSelection = (config: RunConfig, main: MainMeasure): Selection => ({
  best: bestRule(config, main),
  earlyStopping: earlyStoppingRule(config, main),
});

function bestRule({ checkpoints: { best, metric, mode, model } }: RunConfig, main: MainMeasure): BestRule | null {
  if (best === 0) {
    if (metric !== null || mode !== null)
      throw new RangeError(
        `checkpoints.${metric === null ? 'mode' : 'metric'} is set, but checkpoints.best is 0, so it would have no effect`,
      );
    if (model === 'best')
      throw new RangeError(
        'checkpoints.model is best, but checkpoints.best is 0: keep at least one, checkpoints.best=1',
      );
    return null;
  }
  return { measure: chosenMeasure('checkpoints', { metric, mode }, main), count: best };
}

function earlyStoppingRule(config: RunConfig, main: MainMeasure): EarlyStoppingRule | null {
  const section = 'training.earlyStopping';
  const { patience, metric, mode, minDelta } = config.training.earlyStopping;
  if (patience === null) {
    for (const [name, isSet] of Object.entries({
      metric: metric !== null,
      mode: mode !== null,
      minDelta: minDelta > 0,
    }))
      if (isSet)
        throw new RangeError(`${section}.${name} is set, but ${section}.patience is null, so it would have no effect`);
    return null;
  }
  if (plannedInterval(config) === null)
    throw new RangeError(
      `${section}.patience is ${patience}, but evaluation.everyEpochs is null: there is no evaluation before the last epoch to follow; set it, for example to 1`,
    );
  return { measure: chosenMeasure(section, { metric, mode }, main), patience, minDelta };
}

/** @throws RangeError where a run of this length has too few evaluations to end early */
export function checkPatience(
  config: RunConfig,
  { exactEpochs, setting }: Pick<RunLength, 'exactEpochs' | 'setting'>,
): void {
  const { patience } = config.training.earlyStopping;
  const everyEpochs = plannedInterval(config);
  if (patience === null || everyEpochs === null) return;
  // The one at the end does not end it early, and the first is an improvement.
  const evaluations = Math.ceil(exactEpochs / everyEpochs) - 1;
  if (patience >= evaluations)
    throw new RangeError(
      `training.earlyStopping.patience is ${patience}, but a run with ${setting} and evaluation.everyEpochs=${everyEpochs} has ${evaluations} evaluations before its end, of which the first is an improvement, so it would never end early`,
    );
}

/**
 * Checks before the first step that the measures which settings name exist, with an evaluation of one batch. The random numbers of the run
 * are those without the check.
 *
 * @param scheduleMetric the measure that the schedule follows; null: none, or the main measure
 * @throws where an evaluation does not have a measure; the message lists those that it has
 */
export async function checkMeasures(
  subject: AnyTaskModel,
  [split]: readonly Split[],
  request: EvaluationRequest,
  config: RunConfig,
  scheduleMetric: string | null,
): Promise<void> {
  const { checkpoints, training } = config;
  const named = [
    ['schedule.metric', scheduleMetric],
    ['checkpoints.metric', checkpoints.metric],
    ['training.earlyStopping.metric', training.earlyStopping.metric],
  ] as const;
  const needing = [
    ...named.flatMap(([setting, name]) => (name === null ? [] : [setting])),
    ...(training.earlyStopping.patience === null ? [] : ['training.earlyStopping.patience']),
    ...(checkpoints.model === 'best' ? ['checkpoints.model=best'] : []),
  ];
  if (needing.length === 0) return;
  if (split === undefined)
    throw new Error(
      `${needing.join(', ')}: this run evaluates no split, so no measure can be followed; set evaluation.splits`,
    );
  if (named.every(([, name]) => name === null)) return;
  const limit = Math.min(request.batchSize, request.limit ?? request.batchSize);
  const generator = getDefaultGenerator().state();
  const evaluate = (rows: number | null) => subject.evaluate([split], { ...request, limit: rows, baseline: null });
  // There may be no row among so few that can be used.
  const [first] = await evaluate(limit).catch(() => evaluate(request.limit));
  getDefaultGenerator().setState(generator);
  if (first !== undefined) for (const [setting, name] of named) if (name !== null) checkMeasure(setting, name, first);
}
