/**
 * The types of WebGPU that this package's declarations name. TypeScript has them among those of the DOM from version 6 on, and
 * @webgpu/types adds them to older ones; where neither is used, they are `unknown`, and the declarations can still be read.
 */

/** The type of the instances of a global class; unknown if no such class is declared. */
type GlobalClass<Name extends string> =
  typeof globalThis extends Record<Name, { readonly prototype: infer Instance }> ? Instance : unknown;

/** `navigator.gpu`. */
export type EntryPoint = GlobalClass<'GPU'>;
export type Device = GlobalClass<'GPUDevice'>;
export type DeviceBuffer = GlobalClass<'GPUBuffer'>;
export type CommandBuffer = GlobalClass<'GPUCommandBuffer'>;
export type ComputePipeline = GlobalClass<'GPUComputePipeline'>;
export type BindGroupLayout = GlobalClass<'GPUBindGroupLayout'>;
