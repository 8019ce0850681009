/** Memory of the host, in JavaScript's ArrayBuffers: for backends that compute in JavaScript or take JavaScript arrays. */
import { type Allocation, OutOfMemoryError } from '../kernel/backend.ts';
import { bytesOf, type DType, type TypedArray, viewArray } from '../kernel/dtype.ts';
import { collectGarbage } from './collect-garbage.ts';
import { Pressure } from './pressure.ts';

class Block implements Allocation {
  readonly bytes: number;
  readonly memory: ArrayBuffer;

  constructor(bytes: number) {
    this.bytes = bytes;
    this.memory = new ArrayBuffer(bytes);
  }
}

/** The memory of an allocation in host memory. */
export const memoryOf = (allocation: Allocation): ArrayBuffer => (allocation as Block).memory;

/** Everything that these backends share; a subclass adds running plans. */
export abstract class HostMemory {
  readonly name: string;
  readonly #pressure = new Pressure();
  #used = 0;

  constructor(name: string) {
    this.name = name;
  }

  allocate(bytes: number): Allocation {
    // An allocation is kept until its owner's finalizer has run, so the collector alone would not free it.
    const garbage = this.#pressure.due(this.#used + bytes);
    if (garbage !== null) collectGarbage(garbage);
    try {
      const block = new Block(bytes);
      this.#used += bytes;
      return block;
    } catch (cause) {
      throw new OutOfMemoryError(`${this.name}: cannot allocate ${bytes} bytes; ${this.#used} bytes are in use`, {
        cause,
      });
    }
  }

  free(allocation: Allocation): void {
    this.#used -= allocation.bytes;
  }

  write(allocation: Allocation, data: TypedArray): void {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    new Uint8Array(memoryOf(allocation)).set(bytes);
  }

  async read(allocation: Allocation, dtype: DType, length: number): Promise<TypedArray> {
    return this.readSync(allocation, dtype, length);
  }

  readSync(allocation: Allocation, dtype: DType, length: number, start = 0): TypedArray {
    return viewArray(dtype, memoryOf(allocation), start * bytesOf(dtype), length).slice();
  }

  readInto(allocation: Allocation, target: Uint8Array, start: number): void {
    target.set(new Uint8Array(memoryOf(allocation), start, target.byteLength));
  }

  viewBytes(allocation: Allocation): Uint8Array {
    return new Uint8Array(memoryOf(allocation));
  }

  /** Returns at once: a run ends only when its results are in memory, so nothing is pending between calls. */
  async synchronize(): Promise<void> {}

  memory(): { used: number; reserved: number } {
    return { used: this.#used, reserved: this.#used };
  }
}
