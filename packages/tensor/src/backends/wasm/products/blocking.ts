/**
 * Chooses how a matrix product is cut into blocks, after Goto and van de Geijn (2008), "Anatomy of high-performance matrix multiplication":
 * a panel of B (depth x panel width) stays in the first-level cache while a block of A (rows x depth) streams from the second.
 *
 * The cuts along k (`depth`) affect the bits of results, so they depend only on the kernel. The others depend on the number of threads too,
 * and affect only speed, because they do not cut sums.
 */
import { panelRows, rowUnit } from './micro.ts';
import { type PanelWidths, panelWidth } from './pack.ts';

export interface ProductSize {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

export interface Blocking {
  /** k is cut into `passes` blocks of `depth` (the last may be shorter). */
  readonly depth: number;
  readonly passes: number;
  /** The number of columns of a block of B: a multiple of the widest panel, unless it is all of n. */
  readonly columns: number;
  /** The number of columns with the padding of the last panel. */
  readonly paddedColumns: number;
  /** The number of blocks along n. */
  readonly columnBlocks: number;
  /** The number of rows of a block of A. */
  readonly rows: number;
  /** The number of rows whose sums are kept between passes: all their blocks of A are multiplied before the next pass. */
  readonly tallRows: number;
  /** Whether a block of B is packed for all passes at once, and used for all of the thread's rows. */
  readonly residentB: boolean;
  /** The panel widths that occur. */
  readonly widths: PanelWidths;
}

const targetDepth = 512;
/**
 * Up to this depth k is not cut, and sums are finished in registers. A panel of B is then larger than the first-level cache and streams from
 * the second while it is multiplied, which the processor hides (measured: 105 to 107 GFLOP/s from a depth of 128 to one of 1,536).
 */
const longestDepth = 1024;
/**
 * The approximate number of rows of a block of A. The block is read again for each panel of B, and the sums that wait for an epilogue have
 * the same number of rows: both should stay in the second-level cache together with the packed B. Measured: with an epilogue, 144 rows are
 * up to 10 % slower, 48 up to 2 %.
 */
const blockRows = 96;
/** The largest size of a thread's packed part of B for all of k: it should fit into the second- and third-level cache. */
const residentBytes = 4 << 20;
/** The largest size of the sums that wait for the next pass or for the epilogue: they should fit into the second-level cache. */
const sumsBytes = 1 << 19;

/** Approximate costs in cycles: of a multiply-add at full speed, and of packing an element of A or B. */
const cost = { multiplyAdd: 1 / 16, pack: 0.6 };

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

function usedWidths(n: number, widths: PanelWidths): PanelWidths {
  const [widest] = widths;
  const last = n % widest === 0 ? widest : panelWidth(widths, n % widest);
  return n < widest || last === widest ? [last] : [widest, last];
}

interface Cut {
  readonly columns: number;
  readonly rows: number;
  readonly tallRows: number;
  readonly residentB: boolean;
}

/** The estimated time of the slowest thread. */
function estimate({ batch, m, n, k }: ProductSize, cut: Cut, threads: number, packsA: boolean): number {
  const { columns, tallRows, residentB } = cut;
  const rowUnits = Math.ceil(m / rowUnit);
  const units = batch * Math.ceil(n / columns) * rowUnits;
  const share = Math.ceil(units / threads);
  const rows = share * rowUnit;
  // A thread's units start and end anywhere in a block of columns, and every block that they touch is packed.
  const blocks = Math.min(Math.ceil(share / rowUnits) + (share % rowUnits === 0 ? 0 : 1), units);
  const rounds = residentB ? 1 : Math.ceil(Math.min(rows, rowUnits * rowUnit) / tallRows);
  const packing = (blocks * rounds * columns + (packsA ? rows : 0)) * k * cost.pack;
  return rows * columns * k * cost.multiplyAdd + packing;
}

/** The cuts that fit into the caches, those with wide blocks of columns first. */
function possibleCuts({ m, n, k }: ProductSize, depth: number, widest: number, bytes: number): Cut[] {
  const allRows = roundUp(Math.max(m, 1), rowUnit);
  // Blocks are as even as whole panels allow, so that the last block does not have only a few rows.
  const rowBlocks = Math.max(1, Math.round(m / blockRows));
  const rows = Math.min(roundUp(Math.ceil(Math.max(m, 1) / rowBlocks), panelRows), allRows);
  const cuts: Cut[] = [];
  let last = 0;
  for (let blocks = 1; last !== widest; blocks++) {
    const multiple = roundUp(Math.ceil(Math.max(n, 1) / blocks), widest);
    if (multiple === last) continue;
    last = multiple;
    const columns = Math.min(n, multiple);
    if (columns * bytes * k <= residentBytes && columns * bytes * rows <= sumsBytes)
      cuts.push({ columns, rows, tallRows: rows, residentB: true });
    const tall = Math.floor(sumsBytes / (columns * bytes * rows)) * rows;
    if (k > depth && tall > 0 && columns * bytes * depth <= residentBytes)
      cuts.push({ columns, rows, tallRows: Math.min(tall, allRows), residentB: false });
  }
  return cuts;
}

/** A later cut is chosen only if its time is less than this fraction of the best so far. */
const clearlyBetter = 0.98;

/** Chooses the fastest cut by the estimate. */
export function chooseBlocking(
  size: ProductSize,
  options: {
    readonly bytes: number;
    readonly widths: PanelWidths;
    readonly threads: number;
    readonly packsA: boolean;
  },
): Blocking {
  const { n, k } = size;
  const { bytes, threads, packsA } = options;
  const widths = usedWidths(n, options.widths);
  const [widest] = options.widths;
  const passes = k <= longestDepth ? 1 : Math.ceil(k / targetDepth);
  // The depth is odd, because panels whose depth is a multiple of a power of two would all start in the same set of the cache.
  const depth = passes === 1 ? k : Math.ceil(k / passes) | 1;
  const timed = possibleCuts(size, depth, widest, bytes).map((cut) => ({
    cut,
    time: estimate(size, cut, threads, packsA),
  }));
  const { cut } = timed.reduce((best, other) => (other.time < clearlyBetter * best.time ? other : best));
  const remainder = cut.columns % widest;
  return {
    ...cut,
    depth,
    passes: k === 0 ? 1 : Math.ceil(k / depth),
    paddedColumns: remainder === 0 ? cut.columns : cut.columns - remainder + panelWidth(widths, remainder),
    columnBlocks: Math.ceil(n / cut.columns),
    widths,
  };
}
