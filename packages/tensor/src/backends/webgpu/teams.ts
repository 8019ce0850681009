/** Chooses how the invocations of a workgroup are divided into teams, each of which processes one row. */

export interface Teams {
  /** The number of invocations for each row: a power of 2. */
  readonly size: number;
  /** The number of rows for each workgroup. */
  readonly rows: number;
  /** Whether neighboring invocations process neighboring rows, instead of neighboring elements of one row. */
  readonly adjacentRows: boolean;
}

/** Enough invocations to keep a large device busy: 132 processors with 2,048 invocations each have 270,336. */
const busyInvocations = 1 << 17;
/** An invocation processes at least this many elements, if there are enough rows to keep the device busy. */
const fewestElements = 4;
/** The number of neighboring invocations that must read neighboring elements for a memory access of full width. */
const fullAccess = 32;

const powerOf2Below = (n: number): number => 2 ** Math.floor(Math.log2(Math.max(1, n)));

/**
 * Chooses the teams. `alongRow`: the elements of a row are neighbors in memory; otherwise neighboring rows are. A team's size depends only
 * on shapes, so that sums are computed in the same order in every run.
 */
export function chooseTeams({
  rows,
  length,
  alongRow,
  workgroupSize,
}: {
  readonly rows: number;
  readonly length: number;
  readonly alongRow: boolean;
  readonly workgroupSize: number;
}): Teams {
  const largest = powerOf2Below(Math.min(workgroupSize, length));
  // As many invocations as the device needs to be busy, and as memory accesses of full width need.
  const wanted = powerOf2Below(busyInvocations / rows);
  const unhurried = powerOf2Below(length / fewestElements);
  if (alongRow) {
    const size = Math.min(
      largest,
      Math.max(wanted, Math.min(fullAccess, unhurried), Math.min(workgroupSize, unhurried)),
    );
    return { size, rows: powerOf2Below(workgroupSize) / size, adjacentRows: false };
  }
  const neighbors = Math.min(fullAccess, powerOf2Below(Math.max(1, rows) * 2 - 1));
  const size = Math.min(largest, powerOf2Below(workgroupSize) / neighbors, Math.min(wanted, unhurried));
  return { size: Math.max(1, size), rows: powerOf2Below(workgroupSize) / Math.max(1, size), adjacentRows: true };
}
