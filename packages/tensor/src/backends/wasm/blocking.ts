/**
 * How a matrix product is cut into blocks, after Goto and van de Geijn (2008), "Anatomy of high-performance matrix multiplication":
 * a panel of B (depth x panel width) stays in the first-level cache while a block of A (rows x depth) streams from the second.
 *
 * The cuts along k (`depth`) decide bits and depend on the kernel alone. The others depend on the number of threads, and decide
 * nothing but speed: no sum is cut.
 */
import { panelRows } from './micro.ts';
import { panelWidth } from './pack.ts';

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
  /** Columns of a block of B: a multiple of the widest panel, unless it is all of n. */
  readonly columns: number;
  /** The same with the last panel's padding. */
  readonly paddedColumns: number;
  /** Number of blocks along n. */
  readonly columnBlocks: number;
  /** Rows of a block of A. */
  readonly rows: number;
  /** Rows whose sums are kept between passes: all their blocks of A are multiplied before the next pass. */
  readonly tallRows: number;
  /** Whether all passes of a block of B are packed at once, and serve all of the thread's rows. */
  readonly residentB: boolean;
  /** Panel widths that occur, descending. */
  readonly widths: readonly number[];
}

const targetDepth = 256;
/** Up to this depth k is not cut. */
const longestDepth = 320;
const blockRows = 144;
/** A thread's packed part of B: second and third level of cache. */
const residentBytes = 2 << 20;
/** Sums that are kept between passes. */
const tallBytes = 1 << 19;

/** Cycles, roughly: a multiply-add at full speed, packing an element of A or B. */
const cost = { multiplyAdd: 1 / 16, pack: 0.6 };

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

function usedWidths(n: number, widths: readonly number[]): number[] {
  const widest = widths[0];
  const last = n % widest === 0 ? widest : panelWidth(widths, n % widest);
  return n < widest ? [last] : [...new Set([widest, last])];
}

/** Estimated time of the slowest thread, where n is cut into blocks of `columns`. */
function estimate({ batch, m, n, k }: ProductSize, columns: number, threads: number, packsA: boolean): number {
  const panels = Math.ceil(m / panelRows);
  const units = batch * Math.ceil(n / columns) * panels;
  const share = Math.ceil(units / threads);
  const blocks = Math.min(Math.ceil(share / panels) + (share % panels === 0 ? 0 : 1), units);
  const rows = share * panelRows;
  const work = rows * columns * k * cost.multiplyAdd;
  return work + (blocks * columns + (packsA ? rows : 0)) * k * cost.pack;
}

export function chooseBlocking(
  size: ProductSize,
  options: {
    readonly bytes: number;
    readonly widths: readonly number[];
    readonly threads: number;
    readonly packsA: boolean;
  },
): Blocking {
  const { m, n, k } = size;
  const { bytes, threads, packsA } = options;
  const passes = k <= longestDepth ? 1 : Math.ceil(k / targetDepth);
  const depth = passes === 1 ? k : roundUp(Math.ceil(k / passes), 8);
  const widths = usedWidths(n, options.widths);
  const widest = options.widths[0];
  const narrowest = Math.min(n, 4 * widest);
  const affordable = Math.floor(residentBytes / (bytes * Math.max(k, 1)) / widest) * widest;
  const residentB = affordable >= narrowest;
  const most = residentB ? Math.min(n, affordable) : Math.min(n, 32 * widest);

  // Fewer columns a block mean more units to share out, and more packing.
  let columns = most;
  for (let blocks = 1; blocks <= 64; blocks++) {
    const candidate = roundUp(Math.ceil(n / blocks), widest);
    if (candidate > most) continue;
    const better =
      estimate(size, Math.min(candidate, n), threads, packsA) < 0.98 * estimate(size, columns, threads, packsA);
    if (better) columns = Math.min(candidate, n);
    if (candidate <= 2 * widest) break;
  }
  if (columns < n) columns = Math.max(widest, Math.floor(columns / widest) * widest);
  const paddedColumns =
    columns < n ? columns : Math.floor(n / widest) * widest + (n % widest === 0 ? 0 : panelWidth(widths, n % widest));
  const rows = Math.min(blockRows, roundUp(m, panelRows));
  const tallRows = residentB
    ? rows
    : Math.min(roundUp(m, panelRows), Math.max(1, Math.floor(tallBytes / (rows * paddedColumns * bytes))) * rows);
  return {
    depth,
    passes: k === 0 ? 1 : Math.ceil(k / depth),
    columns,
    paddedColumns,
    columnBlocks: Math.ceil(n / columns),
    rows,
    tallRows,
    residentB,
    widths,
  };
}
