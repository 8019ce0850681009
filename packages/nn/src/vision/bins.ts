/** Windows that make an output of a given size: the basis of adaptive pooling and of resizing by areas. */
import { inSingle, iota, type Tensor, where } from '@tessera/tensor';
import { nth } from '../nth.ts';
import { gatherUnchecked } from '../unchecked.ts';
import { slidingWindows, type WindowAxis } from './windows.ts';

/** Equal windows without overlap, where every axis divides; null otherwise. */
export function equalWindows(input: Tensor, sizes: readonly number[]): readonly WindowAxis[] | null {
  const axes = sizes.map((n, k) => nth(input.shape, k + 2) / n);
  if (!axes.every(Number.isInteger)) return null;
  return axes.map((size) => ({ size, stride: size, dilation: 1, before: 0, after: 0 }));
}

interface Bins {
  /** Of the input: the axis has become [bins, largest bin]. */
  readonly of: (x: Tensor) => Tensor;
  /** bool: which elements belong to their bin, in a shape that broadcasts. */
  readonly inside: Tensor;
  /** i32: how many elements each bin has, in a shape that broadcasts after the last axis was reduced. */
  readonly counts: Tensor;
}

/** Splits an axis of `length` into `bins` that may overlap: bin i goes from floor(i length / bins) to before ceil((i + 1) length / bins). */
export function splitIntoBins(length: number, bins: number, axis: number, rank: number): Bins {
  const start = (i: number): number => Math.floor((i * length) / bins);
  const end = (i: number): number => Math.ceil(((i + 1) * length) / bins);
  const largest = Array.from({ length: bins }, (_, i) => end(i) - start(i)).reduce((a, b) => Math.max(a, b), 1);
  const ones = (from: number): number[] => new Array<number>(from).fill(1);
  const [before, after] = [ones(axis), ones(rank - axis - 1)];
  const bin = iota([bins]);
  const starts = bin.mul(length).floorDivide(bins);
  const ends = bin
    .add(1)
    .mul(length)
    .add(bins - 1)
    .floorDivide(bins);
  const positions = starts.unsqueeze(1).add(iota([bins, largest], 1));
  const index = positions.minimum(length - 1).flatten();
  return {
    of: (x) => gatherUnchecked(x, axis, index).unflatten(axis, [bins, largest]),
    inside: positions.lt(ends.unsqueeze(1)).reshape([...before, bins, largest, ...after]),
    counts: ends.sub(starts).reshape([...before, bins, ...after]),
  };
}

/**
 * The means of windows that make an output of the given sizes.
 *
 * @param x [N, C, ...spatial]
 * @returns [N, C, ...sizes]
 */
export function adaptiveAverage(op: string, x: Tensor, sizes: readonly number[]): Tensor {
  const windows = equalWindows(x, sizes);
  const dims = sizes.length;
  if (windows !== null) return slidingWindows(x, windows, op).mean(windows.map((_, k) => dims + 2 + k));
  return inSingle(x, (wide) =>
    sizes.reduce((y, size, k) => {
      const [axis, length] = [k + 2, nth(x.shape, k + 2)];
      if (length === size) return y;
      const bins = splitIntoBins(length, size, axis, y.ndim);
      return where(bins.inside, bins.of(y), 0)
        .sum(axis + 1)
        .div(bins.counts.cast(y.dtype));
    }, wide),
  );
}
