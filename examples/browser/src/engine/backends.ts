/** The backends that the page offers. */
import { createWasmBackend, openBackend, setDefaultBackend, WasmBackend, WebGpuBackend } from '@tessera/tensor';
import { registerBackend } from '@tessera/tensor/backend';

/** The choices of the page. Each is the registered name of a backend. */
export type BackendChoice = 'wasm' | 'wasm-1' | 'webgpu';

registerBackend('wasm-1', () => createWasmBackend({ threads: 1 }));

/** Opens a backend and makes it the default. @returns a description @throws if it is not available; the message says why */
export async function useBackend(choice: BackendChoice): Promise<string> {
  const backend = await openBackend(choice);
  setDefaultBackend(choice);
  if (backend instanceof WebGpuBackend) return `WebGPU, ${backend.adapter.name}`;
  if (!(backend instanceof WasmBackend)) return backend.name;
  const { threads, features, whyOneThread } = backend;
  const simd = features.relaxedSimd ? 'SIMD with fused multiply-add' : 'SIMD';
  const reason = whyOneThread === null || choice === 'wasm-1' ? '' : `: ${whyOneThread}`;
  return `WebAssembly, ${threads === 1 ? 'one thread' : `${threads} threads`}, ${simd}${reason}`;
}
