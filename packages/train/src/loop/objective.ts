/** What a training step minimizes: a model, and how a batch of tensors leads to its loss. */
import type { Module } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { trainedBatchNorms } from '../optim/update-bn.ts';

/** The tensors of one batch by name; `images` are u8 [B, H, W, 3]. */
export type BatchTensors = Readonly<Record<string, Tensor>>;

/** The results of a forward pass: scalars, f32. */
export interface ObjectiveLoss {
  /** The value that is minimized. */
  readonly loss: Tensor;
  /** Further numbers for the metrics file, under the names that they have there. */
  readonly measures: Readonly<Record<string, Tensor>>;
}

/** A model with its loss. The methods only describe computations: they are recorded into the compiled training step. */
export interface Objective<Batch extends BatchTensors = BatchTensors> {
  readonly model: Module;
  /** Puts the model into the mode in which it is trained: frozen parts stay in evaluation mode. */
  trainingMode(): void;
  loss(batch: Batch): ObjectiveLoss;
  /** Keeps parameters within their bounds; called after each update. */
  constrain?(): void;
}

/**
 * An objective whose loss is split into a per-example part (`encode`) and a cross-example part (`lossOf`). `loss(batch)` equals
 * `lossOf(encode(batch), batch)`, so the first part can be computed for a part of the batch at a time.
 */
export interface SeparableObjective<Batch extends BatchTensors = BatchTensors> extends Objective<Batch> {
  /** f32 tensors with one row for each row of the batch: the first axis is as long as that of one of the batch's tensors. */
  encode(batch: Batch): BatchTensors;
  /** @param batch the whole batch, for tensors that `encode` does not use, such as labels and concepts */
  lossOf(encoded: BatchTensors, batch: Batch): ObjectiveLoss;
}

export const isSeparable = <Batch extends BatchTensors>(
  objective: Objective<Batch>,
): objective is SeparableObjective<Batch> => 'encode' in objective && 'lossOf' in objective;

/**
 * Puts an objective's model into the mode in which it is trained. Batch normalization whose weights are frozen keeps its running
 * statistics too: otherwise a frozen part would change all the same.
 */
export function enterTraining<Batch extends BatchTensors>(objective: Objective<Batch>): void {
  objective.trainingMode();
  for (const layer of trainedBatchNorms(objective.model)) if (layer.weight?.requiresGrad === false) layer.eval();
}
