/** Loads the model that a command works on. */
import { existsSync, statSync } from 'node:fs';
import {
  type CheckpointChoice,
  findRun,
  type LoadedFile,
  type LoadedRun,
  loadModelFile,
  loadRun,
} from '@tessera/train';
import { UsageError } from './command.ts';

/** A run's model, or CLIP from weights outside of a run. */
export type LoadedModel = LoadedRun | LoadedFile;

/**
 * Loads the model of a run, or of a file or folder of weights that is not in a run.
 *
 * @param set settings that differ from those of the run
 * @param choice which checkpoint of the run; null: the one whose weights the run's model has
 */
export async function loadModel(
  path: string,
  set: readonly string[] = [],
  choice: CheckpointChoice | null = null,
): Promise<LoadedModel> {
  if (choice !== null && existsSync(path) && !statSync(path).isDirectory())
    throw new UsageError(`--checkpoint ${choice}: ${path} is a file; the option needs the folder of a run`);
  if ((await findRun(path)) !== null || !existsSync(path)) return loadRun(path, set, choice);
  if (choice !== null) throw new UsageError('--checkpoint: weights outside of a run have no checkpoints');
  if (set.length > 0) throw new UsageError('--set: weights outside of a run have no settings');
  return loadModelFile(path);
}
