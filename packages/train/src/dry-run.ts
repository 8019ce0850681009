/** A dry run: everything that a run does, a little of each, without leaving anything. */
import { promises as fs, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { exists } from '@tessera/data/io';
import { estimateRun, type RunEstimate } from './dry-run/estimate.ts';
import { Measurements } from './dry-run/measure.ts';
import { RunFolder } from './run-folder/run-folder.ts';
import { type TrainingRequest, trainModel } from './train-model.ts';

/** What a dry run found. */
export interface DryRunResult {
  /** The runs that are trained first, and last the run itself. */
  readonly runs: readonly RunEstimate[];
  readonly seconds: number;
  /** Bytes of memory that the run needs. */
  readonly peakBytes: number;
  /** Bytes that the run's folder needs, and how many are free where it will be. */
  readonly disk: { readonly needed: number; readonly free: number };
}

/**
 * Does everything that a run does: opens the data, builds the model, takes a few steps, writes a checkpoint, evaluates a few batches of each
 * split, and writes the report, in a temporary folder that is removed. Null if it was stopped.
 *
 * @throws whatever the run would throw up to there
 */
export async function dryRun(request: Omit<TrainingRequest, 'trial'>): Promise<DryRunResult | null> {
  const { folder, resume, restart = false, signal } = request;
  if (resume === null) await folder.check({ restart });
  const disk = await freeSpace(folder.path);
  const temporary = await fs.mkdtemp(join(tmpdir(), 'tessera-dry-run-'));
  // A second Ctrl-C ends the process at once.
  const remove = (): void => rmSync(temporary, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    const own = new RunFolder(join(temporary, basename(folder.path)));
    if (resume !== null) await copyRun(folder, own);
    const trial = new Measurements();
    const { finished } = await trainModel({ ...request, loggers: [], folder: own, trial });
    if (!finished) return null;
    const runs = trial.runs.map(estimateRun);
    return {
      runs,
      seconds: runs.reduce((sum, { time }) => sum + time.total, 0),
      peakBytes: Math.max(...runs.map(({ memory }) => memory.peak)),
      disk: { needed: runs.reduce((sum, { measured }) => sum + folderBytes(measured), 0), free: disk },
    };
  } catch (error) {
    if (signal?.aborted) return null;
    throw error;
  } finally {
    process.off('exit', remove);
    remove();
  }
}

/** Copies what a resumed run reads from its folder: everything but its checkpoints, of which one has been read, and its samples. */
async function copyRun(from: RunFolder, to: RunFolder): Promise<void> {
  const left = [from.checkpoints, from.samples];
  const filter = (path: string): boolean => !left.includes(path) && basename(path) !== 'run.lock';
  await fs.cp(from.path, to.path, { recursive: true, filter });
}

/** Bytes of a run's checkpoints and weights. */
function folderBytes({ state, run }: RunEstimate['measured']): number {
  const checkpoint = state.model + state.optimizer + state.averages;
  // While one is written, the oldest still exists.
  const { keep, best } = run.config.checkpoints;
  return checkpoint * (keep + best + 1) + state.model;
}

/** Bytes that are free where a folder is or will be. @throws where it cannot be created or written */
async function freeSpace(path: string): Promise<number> {
  let parent = path;
  while (!(await exists(parent))) parent = dirname(parent);
  if (!(await fs.stat(parent)).isDirectory())
    throw new Error(`${path}: cannot be created, because ${parent} is not a folder`);
  await fs.access(parent, fs.constants.W_OK).catch(() => {
    throw new Error(`${path}: cannot be written, because ${parent} does not allow it`);
  });
  const { bavail, bsize } = await fs.statfs(parent);
  return bavail * bsize;
}
