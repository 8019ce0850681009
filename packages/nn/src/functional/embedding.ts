import { formatShape, type Tensor } from '@tessera/tensor';

/**
 * Rows of a table.
 *
 * @param index i32, any shape; every value in [0, rows)
 * @param weight [rows, width]
 * @returns [...index's shape, width]
 */
export function embedding(index: Tensor, weight: Tensor): Tensor {
  if (index.dtype !== 'i32' && index.dtype !== 'u8')
    throw new TypeError(
      `embedding: the index must be an integer tensor, got ${index.dtype} ${formatShape(index.shape)}`,
    );
  return weight.indexSelect(0, index.cast('i32'));
}
