/** The metrics of a run: a file with one JSON object a line. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '@tessera/data/io';

/**
 * One line of `metrics.jsonl`. `step` is the number of optimizer steps that were complete when the line was written. A number that is not
 * finite is null in the file, because JSON has no NaN.
 */
export interface MetricsRecord {
  /** The kind of line. The report draws lines of the kinds 'step' and 'evaluation'. */
  readonly kind: string;
  readonly step: number;
  readonly [key: string]: unknown;
}

/** The fields of a step's line that depend on the machine and the moment: two runs with equal results differ in them. */
export interface TimingFields {
  readonly imagesPerSecond: number;
  /** Model FLOPs utilization, from 0 to 1; null without a known peak. */
  readonly mfu: number | null;
  /** Duration of the step with the wait for its batch, without evaluations and checkpoints, in seconds. */
  readonly seconds: number;
  /** When the step ended, in seconds since 1970. */
  readonly time: number;
  /** Resident size of the process in bytes, read about once a second. */
  readonly memory: number;
}

/** A record without the fields that depend on the machine and the moment. */
export function withoutTiming(record: MetricsRecord): MetricsRecord {
  const { imagesPerSecond, mfu, seconds, time, memory, ...rest } = record as MetricsRecord & Partial<TimingFields>;
  return rest;
}

/**
 * Reads a metrics file. An incomplete last line, which a killed process may leave, is ignored.
 *
 * @throws where any other line is not a JSON object with `kind` and `step`; the message names path and line
 */
export async function readMetrics(path: string): Promise<MetricsRecord[]> {
  const lines = await readLines(path);
  return lines.map((line, i) => parseRecord(line, `${path}, line ${i + 1}`));
}

/** The complete lines of a file. */
async function readLines(path: string): Promise<string[]> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  lines.pop();
  return lines;
}

function parseRecord(line: string, where: string): MetricsRecord {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch (cause) {
    throw new Error(`${where}: not valid JSON: ${line.slice(0, 80)}`, { cause });
  }
  const { kind, step } = (record ?? {}) as Partial<MetricsRecord>;
  if (typeof kind !== 'string' || typeof step !== 'number') {
    throw new Error(`${where}: a record needs "kind" (text) and "step" (number): ${line.slice(0, 80)}`);
  }
  return record as MetricsRecord;
}

/**
 * Removes the lines after a step, an evaluation after that step itself, and an incomplete last line: a resumed run will write them again.
 * The file is replaced atomically; a missing file is not an error.
 */
export async function truncateMetrics(path: string, lastStep: number): Promise<void> {
  let lines: string[];
  try {
    lines = await readLines(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const kept = lines.filter((line, i) => {
    const { step, kind } = parseRecord(line, `${path}, line ${i + 1}`);
    return kind === 'evaluation' ? step < lastStep : step <= lastStep;
  });
  await writeFileAtomic(
    path,
    kept.map((line) => `${line}\n`),
  );
}

/** Appends records to a metrics file. Each line is passed to the operating system at once, so nothing is lost if the process is killed. */
export class MetricsWriter {
  readonly path: string;
  #file: number | undefined;

  private constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, 'a');
  }

  /**
   * Opens a metrics file for a run that begins or continues after `step` steps: 0 for a new run, the checkpoint's step for a resumed one.
   * Lines of later steps and an incomplete last line are removed first.
   */
  static async open(path: string, step = 0): Promise<MetricsWriter> {
    await truncateMetrics(path, step);
    return new MetricsWriter(path);
  }

  /** Opens a file to which lines are appended, as it is. It must end with a complete line. */
  static atEndOf(path: string): MetricsWriter {
    return new MetricsWriter(path);
  }

  /**
   * Appends one line.
   *
   * @throws where the line cannot be written completely, as on a full disk; the file is then truncated to the lines before it
   */
  append(record: MetricsRecord): void {
    const file = this.#opened();
    const line = Buffer.from(`${JSON.stringify(record)}\n`, 'utf8');
    const before = fstatSync(file).size;
    try {
      for (let done = 0; done < line.length; ) done += writeSync(file, line, done);
    } catch (cause) {
      ftruncateSync(file, before);
      throw new Error(`${this.path}: cannot append a line of ${line.length} bytes; the lines before it are kept`, {
        cause,
      });
    }
  }

  /** Waits until all lines are stored on the disk. To be called before writing a checkpoint of a later step. */
  sync(): void {
    fsyncSync(this.#opened());
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #opened(): number {
    if (this.#file === undefined) throw new Error(`${this.path}: the metrics file is closed`);
    return this.#file;
  }
}
