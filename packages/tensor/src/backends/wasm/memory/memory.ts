/** Allocates ranges of one WebAssembly memory. */
import { nth } from '../../../kernel/nth.ts';

/** What the allocator needs from a WebAssembly.Memory. */
export interface GrowableMemory {
  readonly buffer: { readonly byteLength: number };
  /** Adds pages; throws if that is impossible. */
  grow(pages: number): number;
}

/** The name by which generated code imports a memory. */
export const memoryName = (memory: number): string => (memory === 0 ? 'memory' : `memory${memory}`);

/** A range of a memory. */
export interface Block {
  readonly address: number;
  readonly bytes: number;
}

export const pageBytes = 65536;
/** The largest number of pages of a 32-bit memory. */
export const maximumPages = 65536;
/** Every block starts at a multiple of this, a cache line. */
export const alignment = 64;
/** The number of bytes at the end of the memory that are not allocated, because vector loads may read past the end of a block. */
const slack = 256;
/** The memory grows by at least this number of bytes, and by at least an eighth of its size. */
const smallestGrowth = 16 << 20;

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

interface FreeRange {
  readonly start: number;
  end: number;
}

/**
 * Allocates ranges of one memory: best fit from a list of free ranges in ascending order, no two of which are adjacent. The allocator
 * stores the size of each block, and merges a freed block with its neighbors.
 */
export class Allocator {
  readonly #memory: GrowableMemory;
  readonly #maximumPages: number;
  readonly #free: FreeRange[] = [];
  readonly #sizes = new Map<number, number>();
  #end: number;
  #used = 0;

  /** Allocates only addresses from `start` on. */
  constructor(memory: GrowableMemory, options: { readonly start: number; readonly maximumPages?: number }) {
    this.#memory = memory;
    this.#maximumPages = options.maximumPages ?? maximumPages;
    this.#end = roundUp(options.start, alignment);
    this.#extend();
  }

  /** The number of bytes in blocks, including rounding. */
  get used(): number {
    return this.#used;
  }

  /** The size of the memory, in bytes. */
  get reserved(): number {
    return this.#memory.buffer.byteLength;
  }

  /** The free ranges in ascending order: for tests and reports. */
  get freeRanges(): readonly Readonly<FreeRange>[] {
    return this.#free;
  }

  /** The size of the largest free range in bytes, without growing the memory. */
  get largestFree(): number {
    return this.#free.reduce((largest, { start, end }) => Math.max(largest, end - start), 0);
  }

  /** Allocates a range; the memory may grow, except into its last `keepPages` possible pages. Returns null if there is no room. */
  allocate(bytes: number, keepPages = 0): Block | null {
    const size = Math.max(alignment, roundUp(bytes, alignment));
    let address = this.#take(size);
    if (address === null && this.#grow(size, this.#maximumPages - keepPages)) address = this.#take(size);
    if (address === null) return null;
    this.#sizes.set(address, size);
    this.#used += size;
    return { address, bytes };
  }

  free({ address }: Block): void {
    const size = this.#sizes.get(address);
    if (size === undefined) throw new Error(`memory at ${address} was freed twice, or was never allocated`);
    this.#sizes.delete(address);
    this.#used -= size;
    this.#insert(address, address + size);
  }

  /** The position of the first free range that starts at or after `address`. */
  #search(address: number): number {
    let low = 0;
    let high = this.#free.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (nth(this.#free, middle).start < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #insert(start: number, end: number): void {
    const at = this.#search(start);
    const before = at > 0 ? this.#free[at - 1] : undefined;
    const after = at < this.#free.length ? this.#free[at] : undefined;
    const joinsBefore = before?.end === start;
    const joinsAfter = after?.start === end;
    if (joinsBefore && joinsAfter) {
      before.end = after.end;
      this.#free.splice(at, 1);
    } else if (joinsBefore) before.end = end;
    else if (joinsAfter) this.#free[at] = { start, end: after.end };
    else this.#free.splice(at, 0, { start, end });
  }

  /** Takes `size` bytes from the front of the smallest range that is large enough; returns their address. */
  #take(size: number): number | null {
    let best = -1;
    let bestLength = Number.POSITIVE_INFINITY;
    for (let k = 0; k < this.#free.length; k++) {
      const { start, end } = nth(this.#free, k);
      const length = end - start;
      if (length < size || length >= bestLength) continue;
      best = k;
      bestLength = length;
      if (length === size) break;
    }
    if (best < 0) return null;
    const { start, end } = nth(this.#free, best);
    if (end - start === size) this.#free.splice(best, 1);
    else this.#free[best] = { start: start + size, end };
    return start;
  }

  /** Adds the part of the memory after `#end` to the free ranges. */
  #extend(): void {
    const end = Math.floor((this.#memory.buffer.byteLength - slack) / alignment) * alignment;
    if (end <= this.#end) return;
    this.#insert(this.#end, end);
    this.#end = end;
  }

  /** Grows the memory for `size` bytes at the end; returns false if that is impossible. */
  #grow(size: number, mostPages: number): boolean {
    const last = this.#free[this.#free.length - 1];
    const freeAtEnd = last !== undefined && last.end === this.#end ? last.end - last.start : 0;
    const current = this.#memory.buffer.byteLength / pageBytes;
    const needed = Math.ceil((this.#end - freeAtEnd + size + slack) / pageBytes) - current;
    const room = mostPages - current;
    if (needed > room) return false;
    const generous = Math.ceil(Math.max(smallestGrowth, this.#memory.buffer.byteLength / 8) / pageBytes);
    for (const pages of new Set([Math.min(room, Math.max(needed, generous)), needed])) {
      try {
        this.#memory.grow(pages);
      } catch {
        continue;
      }
      this.#extend();
      return true;
    }
    return false;
  }
}
