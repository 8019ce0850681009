/** Allocates device memory from a pool of GPUBuffers, which reuses freed buffers. */

import { type Allocation, OutOfMemoryError } from '../../kernel/backend.ts';
import type { DeviceBuffer } from './gpu-types.ts';

/** Memory on the device. */
export class GpuAllocation implements Allocation {
  readonly bytes: number;
  /** Identifies the buffer, so successive allocations that reuse a buffer have the same id. */
  readonly id: number;
  readonly buffer: DeviceBuffer;
  /** The size of the buffer, in bytes. */
  readonly capacity: number;
  freed = false;

  constructor(bytes: number, id: number, buffer: DeviceBuffer, capacity: number) {
    this.bytes = bytes;
    this.id = id;
    this.buffer = buffer;
    this.capacity = capacity;
  }
}

/** The allocation as one of this backend. Throws TypeError if it belongs to another backend. */
export function gpuAllocation(allocation: Allocation): GpuAllocation {
  if (!(allocation instanceof GpuAllocation)) throw new TypeError('webgpu: this allocation belongs to another backend');
  return allocation;
}

export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** The error for something that needs a larger buffer than the device allows. */
export const tooLarge = (bytes: number, largest: number, what: string): OutOfMemoryError =>
  new OutOfMemoryError(
    `webgpu: ${what} needs ${mebibytes(bytes)} in one buffer, but the device allows at most ${mebibytes(largest)}; use a smaller ` +
      'batch, or split the tensor',
  );

/** Rounds up to an eighth between powers of 2, so that a freed buffer often fits the next request. */
function sizeClass(bytes: number): number {
  const least = 256;
  if (bytes <= least) return least;
  const step = Math.max(least, 2 ** (Math.ceil(Math.log2(bytes)) - 3));
  return Math.ceil(bytes / step) * step;
}

/** Freed buffers may take a quarter of the memory in use, and at least this; those beyond it are returned to the device. */
const fewestPooledBytes = 64 << 20;

export interface BufferFactory {
  /** Creates a buffer on the device; failures are asynchronous, and are not reported here. */
  create(bytes: number): DeviceBuffer;
  readonly largestBytes: number;
}

export class BufferPool {
  readonly #factory: BufferFactory;
  /** Freed buffers by size, least recently freed first. */
  readonly #free = new Map<number, { readonly id: number; readonly buffer: DeviceBuffer }[]>();
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

  /** Throws OutOfMemoryError if the device does not allow buffers of this size. */
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

  /** Returns freed buffers to the device, the largest sizes first, until at most `bytes` are kept. */
  trim(bytes: number): void {
    if (this.#pooled <= bytes) return;
    for (const capacity of [...this.#free.keys()].sort((x, y) => y - x)) {
      const list = this.#free.get(capacity) ?? [];
      while (list.length > 0 && this.#pooled > bytes) {
        // Work that was already submitted can still use the buffer.
        list.shift()?.buffer.destroy();
        this.#pooled -= capacity;
      }
      if (list.length === 0) this.#free.delete(capacity);
    }
  }
}
