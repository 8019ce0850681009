/** A training step as one compiled program. */
import {
  type CompiledFunction,
  type CompiledProgram,
  type CompileOptions,
  compile,
  getDefaultGenerator,
  Tensor,
  tensor,
} from '@tessera/tensor';
import type { AveragedModel } from '../optim/averaged-model.ts';
import { mayRecover } from '../optim/grad-scaler.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { type ClipOptions, clipGradients } from './clip.ts';
import { allFinite, guardState, withoutUpdates } from './guard.ts';
import { numberReader, stackNumbers } from './numbers.ts';
import { type BatchTensors, enterTraining, type Objective } from './objective.ts';
import { inPrecision, type MixedPrecision, scaledGradients } from './precision.ts';
import { contractionFlops } from './throughput.ts';

export interface StepOptions extends MixedPrecision, ClipOptions, CompileOptions {
  /** Averages of the weights that take in those of every step; null: none. */
  readonly averages?: AveragedModel | null;
}

/** The numbers of one training step. */
export interface StepResult {
  readonly loss: number;
  /** Norm of all gradients together, before clipping: the Euclidean one, unless another is clipped. */
  readonly gradNorm: number;
  /** Whether loss and gradients were finite. If not, nothing was updated. */
  readonly finite: boolean;
  /** The factor on the loss, and the number of updates skipped so far because gradients overflowed; null without loss scaling. */
  readonly scaling: LossScaling | null;
  /** The objective's further numbers. */
  readonly measures: Readonly<Record<string, number>>;
}

export interface LossScaling {
  readonly scale: number;
  readonly skippedSteps: number;
}

/** Whether the update was skipped because of an overflow that a smaller factor on the loss may prevent in the next step. */
export const wasSkipped = ({ finite, scaling }: StepResult): boolean =>
  !finite && scaling !== null && mayRecover(scaling.scale);

/**
 * Receives the gradients of a step before its update: one for each of the optimizer's parameters, which still have their values from
 * before the step. Neither scaled nor clipped.
 */
export type GradientObserver = (gradients: readonly Tensor[]) => Promise<void>;

/** Takes training steps. */
export interface Step<Batch extends BatchTensors = BatchTensors> {
  /** @param observe is called once. The step and all later ones have the same bits with and without it. */
  run(batch: Batch, learningRate: number, observe?: GradientObserver): Promise<StepResult>;
  /** Floating-point operations of the matrix products and convolutions of a step with batches of this shape. */
  flops(batch: Batch): Promise<number>;
  dispose(): void;
}

/**
 * One training step as one program: preprocessing, forward pass, loss, gradients, clipping, the optimizer's update and the
 * objective's constraints. The learning rate is an input; random numbers come from the default generator, which counts the steps.
 *
 * In mixed precision the forward pass and its derivatives are recorded under `autocast`; the optimizer receives f32. With a scaler the
 * loss is multiplied by its factor, and the gradients are divided by it.
 *
 * If the loss or a gradient is not finite, parameters, buffers and optimizer state keep the values that they had before.
 */
export class TrainingStep<Batch extends BatchTensors = BatchTensors> implements Step<Batch> {
  readonly #compiled;
  /** Only the gradients: another program, so that the step's own is the same whether or not somebody looks at them. */
  readonly #gradients: CompiledFunction<[Batch], Tensor[]>;
  readonly #scales: boolean;
  #measureNames: readonly string[] = [];

  constructor(objective: Objective<Batch>, optimizer: Optimizer, options: StepOptions = {}) {
    const { scaler = null, averages = null } = options;
    this.#scales = scaler !== null;
    const parameters = optimizer.parameters;
    const state = [...stateOf(objective, optimizer, averages).values()];
    this.#compiled = compile((batch: Batch, learningRate: Tensor) => {
      enterTraining(objective);
      return guardState(state, () => {
        const { loss, measures } = inPrecision(options, () => objective.loss(batch));
        const scaled = scaledGradients(loss, parameters, options);
        const { gradients, norm } = clipGradients(scaler?.unscale(scaled) ?? scaled, options);
        const computed = allFinite(loss).logicalAnd(allFinite(norm));
        const finite = computed.logicalAnd(allFinite(learningRate));
        const factor = scaler === null ? [] : [Tensor.fromNode(scaler.factor.node)];
        scaler?.update(computed);
        optimizer.step(gradients, learningRate);
        objective.constrain?.();
        averages?.updateParameters();
        this.#measureNames = Object.keys(measures);
        const scaling = scaler === null ? [] : [...factor, scaler.skippedSteps];
        const result = stackNumbers([loss, norm, finite, ...scaling, ...Object.values(measures)]);
        return { condition: finite, result };
      });
    }, options);
    this.#gradients = compile((batch: Batch) => {
      objective.trainingMode();
      return withoutUpdates(state, () => {
        const { loss } = inPrecision(options, () => objective.loss(batch));
        const scaled = scaledGradients(loss, parameters, options);
        return scaler?.unscale(scaled) ?? scaled;
      });
    }, options);
  }

  async run(batch: Batch, learningRate: number, observe?: GradientObserver): Promise<StepResult> {
    if (observe !== undefined) {
      // The step has the same random numbers as its gradients.
      const generator = getDefaultGenerator();
      const start = generator.state();
      await observe(await this.#gradients(batch));
      generator.setState(start);
    }
    const numbers = await this.#compiled(batch, tensor(learningRate));
    const next = numberReader(await numbers.data());
    return {
      loss: next(),
      gradNorm: next(),
      finite: next() === 1,
      scaling: this.#scales ? { scale: next(), skippedSteps: next() } : null,
      measures: Object.fromEntries(this.#measureNames.map((name) => [name, next()])),
    };
  }

  /** The program for batches of this shape, for counting its operations. It is not executed. */
  program(batch: Batch): Promise<CompiledProgram> {
    return this.#compiled.program(batch, tensor(0));
  }

  async flops(batch: Batch): Promise<number> {
    return contractionFlops(await this.program(batch));
  }

  dispose(): void {
    this.#gradients.dispose();
    this.#compiled.dispose();
  }
}

/** The prefix of the names of averages in a checkpoint. */
export const averagesPrefix = 'optimizer.averaged_model.';

/** Every tensor that a training step may change, by its name in a checkpoint. */
export function stateOf(
  objective: Pick<Objective, 'model'>,
  optimizer: Optimizer,
  averages: AveragedModel | null = null,
): Map<string, Tensor> {
  return new Map<string, Tensor>([
    ...objective.model.namedParameters(),
    ...objective.model.namedBuffers(),
    ...optimizer.namedState().map(([name, buffer]) => [`optimizer.${name}`, buffer] as const),
    ...(averages?.namedState() ?? []).map(([name, buffer]) => [averagesPrefix + name, buffer] as const),
  ]);
}
