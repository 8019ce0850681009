/**
 * Which tile a product is computed with. Two numbers describe a tile on a device: how long a workgroup alone takes for one step along the
 * sum, and how much time each of many adds when the device is full. Both are measured once (see tuner.ts); without measurements they are
 * estimated. The choice depends on these numbers and on sizes alone.
 */
import type { TileTimes, TileTimeTable } from './capabilities.ts';
import type { ProductSizes, TileChoice } from './gemm.ts';
import type { ScalarTile, Tile } from './tile.ts';
import { invocationsOf } from './tiles.ts';

/** Of the device on which estimates are based: 132 processors, each of which issues 4 instructions for 32 lanes at 1.7 GHz. */
const processors = 132;
const issued = 4;
const subgroupLanes = 32;
const clock = 1.7;
/** Cycles before a workgroup alone can go on: for a line of workgroup memory to arrive. */
const latency = 24;

/** Instructions decide: multiply-adds, and what it takes to read their operands from workgroup memory. */
function estimate(tile: ScalarTile): TileTimes {
  const { rowQuads, columnQuads } = tile;
  const instructions = 16 * rowQuads * columnQuads + 4 * (rowQuads + columnQuads);
  const subgroups = Math.ceil(invocationsOf(tile) / subgroupLanes);
  const full = (instructions * subgroups) / (issued * processors * clock);
  const alone = Math.max(latency, instructions * Math.max(1, subgroups / issued)) / clock;
  return { full, alone };
}

/** Null for tiles that must not be used: matrices of subgroups only where it was seen that they are right. */
function timesOf(tile: Tile, table: TileTimeTable): TileTimes | null {
  const measured = table[tile.name];
  return measured === undefined && tile.core === 'scalar' ? estimate(tile) : (measured ?? null);
}

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
    if (times === null) continue;
    for (let splits = 1; splits <= mostSplits; splits *= 2) {
      if (splits > 1 && sizes.k < splits * fewestTerms) break;
      const time = timeOf(sizes, { tile, splits }, times);
      if (best === null || time < best.time) best = { choice: { tile, splits }, time };
    }
  }
  return best?.choice ?? null;
}
