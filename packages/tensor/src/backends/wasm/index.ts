/** The WebAssembly backend: generated code with SIMD, on all cores. Importing this file registers it as 'wasm'. */
import { registerBackend } from '../../kernel/backend.ts';
import { createWasmBackend } from './backend.ts';

export { createWasmBackend, WasmBackend, type WasmBackendOptions } from './backend.ts';
export type { KernelProfile, KernelSpan, WasmExecutable } from './executable.ts';

registerBackend('wasm', () => createWasmBackend());
