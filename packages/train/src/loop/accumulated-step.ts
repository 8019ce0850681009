/** A training step that computes its batch in parts. */
import { grad } from '@tessera/autograd';
import { Buffer, type Parameter } from '@tessera/nn';
import {
  type CompiledFunction,
  compile,
  concat,
  getDefaultGenerator,
  Tensor,
  tensor,
  where,
  zeros,
} from '@tessera/tensor';
import { topologicalOrder } from '@tessera/tensor/graph';
import type { Optimizer } from '../optim/optimizer.ts';
import { clipGradients } from './clip.ts';
import { allFinite, guardState, withoutUpdates } from './guard.ts';
import { numberReader, stackNumbers } from './numbers.ts';
import { type BatchTensors, enterTraining, type SeparableObjective } from './objective.ts';
import { inPrecision, scaledGradients } from './precision.ts';
import { type GradientObserver, type Step, type StepOptions, type StepResult, stateOf } from './step.ts';
import { contractionFlops } from './throughput.ts';
import { zip } from './zip.ts';

/** The encodings of the whole batch: by name, a list of parts. */
type EncodedParts = Readonly<Record<string, readonly Tensor[]>>;

/** A parameter with the sum of its gradients over the parts. */
interface Target {
  readonly parameter: Parameter;
  /** Gradient of the scaled loss. */
  readonly sum: Buffer;
}

interface Comparison {
  /** The loss, then the objective's measures. */
  readonly numbers: Tensor;
  /** The loss's derivatives with respect to the encodings of the whole batch. */
  readonly cotangents: BatchTensors;
}

/**
 * A training step that computes its batch in parts, for batches that do not fit into memory as a whole, with the gradient of the whole
 * batch (Gao et al. 2021, "GradCache"). For a loss L of the encodings f_1 ... f_n of all examples,
 *
 *     dL/dw = sum_i (dL/df_i) (df_i/dw) + the direct derivative of L with respect to w, such as the temperature
 *
 * so three passes suffice: the encodings of all parts, without keeping anything for the backward pass; L and dL/df over the whole batch;
 * then, part by part, the encodings again and their derivatives, weighted by dL/df and added up. Averaging the gradients of the losses
 * of the parts would be different: each example would be compared only with the examples of its part.
 *
 * In f16 and bf16 an encoding is rounded the same way both times. With a scaler, all derivatives are those of the scaled loss until the
 * update.
 *
 * A part has the same random numbers (dropout) in both of its passes. Only batch normalization differs from a step on the whole batch: its
 * statistics are those of a part. Its running statistics are updated once by each part.
 */
export class AccumulatedStep<Batch extends BatchTensors = BatchTensors> implements Step<Batch> {
  readonly #parts: number;
  readonly #encode: CompiledFunction<[Batch], BatchTensors>;
  readonly #compare: CompiledFunction<[EncodedParts, Batch], Comparison>;
  readonly #backward: CompiledFunction<[Batch, BatchTensors], Tensor[]>;
  readonly #update: CompiledFunction<[Tensor, Tensor], Tensor>;
  readonly #scales: boolean;
  /** The gradients of the loss, once all parts have been added up. */
  readonly #gradients: () => readonly Tensor[];
  #measureNames: readonly string[] = [];
  #flops = 0;

  /** @param parts number of parts of equal size; must divide the number of rows of each tensor of the batch */
  constructor(objective: SeparableObjective<Batch>, optimizer: Optimizer, parts: number, options: StepOptions = {}) {
    const { scaler = null, averages = null } = options;
    this.#scales = scaler !== null;
    if (!Number.isInteger(parts) || parts < 1)
      throw new RangeError(`AccumulatedStep: parts must be a whole number of at least 1, got ${parts}`);
    this.#parts = parts;
    const { parameters } = optimizer;
    const buffers = objective.model.namedBuffers().map(([, buffer]) => buffer);
    const targets = parameters.map(
      (parameter): Target => ({ parameter, sum: new Buffer(zeros(parameter.shape, { dtype: parameter.dtype })) }),
    );
    /** The model's buffers with their values from before the step. */
    const backups = buffers.map((buffer) => ({
      buffer,
      before: new Buffer(zeros(buffer.shape, { dtype: buffer.dtype })),
    }));

    this.#gradients = () => {
      const sums = targets.map(({ sum }) => Tensor.fromNode(sum.node));
      return scaler?.unscale(sums) ?? sums;
    };

    const unreached = new Set(parameters);

