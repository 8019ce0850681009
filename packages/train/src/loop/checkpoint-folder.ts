import { randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { exists } from '@tessera/data/io';

const pattern = /^checkpoint-(\d+)\.safetensors$/;

/** A run's folder of checkpoints: `checkpoint-STEP.safetensors`, the latest some of them, and `last.safetensors`. */
export class CheckpointFolder {
  readonly path: string;
  readonly #keep: number;

  /** @param keep how many are kept, the latest first */
  constructor(path: string, keep: number) {
    if (!Number.isInteger(keep) || keep < 1) throw new RangeError(`checkpoints: keep must be at least 1, got ${keep}`);
    this.path = path;
    this.#keep = keep;
  }

  /** The newest checkpoint; null where there is none. */
  async latest(): Promise<string | null> {
    const last = join(this.path, 'last.safetensors');
    if (await exists(last)) return last;
    const steps = await this.#steps();
    return steps.length === 0 ? null : this.#file(steps[0]);
  }

  /**
   * Adds a checkpoint. `write` is given the path and writes it whole or not at all; only then does `last.safetensors` stand for it and are
   * older ones removed. If it throws, all is as before. Returns the path.
   */
  async add(step: number, write: (path: string) => Promise<void>): Promise<string> {
    await fs.mkdir(this.path, { recursive: true });
    const path = this.#file(step);
    await write(path);
    await this.#pointLastTo(path);
    const steps = await this.#steps();
    // Later ones than this are of a course that the run has left.
    const outdated = [
      ...steps.filter((other) => other > step),
      ...steps.filter((other) => other <= step).slice(this.#keep),
    ];
    for (const other of outdated) await fs.rm(this.#file(other), { force: true });
    return path;
  }

  /** A second name for the same file where the file system has such, else a copy; exchanged in one rename. */
  async #pointLastTo(path: string): Promise<void> {
    const temporary = join(this.path, `last.safetensors.${randomUUID().slice(0, 8)}`);
    try {
      await fs.link(path, temporary).catch(() => fs.copyFile(path, temporary));
      await fs.rename(temporary, join(this.path, 'last.safetensors'));
    } finally {
      await fs.rm(temporary, { force: true });
    }
  }

  /** The steps of the checkpoints that are there, latest first. */
  async #steps(): Promise<number[]> {
    const names = await fs.readdir(this.path).catch(() => [] as string[]);
    return names.flatMap((name) => pattern.exec(name)?.slice(1).map(Number) ?? []).sort((a, b) => b - a);
  }

  #file(step: number): string {
    return join(this.path, `checkpoint-${step}.safetensors`);
  }
}
