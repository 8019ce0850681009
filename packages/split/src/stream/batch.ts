/** Batches of token sequences, and the checks that sender and receiver make. */
import type { TokenSequence } from '@tessera/models';
import { type TypedArray, tensor } from '@tessera/tensor';
import { type HandOffDType, HandOffError, type HandOffHeader } from './header.ts';

/** A batch of token sequences that the front half sends to the back half. */
export interface HandOffBatch {
  /** The number of sequences. */
  readonly size: number;
  /** [size, tokens, width]. After a stream in f16 or bf16 the values are rounded to that type. */
  readonly tokens: Float32Array;
  /** [size, tokens]: 1 for a token that may be attended to, 0 for a masked one; null: no mask. */
  readonly mask: Uint8Array | null;
  /** [size, tokens]: the index of the image within the sequence, from 0; -1 for padding. null: sequences are not packed. */
  readonly image: Int32Array | null;
  /** [size, tokens, 2]: row and column of each patch; (-1, -1) for tokens before the patches, (0, 0) for padding. */
  readonly coordinates: Int32Array;
  /** A name for each sequence, usually that of its image. */
  readonly ids: readonly string[];
}

/** The largest length of an id, in bytes of UTF-8. */
export const longestId = 4096;

/** Row and column of each token, for `size` sequences on the header's grid. */
export function placesOnGrid({ prefix, grid, tokens }: HandOffHeader, size: number): Int32Array {
  const [, columns] = grid;
  return Int32Array.from({ length: size * tokens * 2 }, (_, i) => {
    const patch = (Math.floor(i / 2) % tokens) - prefix;
    if (patch < 0) return -1;
    return i % 2 === 0 ? Math.floor(patch / columns) : patch % columns;
  });
}

/** Counts infinite numbers and NaN. @param stored the numbers as they are stored in `dtype` */
export function countNonFinite(dtype: HandOffDType, stored: TypedArray): number {
  let found = 0;
  if (dtype === 'f32') {
    // x - x is 0 for finite numbers, else NaN.
    for (let i = 0; i < stored.length; i++) if ((stored[i] as number) - (stored[i] as number) !== 0) found++;
    return found;
  }
  const exponent = dtype === 'f16' ? 0x7c00 : 0x7f80;
  for (let i = 0; i < stored.length; i++) if (((stored[i] as number) & exponent) === exponent) found++;
  return found;
}

/** Checks a batch's arrays against the header. @throws HandOffError that names the column, the sequence and the token */
export function checkBatch(header: HandOffHeader, batch: HandOffBatch): void {
  const { tokens, width, layout, mask, batchSize } = header;
  const { size, ids } = batch;
  if (!(size >= 1 && size <= batchSize))
    throw new HandOffError(`a batch of ${size} sequences; the header announces 1 to ${batchSize}`);
  const lengths: [name: string, found: number | undefined, expected: number | undefined][] = [
    ['tokens', batch.tokens.length, size * tokens * width],
    ['mask', batch.mask?.length, mask ? size * tokens : undefined],
    ['image', batch.image?.length, layout === 'packed' ? size * tokens : undefined],
    ['coordinates', batch.coordinates.length, size * tokens * 2],
    ['ids', ids.length, size],
  ];
  for (const [name, found, expected] of lengths)
    if (found !== expected)
      throw new HandOffError(
        `${name}: ${found ?? 'no'} values; the header announces ${expected ?? 'none'} for ${size} sequences`,
      );
  checkPlaces(header, batch);
}

function checkPlaces(header: HandOffHeader, { mask, image, coordinates, size }: HandOffBatch): void {
  const { tokens, grid, prefix, layout } = header;
  const at = (k: number): string => `sequence ${Math.floor(k / tokens)}, token ${k % tokens}`;
  for (let k = 0; k < size * tokens; k++) {
    if (mask !== null && (mask[k] as number) > 1)
      throw new HandOffError(`mask: ${mask[k]} at ${at(k)}; expected 0 or 1`);
    const owner = image?.[k] ?? 0;
    if (owner < -1 || owner >= tokens)
      throw new HandOffError(`image: index ${owner} at ${at(k)}; expected -1 to ${tokens - 1}`);
    const [row, column] = [coordinates[2 * k] as number, coordinates[2 * k + 1] as number];
    const inFront = layout === 'grid' && k % tokens < prefix;
    const fits = inFront ? row === -1 && column === -1 : row >= 0 && row < grid[0] && column >= 0 && column < grid[1];
    if (!fits)
      throw new HandOffError(
        `coordinates: (${row}, ${column}) at ${at(k)} ${inFront ? 'is before the patches; expected (-1, -1)' : `is not on the grid of ${grid.join(' x ')}`}`,
      );
  }
}

/** A batch as tensors for a ViT's back half. Tokens are f32. */
export function sequenceOf({ tokens: length, width, prefix, grid }: HandOffHeader, batch: HandOffBatch): TokenSequence {
  const shape = [batch.size, length];
  return {
    tokens: tensor(batch.tokens, { shape: [...shape, width] }),
    prefix,
    grid,
    mask: batch.mask === null ? null : tensor(batch.mask, { shape }).cast('bool'),
  };
}
