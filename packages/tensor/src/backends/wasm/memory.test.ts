import { describe, expect, it } from 'vitest';
import { OutOfMemoryError } from '../../backend.ts';
import {
  Allocator,
  alignment,
  type Block,
  type GrowableMemory,
  GrowingBlock,
  PressureGauge,
  pageBytes,
} from './memory.ts';

/** A memory without memory. */
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
    // No gap, no overlap, no two free neighbours.
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
        const block = allocator.allocate(Math.floor(random() ** 4 * 500_000));
        expect(live.has(block.address), `seed ${seed}, step ${step}`).toBe(false);
        live.set(block.address, block);
      } else {
        const addresses = [...live.keys()];
        const address = addresses[Math.floor(random() * addresses.length)];
        allocator.free(live.get(address) as Block);
        live.delete(address);
      }
      if (step % 20 === 0) checkInvariants(allocator, live, 4096);
    }
    for (const block of live.values()) allocator.free(block);
    expect(allocator.used).toBe(0);
    expect(allocator.freeRanges.length).toBe(1);
    expect(memory.growths).toBeLessThan(20);
  });

  it('takes the smallest range that fits', () => {
    const allocator = new Allocator(new MockMemory(64, 64), { start: 0, maximumPages: 64 });
    const blocks = [1000, 64, 300, 64, 500, 64].map((bytes) => allocator.allocate(bytes));
    for (const k of [0, 2, 4]) allocator.free(blocks[k]);
    expect(allocator.allocate(310).address).toBe(blocks[2].address);
    expect(allocator.allocate(321).address).toBe(blocks[4].address);
  });

  it('says what is missing when nothing helps', () => {
    let asked = 0;
    const allocator = new Allocator(new MockMemory(1, 32), { start: 0, maximumPages: 32, collect: () => asked++ });
    const block = allocator.allocate(1 << 20);
    expect(() => allocator.allocate(1 << 20)).toThrow(OutOfMemoryError);
    expect(() => allocator.allocate(1 << 20)).toThrow(/1\.0 MiB asked for, 1\.0 MiB of 2\.0 MiB in use/);
    expect(asked).toBe(2);
    allocator.free(block);
    expect(allocator.allocate(1 << 20).address).toBe(block.address);
  });

  it('uses what a collection frees', () => {
    let held: Block | null = null;
    const allocator: Allocator = new Allocator(new MockMemory(1, 32), {
      start: 0,
      maximumPages: 32,
      collect: () => {
        if (held !== null) allocator.free(held);
        held = null;
      },
    });
    held = allocator.allocate(1 << 20);
    expect(allocator.allocate(1 << 20).address).toBe(0);
  });

  it('grows by what is needed where it cannot grow by more', () => {
    const memory = new MockMemory(1, 20);
    const allocator = new Allocator(memory, { start: 0, maximumPages: 4096 });
    expect(allocator.allocate(10 * pageBytes).address).toBe(0);
    expect(memory.buffer.byteLength).toBe(11 * pageBytes);
  });

  it('refuses to free twice', () => {
    const allocator = new Allocator(new MockMemory(4, 4), { start: 0 });
    const block = allocator.allocate(0);
    allocator.free(block);
    expect(() => allocator.free(block)).toThrow(/freed twice/);
  });
});

describe('GrowingBlock', () => {
  it('frees the old block before it asks for the larger one', () => {
    const allocator = new Allocator(new MockMemory(32, 32), { start: 0, maximumPages: 32 });
    const growing = new GrowingBlock(allocator);
    expect(growing.reserve(0)).toBe(0);
    expect(growing.block).toBe(null);
    growing.reserve(1_200_000);
    growing.reserve(2_000_000);
    growing.reserve(10);
    expect(growing.block?.bytes).toBe(2_000_000);
    expect(() => growing.reserve(3_000_000)).toThrow(OutOfMemoryError);
    expect(growing.block).toBe(null);
    growing.reserve(2_000_000);
    expect(allocator.used).toBe(2_000_000);
  });
});

describe('PressureGauge', () => {
  it('asks each time the use has grown by an eighth, and by 4 MiB at least', () => {
    const gauge = new PressureGauge();
    const asked: number[] = [];
    for (let used = 0; used <= 1024; used++) if (gauge.grown(used * 2 ** 20)) asked.push(used);
    expect(asked.slice(0, 5)).toEqual([5, 10, 15, 20, 25]);
    expect(asked.length).toBeLessThan(45);
    // The use falls to what lives, and grows again.
    expect(gauge.grown(200 * 2 ** 20)).toBe(false);
    expect(gauge.grown(220 * 2 ** 20)).toBe(false);
    expect(gauge.grown(226 * 2 ** 20)).toBe(true);
  });
});
