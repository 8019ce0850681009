/** GPUBuffers for allocations, used again when they are freed. */
import { type Allocation, OutOfMemoryError } from '../../kernel/backend.ts';

/** Memory of the device. */
export class GpuAllocation implements Allocation {
  readonly bytes: number;
  /** Of the buffer: allocations that take the same buffer, one after the other, share it. */
  readonly id: number;
  readonly buffer: GPUBuffer;
  /** Bytes of the buffer. */
  readonly capacity: number;
  freed = false;

  constructor(bytes: number, id: number, buffer: GPUBuffer, capacity: number) {
    this.bytes = bytes;
    this.id = id;
    this.buffer = buffer;
    this.capacity = capacity;
  }
}

export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** `what` needs more than one buffer of the device can hold. */
export const tooLarge = (bytes: number, largest: number, what: string): OutOfMemoryError =>
  new OutOfMemoryError(
    `webgpu: ${what} needs ${mebibytes(bytes)} in one buffer, but the device holds at most ${mebibytes(largest)} in one; use a smaller ` +
      'batch, or split the tensor',
  );

/** Sizes come in eighths between powers of 2, so that a freed buffer fits what is asked for next. */
function sizeClass(bytes: number): number {
  const least = 256;
  if (bytes <= least) return least;
  const step = Math.max(least, 2 ** (Math.ceil(Math.log2(bytes)) - 3));
  return Math.ceil(bytes / step) * step;
}

/** Freed buffers beyond this are given back to the device: a quarter of what is in use, and at least this. */
const fewestPooledBytes = 64 << 20;

export interface BufferFactory {
  /** Creates a buffer of the device; what fails later is reported elsewhere. */
  create(bytes: number): GPUBuffer;
  readonly largestBytes: number;
}

export class BufferPool {
  readonly #factory: BufferFactory;
  /** By size, least recently freed first. */
  readonly #free = new Map<number, { readonly id: number; readonly buffer: GPUBuffer }[]>();
  #pooled = 0;
  #used = 0;
  #nextId = 0;

  constructor(factory: BufferFactory) {
    this.#factory = factory;
  }

  get used(): number {
    return this.#used;
  }

  get reserved(): number {
    return this.#used + this.#pooled;
  }

  /** Throws OutOfMemoryError for what no buffer of the device can hold. */
  allocate(bytes: number): GpuAllocation {
    const { largestBytes } = this.#factory;
    if (bytes > largestBytes) throw tooLarge(bytes, largestBytes, 'a tensor');
    const capacity = Math.min(sizeClass(bytes), Math.floor(largestBytes / 16) * 16);
    const known = this.#free.get(capacity)?.pop();
    const { id, buffer } = known ?? { id: this.#nextId++, buffer: this.#factory.create(capacity) };
    if (known !== undefined) this.#pooled -= capacity;
    this.#used += capacity;
    return new GpuAllocation(bytes, id, buffer, capacity);
  }

  free(allocation: GpuAllocation): void {
    if (allocation.freed) throw new Error('webgpu: an allocation was freed twice');
    allocation.freed = true;
    const { id, buffer, capacity } = allocation;
    this.#used -= capacity;
    const list = this.#free.get(capacity) ?? [];
    this.#free.set(capacity, list);
    list.push({ id, buffer });
    this.#pooled += capacity;
    this.trim(Math.max(fewestPooledBytes, this.#used / 4));
  }

  /** Gives freed buffers back, the largest sizes first, until at most `bytes` are kept. */
  trim(bytes: number): void {
    if (this.#pooled <= bytes) return;
    for (const capacity of [...this.#free.keys()].sort((x, y) => y - x)) {
      const list = this.#free.get(capacity) ?? [];
      while (list.length > 0 && this.#pooled > bytes) {
        // Work that was submitted before still finds its contents.
        list.shift()?.buffer.destroy();
        this.#pooled -= capacity;
      }
      if (list.length === 0) this.#free.delete(capacity);
    }
  }
}
