/** Loads the model that a command works on. */
import { existsSync } from 'node:fs';
import { findRun, type LoadedCLIPFile, type LoadedRun, loadCLIPFile, loadRun } from '@tessera/train';
import { UsageError } from './command.ts';

/** A run's model, or CLIP from weights outside of a run. */
export type LoadedModel = LoadedRun | LoadedCLIPFile;

/**
 * Loads the model of a run, or of a file or folder of weights that is not in a run.
 *
 * @param set settings that differ from those of the run
 */
export async function loadModel(path: string, set: readonly string[] = []): Promise<LoadedModel> {
  if ((await findRun(path)) !== null || !existsSync(path)) return loadRun(path, set);
  if (set.length > 0) throw new UsageError('--set: weights outside of a run have no settings');
  return loadCLIPFile(path);
}
