/** Opens the backend of a given name, or the fastest one on this machine. */
import { type Backend, BackendUnavailableError, closeBackend, openBackend } from '../kernel/backend.ts';
import { whyNoGpuFile } from './gpu-files.ts';

/** The chosen backend, and the reason. */
export interface Selection {
  readonly backend: Backend;
  /** For people; null if the caller named a backend. */
  readonly reason: string | null;
}

/** The part of the WebGPU backend that the choice depends on. */
interface WithAdapter {
  readonly adapter: { readonly name: string; readonly software: boolean };
}

const hasAdapter = (backend: Backend): backend is Backend & WithAdapter => 'adapter' in backend;

/**
 * Opens a backend by its name. `auto` opens the fastest one available: WebGPU on a hardware adapter, otherwise WebAssembly. An adapter
 * that runs on the CPU is never used for `auto`, because WebAssembly uses the same cores better.
 *
 * @param whyNoGpu returns the reason why there is certainly no GPU, so that WebGPU is not tried, or null
 * @throws BackendUnavailableError if the named backend is not available on this machine
 */
export async function selectBackend(name: string, whyNoGpu = whyNoGpuFile): Promise<Selection> {
  if (name !== 'auto') return { backend: await openBackend(name), reason: null };
  const wasm = async (why: string): Promise<Selection> => ({ backend: await openBackend('wasm'), reason: why });
  const none = whyNoGpu();
  if (none !== null) return wasm(`no GPU: ${none}`);
  let gpu: Backend;
  try {
    gpu = await openBackend('webgpu');
  } catch (error) {
    if (error instanceof BackendUnavailableError) return wasm(`no GPU: ${error.message}`);
    throw error;
  }
  if (hasAdapter(gpu) && gpu.adapter.software) {
    const { name: adapter } = gpu.adapter;
    await closeBackend('webgpu');
    return wasm(`no GPU: the only WebGPU adapter, ${adapter}, runs on the CPU`);
  }
  return { backend: gpu, reason: hasAdapter(gpu) ? `GPU: ${gpu.adapter.name}` : 'GPU' };
}
