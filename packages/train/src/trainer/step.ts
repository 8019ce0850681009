import { grad } from '@tessera/autograd';
import { type CompiledProgram, compile, stack, type Tensor, tensor } from '@tessera/tensor';
import { clipGradNorm } from '../optim/clip-grad-norm.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { allFinite, guardState } from './guard.ts';
import type { BatchTensors, Task } from './task.ts';
import { contractionFlops } from './throughput.ts';

export interface StepOptions {
  /** Gradients are scaled down to this norm over all parameters; Infinity leaves them as they are. */
  readonly clipGradNorm?: number;
}

/** The numbers of one training step. */
export interface StepResult {
  readonly loss: number;
  /** Norm of all gradients together, before clipping. */
  readonly gradNorm: number;
  /** Whether loss and gradients were finite. If not, nothing was updated. */
  readonly finite: boolean;
  /** The task's further numbers. */
  readonly measures: Readonly<Record<string, number>>;
}

/** Takes training steps. */
export interface Step<Batch extends BatchTensors = BatchTensors> {
  run(batch: Batch, learningRate: number): Promise<StepResult>;
  /** Floating-point operations of a step's matrix products and convolutions, for such a batch. */
  flops(batch: Batch): Promise<number>;
  dispose(): void;
}

/**
 * One training step as one program: preprocessing, forward pass, loss, gradients, clipping, the optimiser's update and the
 * task's constraints. The learning rate is an input; random numbers come from the default generator, which counts the steps.
 *
 * Where the loss or a gradient is not finite, parameters, buffers and optimiser state keep the values that they had before.
 */
export class TrainingStep<Batch extends BatchTensors = BatchTensors> implements Step<Batch> {
  readonly #compiled;
  #measureNames: readonly string[] = [];

  constructor(task: Task<Batch>, optimizer: Optimizer, options: StepOptions = {}) {
    const { clipGradNorm: maxNorm = Number.POSITIVE_INFINITY } = options;
    const parameters = optimizer.parameters;
    const state = [...stateOf(task, optimizer).values()];
    this.#compiled = compile((batch: Batch, learningRate: Tensor) => {
      task.trainingMode();
      return guardState(state, () => {
        const { loss, measures } = task.loss(batch);
        const { gradients, norm } = clipGradNorm(grad(loss, parameters), maxNorm);
        const finite = allFinite(loss).logicalAnd(allFinite(norm)).logicalAnd(allFinite(learningRate));
        optimizer.step(gradients, learningRate);
        task.constrain();
        this.#measureNames = Object.keys(measures);
        // One tensor, so that one read fetches all numbers.
        const numbers = [loss, norm, finite, ...Object.values(measures)].map((value) => value.cast('f32').reshape([]));
        return { condition: finite, result: stack(numbers) };
      });
    });
  }

  async run(batch: Batch, learningRate: number): Promise<StepResult> {
    const numbers = await this.#compiled(batch, tensor(learningRate));
    const [loss, gradNorm, finite, ...measures] = await numbers.data();
    return {
      loss,
      gradNorm,
      finite: finite === 1,
      measures: Object.fromEntries(this.#measureNames.map((name, k) => [name, measures[k]])),
    };
  }

  /** The program that such a batch runs, for counting its work. Nothing is executed. */
  program(batch: Batch): Promise<CompiledProgram> {
    return this.#compiled.program(batch, tensor(0));
  }

  async flops(batch: Batch): Promise<number> {
    return contractionFlops(await this.program(batch));
  }

  dispose(): void {
    this.#compiled.dispose();
  }
}

/** Everything that a training step may change, by its name in a checkpoint. */
export function stateOf(task: Pick<Task, 'model'>, optimizer: Optimizer): Map<string, Tensor> {
  return new Map<string, Tensor>([
    ...task.model.namedParameters(),
    ...task.model.namedBuffers(),
    ...optimizer.namedState().map(([name, buffer]) => [`optimizer.${name}`, buffer] as const),
  ]);
}
