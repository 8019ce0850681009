import {
  createWasmBackend,
  openBackend,
  registerBackend,
  setDefaultBackend,
  WasmBackend,
  WebGpuBackend,
} from '@tessera/tensor';

/** What the page offers to run on; each is a name that Tessera's backends go by here. */
export type BackendChoice = 'wasm' | 'wasm-1' | 'webgpu';

registerBackend('wasm-1', () => createWasmBackend({ threads: 1 }));

/** Opens a backend for all new tensors, and says what it is. @throws where it cannot be had, saying why */
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
