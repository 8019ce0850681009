/** Explains a training step whose loss or gradient is infinite or NaN. */
import type { Optimizer } from '../optim/optimizer.ts';
import type { CheckpointFolder } from './checkpoint-folder.ts';
import { findNonFinite, NonFiniteError } from './non-finite.ts';
import type { BatchTensors, Objective } from './objective.ts';
import type { MixedPrecision } from './precision.ts';
import type { StepResult } from './step.ts';

interface FailingRun<Batch extends BatchTensors> {
  readonly objective: Objective<Batch>;
  readonly optimizer: Optimizer;
  readonly checkpoints: CheckpointFolder;
  readonly mixedPrecision?: MixedPrecision;
}

interface FailedStep<Batch extends BatchTensors> {
  /** From 1. */
  readonly step: number;
  readonly batch: Batch;
  readonly numbers: StepResult;
  readonly lr: number;
}

/** The error of a step that updated nothing: which tensor is not finite, what is kept, and what to try. */
export async function explainNonFinite<Batch extends BatchTensors>(
  { objective, optimizer, checkpoints, mixedPrecision }: FailingRun<Batch>,
  { step, batch, numbers, lr }: FailedStep<Batch>,
): Promise<NonFiniteError> {
  const source = Number.isFinite(lr)
    ? await findNonFinite(objective, optimizer, batch, mixedPrecision)
    : `the learning rate (${lr})`;
  const kept = await checkpoints.latest();
  return new NonFiniteError(
    step,
    source,
    [
      `step ${step}: the loss is ${numbers.loss} and the gradient's norm ${numbers.gradNorm}`,
      source === null
        ? 'every tensor is finite, but the squares of the gradients overflow'
        : `the first tensor that is not finite: ${source}`,
      `nothing was updated; ${kept === null ? 'there is no checkpoint yet' : `the last good checkpoint is ${kept}`}`,
      ...(numbers.scaling === null
        ? []
        : [`the factor on the loss is already down to ${numbers.scaling.scale}; try training.precision=bf16 or f32`]),
      `try a lower optimizer.lr (${lr} in this step), more schedule.warmupSteps, or training.clipGradNorm=1`,
    ].join('\n  '),
  );
}
