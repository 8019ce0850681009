import { describe, expect, it } from 'vitest';
import { lookUp, nth } from '../../../kernel/nth.ts';
import { Allocator, alignment, type Block, type GrowableMemory, pageBytes } from './memory.ts';

/** A memory that has a size, but no contents. */
class MockMemory implements GrowableMemory {
  buffer: { byteLength: number };
  readonly limit: number;
  growths = 0;

  constructor(pages: number, limit: number) {
    this.buffer = { byteLength: pages * pageBytes };
    this.limit = limit;
  }

  grow(pages: number): number {
    const before = this.buffer.byteLength / pageBytes;
    if (before + pages > this.limit) throw new RangeError('cannot grow');
    this.growths++;
    this.buffer = { byteLength: (before + pages) * pageBytes };
    return before;
  }
}

function allocate(allocator: Allocator, bytes: number): Block {
  const block = allocator.allocate(bytes);
  if (block === null) throw new Error(`no room for ${bytes} bytes`);
  return block;
}

function checkInvariants(allocator: Allocator, live: ReadonlyMap<number, Block>, start: number): void {
  const blocks = [...live.values()]
    .map(({ address, bytes }) => ({
      start: address,
      end: address + Math.max(alignment, Math.ceil(bytes / alignment) * alignment),
      free: false,
    }))
    .concat(allocator.freeRanges.map(({ start: from, end }) => ({ start: from, end, free: true })))
    .sort((a, b) => a.start - b.start);
  let end = start;
  let wasFree = false;
  let used = 0;
  for (const block of blocks) {
    // There are no gaps, no overlaps, and no adjacent free ranges.
    expect(block.start).toBe(end);
    expect(block.start % alignment).toBe(0);
    expect(block.end).toBeGreaterThan(block.start);
    expect(block.free && wasFree).toBe(false);
    if (!block.free) used += block.end - block.start;
    end = block.end;
    wasFree = block.free;
  }
  expect(end).toBeLessThanOrEqual(allocator.reserved - 256);
  expect(allocator.used).toBe(used);
}

describe('Allocator', () => {
  it('keeps its invariants over random use', () => {
    const seed = 20261121;
    let state = seed;
    const random = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    const memory = new MockMemory(1, 4096);
    const allocator = new Allocator(memory, { start: 4096, maximumPages: 4096 });
    const live = new Map<number, Block>();
    for (let step = 0; step < 4000; step++) {
      if (random() < 0.55 || live.size === 0) {
        const block = allocate(allocator, Math.floor(random() ** 4 * 500_000));
        expect(live.has(block.address), `seed ${seed}, step ${step}`).toBe(false);
        live.set(block.address, block);
      } else {
        const addresses = [...live.keys()];
        const address = nth(addresses, Math.floor(random() * addresses.length));
        allocator.free(lookUp(live, address));
        live.delete(address);
      }
      if (step % 20 === 0) checkInvariants(allocator, live, 4096);
    }
    for (const block of live.values()) allocator.free(block);
    expect(allocator.used).toBe(0);
    expect(allocator.freeRanges.length).toBe(1);
    expect(memory.growths).toBeLessThan(20);
  });

  it('allocates from the smallest range that fits', () => {
    const allocator = new Allocator(new MockMemory(64, 64), { start: 0, maximumPages: 64 });
    const blocks = [1000, 64, 300, 64, 500, 64].map((bytes) => allocate(allocator, bytes));
    for (const k of [0, 2, 4]) allocator.free(nth(blocks, k));
    expect(allocate(allocator, 310).address).toBe(blocks[2]?.address);
    expect(allocate(allocator, 321).address).toBe(blocks[4]?.address);
  });

  it('returns null when there is no room, and keeps pages back', () => {
    const allocator = new Allocator(new MockMemory(1, 32), { start: 0, maximumPages: 32 });
    const block = allocate(allocator, 1 << 20);
    expect(allocator.allocate(1 << 20)).toBe(null);
    allocator.free(block);
    expect(allocate(allocator, 1 << 20).address).toBe(block.address);
    const other = new Allocator(new MockMemory(1, 32), { start: 0, maximumPages: 32 });
    expect(other.allocate(21 * pageBytes, 12)).toBe(null);
    expect(other.allocate(21 * pageBytes, 4)).not.toBe(null);
  });

  it('grows by only what is needed if it cannot grow by more', () => {
    const memory = new MockMemory(1, 20);
    const allocator = new Allocator(memory, { start: 0, maximumPages: 4096 });
    expect(allocate(allocator, 10 * pageBytes).address).toBe(0);
    expect(memory.buffer.byteLength).toBe(11 * pageBytes);
  });

  it('refuses to free twice', () => {
    const allocator = new Allocator(new MockMemory(4, 4), { start: 0 });
    const block = allocate(allocator, 0);
    allocator.free(block);
    expect(() => allocator.free(block)).toThrow(/freed twice/);
  });
});
