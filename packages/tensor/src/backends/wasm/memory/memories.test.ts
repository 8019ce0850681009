import { describe, expect, it } from 'vitest';
import { OutOfMemoryError } from '../../../kernel/backend.ts';
import { GrowingBlock, Memories } from './memories.ts';
import { pageBytes } from './memory.ts';

const small = (options: { collect?: () => void; maximumMemories?: number; spread?: number } = {}): Memories =>
  new Memories({ start: 4096, collect: () => {}, maximumPages: 64, ...options });

describe('Memories', () => {
  it('uses another memory when the first is full, and reserves room in the first for what must be there', () => {
    const memories = small();
    const blocks = Array.from({ length: 4 }, () => memories.allocate(20 * pageBytes));
    expect(blocks.map(({ memory }) => memory)).toEqual([0, 0, 1, 1]);
    expect(memories.allocateInFirst(16 * pageBytes).memory).toBe(0);
    expect(memories.allocate(18 * pageBytes).memory).toBe(1);
    for (const block of blocks) memories.free(block);
    expect(memories.allocate(20 * pageBytes).memory).toBe(0);
    expect(memories.used).toBe(54 * pageBytes);
    expect(memories.reserved).toBeGreaterThanOrEqual(memories.used);
  });

  it('requests a garbage collection before it creates another memory', () => {
    let held: (() => void) | null = null;
    const memories: Memories = small({ collect: () => held?.() });
    const block = memories.allocate(40 * pageBytes);
    held = () => memories.free(block);
    expect(memories.allocate(40 * pageBytes).memory).toBe(0);
    expect(memories.count).toBe(1);
  });

  it('reports the request and the available memory', () => {
    const memories = small({ maximumMemories: 2 });
    memories.allocate(30 * pageBytes);
    memories.allocate(60 * pageBytes);
    expect(() => memories.allocate(40 * pageBytes)).toThrow(OutOfMemoryError);
    expect(() => memories.allocate(40 * pageBytes)).toThrow(
      /cannot allocate 2\.5 MiB; 5\.6 MiB of all memories are in use, the largest free range is .*, one block has at most 4\.0 MiB/,
    );
    expect(() => memories.allocateInFirst(60 * pageBytes)).toThrow(/of the first memory are in use/);
  });

  it('distributes blocks over memories for tests', () => {
    const memories = small({ spread: 3 });
    expect(Array.from({ length: 6 }, () => memories.allocate(100).memory)).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('returns the bytes of a block in its memory', () => {
    const memories = small({ spread: 2 });
    const [first, second] = [memories.allocate(8), memories.allocate(8)];
    memories.bytesOf(first).fill(1);
    memories.bytesOf(second).fill(2);
    expect([...memories.bytesOf(first), ...memories.bytesOf(second)]).toEqual([
      1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2,
    ]);
  });
});

describe('GrowingBlock', () => {
  it('frees the old block before it allocates the larger one', () => {
    const memories = small({ maximumMemories: 1 });
    const growing = new GrowingBlock(memories, 'in first');
    expect(growing.reserve(0).address).toBe(0);
    expect(growing.block).toBe(null);
    growing.reserve(2_000_000);
    growing.reserve(3_000_000);
    growing.reserve(10);
    expect(growing.block?.bytes).toBe(3_000_000);
    expect(() => growing.reserve(5_000_000)).toThrow(OutOfMemoryError);
    expect(growing.block).toBe(null);
    growing.reserve(3_000_000);
    expect(memories.used).toBe(3_000_000);
  });
});
