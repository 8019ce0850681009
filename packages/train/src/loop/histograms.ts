/** Histograms of weights and gradients during a run. */
import type { Tensor } from '@tessera/tensor';
import { MetricsWriter, truncateMetrics } from './metrics-file.ts';
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

/**
 * Opens the file of a run's histograms, for a run that begins or continues after `step` steps: lines of later steps are removed. Null where
 * the run has none; lines that an earlier part of the run wrote stay.
 */
export async function openHistograms(
  path: string,
  settings: { readonly everySteps: number } | null,
  step: number,
): Promise<HistogramOutput | null> {
  if (settings !== null) return { everySteps: settings.everySteps, writer: await MetricsWriter.open(path, step) };
  await truncateMetrics(path, step);
  return null;
}
