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

/**
 * A task whose loss has two halves: what each example gives by itself, and what compares the examples. `loss(batch)` is
 * `lossOf(encode(batch), batch)`, so the first half can be computed a part of the batch at a time.
 */
export interface SeparableTask<Batch extends BatchTensors = BatchTensors> extends Task<Batch> {
  /** f32 tensors, row by row what the batch's rows give: the first axis is as long as that of one of the batch's tensors. */
  encode(batch: Batch): BatchTensors;
  /** @param batch for what `encode` does not need, such as labels and concepts */
  lossOf(encoded: BatchTensors, batch: Batch): TaskLoss;
}

export const isSeparable = <Batch extends BatchTensors>(task: Task<Batch>): task is SeparableTask<Batch> =>
  'encode' in task && 'lossOf' in task;
