/** The bytes of tensors, for writing them to files without a copy of the whole. */
import { readNodeBytes } from './runtime/realize.ts';
import type { Tensor } from './tensor.ts';

/**
 * The bytes of a tensor's elements, little-endian and row-major: f16 and bf16 as 2 bytes, bool as 0 or 1. They come in pieces that are as
 * long as the arrays that `next` returns, which are filled with them; a backend that cannot block returns one piece in an array of its own.
 *
 * @param next returns an array for the next piece, of a multiple of 8 bytes
 */
export const tensorBytes = (tensor: Tensor, next: () => Uint8Array): AsyncIterable<Uint8Array> =>
  readNodeBytes(tensor.node, next);
