/** Where temporaries lie: in pages, each a GPUBuffer that all plans of the device share, as their runs come one after the other. */

export interface TemporaryBuffer {
  readonly bytes: number;
  /** The first and the last kernel that uses it. */
  readonly from: number;
  readonly to: number;
}

export interface ArenaPlace {
  readonly page: number;
  readonly byteOffset: number;
}

/** Bindings start at multiples of this on every device. */
const alignment = 256;

/**
 * Places buffers largest first, each on the first page with room, at the lowest place that is free during its life. A page has at most
 * `pageBytes` bytes, and no buffer more than that.
 */
export function placeTemporaries(
  buffers: readonly TemporaryBuffer[],
  pageBytes: number,
): { places: ArenaPlace[]; pages: number[] } {
  interface Slot {
    readonly start: number;
    readonly end: number;
    readonly from: number;
    readonly to: number;
  }
  const places: ArenaPlace[] = [];
  const slots: Slot[][] = [];
  const pages: number[] = [];
  const sizeOf = (k: number): number => Math.max(alignment, Math.ceil(buffers[k].bytes / alignment) * alignment);
  const order = buffers.map((_, k) => k).sort((x, y) => sizeOf(y) - sizeOf(x) || x - y);
  for (const k of order) {
    const { from, to } = buffers[k];
    const bytes = sizeOf(k);
    for (let page = 0; ; page++) {
      if (page === pages.length) {
        slots.push([]);
        pages.push(0);
      }
      const living = slots[page].filter((slot) => slot.from <= to && from <= slot.to).sort((x, y) => x.start - y.start);
      let start = 0;
      for (const slot of living) {
        if (slot.start - start >= bytes) break;
        start = Math.max(start, slot.end);
      }
      if (start + bytes > pageBytes && living.length > 0) continue;
      slots[page].push({ start, end: start + bytes, from, to });
      pages[page] = Math.max(pages[page], start + bytes);
      places[k] = { page, byteOffset: start };
      break;
    }
  }
  return { places, pages };
}
