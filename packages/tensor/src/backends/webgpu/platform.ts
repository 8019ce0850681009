/** Finds WebGPU: Dawn's package in Node.js, `navigator.gpu` in browsers. */

import { BackendUnavailableError } from '../../kernel/backend.ts';
import type { EntryPoint } from './gpu-types.ts';

/** Holds WebGPU's entry point until it is released. */
export interface GpuSource {
  /** Set to null to release it. */
  gpu: EntryPoint | null;
}

interface DawnModule {
  create(options: readonly string[]): EntryPoint;
  readonly globals: object;
}

/** The value of an environment variable; undefined in browsers. */
export const environment = (name: string): string | undefined =>
  typeof process === 'undefined' ? undefined : process.env?.[name];

const isNode = (): boolean => typeof process !== 'undefined' && typeof process.versions?.node === 'string';

/** The name is not a literal in the `import` below, so that bundlers for browsers do not resolve it. */
const dawnPackage = 'webgpu';

let dawn: Promise<DawnModule> | null = null;

async function loadDawn(): Promise<DawnModule> {
  try {
    const module = (await import(/* @vite-ignore */ dawnPackage)) as DawnModule;
    // Defines GPUBufferUsage, GPUMapMode and others, which are globals in browsers.
    Object.assign(globalThis, module.globals);
    return module;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const missing = (error as { code?: string }).code === 'ERR_MODULE_NOT_FOUND';
    throw new BackendUnavailableError(
      missing
        ? "webgpu: the package 'webgpu' (Dawn) is not installed: npm install webgpu"
        : `webgpu: the package 'webgpu' (Dawn) could not be loaded: ${reason}`,
    );
  }
}

/** `dawnOptions`: options for Dawn in Node (`backend=null`, `adapter=NAME`, ...), which browsers ignore. Throws BackendUnavailableError. */
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
  const gpu = typeof navigator === 'undefined' ? undefined : (navigator as { gpu?: EntryPoint }).gpu;
  if (gpu === undefined)
    throw new BackendUnavailableError(
      'webgpu: this browser has no WebGPU (navigator.gpu); use a current Chrome, Edge, Firefox or Safari, on a secure page',
    );
  return { gpu };
}

/** What the user can try if no adapter was found. */
export const adapterAdvice = (): string =>
  isNode()
    ? "install the GPU's Vulkan driver, or a software one (mesa-vulkan-drivers 25 or later, or SwiftShader), and check that VK_ICD_FILENAMES, if it is set, names it"
    : 'check that hardware acceleration is enabled in the browser';
