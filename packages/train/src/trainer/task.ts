import type { Module } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';

/** The tensors of one batch by name; `images` are u8 [B, H, W, 3]. */
export type BatchTensors = Readonly<Record<string, Tensor>>;

/** What one step is about: scalars, f32. */
export interface TaskLoss {
  /** What is minimised. */
  readonly loss: Tensor;
  /** Further numbers for the metrics file, by the names that they have there. */
  readonly measures: Readonly<Record<string, Tensor>>;
}

/**
 * What is trained, and how a batch gives its loss. The methods only describe computations: they are recorded into the compiled
 * training step.
 */
export interface Task<Batch extends BatchTensors = BatchTensors> {
  readonly model: Module;
  /** Puts the model into the mode in which it is trained: frozen parts stay in evaluation mode. */
  trainingMode(): void;
  loss(batch: Batch): TaskLoss;
  /** Keeps parameters within their bounds; called after each update. */
  constrain(): void;
}
