/** Trained positions for another number of patches or tokens. */
import { interpolatePositions } from '@tessera/models';
import { concat, type Tensor } from '@tessera/tensor';

/** A state that was fitted to another model, and what was changed, a sentence each. */
export interface Adapted {
  readonly state: Map<string, Tensor>;
  readonly notes: readonly string[];
}

/** Rows and columns of patches. */
export type Grid = readonly [rows: number, columns: number];

const formatGrid = ([rows, columns]: Grid): string => `${rows} x ${columns}`;

/**
 * Positions of patches for another grid, resized as timm and OpenCLIP do (bicubic, antialiased). Those of the tokens in front of the
 * patches are not changed.
 *
 * @param positions [prefix + side * side, width], or the same with a first axis of length 1
 * @returns null if the grid is the same
 * @throws if the positions are not those of a square grid
 */
export function resizedPositions(
  name: string,
  positions: Tensor,
  prefix: number,
  to: Grid,
): { readonly positions: Tensor; readonly note: string } | null {
  const flat = positions.ndim === 2;
  const table = flat ? positions.unsqueeze(0) : positions;
  const places = (table.shape[1] ?? 0) - prefix;
  const [rows, columns] = to;
  if (places === rows * columns) return null;
  const side = Math.round(Math.sqrt(places));
  if (side < 1 || side * side !== places)
    throw new Error(`${name} has ${places} places for patches, which is not a square grid, so it cannot be resized`);
  const resized = interpolatePositions(table, [side, side], to, prefix);
  return {
    positions: flat ? resized.squeeze(0) : resized,
    note: `${name}: interpolated from ${formatGrid([side, side])} to ${formatGrid(to)} patches`,
  };
}

/**
 * Positions of a text for another context length: the first ones are kept, so that a text that fits both has the same features; missing
 * ones are those of a new model.
 *
 * @param positions [length, width]
 * @param own the positions of the new model, [its length, width]
 */
export function cutOrExtended(
  name: string,
  positions: Tensor,
  own: Tensor,
): { readonly positions: Tensor; readonly note: string } | null {
  const [from = 0] = positions.shape;
  const [to = 0] = own.shape;
  if (from === to) return null;
  const longer = to > from;
  return {
    positions: longer ? concat([positions, own.detach().slice(0, from)], 0) : positions.slice(0, 0, to),
    note: longer
      ? `${name}: extended from ${from} to ${to} tokens; the new ones start from random values`
      : `${name}: cut from ${from} to ${to} tokens`,
  };
}
