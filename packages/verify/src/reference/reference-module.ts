import type { Module } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import type { CaseConfig } from './config.ts';

/** How the module that a case names is built and run. */
export interface ReferenceModule<M extends Module = Module> {
  /** Builds it from the case's `config`. */
  build(config: CaseConfig): M;
  /**
   * Runs it on the case's inputs, in order. Gives the only output, or all of them by name. Default: `module.forward(...inputs)`.
   */
  forward?(module: M, inputs: readonly Tensor[], config: CaseConfig): Tensor | Readonly<Record<string, Tensor>>;
  /** Whole models have a wider tolerance in f32 than layers and blocks. */
  readonly wholeModel?: boolean;
}

/** `forward` only ever gets what `build` of the same entry made, so entries for different modules can share a table. */
export const defineReferenceModule = <M extends Module>(module: ReferenceModule<M>): ReferenceModule =>
  module as unknown as ReferenceModule;
