/** The folder of a run: paths of its files, and how runs and checkpoints are found. */
import { promises as fs } from 'node:fs';
import { join, resolve } from 'node:path';
import { exists, writeFileAtomic } from '@tessera/data/io';

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

  get evaluation(): string {
    return join(this.path, 'evaluation.json');
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

/**
 * The checkpoint that a path refers to: the file itself, or the latest checkpoint of a run's folder.
 *
 * @throws where there is none; the message says where it was expected
 */
export async function findCheckpoint(path: string): Promise<string> {
  const stat = await fs.stat(path).catch(() => null);
  if (stat === null) throw new Error(`${path}: there is no such run or checkpoint`);
  if (!stat.isDirectory()) return resolve(path);
  for (const candidate of [join(path, 'checkpoints', 'last.safetensors'), join(path, 'last.safetensors')])
    if (await exists(candidate)) return resolve(candidate);
  throw new Error(`${path}: contains no checkpoint (expected checkpoints/last.safetensors)`);
}

/** The run that a path belongs to: the path is its folder, or a checkpoint in it. Null where there is none. */
export async function findRun(path: string): Promise<RunFolder | null> {
  const full = resolve(path);
  for (const candidate of [full, join(full, '..'), join(full, '..', '..')])
    if (await exists(join(candidate, 'config.yaml'))) return new RunFolder(candidate);
  return null;
}
