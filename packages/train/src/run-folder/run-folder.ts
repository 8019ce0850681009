/** The folder of a run: paths of its files, and how runs and checkpoints are found. */
import { promises as fs } from 'node:fs';
import { join, resolve } from 'node:path';
import { exists, writeFileAtomic } from '@tessera/data/io';
import { parseLayer } from '../config/resolve.ts';

/** The paths of a run's files in its folder. */
export class RunFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = resolve(path);
  }

  get config(): string {
    return join(this.path, 'config.yaml');
  }

  get metrics(): string {
    return join(this.path, 'metrics.jsonl');
  }

  /** Histograms of weights and gradients, where the run has them. */
  get histograms(): string {
    return join(this.path, 'histograms.jsonl');
  }

  get evaluation(): string {
    return join(this.path, 'evaluation.json');
  }

  /** How often the run evaluates besides what its settings say: see `PacedEvaluation`. */
  get evaluationPace(): string {
    return join(this.path, 'evaluation-pace.json');
  }

  get tokenizer(): string {
    return join(this.path, 'tokenizer.json');
  }

  get environment(): string {
    return join(this.path, 'environment.json');
  }

  get checkpoints(): string {
    return join(this.path, 'checkpoints');
  }

  /** The best of the checkpoints that an evaluation followed. */
  get bestCheckpoint(): string {
    return join(this.checkpoints, 'best.safetensors');
  }

  get samples(): string {
    return join(this.path, 'samples');
  }

  get report(): string {
    return join(this.path, 'report.html');
  }

  /** Only the trained weights, under the names of the state_dict. */
  get model(): string {
    return join(this.path, 'model.safetensors');
  }

  /** The folder of trained adapters, without the weights that they adapt. */
  get adapters(): string {
    return join(this.path, 'adapters');
  }

  /**
   * Creates the folder for a run that begins at its first step.
   *
   * @param restart whether the folder may contain a run already, which was interrupted before its first checkpoint
   * @throws where the folder contains a run already, unless it is restarted
   */
  async create({ restart = false }: { restart?: boolean } = {}): Promise<void> {
    await this.check({ restart });
    await fs.mkdir(this.path, { recursive: true });
  }

  /** Checks what `create` checks. @throws where the folder contains a run already, unless it is restarted */
  async check({ restart = false }: { restart?: boolean } = {}): Promise<void> {
    if (!restart && (await exists(this.config)))
      throw new Error(
        `${this.path}: contains a run already; continue it with --resume ${this.path}, or choose another folder`,
      );
  }

  /** Removes the files of a run that was refused before its first step. A folder that contains anything else is left as it is. */
  async discard(): Promise<void> {
    const own = [this.config, this.tokenizer, this.environment];
    const found = (await fs.readdir(this.path)).map((name) => join(this.path, name));
    if (found.some((path) => !own.includes(path))) return;
    for (const path of found) await fs.rm(path);
    await fs.rmdir(this.path);
  }

  /** Path of the latest checkpoint; null if the run was interrupted before its first one. */
  async latestCheckpoint(): Promise<string | null> {
    const path = join(this.checkpoints, 'last.safetensors');
    return (await exists(path)) ? path : null;
  }

  /** Writes a value as JSON, atomically. */
  async writeJson(path: string, value: unknown): Promise<void> {
    await writeFileAtomic(path, [`${JSON.stringify(value, null, 2)}\n`]);
  }
}

/** A checkpoint of a run by what it is: the latest, or the best of those that an evaluation followed. */
export type CheckpointChoice = 'last' | 'best';

/**
 * The checkpoint that a path refers to: the file itself, or a checkpoint of a run's folder.
 *
 * @throws where there is none; the message says where it was expected
 */
export async function findCheckpoint(path: string, choice: CheckpointChoice = 'last'): Promise<string> {
  const stat = await fs.stat(path).catch(() => null);
  if (stat === null) throw new Error(`${path}: there is no such run or checkpoint`);
  if (!stat.isDirectory()) return resolve(path);
  const name = `${choice}.safetensors`;
  for (const candidate of [join(path, 'checkpoints', name), join(path, name)])
    if (await exists(candidate)) return resolve(candidate);
  throw new Error(
    `${path}: contains no ${choice === 'best' ? 'best ' : ''}checkpoint (expected checkpoints/${name})${
      choice === 'best' ? '; there is one after an evaluation, unless checkpoints.best is 0' : ''
    }`,
  );
}

/**
 * The checkpoint whose weights a run's model has: the best one if the run's setting `checkpoints.model` is `best`, else the latest; or the
 * file itself.
 *
 * @throws where there is none
 */
export async function findModelCheckpoint(path: string): Promise<string> {
  const last = await findCheckpoint(path);
  const folder = await findRun(path);
  if (folder === null || last === resolve(path)) return last;
  const { settings } = parseLayer(await fs.readFile(folder.config, 'utf8'), folder.config);
  const { model } = (settings.checkpoints ?? {}) as { readonly model?: unknown };
  const isBest = model === 'best' && (await exists(folder.bestCheckpoint));
  return isBest ? folder.bestCheckpoint : last;
}

/** The run that a path belongs to: the path is its folder, or a checkpoint in it. Null where there is none. */
export async function findRun(path: string): Promise<RunFolder | null> {
  const full = resolve(path);
  for (const candidate of [full, join(full, '..'), join(full, '..', '..')])
    if (await exists(join(candidate, 'config.yaml'))) return new RunFolder(candidate);
  return null;
}
