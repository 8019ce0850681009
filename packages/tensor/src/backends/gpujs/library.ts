/** Loads gpu.js and opens it in one of its modes, with what that mode needs on this machine. */
import type { GPU } from 'gpu.js';
import { BackendUnavailableError } from '../../kernel/backend.ts';
import { type ModeName, modeNames } from './modes.ts';

/*
 * What the backend uses of gpu.js. Its own types would be part of the published declarations, which programs without gpu.js must be able to
 * read.
 */

export interface GpuJsPipeline {
  (...inputs: readonly unknown[]): Promise<unknown>;
  /** The mode that it runs in; null before the first call. */
  readonly backend: string | null;
  readonly executorKind: string;
  readonly fallbackReason: string | null;
  destroy(): Promise<void>;
}

export interface GpuJs {
  createKernel(
    source: string,
    settings: { output: number[]; precision: 'single' },
  ): { setLoopMaxIterations(turns: number): unknown };
  createPipeline(orchestrate: (...handles: readonly unknown[]) => Record<string, unknown>): GpuJsPipeline;
  destroy(): Promise<void>;
}

export interface Library {
  readonly gpu: GpuJs;
  readonly mode: ModeName;
  /** Releases the device, so that the process can end. */
  readonly close: () => Promise<void>;
}

type GpuClass = typeof GPU;

async function importLibrary(): Promise<GpuClass> {
  try {
    const library: { readonly GPU?: GpuClass; readonly default?: { readonly GPU: GpuClass } } = await import('gpu.js');
    const found = library.GPU ?? library.default?.GPU;
    if (found !== undefined) return found;
    throw new Error('it does not export GPU');
  } catch (cause) {
    throw new BackendUnavailableError(
      `gpujs: the package gpu.js could not be loaded (${(cause as Error).message}); install it next to @tessera/tensor: npm install gpu.js`,
      { cause },
    );
  }
}

interface WebGpuNavigator {
  gpu?: unknown;
}

/** Sets `navigator.gpu` to Dawn's where the platform has none; returns a function that removes it again. */
async function provideWebGpu(): Promise<() => void> {
  const scope = globalThis as { navigator?: WebGpuNavigator };
  if (scope.navigator?.gpu !== undefined) return () => {};
  let create: (flags: string[]) => unknown;
  try {
    ({ create } = await import('webgpu'));
  } catch (cause) {
    throw new BackendUnavailableError(
      `gpujs:webgpu: this platform has no WebGPU, and the package webgpu (Dawn) could not be loaded (${(cause as Error).message}); ` +
        'install it: npm install webgpu',
      { cause },
    );
  }
  const own = scope.navigator === undefined;
  if (own) Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true, writable: true });
  const navigator = scope.navigator as WebGpuNavigator;
  Object.defineProperty(navigator, 'gpu', { value: create([]), configurable: true });
  return () => {
    // Dawn keeps the process alive as long as its object is reachable.
    delete navigator.gpu;
    if (own) delete scope.navigator;
  };
}

async function open(library: GpuClass, mode: ModeName): Promise<Library> {
  const withdraw = mode === 'webgpu' ? await provideWebGpu() : () => {};
  const unavailable = (why: string): BackendUnavailableError => {
    withdraw();
    return new BackendUnavailableError(`gpujs:${mode}: ${why}`);
  };
  if (mode === 'webgpu' && !(await library.isWebGPUAvailable()))
    throw unavailable('WebGPU has no adapter; install a Vulkan driver, or use gpujs:webasm');
  if (mode === 'headlessgl' && !library.isHeadlessGLSupported)
    throw unavailable(
      'the package gl, which gpu.js uses for WebGL in Node, is missing or was not built; use gpujs:webasm',
    );
  if (mode === 'webgl' && !library.isWebGLSupported) throw unavailable('this platform has no WebGL');
  if (mode === 'webgl2' && !library.isWebGL2Supported) throw unavailable('this platform has no WebGL 2');
  if (mode === 'webasm' && !library.isWebAssemblySupported) throw unavailable('this platform has no WebAssembly');
  const gpu = new library({ mode }) as unknown as GpuJs;
  return {
    gpu,
    mode,
    close: async () => {
      await gpu.destroy();
      withdraw();
    },
  };
}

/** The order in which modes are tried when none is specified. Plain JavaScript (cpu) is always available. */
const preferred: readonly ModeName[] = ['webgpu', 'webgl2', 'headlessgl', 'webasm', 'cpu'];

/** Opens gpu.js in that mode, or in the best available one. Throws BackendUnavailableError. */
export async function openLibrary(mode?: string): Promise<Library> {
  if (mode !== undefined && !(modeNames as readonly string[]).includes(mode))
    throw new BackendUnavailableError(`gpujs: unknown mode '${mode}'; modes: ${modeNames.join(', ')}`);
  const library = await importLibrary();
  if (mode !== undefined) return open(library, mode as ModeName);
  const reasons: string[] = [];
  for (const candidate of preferred) {
    try {
      return await open(library, candidate);
    } catch (error) {
      if (!(error instanceof BackendUnavailableError)) throw error;
      reasons.push(error.message);
    }
  }
  throw new BackendUnavailableError(reasons.join('; '));
}
