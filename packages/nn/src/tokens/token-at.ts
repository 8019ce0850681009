/** Picks one token of each sequence. */
import { formatShape, iota, type Tensor } from '@tessera/tensor';

/** A place in each of N sequences, counted from 0: a number for the same place in all of them, or i32 [N]. */
export type TokenPosition = number | Tensor;

/** The order of axes: [N, L, ...] with `batchFirst`, else [L, N, ...]. */
export interface SequenceLayout {
  readonly batchFirst?: boolean;
}

/**
 * One token of each sequence: x[:, position], or x[n, position[n]] for each n.
 *
 * @param sequences [N, L, ...] with `batchFirst`, else [L, N, ...]
 * @returns [N, 1, ...], or [1, N, ...]; a view if the position is a number
 */
export function tokenAt(
  sequences: Tensor,
  position: TokenPosition,
  { batchFirst = false }: SequenceLayout = {},
): Tensor {
  const [first, second] = sequences.shape;
  if (first === undefined || second === undefined)
    throw new RangeError(`tokenAt: needs sequences of two or more axes, got ${formatShape(sequences.shape)}`);
  const [batch, length, axis] = batchFirst ? [first, second, 1] : [second, first, 0];
  if (typeof position === 'number') {
    if (!Number.isInteger(position) || position < 0 || position >= length)
      throw new RangeError(`tokenAt: position ${position} is outside of sequences of ${length} tokens`);
    return sequences.slice(axis, position, position + 1);
  }
  if (position.dtype !== 'i32' || position.ndim !== 1 || position.shape[0] !== batch)
    throw new RangeError(
      `tokenAt: ${batch} sequences need positions i32 [${batch}], got ${position.dtype} ${formatShape(position.shape)}`,
    );
  const row = iota([batch], 0); // sequence n's token l is row n * L + l, or l * N + n, of all tokens
  const rows = batchFirst ? row.mul(length).add(position) : position.mul(batch).add(row);
  return sequences.flatten(0, 1).indexSelect(0, rows).unsqueeze(axis);
}
