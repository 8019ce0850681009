/** Where temporaries lie: in pages, at places that no two of them need at the same time. */
import { accessesOf, type Kernel } from './kernel.ts';

/** From when to when a buffer is needed: numbers of kernels or stages, both ends included. */
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
  /** A page has at most so many bytes, unless one buffer alone has more. Default: one page holds everything. */
  readonly pageBytes?: number;
}

/** Which groups of kernels use each buffer. Kernels of one group may run at the same time. */
export function lifetimesOf(groups: readonly (readonly Kernel[])[]): Map<number, Lifetime> {
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

/** Places buffers largest first, each on the first page with room, at the lowest place that is free during its life. */
export function placeTemporaries(
  buffers: readonly TemporaryBuffer[],
  { alignment, pageBytes = Number.POSITIVE_INFINITY }: PageLimits,
): { places: TemporaryPlace[]; pages: number[] } {
  interface Slot extends Lifetime {
    readonly start: number;
    readonly end: number;
  }
  const places: TemporaryPlace[] = [];
  /** Of each page, by their start. */
  const slots: Slot[][] = [];
  const pages: number[] = [];
  const sizes = buffers.map(({ bytes }) => Math.max(alignment, Math.ceil(bytes / alignment) * alignment));
  const order = [...buffers.keys()].sort((x, y) => (sizes[y] as number) - (sizes[x] as number) || x - y);
  for (const k of order) {
    const { from, to } = buffers[k] as TemporaryBuffer;
    const bytes = sizes[k] as number;
    for (let page = 0; ; page++) {
      if (page === pages.length) {
        slots.push([]);
        pages.push(0);
      }
      const taken = slots[page] as Slot[];
      let start = 0;
      for (const slot of taken) {
        if (slot.from > to || from > slot.to) continue;
        if (slot.start - start >= bytes) break;
        start = Math.max(start, slot.end);
      }
      if (start + bytes > pageBytes && taken.length > 0) continue;
      let at = taken.length;
      while (at > 0 && (taken[at - 1] as Slot).start > start) at--;
      taken.splice(at, 0, { start, end: start + bytes, from, to });
      pages[page] = Math.max(pages[page] as number, start + bytes);
      places[k] = { page, byteOffset: start };
      break;
    }
  }
  return { places, pages };
}
