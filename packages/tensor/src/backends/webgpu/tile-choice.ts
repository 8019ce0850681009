/**
 * Chooses the tile for a product. Two numbers describe a tile on a device: the time that a single workgroup takes for one step along the
 * sum, and the time that each workgroup adds when the device is full. Both are measured once (see tuner.ts); without measurements they are
 * estimated. The choice depends only on these numbers and on sizes.
 */
import type { TileTimes, TileTimeTable } from './capabilities.ts';
import type { ProductSizes, TileChoice } from './gemm.ts';
import type { ScalarTile, Tile } from './tile.ts';
import { invocationsOf } from './tiles.ts';

/** The device on which estimates are based: 132 processors, each of which issues 4 instructions for 32 lanes per cycle, at 1.7 GHz. */
const processors = 132;
const issued = 4;
const subgroupLanes = 32;
const clock = 1.7;
/** The number of cycles that a single workgroup waits for a read from workgroup memory. */
const latency = 24;

/** Estimates a tile's times from its instructions: multiply-adds, and reads of their operands from workgroup memory. */
function estimate(tile: ScalarTile): TileTimes {
  const { rowQuads, columnQuads } = tile;
  const instructions = 16 * rowQuads * columnQuads + 4 * (rowQuads + columnQuads);
  const subgroups = Math.ceil(invocationsOf(tile) / subgroupLanes);
  const full = (instructions * subgroups) / (issued * processors * clock);
  const alone = Math.max(latency, instructions * Math.max(1, subgroups / issued)) / clock;
  return { full, alone };
}

/** A tile's times; null for tiles that must not be used. Subgroup matrices are used only if the tuner found their results correct. */
function timesOf(tile: Tile, table: TileTimeTable): TileTimes | null {
  const measured = table[tile.name];
  return measured === undefined && tile.core === 'scalar' ? estimate(tile) : (measured ?? null);
}

/** The cost of a second pass, which adds the parts of sums, in nanoseconds. */
const joinCost = 4000;
/** The cost of each part of each element in that pass, in nanoseconds. */
const partialCost = 0.004;

const mostSplits = 64;
/** A part of a sum has at least this many terms. */
const fewestTerms = 128;

/** Estimates the time of a product, in nanoseconds. */
function timeOf({ batch, m, n, k }: ProductSizes, { tile, splits }: TileChoice, { alone, full }: TileTimes): number {
  const workgroups = batch * Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns) * splits;
  const steps = Math.ceil(Math.ceil(k / tile.depth) / splits) * tile.depth;
  // Writing the sums at the end of a tile costs about as much as 16 more terms.
  const time = (steps + 16) * Math.max(alone, workgroups * full);
  return splits === 1 ? time : time + joinCost + partialCost * splits * batch * m * n;
}

/** The fastest choice; null if no tile can be used. */
export function chooseTile(sizes: ProductSizes, tiles: readonly Tile[], table: TileTimeTable): TileChoice | null {
  let best: { choice: TileChoice; time: number } | null = null;
  for (const tile of tiles) {
    const times = timesOf(tile, table);
    if (times === null) continue;
    for (let splits = 1; splits <= mostSplits; splits *= 2) {
      if (splits > 1 && sizes.k < splits * fewestTerms) break;
      const time = timeOf(sizes, { tile, splits }, times);
      if (best === null || time < best.time) best = { choice: { tile, splits }, time };
    }
  }
  return best?.choice ?? null;
}
