/** The first stage of a run: its data are opened, its folder is taken, and its model is built. */
import { join } from 'node:path';
import { ColumnMemory, type Split, type SplitFingerprint } from '@tessera/data';
import { writeFileAtomic } from '@tessera/data/io';
import { manualSeed } from '@tessera/tensor';
import { checkSavedWeights } from '../adapt/save-weights.ts';
import { chooseTrainedParts } from '../adapt/trained-parts.ts';
import { formatConfig, resolveConfig } from '../config/resolve.ts';
import type { RunConfig } from '../config/schema.ts';
import type { Settings } from '../config/tree.ts';
import { lockRun } from '../run-folder/lock.ts';
import { RunFolder } from '../run-folder/run-folder.ts';
import { tasks } from '../tasks/index.ts';
import type { AnyTaskModel, Say, Task, TrainedModel, TrainingSite } from '../tasks/task.ts';
import { checkUnchanged } from './checks.ts';
import type { Cleanup } from './cleanup.ts';
import type { TrainingRequest } from './request.ts';
import { openRunData } from './run-data.ts';
import { countUsableRows } from './usable-rows.ts';

/** A run whose model is built. */
export interface OpenRun {
  /** Complete: with what the task has read from the files that the run starts from. */
  readonly config: RunConfig;
  readonly train: Split;
  /** The splits that are evaluated. */
  readonly evaluated: readonly Split[];
  readonly fingerprint: Readonly<Record<string, SplitFingerprint>>;
  readonly subject: AnyTaskModel;
  /** The captions and labels that were read. It is closed before the first step. */
  readonly columnMemory: ColumnMemory;
  /** From now on the folder is kept, whatever happens. */
  keepFolder(): void;
}

/** Captions and labels that are kept until the first step, because several stages read them: those of about three million captions. */
const columnBytes = 256 * 2 ** 20;

/** What the stage needs besides the request. */
export interface OpenContext {
  readonly task: Task;
  readonly say: Say;
  readonly cleanup: Cleanup;
  /** Loads the model of another run. */
  readonly loadModel: TrainingSite['loadModel'];
  /** Trains another model first, in its own folder. Null if it was stopped. */
  trainNested(config: RunConfig, folder: RunFolder): Promise<TrainedModel | null>;
}

/**
 * Opens data, folder and model. Null where a model that is trained first was stopped.
 *
 * A run that is refused before its first step leaves nothing behind: its folder is removed, unless `keepFolder` was called.
 */
export async function openRun(
  { folder, resume, restart = false, allowChanges = false, verifyData = false, ...request }: TrainingRequest,
  { task, say, cleanup, loadModel, trainNested }: OpenContext,
): Promise<OpenRun | null> {
  manualSeed(request.config.seed);
  const prepared = await task.prepare(request.config, resume !== null, say);
  const { config } = prepared;
  let isDiscarded = false;
  cleanup.add(() => isDiscarded && folder.discard());
  const columnMemory = new ColumnMemory(columnBytes);
  cleanup.add(() => columnMemory.close());
  const opened = await openRunData(request.dataset, config, say, columnMemory);
  cleanup.add(() => opened.close());
  const { train, trainParts, evaluated: splits } = opened;
  const fingerprint = await opened.fingerprint(verifyData);
  if (resume === null) await folder.create({ restart });
  else if (!allowChanges) checkUnchanged(resume, config, fingerprint);
  const lock = await lockRun(folder.path);
  cleanup.add(() => lock.release());
  isDiscarded = resume === null && !restart;
  // From here on the run can be continued.
  await writeFileAtomic(folder.config, [formatConfig(config)]);
  const trainFirst = async (name: string, settings: Settings): Promise<TrainedModel | null> => {
    const trained = await trainNested(resolveConfig(settings, [], tasks), new RunFolder(join(folder.path, name)));
    // This run's random numbers are those that it would have without the other.
    manualSeed(config.seed);
    return trained;
  };
  const site: TrainingSite = { config, train, evaluationSplits: splits, folder, say, trainFirst, loadModel };
  const subject = await prepared.create(site);
  if (subject === null) {
    isDiscarded = false;
    return null;
  }
  cleanup.add(() => subject.dispose?.());
  chooseTrainedParts(subject, config, resume === null ? say : () => undefined);
  checkSavedWeights(subject.model, config, say);
  const { data } = config;
  const named = config.evaluation.splits !== null;
  const evaluated = await countUsableRows({
    train: trainParts,
    evaluated: splits,
    named,
    columns: subject.columns,
    data,
    say,
  });
  const keepFolder = (): void => {
    isDiscarded = false;
  };
  return { config, train, evaluated, fingerprint, subject, columnMemory, keepFolder };
}
