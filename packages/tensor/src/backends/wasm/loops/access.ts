/** How the code of a loop nest finds the elements of an access: which streams it follows, how it lies along the vector axis. */
import { bytesOf, type DType } from '../../../kernel/dtype.ts';
import type { Access, Value } from '../../../kernel/kernel.ts';
import type { Stream, Streams } from './streams.ts';

export interface PlannedGuard {
  /** Its sum at the first element of a slot group, without the row of a gather. */
  readonly sum: Stream;
  /** What a step along the vector axis, one along the tile axis and a row of a gather add. */
  readonly step: number;
  readonly acrossStep: number;
  readonly rowStep: number;
  readonly low: number;
  readonly high: number;
}

export interface PlannedAccess {
  readonly dtype: DType;
  readonly buffer: number;
  /** The memory in which the buffer lies. */
  readonly memory: number;
  readonly address: Stream;
  /** Bytes from the access's place to that of the stream are found at emission: shared streams move until all are known. */
  readonly offset: number;
  /** Bytes from one element to the next along the vector axis. */
  readonly stride: number;
  /** The same along the tile axis; 0 where there is none. */
  readonly acrossStride: number;
  readonly guards: readonly PlannedGuard[];
  /** The computed row of a gather. */
  readonly row: { readonly value: Value; readonly stride: number; readonly last: number } | null;
}

export const isAdjacent = ({ stride, dtype }: PlannedAccess): boolean => stride === bytesOf(dtype);

/** `rank` is the number of the domain's axes; what a view has beyond is the row of a gather, which `row` computes. */
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
  const guards = view.guards.map(({ coefficients, low, high }): PlannedGuard => {
    const along = coefficients.slice(0, rank).map((coefficient, axis) => (view.shape[axis] === 1 ? 0 : coefficient));
    return {
      sum: streams.number(0, along),
      step: along[vectorAxis],
      acrossStep: tileAxis === null ? 0 : along[tileAxis],
      rowStep: row === null ? 0 : coefficients[rank],
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
    stride: axes[vectorAxis],
    acrossStride: tileAxis === null ? 0 : axes[tileAxis],
    guards,
    row: row === null ? null : { value: row, stride: view.strides[rank] * bytes, last: view.shape[rank] - 1 },
  };
}

/** Why an access does not move whole vectors, or null. */
export function slowAccess(access: PlannedAccess, verb: 'reads' | 'writes', rowVaries: boolean): string | null {
  const { stride, dtype, buffer } = access;
  if (rowVaries) return `gathers from b${buffer} element by element: the row varies along the vector axis`;
  if (stride === 0 || isAdjacent(access)) return null;
  return `${verb} b${buffer} element by element: stride ${stride / bytesOf(dtype)} along the vector axis`;
}
