/** The encoder of WebAssembly modules, for other packages that generate code of their own. */
export type { FunctionBuilder, Local } from './encoder.ts';
export { ModuleBuilder } from './module-builder.ts';
