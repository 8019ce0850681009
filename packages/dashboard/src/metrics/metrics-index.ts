/**
 * The index of one metrics.jsonl. It reads what was appended since it last looked, a piece at a time. A resumed run replaces its file by one
 * without the lines after the checkpoint: that, and any other rewriting, is noticed, and the file is read again from its beginning.
 */
import { promises as fs } from 'node:fs';
import { errorCode } from '@tessera/data/io';
import { GroupTable } from './group-table.ts';
import { type EvaluationRecord, evaluationOf, isStep, type RawRecord, secondsOf, valuesOf } from './parse-step.ts';
import { completeLines, readAt } from './read-lines.ts';

/** Bytes before the end of the indexed part that are compared with the file, to notice that it was rewritten in place. */
const guardLength = 128;

/** The first size of a piece that is read at once; a longer line doubles it. */
const pieceLength = 512 * 1024;

/** A page may hold curves of an index of an earlier process, which must not be taken for this one's. */
let nextGeneration = Date.now();

/** What a look at the file has found. `missing`: there is no file. `more`: a piece was read, and there is more. */
export type Advance = 'missing' | 'unchanged' | 'more' | 'complete';

export class MetricsIndex {
  readonly path: string;
  readonly #batchSize: number | null;
  /** Changes when the file was rewritten: what was read before is void then. */
  generation = nextGeneration++;
  table = new GroupTable();
  evaluations: EvaluationRecord[] = [];
  /** Lines that are not JSON objects. */
  badLines = 0;
  /** Bytes of the file, when it was last looked at. */
  size = 0;
  #offset = 0;
  #inode = 0;
  #guard: Buffer = Buffer.alloc(0);
  #pieceLength = pieceLength;
  #elapsed = 0;
  #date: number | null = null;

  /** @param batchSize of the run, for lines without the duration of their step; null: unknown */
  constructor(path: string, batchSize: number | null) {
    this.path = path;
    this.#batchSize = batchSize;
  }

  /** The end of the indexed part, in bytes. */
  get offset(): number {
    return this.#offset;
  }

  /** The share of the file that is indexed. */
  get read(): number {
    return this.size === 0 ? 1 : Math.min(1, this.#offset / this.size);
  }

  /** Reads the next piece. */
  async advance(): Promise<Advance> {
    const file = await openOrNull(this.path);
    if (file === null) {
      if (this.size > 0) this.#restart();
      this.size = 0;
      return 'missing';
    }
    await using _ = file;
    const { size, ino } = await file.stat();
    const wasRewritten = size < this.#offset || (this.#inode !== 0 && ino !== this.#inode);
    if (wasRewritten || !(await this.#endsWithGuard(file))) this.#restart();
    this.#inode = ino;
    this.size = size;
    if (size === this.#offset) return 'unchanged';
    const bytes = await readAt(file, this.#offset, Math.min(this.#pieceLength, size - this.#offset));
    const { lines, end } = completeLines(bytes, this.#offset);
    if (end === 0) {
      // A line that is longer than a piece; or the last line, which is still being written.
      if (bytes.length === this.#pieceLength) this.#pieceLength *= 2;
      return bytes.length < size - this.#offset ? 'more' : 'unchanged';
    }
    for (const { record, offset } of lines) {
      if (record === null) this.badLines++;
      else this.#add(record, offset);
    }
    this.#guard = Buffer.from(Buffer.concat([this.#guard, bytes.subarray(0, end)]).subarray(-guardLength));
    this.#offset += end;
    return this.#offset < size && bytes.length === this.#pieceLength ? 'more' : 'complete';
  }

  #restart(): void {
    this.generation = nextGeneration++;
    this.table = new GroupTable();
    this.evaluations = [];
    this.badLines = 0;
    this.#offset = 0;
    this.#inode = 0;
    this.#guard = Buffer.alloc(0);
    this.#elapsed = 0;
    this.#date = null;
  }

  async #endsWithGuard(file: fs.FileHandle): Promise<boolean> {
    const length = this.#guard.length;
    return length === 0 || (await readAt(file, this.#offset - length, length)).equals(this.#guard);
  }

  #add(record: RawRecord, offset: number): void {
    if (!isStep(record)) {
      const evaluation = evaluationOf(record, this.#elapsed, this.#date);
      if (evaluation !== null) this.evaluations.push(evaluation);
      return;
    }
    this.#elapsed += secondsOf(record, this.#batchSize);
    this.#date = typeof record.time === 'number' ? record.time : null;
    this.table.add(sampleOf(record, offset, this.#elapsed));
  }

  /** The steps of some groups one by one, read again from the file. Null where it was rewritten since it was indexed. */
  async readGroups(from: number, to: number, groupSize: number): Promise<GroupTable | null> {
    const { offsets, places } = this.table;
    const begin = offsets[from];
    if (begin === undefined) return null;
    const file = await openOrNull(this.path);
    if (file === null) return null;
    await using _ = file;
    const { ino } = await file.stat();
    if (ino !== this.#inode || !(await this.#endsWithGuard(file))) return null;
    const found = new GroupTable();
    found.groupSize = groupSize;
    const end = offsets[to + 1] ?? this.#offset;
    const steps = completeLines(await readAt(file, begin, end - begin), begin).lines.filter(
      ({ record }) => record !== null && isStep(record),
    );
    // The time of the first step is known; each later one adds its duration.
    let elapsed = places.time.first[from] ?? 0;
    for (const [k, { record, offset }] of steps.entries()) {
      if (k > 0) elapsed += secondsOf(record as RawRecord, this.#batchSize);
      found.add(sampleOf(record as RawRecord, offset, elapsed));
    }
    return found;
  }

  /** The number of bytes that `readGroups` would read. */
  bytesOf(from: number, to: number): number {
    const { offsets } = this.table;
    return (offsets[to + 1] ?? this.#offset) - (offsets[from] ?? 0);
  }
}

/** A step's line as a sample. @param time training seconds at its end */
export const sampleOf = (record: RawRecord, offset: number, time: number) => ({
  at: {
    step: record.step as number,
    epoch: typeof record.epoch === 'number' ? record.epoch : Number.NaN,
    time,
    date: typeof record.time === 'number' ? record.time : Number.NaN,
  },
  values: valuesOf(record),
  offset,
});

async function openOrNull(path: string): Promise<fs.FileHandle | null> {
  try {
    return await fs.open(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}
