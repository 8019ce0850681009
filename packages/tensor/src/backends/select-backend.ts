import { type Backend, BackendUnavailableError, closeBackend, openBackend } from '../kernel/backend.ts';
import { whyNoGpuFile } from './gpu-files.ts';

/** What was chosen, and why. */
export interface Selection {
  readonly backend: Backend;
  /** For people; null where a name was given and there was nothing to choose. */
  readonly reason: string | null;
}

/** What of the WebGPU backend decides. */
interface WithAdapter {
  readonly adapter: { readonly name: string; readonly software: boolean };
}

const hasAdapter = (backend: Backend): backend is Backend & WithAdapter => 'adapter' in backend;

/**
 * Opens a backend by its name, or the fastest one that is here for `auto`: WebGPU on a hardware adapter, otherwise WebAssembly. An
 * adapter that runs on the processor is never taken for `auto`: WebAssembly uses the same cores better.
 *
 * @param whyNoGpu tells why WebGPU need not be asked for a GPU; null: ask it
 * @throws BackendUnavailableError where the named backend cannot be had here
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
    return wasm(`no GPU: the only WebGPU adapter, ${adapter}, runs on the processor`);
  }
  return { backend: gpu, reason: hasAdapter(gpu) ? `GPU: ${gpu.adapter.name}` : 'GPU' };
}
