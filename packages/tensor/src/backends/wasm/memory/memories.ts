/**
 * The memories of a backend. One 32-bit memory has at most 4 GiB; allocations that do not fit go to a second one, and so on. (A 64-bit
 * memory would turn V8's re-vectorizer off.) The first memory is special: it contains the threads' control block, scratch memory and
 * tables, and only there does generated code reach its full speed, so it is filled first.
 */
import { OutOfMemoryError } from '../../../kernel/backend.ts';
import { nth } from '../../../kernel/nth.ts';
import { Allocator, type Block, maximumPages, pageBytes } from './memory.ts';

/** A range of one of the memories. */
export interface PlacedBlock extends Block {
  readonly memory: number;
}

export interface MemoriesOptions {
  /** The number of bytes at the start of the first memory that are reserved for the backend. */
  readonly start: number;
  /** Collects garbage; called before another memory is created, and before one grows by a large amount. */
  readonly collect: () => void;
  /** The largest number of pages of a memory. Default: 65,536, which are 4 GiB. */
  readonly maximumPages?: number;
  /** The largest number of memories. Default: 16, which are 64 GiB. */
  readonly maximumMemories?: number;
  /** Allocate from this number of memories in turn: for tests. Default: 1, which uses another memory only when the first is full. */
  readonly spread?: number;
}

/** Blocks of other memories start at this address, so that no address is 0. */
const firstAddress = 1024;

/** The pages of the first memory that are reserved for what must be there: 256 MiB. */
const keptPages = 4096;

/** Before a memory grows for a block of at least this many bytes, garbage is collected, which may free enough memory. */
const largeBlock = 512 << 20;

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Allocates blocks from all memories, and adds memories when they are full. */
export class Memories {
  readonly #options: MemoriesOptions;
  readonly #maximumPages: number;
  readonly #memories: WebAssembly.Memory[] = [];
  readonly #allocators: Allocator[] = [];
  #turn = 0;

  constructor(options: MemoriesOptions) {
    this.#options = options;
    this.#maximumPages = options.maximumPages ?? maximumPages;
    for (let memory = 0; memory < (options.spread ?? 1); memory++)
      if (!this.#add()) throw new OutOfMemoryError('wasm: cannot create even the smallest WebAssembly.Memory');
  }

  get count(): number {
    return this.#memories.length;
  }

  get first(): WebAssembly.Memory {
    return this.at(0);
  }

  at(memory: number): WebAssembly.Memory {
    return nth(this.#memories, memory);
  }

  /** The number of bytes in blocks, including rounding. */
  get used(): number {
    return this.#allocators.reduce((sum, { used }) => sum + used, 0);
  }

  /** The size of the memories, in bytes. */
  get reserved(): number {
    return this.#allocators.reduce((sum, { reserved }) => sum + reserved, 0);
  }

  /** A range in any memory. Throws OutOfMemoryError. */
  allocate(bytes: number): PlacedBlock {
    const { spread = 1, collect } = this.#options;
    const first = spread > 1 ? this.#turn++ % spread : 0;
    if (bytes >= largeBlock && this.#allocators.every(({ largestFree }) => largestFree < bytes)) collect();
    let found = this.#search(bytes, first);
    if (found === null) {
      collect();
      found = this.#search(bytes, first);
    }
    if (found === null && this.#add()) found = this.#take(bytes, this.count - 1);
    return found ?? this.#refuse(bytes, 'all memories', this.used);
  }

  /** A range in the first memory. Throws OutOfMemoryError. */
  allocateInFirst(bytes: number): PlacedBlock {
    const first = nth(this.#allocators, 0);
    const block = first.allocate(bytes);
    if (block !== null) return { ...block, memory: 0 };
    return this.#refuse(bytes, 'the first memory', first.used);
  }

  free(block: PlacedBlock): void {
    nth(this.#allocators, block.memory).free(block);
  }

  /** All of a block's bytes. */
  bytesOf({ memory, address, bytes }: PlacedBlock): Uint8Array<ArrayBufferLike> {
    return new Uint8Array(this.at(memory).buffer, address, bytes);
  }

  #search(bytes: number, first: number): PlacedBlock | null {
    for (let k = 0; k < this.count; k++) {
      const found = this.#take(bytes, (first + k) % this.count);
      if (found !== null) return found;
    }
    return null;
  }

  #take(bytes: number, memory: number): PlacedBlock | null {
    const keep = memory === 0 ? Math.min(keptPages, this.#maximumPages >> 2) : 0;
    const block = nth(this.#allocators, memory).allocate(bytes, keep);
    return block === null ? null : { ...block, memory };
  }

  /** Adds a memory; returns false if that is impossible. */
  #add(): boolean {
    const { start, maximumMemories = 16 } = this.#options;
    if (this.count === maximumMemories) return false;
    const from = this.count === 0 ? start : firstAddress;
    const initial = Math.ceil(from / pageBytes) + 1;
    // Tries smaller maxima too, because browsers on small devices refuse to reserve 4 GiB.
    for (let maximum = this.#maximumPages; maximum >= initial; maximum = Math.floor(maximum / 2))
      try {
        this.#memories.push(new WebAssembly.Memory({ initial, maximum, shared: true }));
        this.#allocators.push(new Allocator(this.at(this.count - 1), { start: from, maximumPages: maximum }));
        return true;
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
      }
    return false;
  }

  #refuse(bytes: number, where: string, used: number): never {
    const largest = Math.max(...this.#allocators.map(({ largestFree }) => largestFree));
    throw new OutOfMemoryError(
      `wasm: out of memory: cannot allocate ${mebibytes(bytes)}; ${mebibytes(used)} of ${where} are in use, the largest free range is ` +
        `${mebibytes(largest)}, one block has at most ${mebibytes(this.#maximumPages * pageBytes)}; use smaller batches, checkpoint, or ` +
        'release tensors',
    );
  }
}

/** A block that is replaced by a larger one when more is requested; its contents are not kept. */
export class GrowingBlock {
  readonly #allocate: (bytes: number) => PlacedBlock;
  readonly #free: (block: PlacedBlock) => void;
  #block: PlacedBlock | null = null;

  constructor(memories: Memories, where: 'anywhere' | 'in first') {
    this.#allocate = (bytes) => (where === 'anywhere' ? memories.allocate(bytes) : memories.allocateInFirst(bytes));
    this.#free = (block) => memories.free(block);
  }

  get block(): PlacedBlock | null {
    return this.#block;
  }

  /** A block of at least `bytes` bytes; address 0 of the first memory if `bytes` is 0. Throws OutOfMemoryError. */
  reserve(bytes: number): PlacedBlock {
    if (bytes > (this.#block?.bytes ?? 0)) {
      if (this.#block !== null) this.#free(this.#block);
      this.#block = null;
      this.#block = this.#allocate(bytes);
    }
    return this.#block ?? { memory: 0, address: 0, bytes: 0 };
  }
}
