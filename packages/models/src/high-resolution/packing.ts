/** Several images in one sequence. */
import { functional as F, sizesOf } from '@tessera/nn';
import { concat, type Tensor, tensor, zeros } from '@tessera/tensor';
import type { Grid } from '../tower/grid.ts';
import { type NativeResolutionOptions, resizeToPatches } from './native-resolution.ts';

/** Which images share a sequence: for each sequence their indices, in order. */
export type Packing = readonly (readonly number[])[];

/**
 * Distributes pieces over few sequences by a greedy search: the longest first, each into the first sequence with room (first fit
 * decreasing). Within a sequence the pieces keep their order.
 *
 * @param lengths of the pieces, in tokens
 * @param capacity of a sequence, in tokens
 * @throws RangeError if a piece is longer than a sequence
 */
export function packLengths(lengths: readonly number[], capacity: number): Packing {
  const sequences: { pieces: number[]; room: number }[] = [];
  const order = lengths
    .map((length, piece) => ({ length, piece }))
    .sort((a, b) => b.length - a.length || a.piece - b.piece);
  for (const { length, piece } of order) {
    if (length > capacity)
      throw new RangeError(`packLengths: piece ${piece} has ${length} tokens, a sequence takes ${capacity}`);
    let sequence = sequences.find(({ room }) => room >= length);
    if (sequence === undefined) {
      sequence = { pieces: [], room: capacity };
      sequences.push(sequence);
    }
    sequence.pieces.push(piece);
    sequence.room -= length;
  }
  return sequences.map(({ pieces }) => pieces.sort((a, b) => a - b));
}

/** Several images in each of S sequences of T tokens. */
export interface PackedImages {
  /** [S, T, C p p]: pixels of patches, channels first; zeros for padding. */
  readonly patches: Tensor;
  /** i32 [S, T]: which of the sequence's images a token belongs to, counted from 0; -1 for padding. */
  readonly image: Tensor;
  /** i32 [S, T]: the patch's row and column in its image. 0 for padding. */
  readonly row: Tensor;
  readonly column: Tensor;
  /** The indices, in the list of images, of each sequence's images. */
  readonly packing: Packing;
  /** The grid of each image in the list. */
  readonly grids: readonly Grid[];
}

export interface PackOptions extends NativeResolutionOptions {
  /** The number of tokens in a sequence, at least `maxTokens`. Default: `maxTokens`. */
  readonly sequenceLength?: number;
}

/**
 * Packs images of any size into sequences (Dehghani et al. 2023, section 2.1, "Patch n' Pack"): each image is resized to whole patches
 * at its own ratio and cut, and the patches of several images follow each other in a sequence.
 *
 * @param images [C, H, W] each, floating point
 */
export function packImages(images: readonly Tensor[], options: PackOptions): PackedImages {
  const { patchSize, maxTokens, sequenceLength = maxTokens } = options;
  if (images.length === 0) throw new RangeError('packImages: needs at least one image');
  if (sequenceLength < maxTokens)
    throw new RangeError(
      `packImages: images of up to ${maxTokens} tokens do not fit into sequences of ${sequenceLength}`,
    );
  const fitted = images.map((image) => resizeToPatches(image, options));
  const grids = fitted.map(({ grid }) => grid);
  const packing = packLengths(
    grids.map(([rows, columns]) => rows * columns),
    sequenceLength,
  );
  const patches = fitted.map(({ image }) => F.patchify(image.unsqueeze(0), patchSize));
  const rows = packing.map((pieces) => {
    const own = pieces.flatMap((piece) => patches.slice(piece, piece + 1));
    const sizes = own.map((sequence) => sizesOf(sequence, 3, 'packImages', 'patches [1, T, C p p]'));
    const used = sizes.reduce((sum, [, length]) => sum + length, 0);
    const [, , size] = sizes[0] ?? [1, 0, 0];
    const padding = used < sequenceLength ? [zeros([1, sequenceLength - used, size])] : [];
    return concat([...own, ...padding], 1);
  });
  return { patches: concat(rows, 0), ...tokenPlaces(packing, grids, sequenceLength), packing, grids };
}

/** Image, row and column of every token: i32 [S, T] each. */
function tokenPlaces(
  packing: Packing,
  grids: readonly Grid[],
  length: number,
): Pick<PackedImages, 'image' | 'row' | 'column'> {
  const shape = [packing.length, length];
  const place = {
    image: new Int32Array(packing.length * length).fill(-1),
    row: new Int32Array(packing.length * length),
    column: new Int32Array(packing.length * length),
  };
  for (const [s, pieces] of packing.entries()) {
    let at = s * length;
    for (const [slot, piece] of pieces.entries()) {
      const [rows, columns] = grids[piece] ?? [0, 0];
      for (let k = 0; k < rows * columns; k++, at++) {
        place.image[at] = slot;
        place.row[at] = Math.floor(k / columns);
        place.column[at] = k % columns;
      }
    }
  }
  return {
    image: tensor(place.image, { shape }),
    row: tensor(place.row, { shape }),
    column: tensor(place.column, { shape }),
  };
}

/**
 * Which tokens of packed sequences may see each other: those of one image. Padding sees padding, so that the sum in its softmax is not
 * 0; no image sees it.
 *
 * @param image i32 [S, T], the image that each token belongs to
 * @returns bool [S, 1, T, T], true where a query may see a key
 */
export const blockMask = (image: Tensor): Tensor => image.unsqueeze(2).eq(image.unsqueeze(1)).unsqueeze(1);
