/** How the invocations of a workgroup share rows. */

export interface Teams {
  /** Invocations of a row: a power of 2. */
  readonly size: number;
  /** Rows of a workgroup. */
  readonly rows: number;
  /** Whether neighbours in a workgroup take neighbouring rows, instead of neighbouring elements of one row. */
  readonly adjacentRows: boolean;
}

/** Enough to keep a large device busy: 132 processors of 2,048 invocations are 270,336. */
const busyInvocations = 1 << 17;
/** An invocation takes this many elements at least, if there are enough rows without it. */
const fewestElements = 4;
/** Neighbouring invocations that must read neighbouring elements for a memory access of full width. */
const fullAccess = 32;

const powerOf2Below = (n: number): number => 2 ** Math.floor(Math.log2(Math.max(1, n)));

/**
 * `alongRow`: the elements of a row are neighbours in memory; otherwise neighbouring rows are. A team's size depends on shapes alone, so
 * that sums are joined in the same order at each run.
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
  // As many as the device needs to be busy, and as reading whole lines takes.
  const wanted = powerOf2Below(busyInvocations / rows);
  const unhurried = powerOf2Below(length / fewestElements);
  if (alongRow) {
    const size = Math.min(
      largest,
      Math.max(wanted, Math.min(fullAccess, unhurried), Math.min(workgroupSize, unhurried)),
    );
    return { size, rows: powerOf2Below(workgroupSize) / size, adjacentRows: false };
  }
  const neighbours = Math.min(fullAccess, powerOf2Below(Math.max(1, rows) * 2 - 1));
  const size = Math.min(largest, powerOf2Below(workgroupSize) / neighbours, Math.min(wanted, unhurried));
  return { size: Math.max(1, size), rows: powerOf2Below(workgroupSize) / Math.max(1, size), adjacentRows: true };
}
