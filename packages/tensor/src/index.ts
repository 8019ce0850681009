export { type Device, listDevices, type MissingDevice } from './backends/devices.ts';
export { GpujsBackend, openGpujsBackend } from './backends/gpujs/index.ts';
export { ReferenceBackend, registerReferenceBackends } from './backends/reference/backend.ts';
export { type Selection, selectBackend } from './backends/select-backend.ts';
export {
  createWasmBackend,
  type KernelProfile,
  type KernelSpan,
  WasmBackend,
  type WasmBackendOptions,
  type WasmExecutable,
} from './backends/wasm/index.ts';
export {
  type AdapterDescription,
  createWebGpuBackend,
  describeAdapter,
  type GpuExecutableStatistics,
  type GpuKernelProfile,
  ShaderError,
  WebGpuBackend,
  type WebGpuExecutable,
  type WebGpuOptions,
  type WebGpuStatistics,
} from './backends/webgpu/index.ts';
export { type CompiledFunction, type CompiledProgram, compile } from './compile.ts';
export { KernelError } from './custom-kernel/index.ts';
export * from './functions.ts';
export type { Nested, NestedArray, TensorData } from './graph/data.ts';
export * as graph from './graph/graph.ts';
export {
  areGradientsEnabled,
  type BinaryOp,
  type ContractSpec,
  type CustomGradient,
  makeNode,
  type Node,
  type NodeOf,
  nameScope,
  type Op,
  orderNodes,
  type ReduceOp,
  topologicalOrder,
  type UnaryOp,
  type WindowSpec,
  withGradients,
} from './graph/node.ts';
export { ownStorage, realizedStorage, Storage, type ValueSource } from './graph/storage.ts';
export * from './io/safetensors.ts';
export {
  type Allocation,
  type Backend,
  BackendNotOpenError,
  BackendUnavailableError,
  backendNames,
  closeBackend,
  DeviceLostError,
  disposeBackends,
  type Executable,
  type GeneratedCode,
  getBackend,
  OutOfMemoryError,
  openBackend,
  registerAsyncBackend,
  registerBackend,
  setDefaultBackend,
  UnsupportedDTypeError,
} from './kernel/backend.ts';
export {
  bytesOf,
  type ComputeDType,
  computeDType,
  type DType,
  decodeArray,
  dtypes,
  encodeArray,
  type HalfDType,
  isDType,
  isFloat,
  isHalf,
  promote,
  type TypedArray,
  viewArray,
} from './kernel/dtype.ts';
export { broadcastShapes, formatShape, normalizeAxis, type Shape, sameShape, sizeOf } from './kernel/shape.ts';
export { lifetimesOf } from './kernel/temporaries.ts';
export { type KernelArray, type KernelDefinition, type KernelThis, kernelFunction } from './kernel-function.ts';
export { moveTensors } from './move.ts';
export { autocast, autocastPrecision, type Precision, precisions } from './ops/autocast.ts';
export * as ops from './ops/index.ts';
export { Generator, type GeneratorState, getDefaultGenerator, manualSeed } from './random/generator.ts';
export { threefry2x32 } from './random/threefry.ts';
export { type GraphOracle, isGraphOracle } from './runtime/oracle.ts';
export type { Explanation, ProgramForm, ProgramTimes } from './runtime/program-forms.ts';
export { isRecording } from './runtime/recording.ts';
export { isTensor, leafOwner, Tensor, type TensorLike } from './tensor.ts';
export { tidy } from './tidy.ts';
