/** The WebGPU backend. Importing this file registers it as 'webgpu'. */
import { registerAsyncBackend } from '../../kernel/backend.ts';
import { createWebGpuBackend } from './backend.ts';

registerAsyncBackend('webgpu', () => createWebGpuBackend());

export { createWebGpuBackend, WebGpuBackend, type WebGpuStatistics } from './backend.ts';
export { type AdapterDescription, describeAdapter, type WebGpuOptions } from './device.ts';
export type { GpuExecutableStatistics, GpuKernelProfile, WebGpuExecutable } from './executable.ts';
export { ShaderError } from './pipelines.ts';
