export { autocast, autocastPrecision, type Precision, precisions } from './autocast.ts';
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
  getBackend,
  OutOfMemoryError,
  openBackend,
  registerAsyncBackend,
  registerBackend,
  setDefaultBackend,
} from './backend.ts';
export { GpujsBackend, openGpujsBackend } from './backends/gpujs/index.ts';
export { ReferenceBackend, registerReferenceBackends } from './backends/reference/backend.ts';
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
export { type CompiledFunction, type CompiledProgram, compile, type ProgramTimes } from './compile.ts';
export {
  type KernelArray,
  type KernelDefinition,
  KernelError,
  type KernelThis,
  kernelFunction,
} from './custom-kernel/index.ts';
export type { Nested, NestedArray, TensorData } from './data.ts';
export { type Device, listDevices, type MissingDevice } from './devices.ts';
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
} from './dtype.ts';
export * from './functions.ts';
export * as graph from './graph.ts';
export * from './io/safetensors.ts';
export { moveTensors } from './move.ts';
export {
  areGradientsEnabled,
  type BinaryOp,
  type ContractSpec,
  type CustomGradient,
  makeNode,
  type Node,
  type NodeOf,
  type Op,
  orderNodes,
  type ReduceOp,
  topologicalOrder,
  type UnaryOp,
  type WindowSpec,
  withGradients,
} from './node.ts';
export * as ops from './ops/index.ts';
export { type GraphOracle, isGraphOracle } from './oracle.ts';
export { UnsupportedDTypeError } from './prepare.ts';
export { Generator, type GeneratorState, getDefaultGenerator, manualSeed } from './random.ts';
export { isRecording } from './recording.ts';
export { type Selection, selectBackend } from './select-backend.ts';
export { broadcastShapes, formatShape, normalizeAxis, type Shape, sameShape, sizeOf } from './shape.ts';
export { ownStorage, realizedStorage, Storage, type ValueSource } from './storage.ts';
export { lifetimesOf } from './temporaries.ts';
export { isTensor, leafOwner, Tensor, type TensorLike } from './tensor.ts';
export { threefry2x32 } from './threefry.ts';
export { tidy } from './tidy.ts';
