import type { TokenSequence } from '@tessera/models';
import { type TypedArray, tensor } from '@tessera/tensor';
import { type HandOffDType, HandOffError, type HandOffHeader } from './header.ts';

/** Sequences of tokens on their way from the front half to the back half. */
export interface HandOffBatch {
  /** How many sequences. */
  readonly size: number;
  /** [size, tokens, width]; after the way through a stream in f16 or bf16, values that these types hold. */
  readonly tokens: Float32Array;
  /** [size, tokens]: 1 where a token may be seen, 0 where not; null: all may. */
  readonly mask: Uint8Array | null;
  /** [size, tokens]: which of its sequence's images a token belongs to, from 0; -1 for padding. null where nothing is packed. */
  readonly image: Int32Array | null;
  /** [size, tokens, 2]: row and column of each patch; -1, -1 for tokens in front of the patches, 0, 0 for padding. */
  readonly coordinates: Int32Array;
  /** A name for each sequence: the image's, as the sender calls it. */
  readonly ids: readonly string[];
}

/** Bytes of an id, as UTF-8. */
export const longestId = 4096;

/** Row and column of every token of `size` sequences over the header's grid. */
export function placesOnGrid({ prefix, grid, tokens }: HandOffHeader, size: number): Int32Array {
  const [, columns] = grid;
  return Int32Array.from({ length: size * tokens * 2 }, (_, i) => {
    const patch = (Math.floor(i / 2) % tokens) - prefix;
    if (patch < 0) return -1;
    return i % 2 === 0 ? Math.floor(patch / columns) : patch % columns;
  });
}

/** How many of the numbers, as they lie in memory, are infinite or NaN. */
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

/** Holds a batch's arrays against the header. @throws HandOffError naming the column, the sequence and the token */
export function checkBatch(header: HandOffHeader, batch: HandOffBatch): void {
  const { tokens, width, layout, mask, batchSize } = header;
  const { size, ids } = batch;
  if (!(size >= 1 && size <= batchSize))
    throw new HandOffError(`a batch of ${size} sequences, where 1 to ${batchSize} are announced`);
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
        `${name}: ${found ?? 'no'} values, where ${expected ?? 'none'} are announced for ${size} sequences`,
      );
  checkPlaces(header, batch);
}

function checkPlaces(header: HandOffHeader, { mask, image, coordinates, size }: HandOffBatch): void {
  const { tokens, grid, prefix, layout } = header;
  const at = (k: number): string => `sequence ${Math.floor(k / tokens)}, token ${k % tokens}`;
  for (let k = 0; k < size * tokens; k++) {
    if (mask !== null && (mask[k] as number) > 1)
      throw new HandOffError(`mask: ${mask[k]} at ${at(k)}, where 0 or 1 was expected`);
    const owner = image?.[k] ?? 0;
    if (owner < -1 || owner >= tokens)
      throw new HandOffError(`image: number ${owner} at ${at(k)} of a sequence of ${tokens}`);
    const [row, column] = [coordinates[2 * k] as number, coordinates[2 * k + 1] as number];
    const inFront = layout === 'grid' && k % tokens < prefix;
    const fits = inFront ? row === -1 && column === -1 : row >= 0 && row < grid[0] && column >= 0 && column < grid[1];
    if (!fits)
      throw new HandOffError(
        `coordinates: (${row}, ${column}) at ${at(k)} ${inFront ? 'in front of the patches' : `is not on the grid of ${grid.join(' x ')}`}`,
      );
  }
}

/** The tensors that a ViT's back half takes. `tokens` are f32. */
export function sequenceOf({ tokens: length, width, prefix, grid }: HandOffHeader, batch: HandOffBatch): TokenSequence {
  const shape = [batch.size, length];
  return {
    tokens: tensor(batch.tokens, { shape: [...shape, width] }),
    prefix,
    grid,
    mask: batch.mask === null ? null : tensor(batch.mask, { shape }).cast('bool'),
  };
}