    this.#encode = compile((part: Batch) => {
      enterTraining(objective);
      return withoutUpdates(buffers, () => inPrecision(options, () => objective.encode(part)));
    }, options);

    this.#compare = compile((encodedParts: EncodedParts, batch: Batch) => {
      const inputs = Object.entries(encodedParts).map(([name, list]) => [name, concat([...list])] as const);
      const { loss, measures } = inPrecision(options, () => objective.lossOf(Object.fromEntries(inputs), batch));
      const direct = reached(loss, targets);
      const wanted = [...inputs.map(([, input]) => input), ...direct.map(({ parameter }) => parameter)];
      const gradients = scaledGradients(loss, wanted, options);
      const first = new Map(zip(direct, gradients.slice(inputs.length)));
      for (const { parameter } of direct) unreached.delete(parameter);
      for (const target of targets) {
        const { shape, dtype } = target.parameter;
        target.sum.assign(first.get(target) ?? zeros(shape, { dtype }));
      }
      for (const { buffer, before } of backups) before.assign(Tensor.fromNode(buffer.node));
      this.#measureNames = Object.keys(measures);
      const cotangents = zip(inputs, gradients.slice(0, inputs.length)).map(([[name], gradient]) => [name, gradient]);
      return { numbers: stackNumbers([loss, ...Object.values(measures)]), cotangents: Object.fromEntries(cotangents) };
    }, options);

    this.#backward = compile((part: Batch, cotangents: BatchTensors) => {
      enterTraining(objective);
      const encoded = inPrecision(options, () => objective.encode(part));
      const weighted = Object.entries(cotangents)
        .map(([name, cotangent]) => {
          const encoding = encoded[name];
          if (encoding === undefined) throw new Error(`AccumulatedStep: encode does not always return ${name}`);
          return encoding.mul(cotangent).sum();
        })
        .reduce((total, term) => total.add(term));
      const used = reached(weighted, targets);
      const gradients = grad(
        weighted,
        used.map(({ parameter }) => parameter),
      );
      for (const { parameter } of used) unreached.delete(parameter);
      for (const { name } of unreached)
        throw new Error(`AccumulatedStep: the loss does not depend on parameter ${name}`);
      for (const [{ sum }, gradient] of zip(used, gradients)) sum.assign(sum.add(gradient));
      return [];
    }, options);

    const state = [...stateOf({ model: objective.model }, optimizer, averages).values()];
    this.#update = compile((loss: Tensor, learningRate: Tensor) => {
      const sums: readonly Tensor[] = targets.map(({ sum }) => sum);
      const { gradients, norm } = clipGradients(scaler?.unscale(sums) ?? sums, options);
      const computed = allFinite(loss).logicalAnd(allFinite(norm));
      const finite = computed.logicalAnd(allFinite(learningRate));
      const factor = scaler === null ? [] : [Tensor.fromNode(scaler.factor.node)];
      scaler?.update(computed);
      guardState(state, () => {
        optimizer.step(gradients, learningRate);
        objective.constrain?.();
        averages?.updateParameters();
        return { condition: finite, result: null };
      });
      for (const { buffer, before } of backups) buffer.assign(where(finite, buffer, before));
      const scaling = scaler === null ? [] : [...factor, scaler.skippedSteps];
      return stackNumbers([norm, finite, ...scaling]);
    }, options);
  }

  async run(batch: Batch, learningRate: number, observe?: GradientObserver): Promise<StepResult> {
    const generator = getDefaultGenerator();
    const start = generator.state();
    /** Sets the generator to the random numbers of part `k`; after the last part follow those of the loss and of the next step. */
    const useRandomNumbers = (k: number): void => generator.setState({ ...start, step: start.step + k });
    const parts = cut(batch, this.#parts, 'batch');

    const encoded: BatchTensors[] = [];
    for (const [k, part] of parts.entries()) {
      useRandomNumbers(k);
      encoded.push(await this.#encode(part));
    }
    const byName = partsByName(encoded);
    useRandomNumbers(parts.length);
    const { numbers, cotangents } = await this.#compare(byName, batch);
    const slices = zip(parts, cut(cotangents, this.#parts, 'encoding'));
    for (const [k, [part, slice]] of slices.entries()) {
      useRandomNumbers(k);
      await this.#backward(part, slice);
    }
    useRandomNumbers(parts.length + 1);
    await observe?.(this.#gradients());
    const compared = numberReader(await numbers.data());
    const loss = compared();
    const updated = numberReader(await (await this.#update(tensor(loss), tensor(learningRate))).data());
    const [first] = slices;
    if (this.#flops === 0 && first !== undefined) {
      const compare = await this.#compare.program(byName, batch);
      const backward = await this.#backward.program(...first);
      this.#flops = contractionFlops(compare) + parts.length * contractionFlops(backward);
    }
    return {
      loss,
      gradNorm: updated(),
      finite: updated() === 1,
      scaling: this.#scales ? { scale: updated(), skippedSteps: updated() } : null,
      measures: Object.fromEntries(this.#measureNames.map((name) => [name, compared()])),
    };
  }

  /** Each operation is counted once, so the first pass does not count. Known after the first step. */
  async flops(): Promise<number> {
    return this.#flops;
  }

  dispose(): void {
    for (const program of [this.#encode, this.#compare, this.#backward, this.#update]) program.dispose();
  }
}

/** The targets whose parameters a value depends on. */
function reached(value: Tensor, targets: readonly Target[]): Target[] {
  const nodes = new Set(topologicalOrder([value.node]));
  return targets.filter(({ parameter }) => nodes.has(parameter.node));
}

/** The encodings of several parts, by their name. */
function partsByName(encoded: readonly BatchTensors[]): EncodedParts {
  const byName: Record<string, Tensor[]> = {};
  for (const part of encoded)
    for (const [name, tensor] of Object.entries(part)) {
      byName[name] ??= [];
      byName[name].push(tensor);
    }
  return byName;
}

/** Tensors in parts with equal numbers of rows. @throws RangeError where the rows do not divide evenly */
function cut<T extends BatchTensors>(tensors: T, parts: number, what: string): T[] {
  return Array.from({ length: parts }, (_, k) => {
    const entries = Object.entries(tensors).map(([name, whole]) => {
      const rows = whole.shape[0] ?? 0;
      if (rows % parts !== 0)
        throw new RangeError(
          `AccumulatedStep: ${what} ${name} has ${rows} rows, which do not divide evenly into ${parts} parts`,
        );
      return [name, parts === 1 ? whole : whole.slice(0, (k * rows) / parts, ((k + 1) * rows) / parts)] as const;
    });
    return Object.fromEntries(entries) as T;
  });
}
