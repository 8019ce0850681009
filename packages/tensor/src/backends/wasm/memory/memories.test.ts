import { describe, expect, it } from 'vitest';
import { OutOfMemoryError } from '../../../kernel/backend.ts';
import { GrowingBlock, Memories } from './memories.ts';
import { pageBytes } from './memory.ts';

const small = (options: { collect?: () => void; maximumMemories?: number; spread?: number } = {}): Memories =>
  new Memories({ start: 4096, collect: () => {}, maximumPages: 64, ...options });

describe('Memories', () => {
  it('goes to another memory when the first is full, and keeps room there for what must lie in it', () => {
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

  it('asks for a garbage collection before it makes another memory', () => {
    let held: (() => void) | null = null;
    const memories: Memories = small({ collect: () => held?.() });
    const block = memories.allocate(40 * pageBytes);
    held = () => memories.free(block);
    expect(memories.allocate(40 * pageBytes).memory).toBe(0);
    expect(memories.count).toBe(1);
  });

  it('says what was asked for and what there is', () => {
    const memories = small({ maximumMemories: 2 });
    memories.allocate(30 * pageBytes);
    memories.allocate(60 * pageBytes);
    expect(() => memories.allocate(40 * pageBytes)).toThrow(OutOfMemoryError);
    expect(() => memories.allocate(40 * pageBytes)).toThrow(
      /2\.5 MiB asked for, 5\.6 MiB of all memories in use, largest free range .*, at most 4\.0 MiB in one block/,
    );
    expect(() => memories.allocateInFirst(60 * pageBytes)).toThrow(/of the first memory in use/);
  });

  it('spreads blocks for tests', () => {
    const memories = small({ spread: 3 });
    expect(Array.from({ length: 6 }, () => memories.allocate(100).memory)).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('shows the bytes of a block in its memory', () => {
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
  it('frees the old block before it asks for the larger one', () => {
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
