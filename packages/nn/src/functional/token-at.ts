import { formatShape, iota, type Tensor } from '@tessera/tensor';

/** A place in each of N sequences: the same in all of them, counted from 0, or i32 [N], a place of its own for each. */
export type TokenPosition = number | Tensor;

/** How sequences lie: [N, L, ...] with `batchFirst`, else [L, N, ...]. */
export interface SequenceLayout {
  readonly batchFirst?: boolean;
}

/**
 * One token of each sequence: x[:, position], or x[n, position[n]] for each n.
 *
 * @param sequences [N, L, ...] with `batchFirst`, else [L, N, ...]
 * @returns [N, 1, ...], or [1, N, ...]; where the position is a number, a view
 */
export function tokenAt(
  sequences: Tensor,
  position: TokenPosition,
  { batchFirst = false }: SequenceLayout = {},
): Tensor {
  const [batchAxis, axis] = batchFirst ? [0, 1] : [1, 0];
  if (sequences.ndim < 2)
    throw new RangeError(`tokenAt: needs sequences of two or more axes, got ${formatShape(sequences.shape)}`);
  const [batch, length] = [sequences.shape[batchAxis], sequences.shape[axis]] as [number, number];
  if (typeof position === 'number') {
    if (!Number.isInteger(position) || position < 0 || position >= length)
      throw new RangeError(`tokenAt: position ${position} does not lie in sequences of ${length} tokens`);
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
