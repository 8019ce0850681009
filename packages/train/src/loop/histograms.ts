/** Histograms of weights and gradients during a run. */
import { createReadStream, existsSync, promises as fs } from 'node:fs';
import type { Tensor } from '@tessera/tensor';
import { MetricsWriter } from './metrics-file.ts';
import { zip } from './zip.ts';

/** The number of bins. */
const binCount = 64;

/** How often values occur in 64 bins of equal width from the smallest to the largest value, as `numpy.histogram(values, bins=64)`. */
export interface Histogram {
  /** The ends of the first and the last bin; null where no value is finite. */
  readonly range: readonly [low: number, high: number] | null;
  /** A bin contains its lower end, the last one both ends. */
  readonly counts: readonly number[];
  /** The number of values that are infinite or NaN, which are in no bin; missing: 0. */
  readonly nonFinite?: number;
}

/** The histograms of one trained parameter. */
export interface ParameterHistograms {
  readonly weight: Histogram;
  readonly gradient: Histogram;
}

/** A line of `histograms.jsonl`. */
export interface HistogramRecord {
  readonly kind: 'histogram';
  /** The step that the gradients belong to, from 1. The weights are those from before it. */
  readonly step: number;
  /** Completed epochs after the step, with fractions. */
  readonly epoch: number;
  readonly parameters: Readonly<Record<string, ParameterHistograms>>;
}

/**
 * The histogram of values, by NumPy's rule: where all are equal, bins reach from 0.5 below to 0.5 above. All arithmetic is in f64, so that
 * the counts do not depend on the backend.
 */
export function histogramOf(values: ArrayLike<number>): Histogram {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let nonFinite = 0;
  for (let k = 0; k < values.length; k++) {
    const value = values[k] as number;
    if (!Number.isFinite(value)) {
      nonFinite++;
      continue;
    }
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const missing = nonFinite === 0 ? {} : { nonFinite };
  if (low > high) return { range: null, counts: new Array<number>(binCount).fill(0), ...missing };
  const [from, to] = low === high ? [low - 0.5, high + 0.5] : [low, high];
  return { range: [from, to], counts: countInBins(values, from, to), ...missing };
}

function countInBins(values: ArrayLike<number>, from: number, to: number): number[] {
  const step = (to - from) / binCount;
  const edges = Float64Array.from({ length: binCount + 1 }, (_, k) => (k === binCount ? to : k * step + from));
  const counts = new Float64Array(binCount);
  const width = to - from;
  for (let k = 0; k < values.length; k++) {
    const value = values[k] as number;
    if (!Number.isFinite(value)) continue;
    let bin = Math.min(binCount - 1, Math.trunc(((value - from) / width) * binCount));
    // The quotient is rounded; the edges decide.
    if (value < (edges[bin] as number)) bin--;
    else if (bin < binCount - 1 && value >= (edges[bin + 1] as number)) bin++;
    (counts[bin] as number)++;
  }
  return Array.from(counts);
}

/** The histograms of parameters, by their names. The tensors are read one after the other, so that few are in memory twice. */
export async function histogramsOf(
  parameters: readonly (Tensor & { readonly name?: string | undefined })[],
  gradients: readonly Tensor[],
): Promise<Record<string, ParameterHistograms>> {
  const found: Record<string, ParameterHistograms> = {};
  for (const [k, [parameter, gradient]] of zip(parameters, gradients).entries())
    found[parameter.name ?? `${k}`] = {
      weight: histogramOf(await parameter.data()),
      gradient: histogramOf(await gradient.data()),
    };
  return found;
}

/** Histograms that a run writes. */
export interface HistogramOutput {
  readonly everySteps: number;
  readonly writer: MetricsWriter;
}

/** The complete lines of a file with the offset of their end, one after the other: the file may be larger than the memory. */
async function* completeLines(path: string): AsyncGenerator<{ readonly text: string; readonly end: number }> {
  let rest: Buffer = Buffer.alloc(0);
  let end = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let at = rest.indexOf('\n'); at >= 0; at = rest.indexOf('\n', from)) {
      end += at + 1 - from;
      yield { text: rest.toString('utf8', from, at), end };
      from = at + 1;
    }
    rest = rest.subarray(from);
  }
}

/** @throws Error that names the line, if it is not one of `histograms.jsonl` */
function parseRecord(text: string, where: string): HistogramRecord {
  let record: Partial<HistogramRecord> | null;
  try {
    record = JSON.parse(text) as Partial<HistogramRecord> | null;
  } catch (cause) {
    throw new Error(`${where}: not valid JSON: ${text.slice(0, 80)}`, { cause });
  }
  if (record?.kind !== 'histogram' || typeof record.step !== 'number' || typeof record.parameters !== 'object')
    throw new Error(`${where}: is no line with histograms: ${text.slice(0, 80)}`);
  return record as HistogramRecord;
}

/** Removes the lines after a step, and an incomplete last line. */
async function truncateHistograms(path: string, lastStep: number): Promise<void> {
  let keep = 0;
  let number = 0;
  for await (const { text, end } of completeLines(path)) {
    number++;
    if (parseRecord(text, `${path}, line ${number}`).step > lastStep) break;
    keep = end;
  }
  await fs.truncate(path, keep);
}

/** Evenly spread places among `count`, at most `most`, the first and the last among them. */
function evenlySpread(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, k) => k);
  return Array.from({ length: most }, (_, k) => Math.round((k * (count - 1)) / (most - 1)));
}

/** The lines of a run's histograms, at most `most` of them, evenly spread. None where there is no file. */
export async function readHistograms(path: string, most: number): Promise<HistogramRecord[]> {
  if (!existsSync(path)) return [];
  let count = 0;
  for await (const _ of completeLines(path)) count++;
  const wanted = new Set(evenlySpread(count, most));
  const records: HistogramRecord[] = [];
  let number = 0;
  for await (const { text } of completeLines(path)) {
    if (wanted.has(number)) records.push(parseRecord(text, `${path}, line ${number + 1}`));
    number++;
  }
  return records;
}

/**
 * Opens the file of a run's histograms, for a run that begins or continues after `step` steps: lines of later steps are removed. Null where
 * the run has none; lines that an earlier part of the run wrote stay.
 */
export async function openHistograms(
  path: string,
  settings: { readonly everySteps: number } | null,
  step: number,
): Promise<HistogramOutput | null> {
  if (existsSync(path)) await truncateHistograms(path, step);
  return settings === null ? null : { everySteps: settings.everySteps, writer: MetricsWriter.atEndOf(path) };
}
