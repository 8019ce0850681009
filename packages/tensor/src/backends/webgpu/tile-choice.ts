/**
 * Which tile a product is computed with. Two numbers describe a tile on a device: how long a workgroup alone takes for one step along the
 * sum, and how much time each of many adds when the device is full. Both are measured once (see tuner.ts); without measurements they are
 * estimated. The choice depends on these numbers and on sizes alone.
 */
import type { TileTimes, TileTimeTable } from './capabilities.ts';
import type { ProductSizes, TileChoice } from './gemm.ts';
import type { Tile } from './tile.ts';
import { invocationsOf } from './tiles.ts';

/** Of the device on which estimates are based: 132 processors of 128 lanes at 1.7 GHz, and its matrix units. */
const processors = 132;
const lanes = 128;
const clock = 1.7;
const matrixFlopsPerNanosecond = 400_000;
/** Invocations that a processor needs to be busy. */
const busyInvocations = 512;

/** Multiply-adds per access of workgroup memory decide how busy a tile keeps the arithmetic. */
function estimate(tile: Tile): TileTimes {
  const products = tile.rows * tile.columns;
  const invocations = invocationsOf(tile);
  if (tile.core === 'matrix') {
    const { rowUnits, columnUnits } = tile;
    const efficiency = (rowUnits * columnUnits) / (rowUnits * columnUnits + rowUnits + columnUnits);
    const full = (2 * products) / (matrixFlopsPerNanosecond * efficiency);
    return { full, alone: full * processors * 2 };
  }
  const { rowQuads, columnQuads } = tile;
  const work = 16 * rowQuads * columnQuads;
  const efficiency = work / (work + 4 * (rowQuads + columnQuads));
  const full = products / (processors * lanes * clock * efficiency);
  return { full, alone: full * processors * Math.max(1, busyInvocations / invocations) };
}

export const timesOf = (tile: Tile, table: TileTimeTable): TileTimes => table[tile.name] ?? estimate(tile);

/** What a second pass over the parts of sums costs, and each part of an element of the result. In nanoseconds. */
const joinCost = 4000;
const partialCost = 0.004;

const mostSplits = 64;
/** A part of a sum has at least this many terms. */
const fewestTerms = 128;

/** An estimate, in nanoseconds. */
function timeOf({ batch, m, n, k }: ProductSizes, { tile, splits }: TileChoice, { alone, full }: TileTimes): number {
  const workgroups = batch * Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns) * splits;
  const steps = Math.ceil(Math.ceil(k / tile.depth) / splits) * tile.depth;
  // Sums pass through memory at the end of a tile: that counts like some more terms.
  const time = (steps + 16) * Math.max(alone, workgroups * full);
  return splits === 1 ? time : time + joinCost + partialCost * splits * batch * m * n;
}

/** Null where there are no tiles. */
export function chooseTile(sizes: ProductSizes, tiles: readonly Tile[], table: TileTimeTable): TileChoice | null {
  let best: { choice: TileChoice; time: number } | null = null;
  for (const tile of tiles) {
    const times = timesOf(tile, table);
    for (let splits = 1; splits <= mostSplits; splits *= 2) {
      if (splits > 1 && sizes.k < splits * fewestTerms) break;
      const time = timeOf(sizes, { tile, splits }, times);
      if (best === null || time < best.time) best = { choice: { tile, splits }, time };
    }
  }
  return best?.choice ?? null;
}
