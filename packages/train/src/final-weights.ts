/** The weights that a complete run saves and evaluates: the last ones, an average, or those of its best checkpoint. */
import type { RunConfig } from './config/schema.ts';
import { type Averaging, isAveraged } from './loop/averaging.ts';
import { loadModelState, type Position, readCheckpoint } from './loop/checkpoint.ts';
import type { RunFolder } from './run-folder/run-folder.ts';
import type { AnyTaskModel, Say } from './tasks/task.ts';

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
  const averaged = averaging !== null && isAveraged(averaging, position.epoch) ? averaging : null;
  const [best] = config.checkpoints.model === 'best' ? (position.bestCheckpoints ?? []) : [];
  if (config.checkpoints.model === 'best' && best === undefined)
    say('checkpoints.model is best, but no evaluation had a finite value of the measure: saving the last weights');
  if (best !== undefined && best.step !== position.step) {
    const checkpoint = await readCheckpoint(folder.bestCheckpoint);
    loadModelState(checkpoint, model, config);
    const isAverage = checkpoint.averagesState().size > 0 && averaging !== null;
    return {
      step: best.step,
      metadata: { step: String(best.step), ...(isAverage ? { average: averaging.description } : {}) },
      description: `best checkpoint, step ${best.step}${isAverage ? `; ${averaging.description}` : ''}`,
      use: (run) => run(),
    };
  }
  if (averaged === null) return { step: position.step, metadata: {}, description: null, use: (run) => run() };
  const { averages, description } = averaged;
  return { step: position.step, metadata: { average: description }, description, use: (run) => averages.use(run) };
}
