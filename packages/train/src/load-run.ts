/** Loads the trained model of a run. */
import { loadConfig } from './load-config.ts';
import { LoadedModel } from './loaded-model.ts';
import { type Checkpoint, readCheckpoint } from './loop/checkpoint.ts';
import { type CheckpointChoice, findCheckpoint, findModelCheckpoint, findRun } from './run-folder/run-folder.ts';
import { taskNamed } from './tasks/index.ts';

/** A trained model with its run. */
export class LoadedRun extends LoadedModel {
  readonly checkpoint: Checkpoint;

  constructor({ checkpoint, ...parts }: ConstructorParameters<typeof LoadedModel>[0] & { checkpoint: Checkpoint }) {
    super(parts);
    this.checkpoint = checkpoint;
  }
}

/**
 * Loads a run's model, from the checkpoint that the path names, or one in the run's folder that the path names.
 *
 * @param set settings that differ from those of the run, such as `evaluation.threshold=0.3`
 * @param choice which checkpoint of the folder; null: the one whose weights the run's model has, as its setting `checkpoints.model` says
 * @throws where there is no run or checkpoint, or the checkpoint does not fit the run's configuration
 */
export async function loadRun(
  path: string,
  set: readonly string[] = [],
  choice: CheckpointChoice | null = null,
): Promise<LoadedRun> {
  const checkpoint = await readCheckpoint(
    await (choice === null ? findModelCheckpoint(path) : findCheckpoint(path, choice)),
  );
  const folder = await findRun(path);
  if (folder === null) throw new Error(`${path}: is not in a run's folder: config.yaml is missing`);
  const config = await loadConfig({ base: folder.config, set });
  const task = taskNamed(config.task);
  const subject = await task.restore({ config, folder, checkpoint, loadModel: loadRun });
  return new LoadedRun({ task, config, checkpoint, subject });
}
