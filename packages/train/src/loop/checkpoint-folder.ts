/** The checkpoints of a run, of which only the latest are kept. */
import { randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { exists } from '@tessera/data/io';

const pattern = /^checkpoint-(\d+)\.safetensors$/;

/** A run's folder of checkpoints: the latest `checkpoint-STEP.safetensors`, and `last.safetensors`. */
export class CheckpointFolder {
  readonly path: string;
  readonly #keep: number;

  /** @param keep number of checkpoints to keep */
  constructor(path: string, keep: number) {
    if (!Number.isInteger(keep) || keep < 1) throw new RangeError(`checkpoints: keep must be at least 1, got ${keep}`);
    this.path = path;
    this.#keep = keep;
  }

  /** The newest checkpoint; null where there is none. */
  async latest(): Promise<string | null> {
    const last = join(this.path, 'last.safetensors');
    if (await exists(last)) return last;
    const [step] = await this.#steps();
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
    await this.#pointLastTo(path);
    const steps = await this.#steps();
    // Checkpoints of later steps are left from before the run was resumed at an earlier one.
    const outdated = [
      ...steps.filter((other) => other > step),
      ...steps.filter((other) => other <= step).slice(this.#keep),
    ];
    for (const other of outdated) await fs.rm(this.#file(other), { force: true });
    return path;
  }

  /** Makes a hard link, or a copy where the file system has no links, and renames it, so that there is always a valid file. */
  async #pointLastTo(path: string): Promise<void> {
    const temporary = join(this.path, `last.safetensors.${randomUUID().slice(0, 8)}`);
    try {
      await fs.link(path, temporary).catch(() => fs.copyFile(path, temporary));
      await fs.rename(temporary, join(this.path, 'last.safetensors'));
    } finally {
      await fs.rm(temporary, { force: true });
    }
  }

  /** The steps of the existing checkpoints, latest first. */
  async #steps(): Promise<number[]> {
    const names = await fs.readdir(this.path).catch(() => [] as string[]);
    return names.flatMap((name) => pattern.exec(name)?.slice(1).map(Number) ?? []).sort((a, b) => b - a);
  }

  #file(step: number): string {
    return join(this.path, `checkpoint-${step}.safetensors`);
  }
}
