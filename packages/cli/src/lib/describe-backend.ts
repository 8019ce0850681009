/** Describes the backend of a command. */
import { type Backend, WasmBackend, WebGpuBackend } from '@tessera/tensor';

/** A backend's name and the device that it runs on. */
export function describeBackend(backend: Backend): string {
  if (backend instanceof WasmBackend)
    return `wasm, ${backend.threads === 1 ? 'one thread' : `${backend.threads} threads`}`;
  if (backend instanceof WebGpuBackend) {
    const { name, software } = backend.adapter;
    return `webgpu on ${name}${software ? ', which runs on the CPU: wasm is faster' : ''}`;
  }
  return backend.name;
}
