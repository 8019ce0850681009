/**
 * The memories of a backend. One 32-bit memory holds 4 GiB; what does not fit goes to a second one, and so on. (A 64-bit memory would
 * switch V8's re-vectoriser off.) The first memory is special: threads meet in it, scratch memory and tables lie in it, and only there
 * does generated code reach its full speed, so it is filled first.
 */
import { OutOfMemoryError } from '../../../kernel/backend.ts';
import { Allocator, type Block, maximumPages, pageBytes } from './memory.ts';

/** A range of one of the memories. */
export interface PlacedBlock extends Block {
  readonly memory: number;
}

export interface MemoriesOptions {
  /** What the first memory keeps for its owner at its start, in bytes. */
  readonly start: number;
  /** Collects garbage now: called before another memory is made, or one grows by much. */
  readonly collect: () => void;
  /** Pages that a memory can have. Default: 65,536, which are 4 GiB. */
  readonly maximumPages?: number;
  /** Most memories. Default: 16, which are 64 GiB. */
  readonly maximumMemories?: number;
  /** Hands out blocks from so many memories in turn, for tests. Default: 1, another memory only when the first is full. */
  readonly spread?: number;
}

/** Blocks of other memories start behind this: no address is 0. */
const firstAddress = 1024;

/** Of the first memory, kept for what must lie there: 256 MiB. */
const keptPages = 4096;

/** Before a memory grows for a block of so many bytes, garbage is collected: JavaScript's memory may be freed by it. */
const largeBlock = 512 << 20;

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

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
      if (!this.#add()) throw new OutOfMemoryError('wasm: there is no memory for even the smallest WebAssembly.Memory');
  }

  get count(): number {
    return this.#memories.length;
  }

  get first(): WebAssembly.Memory {
    return this.at(0);
  }

  at(memory: number): WebAssembly.Memory {
    return this.#memories[memory];
  }

  /** Bytes in blocks, rounding included. */
  get used(): number {
    return this.#allocators.reduce((sum, { used }) => sum + used, 0);
  }

  /** Bytes of the memories themselves. */
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
    return found ?? this.#refuse(bytes, 'of all memories', this.used);
  }

  /** A range in the first memory. Throws OutOfMemoryError. */
  allocateInFirst(bytes: number): PlacedBlock {
    const block = this.#allocators[0].allocate(bytes);
    if (block !== null) return { ...block, memory: 0 };
    return this.#refuse(bytes, 'of the first memory', this.#allocators[0].used);
  }

  free(block: PlacedBlock): void {
    this.#allocators[block.memory].free(block);
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
    const block = this.#allocators[memory].allocate(bytes, keep);
    return block === null ? null : { ...block, memory };
  }

  /** False where there cannot be another memory. */
  #add(): boolean {
    const { start, maximumMemories = 16 } = this.#options;
    if (this.count === maximumMemories) return false;
    const from = this.count === 0 ? start : firstAddress;
    const initial = Math.ceil(from / pageBytes) + 1;
    // As far as this place allows: browsers on small devices refuse to set aside 4 GiB.
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
      `out of memory: ${mebibytes(bytes)} asked for, ${mebibytes(used)} ${where} in use, largest free range ${mebibytes(largest)}, ` +
        `at most ${mebibytes(this.#maximumPages * pageBytes)} in one block; use smaller batches, checkpoint, or release tensors`,
    );
  }
}

/** A block that is replaced by a larger one when more is asked for; its contents are not kept. */
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

  /** At least `bytes` bytes; address 0 of the first memory where none are needed. Throws OutOfMemoryError. */
  reserve(bytes: number): PlacedBlock {
    if (bytes > (this.#block?.bytes ?? 0)) {
      if (this.#block !== null) this.#free(this.#block);
      this.#block = null;
      this.#block = this.#allocate(bytes);
    }
    return this.#block ?? { memory: 0, address: 0, bytes: 0 };
  }
}
