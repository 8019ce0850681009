/** `@tessera/tensor/backend`: all that a backend sees, for authors of backends: its interface, plans, kernels, views and elements. */
export {
  type Allocation,
  type Backend,
  type Executable,
  type GeneratedCode,
  registerAsyncBackend,
  registerBackend,
} from './backend.ts';
export type { Communicator, ExchangedArray, Reduction } from './communicator.ts';
export { bytesOf, decodeArray, encodeArray, viewArray } from './dtype.ts';
export {
  type Access,
  accessesOf,
  type ContractKernel,
  formatKernel,
  type Instruction,
  type Kernel,
  type LoopKernel,
  type Program,
  type ScatterAddKernel,
  type Store,
  type Value,
} from './kernel.ts';
export { formatPlan, type Place, type Plan, type PlannedBuffer } from './plan.ts';
export { lifetimesOf, placeTemporaries } from './temporaries.ts';
export { formatView, type Guard, locate, type View } from './view.ts';
