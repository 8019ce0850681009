import { type CompiledProgram, compile, stack, Tensor, tensor } from '@tessera/tensor';
import { clipGradNorm } from '../optim/clip-grad-norm.ts';
import { mayRecover } from '../optim/grad-scaler.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { allFinite, guardState } from './guard.ts';
import type { BatchTensors, Objective } from './objective.ts';
import { inPrecision, type MixedPrecision, scaledGradients } from './precision.ts';
import { contractionFlops } from './throughput.ts';

export interface StepOptions extends MixedPrecision {
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
  /** What the loss was multiplied by, and how many updates were left out so far because gradients overflowed; null without scaling. */
  readonly scaling: LossScaling | null;
  /** The objective's further numbers. */
  readonly measures: Readonly<Record<string, number>>;
}

export interface LossScaling {
  readonly scale: number;
  readonly skippedSteps: number;
}

/** Whether the step's update was left out because of an overflow that a smaller factor on the loss may avoid the next time. */
export const wasSkipped = ({ finite, scaling }: StepResult): boolean =>
  !finite && scaling !== null && mayRecover(scaling.scale);

/** Takes training steps. */
export interface Step<Batch extends BatchTensors = BatchTensors> {
  run(batch: Batch, learningRate: number): Promise<StepResult>;
  /** Floating-point operations of a step's matrix products and convolutions, for such a batch. */
  flops(batch: Batch): Promise<number>;
  dispose(): void;
}

/**
 * One training step as one program: preprocessing, forward pass, loss, gradients, clipping, the optimiser's update and the
 * objective's constraints. The learning rate is an input; random numbers come from the default generator, which counts the steps.
 *
 * In mixed precision the forward pass and its derivatives are recorded under `autocast`; what the optimiser sees is f32. With a scaler
 * the loss is multiplied by its factor, the gradients divided.
 *
 * Where the loss or a gradient is not finite, parameters, buffers and optimiser state keep the values that they had before.
 */
export class TrainingStep<Batch extends BatchTensors = BatchTensors> implements Step<Batch> {
  readonly #compiled;
  readonly #scales: boolean;
  #measureNames: readonly string[] = [];

  constructor(objective: Objective<Batch>, optimizer: Optimizer, options: StepOptions = {}) {
    const { clipGradNorm: maxNorm = Number.POSITIVE_INFINITY, scaler = null } = options;
    this.#scales = scaler !== null;
    const parameters = optimizer.parameters;
    const state = [...stateOf(objective, optimizer).values()];
    this.#compiled = compile((batch: Batch, learningRate: Tensor) => {
      objective.trainingMode();
      return guardState(state, () => {
        const { loss, measures } = inPrecision(options, () => objective.loss(batch));
        const scaled = scaledGradients(loss, parameters, options);
        const { gradients, norm } = clipGradNorm(scaler?.unscale(scaled) ?? scaled, maxNorm);
        const computed = allFinite(loss).logicalAnd(allFinite(norm));
        const finite = computed.logicalAnd(allFinite(learningRate));
        const factor = scaler === null ? [] : [Tensor.fromNode(scaler.factor.node)];
        scaler?.update(computed);
        optimizer.step(gradients, learningRate);
        objective.constrain?.();
        this.#measureNames = Object.keys(measures);
        // One tensor, so that one read fetches all numbers.
        const scaling = scaler === null ? [] : [...factor, scaler.skippedSteps];
        const numbers = [loss, norm, finite, ...scaling, ...Object.values(measures)].map((value) =>
          value.cast('f32').reshape([]),
        );
        return { condition: finite, result: stack(numbers) };
      });
    });
  }

  async run(batch: Batch, learningRate: number): Promise<StepResult> {
    const numbers = await this.#compiled(batch, tensor(learningRate));
    const [loss, gradNorm, finite, ...rest] = await numbers.data();
    const scaled = this.#scales ? rest.splice(0, 2) : null;
    return {
      loss,
      gradNorm,
      finite: finite === 1,
      scaling: scaled === null ? null : { scale: scaled[0], skippedSteps: scaled[1] },
      measures: Object.fromEntries(this.#measureNames.map((name, k) => [name, rest[k]])),
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
export function stateOf(objective: Pick<Objective, 'model'>, optimizer: Optimizer): Map<string, Tensor> {
  return new Map<string, Tensor>([
    ...objective.model.namedParameters(),
    ...objective.model.namedBuffers(),
    ...optimizer.namedState().map(([name, buffer]) => [`optimizer.${name}`, buffer] as const),
  ]);
}
