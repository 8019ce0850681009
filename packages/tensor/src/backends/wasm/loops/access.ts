/** Plans how the code of a loop nest finds the elements of an access: which streams it follows, and how it moves along the vector axis. */
import { bytesOf, type DType } from '../../../kernel/dtype.ts';
import type { Access, Value } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';
import type { Stream, Streams } from './streams.ts';

export interface PlannedGuard {
  /** Its sum at the first element of a group of slots, without the row of a gather. */
  readonly sum: Stream;
  /** What one step along the vector axis adds to the sum. */
  readonly step: number;
  /** What one step along the tile axis adds. */
  readonly acrossStep: number;
  /** What one row of a gather adds. */
  readonly rowStep: number;
  readonly low: number;
  readonly high: number;
}

export interface PlannedAccess {
  readonly dtype: DType;
  readonly buffer: number;
  /** The memory that contains the buffer. */
  readonly memory: number;
  readonly address: Stream;
  /** The access's offset in its buffer, in bytes. The distance to the stream is computed later, because shared streams may still move. */
  readonly offset: number;
  /** The distance between neighbors along the vector axis, in bytes. */
  readonly stride: number;
  /** The distance between neighbors along the tile axis, in bytes; 0 if there is no tile axis. */
  readonly acrossStride: number;
  readonly guards: readonly PlannedGuard[];
  /** The computed row of a gather. */
  readonly row: { readonly value: Value; readonly stride: number; readonly last: number } | null;
}

export const isAdjacent = ({ stride, dtype }: PlannedAccess): boolean => stride === bytesOf(dtype);

/** Plans an access. `rank` is the number of the domain's axes; the additional axis of a gather's view is its row, which `row` computes. */
export function planAccess(
  streams: Streams,
  { buffer, view }: Access,
  dtype: DType,
  memory: number,
  axesOfSlots: { readonly rank: number; readonly vectorAxis: number; readonly tileAxis: number | null },
  row: Value | null,
): PlannedAccess {
  const { rank, vectorAxis, tileAxis } = axesOfSlots;
  const bytes = bytesOf(dtype);
  const axes = view.strides.slice(0, rank).map((stride, axis) => (view.shape[axis] === 1 ? 0 : stride * bytes));
  const across = (steps: readonly number[]): number => (tileAxis === null ? 0 : nth(steps, tileAxis));
  const guards = view.guards.map(({ coefficients, low, high }): PlannedGuard => {
    const along = coefficients.slice(0, rank).map((coefficient, axis) => (view.shape[axis] === 1 ? 0 : coefficient));
    return {
      sum: streams.number(0, along),
      step: nth(along, vectorAxis),
      acrossStep: across(along),
      rowStep: row === null ? 0 : nth(coefficients, rank),
      low,
      high,
    };
  });
  const offset = view.offset * bytes;
  const address =
    guards.length > 0 || row !== null
      ? streams.address(buffer, offset, axes)
      : streams.sharedAddress(buffer, offset, axes);
  return {
    dtype,
    buffer,
    memory,
    address,
    offset,
    stride: nth(axes, vectorAxis),
    acrossStride: across(axes),
    guards,
    row: row === null ? null : { value: row, stride: nth(view.strides, rank) * bytes, last: nth(view.shape, rank) - 1 },
  };
}

/** Why an access cannot load or store whole vectors, or null. */
export function slowAccess(access: PlannedAccess, verb: 'reads' | 'writes', rowVaries: boolean): string | null {
  const { stride, dtype, buffer } = access;
  if (rowVaries) return `gathers from b${buffer} element by element: the row varies along the vector axis`;
  if (stride === 0 || isAdjacent(access)) return null;
  return `${verb} b${buffer} element by element: stride ${stride / bytesOf(dtype)} along the vector axis`;
}
