/** The checkpoints of a run, of which the latest and the best are kept. */
import { randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { exists } from '@tessera/data/io';

const latestPattern = /^checkpoint-(\d+)\.safetensors$/;
const bestPattern = /^best-(\d+)\.safetensors$/;

/**
 * A run's folder of checkpoints: the latest `checkpoint-STEP.safetensors` and the best `best-STEP.safetensors`; `last.safetensors` and
 * `best.safetensors` are the latest and the best of them.
 */
export class CheckpointFolder {
  readonly path: string;
  readonly #keep: number;

  /** @param keep number of latest checkpoints to keep */
  constructor(path: string, keep: number) {
    if (!Number.isInteger(keep) || keep < 1) throw new RangeError(`checkpoints: keep must be at least 1, got ${keep}`);
    this.path = path;
    this.#keep = keep;
  }

  /** The newest checkpoint; null where there is none. */
  async latest(): Promise<string | null> {
    const last = join(this.path, 'last.safetensors');
    if (await exists(last)) return last;
    const [step] = await this.#steps(latestPattern);
    return step === undefined ? null : this.#file(step);
  }

  /**
   * Adds a checkpoint and returns its path. `write` must write the file atomically; afterwards `last.safetensors` is a copy of it, and older
   * checkpoints are removed. If `write` throws, the folder is unchanged.
   */
  async add(step: number, write: (path: string) => Promise<void>): Promise<string> {
    await fs.mkdir(this.path, { recursive: true });
    const path = this.#file(step);
    await write(path);
    await this.#link(path, 'last.safetensors');
    const steps = await this.#steps(latestPattern);
    // Checkpoints of later steps are left from before the run was resumed at an earlier one.
    const outdated = [
      ...steps.filter((other) => other > step),
      ...steps.filter((other) => other <= step).slice(this.#keep),
    ];
    for (const other of outdated) await fs.rm(this.#file(other), { force: true });
    return path;
  }

  /**
   * Keeps the checkpoints of some steps as the best ones, and no others. The same call after a crash has the same result: a file is only
   * removed when those that replace it are complete.
   *
   * @param steps best first
   * @param current the step of the latest checkpoint
   * @returns the steps whose checkpoints no longer exist
   */
  async keepBest(steps: readonly number[], current: number): Promise<number[]> {
    const lost: number[] = [];
    for (const step of steps) {
      const name = `best-${step}.safetensors`;
      // A file of the current step may be from before the run was resumed at an earlier one.
      const isKept = step !== current && (await exists(join(this.path, name)));
      if (isKept) continue;
      if (await exists(this.#file(step))) await this.#link(this.#file(step), name);
      else lost.push(step);
    }
    const kept = steps.filter((step) => !lost.includes(step));
    const [best] = kept;
    if (best !== undefined) await this.#link(join(this.path, `best-${best}.safetensors`), 'best.safetensors');
    const outdated = (await this.#steps(bestPattern)).filter((step) => !kept.includes(step));
    for (const step of outdated) await fs.rm(join(this.path, `best-${step}.safetensors`), { force: true });
    if (best === undefined) await fs.rm(join(this.path, 'best.safetensors'), { force: true });
    return lost;
  }

  /**
   * Makes a file another name for a checkpoint: a hard link, or a copy where the file system has no links. It is renamed, so that there is
   * always a valid file.
   */
  async #link(path: string, name: string): Promise<void> {
    const temporary = join(this.path, `${name}.${randomUUID().slice(0, 8)}`);
    try {
      await fs.link(path, temporary).catch(() => fs.copyFile(path, temporary));
      await fs.rename(temporary, join(this.path, name));
    } finally {
      await fs.rm(temporary, { force: true });
    }
  }

  /** The steps of the existing checkpoints with names of a pattern, latest first. */
  async #steps(pattern: RegExp): Promise<number[]> {
    const names = await fs.readdir(this.path).catch(() => [] as string[]);
    return names.flatMap((name) => pattern.exec(name)?.slice(1).map(Number) ?? []).sort((a, b) => b - a);
  }

  #file(step: number): string {
    return join(this.path, `checkpoint-${step}.safetensors`);
  }
}
