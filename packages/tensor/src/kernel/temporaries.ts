/** Where temporaries are stored: in pages, at places that no two of them need at the same time. */

import { accessesOf, type ScheduledKernel } from './kernel.ts';
import { nth } from './nth.ts';

/** When a buffer is needed: the first and the last kernel or stage that uses it, by number, both included. */
export interface Lifetime {
  readonly from: number;
  readonly to: number;
}

export interface TemporaryBuffer extends Lifetime {
  readonly bytes: number;
}

export interface TemporaryPlace {
  readonly page: number;
  readonly byteOffset: number;
}

export interface PageLimits {
  /** Places are multiples of this, in bytes. */
  readonly alignment: number;
  /** The maximum size of a page, in bytes, unless a single buffer is larger. Default: one page holds everything. */
  readonly pageBytes?: number;
}

/** The groups of kernels that use each buffer. Kernels of one group may run at the same time. */
export function lifetimesOf(groups: readonly (readonly ScheduledKernel[])[]): Map<number, Lifetime> {
  const lifetimes = new Map<number, { from: number; to: number }>();
  groups.forEach((kernels, group) => {
    for (const kernel of kernels) {
      const { reads, writes } = accessesOf(kernel);
      for (const { buffer } of [...reads, ...writes]) {
        const known = lifetimes.get(buffer);
        if (known === undefined) lifetimes.set(buffer, { from: group, to: group });
        else known.to = group;
      }
    }
  });
  return lifetimes;
}

/** Places buffers largest first, each on the first page with room, at the lowest offset that is free during its lifetime. */
export function placeTemporaries(
  buffers: readonly TemporaryBuffer[],
  { alignment, pageBytes = Number.POSITIVE_INFINITY }: PageLimits,
): { places: TemporaryPlace[]; pages: number[] } {
  interface Slot extends Lifetime {
    readonly start: number;
    readonly end: number;
  }
  const places: TemporaryPlace[] = [];
  /** The slots of each page, ordered by their start. */
  const slots: Slot[][] = [];
  const pages: number[] = [];
  const aligned = buffers.map(({ bytes, from, to }, k) => ({
    k,
    from,
    to,
    bytes: Math.max(alignment, Math.ceil(bytes / alignment) * alignment),
  }));
  for (const { k, from, to, bytes } of aligned.sort((x, y) => y.bytes - x.bytes || x.k - y.k)) {
    for (let page = 0; ; page++) {
      if (page === pages.length) {
        slots.push([]);
        pages.push(0);
      }
      const taken = nth(slots, page);
      let start = 0;
      for (const slot of taken) {
        if (slot.from > to || from > slot.to) continue;
        if (slot.start - start >= bytes) break;
        start = Math.max(start, slot.end);
      }
      if (start + bytes > pageBytes && taken.length > 0) continue;
      const before = taken.findLastIndex((slot) => slot.start <= start);
      taken.splice(before + 1, 0, { start, end: start + bytes, from, to });
      pages[page] = Math.max(nth(pages, page), start + bytes);
      places[k] = { page, byteOffset: start };
      break;
    }
  }
  return { places, pages };
}
