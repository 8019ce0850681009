/** Several ranges of a file, read with as few requests as is sensible. */
import type { ByteSource } from './source.ts';

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Ranges in ascending order, where those with a gap of at most `gap` bytes between them are one. Empty ranges are left out. */
function mergeRanges(ranges: readonly Range[], gap: number): Range[] {
  const merged: { start: number; end: number }[] = [];
  for (const { start, end } of ranges.filter((range) => range.end > range.start).sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last !== undefined && start - last.end <= gap) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}

/** Ranges of a file that are in memory. */
export interface ReadRanges {
  /** The memory that they take, in bytes. */
  readonly bytes: number;
  /** A copy of `length` bytes at `start`. @throws for bytes outside of the ranges */
  slice(start: number, length: number): Uint8Array<ArrayBuffer>;
}

/** Requests for parts of one block at the same time. */
const requestsAtOnce = 8;

/** Reads ranges of a file into memory. */
export async function readRanges(source: ByteSource, ranges: readonly Range[]): Promise<ReadRanges> {
  const merged = mergeRanges(ranges, source.gap);
  const parts: Uint8Array<ArrayBuffer>[] = new Array(merged.length);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < merged.length) {
      const k = next++;
      const { start, end } = merged[k] as Range;
      parts[k] = await source.read(start, end);
    }
  };
  await Promise.all(Array.from({ length: Math.min(requestsAtOnce, merged.length) }, work));
  return {
    bytes: merged.reduce((sum, { start, end }) => sum + end - start, 0),
    slice(start, length) {
      if (length === 0) return new Uint8Array();
      const k = merged.findLastIndex((range) => range.start <= start);
      const [range, part] = [merged[k], parts[k]];
      if (range === undefined || part === undefined || start + length > range.end)
        throw new Error(`${length} bytes at byte ${start} were not read`);
      return part.slice(start - range.start, start - range.start + length);
    },
  };
}
