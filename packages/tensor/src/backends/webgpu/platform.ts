/** What differs between Node.js and browsers, in one place: where WebGPU comes from. */
import { BackendUnavailableError } from '../../kernel/backend.ts';

/** WebGPU, and how to let go of it. */
export interface GpuSource {
  /** Null once it was released. */
  gpu: GPU | null;
}

interface DawnModule {
  create(options: readonly string[]): GPU;
  readonly globals: object;
}

export const environment = (name: string): string | undefined =>
  typeof process === 'undefined' ? undefined : process.env?.[name];

const isNode = (): boolean => typeof process !== 'undefined' && typeof process.versions?.node === 'string';

/** Not a literal, so that bundlers for browsers do not look for it. */
const dawnPackage = 'webgpu';

let dawn: Promise<DawnModule> | null = null;

async function loadDawn(): Promise<DawnModule> {
  try {
    const module = (await import(/* @vite-ignore */ dawnPackage)) as DawnModule;
    // GPUBufferUsage, GPUMapMode and others, which browsers have as globals.
    Object.assign(globalThis, module.globals);
    return module;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const missing = (error as { code?: string }).code === 'ERR_MODULE_NOT_FOUND';
    throw new BackendUnavailableError(
      missing
        ? "webgpu: the package 'webgpu' (Dawn) is not installed: npm install webgpu"
        : `webgpu: the package 'webgpu' (Dawn) does not load on this machine: ${reason}`,
    );
  }
}

/** `dawnOptions`: options of Dawn in Node (`backend=null`, `adapter=NAME`, ...); browsers take none. */
export async function openGpu(dawnOptions: readonly string[]): Promise<GpuSource> {
  if (isNode()) {
    dawn ??= loadDawn();
    dawn.catch(() => {
      dawn = null;
    });
    const { create } = await dawn;
    try {
      return { gpu: create(dawnOptions) };
    } catch (error) {
      throw new BackendUnavailableError(`webgpu: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const gpu = typeof navigator === 'undefined' ? undefined : (navigator as { gpu?: GPU }).gpu;
  if (gpu === undefined)
    throw new BackendUnavailableError(
      'webgpu: this browser has no WebGPU (navigator.gpu); use a current Chrome, Edge, Firefox or Safari, on a secure page',
    );
  return { gpu };
}

/** What to try where no adapter was found. */
export const adapterAdvice = (): string =>
  isNode()
    ? "install the GPU's Vulkan driver, or a software one (mesa-vulkan-drivers 25 or later, or SwiftShader), and see that VK_ICD_FILENAMES, if it is set, names it"
    : 'see that hardware acceleration is switched on in the browser';
