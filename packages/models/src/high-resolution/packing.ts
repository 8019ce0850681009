import { functional as F } from '@tessera/nn';
import { concat, type Tensor, tensor, zeros } from '@tessera/tensor';
import type { Grid } from '../tower/grid.ts';
import { type NativeResolutionOptions, resizeToPatches } from './native-resolution.ts';

/** Which images share a sequence: their numbers, in order. */
export type Packing = readonly (readonly number[])[];

/**
 * Puts pieces into as few sequences as a greedy search finds: the longest first, each into the first sequence with room (first fit
 * decreasing). Within a sequence the pieces keep their order.
 *
 * @param lengths of the pieces, in tokens
 * @param capacity of a sequence
 * @throws RangeError for a piece that fits no sequence
 */
export function packLengths(lengths: readonly number[], capacity: number): Packing {
  const sequences: { pieces: number[]; room: number }[] = [];
  const order = lengths.map((_, k) => k).sort((a, b) => (lengths[b] as number) - (lengths[a] as number) || a - b);
  for (const piece of order) {
    const length = lengths[piece] as number;
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
  /** [S, T, C p p]: pixels of patches, channels first; zeros where nothing is. */
  readonly patches: Tensor;
  /** i32 [S, T]: which of the sequence's images a token belongs to, counted from 0; -1 for padding. */
  readonly image: Tensor;
  /** i32 [S, T]: the patch's row and column in its image. 0 for padding. */
  readonly row: Tensor;
  readonly column: Tensor;
  /** The number, in the list of images, of each sequence's images. */
  readonly packing: Packing;
  /** The grid of each image in the list. */
  readonly grids: readonly Grid[];
}

export interface PackOptions extends NativeResolutionOptions {
  /** Tokens in a sequence; at least `maxTokens`. Default: `maxTokens`. */
  readonly sequenceLength?: number;
}

/**
 * Packs images of any sizes into sequences (Dehghani et al. 2023, section 2.1, "Patch n' Pack"): each is resized to whole patches
 * at its own ratio, cut, and laid behind another in the same sequence.
 *
 * @param images [C, H, W] each, floating point
 */
export function packImages(images: readonly Tensor[], options: PackOptions): PackedImages {
  const { patchSize, maxTokens, sequenceLength = maxTokens } = options;
  if (images.length === 0) throw new RangeError('packImages: needs at least one image');
  if (sequenceLength < maxTokens)
    throw new RangeError(`packImages: sequences of ${sequenceLength} tokens cannot hold images of ${maxTokens}`);
  const fitted = images.map((image) => resizeToPatches(image, options));
  const grids = fitted.map(({ grid }) => grid);
  const lengths = grids.map(([rows, columns]) => rows * columns);
  const packing = packLengths(lengths, sequenceLength);
  const patches = fitted.map(({ image }) => F.patchify(image.unsqueeze(0), patchSize));
  const size = (patches[0] as Tensor).shape[2] as number;
  const rows = packing.map((pieces) => {
    const used = pieces.reduce((sum, piece) => sum + (lengths[piece] as number), 0);
    const padding = used < sequenceLength ? [zeros([1, sequenceLength - used, size])] : [];
    return concat([...pieces.map((piece) => patches[piece] as Tensor), ...padding], 1);
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
      const [rows, columns] = grids[piece] as Grid;
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
 * Which tokens of packed sequences may see each other: those of one image. Padding sees padding, so that its softmax has something to
 * sum over; nothing of an image sees it.
 *
 * @param image i32 [S, T], the image that each token belongs to
 * @returns bool [S, 1, T, T], true where a query may see a key
 */
export const blockMask = (image: Tensor): Tensor => image.unsqueeze(2).eq(image.unsqueeze(1)).unsqueeze(1);
