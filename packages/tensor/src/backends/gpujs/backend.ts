/** gpu.js as a backend: kernels are JavaScript functions that compute one output cell, and gpu.js compiles them for the device. */
import type { Backend } from '../../kernel/backend.ts';
import { type DType, isHalf } from '../../kernel/dtype.ts';
import type { Plan } from '../../kernel/plan.ts';
import { HostMemory } from '../host-memory.ts';
import { GpujsExecutable } from './executable.ts';
import { type Library, openLibrary } from './library.ts';
import { PlanLowering } from './lower.ts';
import { modeOf } from './modes.ts';

export class GpujsBackend extends HostMemory implements Backend {
  readonly #library: Library;

  constructor(library: Library, name = `gpujs:${library.mode}`) {
    super(name);
    this.#library = library;
  }

  /** The mode of gpu.js: webgpu, webgl2, webgl, headlessgl, webasm or cpu. */
  get mode(): string {
    return this.#library.mode;
  }

  whyUnsupported(dtype: DType): string | null {
    return isHalf(dtype)
      ? `gpujs: gpu.js has no ${dtype}; compute in f32 (--precision f32), or use another backend`
      : null;
  }

  prepare(plan: Plan): GpujsExecutable {
    const { gpu, mode } = this.#library;
    return new GpujsExecutable(gpu, new PlanLowering(plan, modeOf(mode)).result(), mode);
  }

  async dispose(): Promise<void> {
    await this.#library.close();
  }
}

/** A gpu.js backend in the given mode, or in the best available one. Throws BackendUnavailableError. */
export const openGpujsBackend = async (mode?: string): Promise<GpujsBackend> =>
  new GpujsBackend(await openLibrary(mode));
