/**
 * `@tessera/tensor`: what users of tensors need. Other parts are exported by subpath:
 *
 *     @tessera/tensor/graph         nodes, for code that builds or transforms graphs
 *     @tessera/tensor/ops           what each method is composed of, as functions of nodes
 *     @tessera/tensor/backend       kernels, plans and the interface of backends, for their authors
 *     @tessera/tensor/safetensors   the file format
 *     @tessera/tensor/display       what notebooks show of a value
 *     @tessera/tensor/threefry      the generator of random bits
 */

export { releaseMemory } from './backends/collect-garbage.ts';
// Backends: opening, choosing and closing them, and what each of them offers
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
export { allGather, allReduce, allToAll, reduceScatter } from './collectives.ts';
// Tensors
export * from './combining.ts';
export { type CompiledFunction, type CompiledProgram, type CompileOptions, compile } from './compile.ts';
export { KernelError } from './custom-kernel/index.ts';
export { showTensorsInDevtools } from './devtools.ts';
export * from './functions.ts';
export { type BigIntArray, int32FromBigInts, type Nested, type NestedArray, type TensorData } from './graph/data.ts';
export type { IndexRange } from './graph/index-check.ts';
export { nameScope } from './graph/node.ts';
export type { ValueSource } from './graph/storage.ts';
export {
  type Backend,
  BackendNotOpenError,
  BackendUnavailableError,
  backendNames,
  closeBackend,
  DeviceLostError,
  disposeBackends,
  getBackend,
  OutOfMemoryError,
  openBackend,
  setDefaultBackend,
  UnsupportedDTypeError,
} from './kernel/backend.ts';
export type { Communicator, Reduction } from './kernel/communicator.ts';
// Dtypes and shapes
export {
  type ComputeDType,
  computeDType,
  type DType,
  dtypes,
  type HalfDType,
  isDType,
  isFloat,
  isHalf,
  promote,
  type TypedArray,
} from './kernel/dtype.ts';
export { broadcastShapes, formatShape, normalizeAxis, type Shape, sameShape, sizeOf } from './kernel/shape.ts';
export { type KernelArray, type KernelDefinition, type KernelThis, kernelFunction } from './kernel-function.ts';
export * as linalg from './linalg.ts';
export * from './mathematics.ts';
export { moveTensors } from './move.ts';
export type { IndexPart, SliceRange } from './ops/advanced-indexing.ts';
export type { RepeatCounts } from './ops/arranging.ts';
export { autocast, autocastPrecision, type Precision, precisions } from './ops/autocast.ts';
export type { CovarianceOptions } from './ops/distances.ts';
export type { CloseOptions, NanToNumOptions } from './ops/floats.ts';
export type { HistogramOptions } from './ops/histograms.ts';
export type { MeshIndexing } from './ops/joining.ts';
export type { AddProductOptions, TensordotAxes } from './ops/products.ts';
export type { RoundingMode } from './ops/rounding.ts';
export type { ScatterReduceOptions, ScatterReduction } from './ops/scattering.ts';
export type { Interpolation, QuantileOptions, SortOptions, TopkOptions, ValuesAndIndices } from './ops/sorting.ts';
export { type PrintOptions, setPrintOptions } from './printing/print-options.ts';
export { Generator, type GeneratorState, getDefaultGenerator, manualSeed } from './random/generator.ts';
export { type GraphOracle, isGraphOracle } from './runtime/oracle.ts';
export type { Explanation, ProgramForm, ProgramTimes } from './runtime/program-forms.ts';
export { isRecording, recordedWhile } from './runtime/recording.ts';
export type { IndexItem, Unique, UniqueOptions } from './selecting.ts';
export { isTensor, leafOwner, Tensor, type TensorLike } from './tensor.ts';
export { tensorBytes } from './tensor-bytes.ts';
export { tidy } from './tidy.ts';
