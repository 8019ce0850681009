/** gpu.js as a backend: kernels as JavaScript functions of one output cell, which gpu.js brings to the device. */
import { type Allocation, type Backend, OutOfMemoryError } from '../../backend.ts';
import { type DType, isHalf, type TypedArray, viewArray } from '../../dtype.ts';
import type { Plan } from '../../plan.ts';
import { GpujsExecutable } from './executable.ts';
import { type Library, openLibrary } from './library.ts';
import { PlanLowering } from './lower.ts';
import { Block, memoryOf } from './memory.ts';
import { modeOf } from './modes.ts';

export class GpujsBackend implements Backend {
  readonly name: string;
  readonly #library: Library;
  #used = 0;

  constructor(library: Library, name = `gpujs:${library.mode}`) {
    this.name = name;
    this.#library = library;
  }

  /** The mode of gpu.js: webgpu, webgl2, webgl, headlessgl, webasm or cpu. */
  get mode(): string {
    return this.#library.mode;
  }

  whyUnsupported(dtype: DType): string | null {
    return isHalf(dtype)
      ? `gpujs: kernels of gpu.js have no ${dtype}; compute in f32 (--precision f32), or on another backend`
      : null;
  }

  allocate(bytes: number): Allocation {
    try {
      const block = new Block(bytes);
      this.#used += bytes;
      return block;
    } catch (cause) {
      throw new OutOfMemoryError(`${this.name}: ${bytes} bytes are not to be had beside the ${this.#used} in use`, {
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

  readSync(allocation: Allocation, dtype: DType, length: number): TypedArray {
    return viewArray(dtype, memoryOf(allocation), 0, length).slice();
  }

  prepare(plan: Plan): GpujsExecutable {
    const { gpu, mode } = this.#library;
    return new GpujsExecutable(gpu, new PlanLowering(plan, modeOf(mode)).result(), mode);
  }

  /** Nothing is ever under way between calls: a run ends when its results lie in memory. */
  async synchronize(): Promise<void> {}

  memory(): { used: number; reserved: number } {
    return { used: this.#used, reserved: this.#used };
  }

  async dispose(): Promise<void> {
    await this.#library.close();
  }
}

/** A backend of gpu.js in the given mode, or in the best one that is there. Throws BackendUnavailableError. */
export const openGpujsBackend = async (mode?: string): Promise<GpujsBackend> =>
  new GpujsBackend(await openLibrary(mode));
