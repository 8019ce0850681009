/** Slots: the groups of up to four elements that code computes together. */
import type { LaneCount } from '../vectors/vector-memory.ts';

/** Up to four elements, at `offset` elements along the vector axis and `across` along the tile axis from the streams' position. */
export interface Slot {
  readonly offset: number;
  readonly lanes: LaneCount;
  readonly across: number;
}

/** Slots that cover `count` elements: the last one may be partial. */
export function slotsFor(count: number): Slot[] {
  return Array.from({ length: Math.ceil(count / 4) }, (_, k) => ({
    offset: 4 * k,
    lanes: Math.min(4, count - 4 * k) as LaneCount,
    across: 0,
  }));
}

/** Slots for `lanes` elements along the vector axis and `count` along the tile axis. */
export const tileSlots = (lanes: LaneCount, count: number): Slot[] =>
  Array.from({ length: count }, (_, across) => ({ offset: 0, lanes, across }));

/** Whether the slots are a whole square of 4 x 4 elements. */
export const isWholeTile = (slots: readonly Slot[]): boolean =>
  slots.length === 4 && slots.every(({ lanes, across }, k) => lanes === 4 && across === k);
