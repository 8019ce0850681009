/** The weights that a complete run saves and evaluates: the last ones, an average, or those of its best checkpoint. */
import type { RunConfig } from '../config/schema.ts';
import { type Averaging, isAveraged } from '../loop/averaging.ts';
import { loadTrainedState, type Position, readCheckpoint } from '../loop/checkpoint.ts';
import type { RunFolder } from '../run-folder/run-folder.ts';
import type { AnyTaskModel, Say } from '../tasks/task.ts';

export interface FinalWeights {
  /** The step that they are from. */
  readonly step: number;
  /** Further metadata of their file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** In words; null for the last weights as they were trained. */
  readonly description: string | null;
  /** Runs a function while the model has these weights. */
  use<T>(run: () => Promise<T>): Promise<T>;
}

/**
 * The final weights of a run. Those of the best checkpoint stay in the model.
 *
 * @param position where the run ended
 */
export async function finalWeights(
  config: RunConfig,
  folder: RunFolder,
  { model }: AnyTaskModel,
  averaging: Averaging | null,
  position: Position,
  say: Say,
): Promise<FinalWeights> {
  const [best] = config.checkpoints.model === 'best' ? (position.bestCheckpoints ?? []) : [];
  if (config.checkpoints.model === 'best' && best === undefined)
    say('checkpoints.model is best, but no evaluation had a finite value of the measure: saving the last weights');
  if (best === undefined || best.step === position.step) {
    const averaged = averaging !== null && isAveraged(averaging, position.epoch) ? averaging : null;
    return { step: position.step, ...weightsOf(averaged, []), metadata: averageMetadata(averaged) };
  }
  const checkpoint = await readCheckpoint(folder.bestCheckpoint);
  loadTrainedState(checkpoint, model, config, averaging?.averages ?? null);
  const averaged = checkpoint.averagesState().size > 0 ? averaging : null;
  return {
    step: best.step,
    ...weightsOf(averaged, [`best checkpoint, step ${best.step}`]),
    metadata: { step: String(best.step), ...averageMetadata(averaged) },
  };
}

const averageMetadata = (averaged: Averaging | null): Record<string, string> =>
  averaged === null ? {} : { average: averaged.description };

/** The weights that are in a model, or their averages. `facts`: what else is to be said about them. */
const weightsOf = (
  averaged: Averaging | null,
  facts: readonly string[],
): Pick<FinalWeights, 'description' | 'use'> => ({
  description: [...facts, ...(averaged === null ? [] : [averaged.description])].join('; ') || null,
  use: (run) => averaged?.averages.use(run) ?? run(),
});
