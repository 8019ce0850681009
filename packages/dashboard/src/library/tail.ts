/** The end of a run's metrics: its last step and its last evaluations. */
import { promises as fs } from 'node:fs';
import { errorCode } from '@tessera/data/io';
import { evaluationOf, isStep, valuesOf } from '../metrics/parse-step.ts';
import { completeLines, readAt } from '../metrics/read-lines.ts';
import type { Pace } from '../shared/api.ts';
import { paceOf } from './pace.ts';

/** Bytes at the end of the file that are looked at. */
const length = 24 * 1024;

export interface MetricsTail {
  /** Identifies the content of the file, as far as its attributes show it. */
  readonly version: string;
  readonly bytes: number;
  /** In milliseconds since 1970. */
  readonly changed: number;
  readonly step: number;
  readonly epoch: number;
  readonly last: Readonly<Record<string, number | null>>;
  readonly evaluations: Readonly<Record<string, Readonly<Record<string, number | null>>>>;
  readonly pace: Pace | null;
}

/** Reads the end of a file; null where there is none. `before`: returned if the file has not changed since. */
export async function readTail(path: string, before: MetricsTail | null): Promise<MetricsTail | null> {
  let file: fs.FileHandle;
  try {
    file = await fs.open(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
  await using _ = file;
  const { size, mtimeMs, ino } = await file.stat();
  const version = `${ino}-${size}-${mtimeMs}`;
  if (before?.version === version) return before;
  const position = Math.max(0, size - length);
  const bytes = await readAt(file, position, Math.min(length, size));
  const skipped = position === 0 ? 0 : bytes.indexOf(0x0a) + 1;
  const { lines } = completeLines(bytes.subarray(skipped), position + skipped);
  const records = lines.flatMap(({ record }) => (record === null ? [] : [record]));
  const steps = records.filter(isStep);
  const step = steps.at(-1);
  const evaluations = records.flatMap((record) => evaluationOf(record, 0, null) ?? []);
  const { step: number = 0, epoch = 0 } = (step ?? {}) as { step?: number; epoch?: number };
  return {
    version,
    bytes: size,
    changed: mtimeMs,
    step: number,
    epoch: typeof epoch === 'number' ? epoch : 0,
    last: step === undefined ? {} : valuesOf(step),
    pace: paceOf(steps),
    evaluations: {
      ...before?.evaluations,
      ...Object.fromEntries(evaluations.map(({ split, values }) => [split, values])),
    },
  };
}
