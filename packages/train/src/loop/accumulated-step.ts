import { grad } from '@tessera/autograd';
import { Buffer, type Parameter } from '@tessera/nn';
import {
  type CompiledFunction,
  compile,
  concat,
  getDefaultGenerator,
  stack,
  Tensor,
  tensor,
  where,
  zeros,
} from '@tessera/tensor';
import { topologicalOrder } from '@tessera/tensor/graph';
import { clipGradNorm } from '../optim/clip-grad-norm.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { allFinite, guardState } from './guard.ts';
import type { BatchTensors, SeparableObjective } from './objective.ts';
import { inPrecision, scaledGradients } from './precision.ts';
import { type Step, type StepOptions, type StepResult, stateOf } from './step.ts';
import { contractionFlops } from './throughput.ts';

/** The whole batch's encodings, a list of parts by name. */
type EncodedParts = Readonly<Record<string, readonly Tensor[]>>;

interface Comparison {
  /** Loss, then the objective's measures. */
  readonly numbers: Tensor;
  /** The loss's derivatives with respect to the encodings of the whole batch. */
  readonly cotangents: BatchTensors;
}

/**
 * A training step that computes its batch in parts, for batches that do not fit into memory whole, with the whole batch's gradient
 * (Gao et al. 2021, "GradCache"). For a loss L of the encodings f_1 ... f_n of all examples,
 *
 *     dL/dw = sum_i (dL/df_i) (df_i/dw) + what w does to L directly, such as the temperature
 *
 * so three passes do: the encodings of all parts, of which nothing is kept for the backward pass; L and dL/df over the whole batch;
 * then part by part the encodings again and their derivatives, weighted by dL/df and added up. Averaging the gradients of the parts'
 * own losses would be another thing: each example would be compared with those of its part alone.
 *
 * In f16 and bf16 an encoding is rounded the same way both times; with a scaler all derivatives are those of the scaled loss, until the
 * update.
 *
 * A part has the same random numbers (dropout) in both of its passes. Batch normalisation is the exception to exactness: its
 * statistics are those of a part. Its running statistics see each part once.
 */
export class AccumulatedStep<Batch extends BatchTensors = BatchTensors> implements Step<Batch> {
  readonly #parts: number;
  readonly #encode: CompiledFunction<[Batch], BatchTensors>;
  readonly #compare: CompiledFunction<[EncodedParts, Batch], Comparison>;
  readonly #backward: CompiledFunction<[Batch, BatchTensors], Tensor[]>;
  readonly #update: CompiledFunction<[Tensor, Tensor], Tensor>;
  readonly #scales: boolean;
  #measureNames: readonly string[] = [];
  #flops = 0;

  /** @param parts into how many parts of one size a batch is cut; must divide the rows of each of its tensors */
  constructor(objective: SeparableObjective<Batch>, optimizer: Optimizer, parts: number, options: StepOptions = {}) {
    const { clipGradNorm: maxNorm = Number.POSITIVE_INFINITY, scaler = null } = options;
    this.#scales = scaler !== null;
    if (!Number.isInteger(parts) || parts < 1)
      throw new RangeError(`AccumulatedStep: parts must be a whole number of at least 1, got ${parts}`);
    this.#parts = parts;
    const { parameters } = optimizer;
    const buffers = objective.model.namedBuffers().map(([, buffer]) => buffer);
    /** Sums of gradients of the scaled loss, one for each parameter. */
    const sums = parameters.map((parameter) => new Buffer(zeros(parameter.shape, { dtype: parameter.dtype })));
    /** The model's buffers as they were before the step. */
    const before = buffers.map((buffer) => new Buffer(zeros(buffer.shape, { dtype: buffer.dtype })));

    const unreached = new Set(parameters);

    this.#encode = compile((part: Batch) => {
      objective.trainingMode();
      return withoutUpdates(buffers, () => inPrecision(options, () => objective.encode(part)));
    });

    this.#compare = compile((encodedParts: EncodedParts, batch: Batch) => {
      const names = Object.keys(encodedParts);
      const encoded = Object.fromEntries(names.map((name) => [name, concat(encodedParts[name] as Tensor[])]));
      const { loss, measures } = inPrecision(options, () => objective.lossOf(encoded, batch));
      const inputs = names.map((name) => encoded[name] as Tensor);
      const direct = reached(loss, parameters);
      const gradients = scaledGradients(loss, [...inputs, ...direct], options);
      for (const parameter of direct) unreached.delete(parameter);
      parameters.forEach((parameter, k) => {
        const found = direct.indexOf(parameter);
        const first = found < 0 ? null : gradients[inputs.length + found];
        sums[k].assign(first ?? zeros(parameter.shape, { dtype: parameter.dtype }));
      });
      buffers.forEach((buffer, k) => {
        before[k].assign(Tensor.fromNode(buffer.node));
      });
      this.#measureNames = Object.keys(measures);
      return {
        numbers: stack([loss, ...Object.values(measures)].map((value) => value.cast('f32').reshape([]))),
        cotangents: Object.fromEntries(names.map((name, k) => [name, gradients[k] as Tensor])),
      };
    });

    this.#backward = compile((part: Batch, cotangents: BatchTensors) => {
      objective.trainingMode();
      const encoded = inPrecision(options, () => objective.encode(part));
      const weighted = Object.entries(cotangents)
        .map(([name, cotangent]) => (encoded[name] as Tensor).mul(cotangent).sum())
        .reduce((total, term) => total.add(term));
      const used = reached(weighted, parameters);
      const gradients = grad(weighted, used);
      for (const parameter of used) unreached.delete(parameter);
      for (const { name } of unreached)
        throw new Error(`AccumulatedStep: the loss does not depend on parameter ${name}`);
      used.forEach((parameter, k) => {
        const sum = sums[parameters.indexOf(parameter)];
        sum.assign(sum.add(gradients[k]));
      });
      return [];
    });

    const state = [...stateOf({ model: objective.model }, optimizer).values()];
    this.#update = compile((loss: Tensor, learningRate: Tensor) => {
      const { gradients, norm } = clipGradNorm<Tensor>(scaler?.unscale<Tensor>(sums) ?? sums, maxNorm);
      const computed = allFinite(loss).logicalAnd(allFinite(norm));
      const finite = computed.logicalAnd(allFinite(learningRate));
      const factor = scaler === null ? [] : [Tensor.fromNode(scaler.factor.node)];
      scaler?.update(computed);
      guardState(state, () => {
        optimizer.step(gradients, learningRate);
        objective.constrain?.();
        return { condition: finite, result: null };
      });
      buffers.forEach((buffer, k) => {
        buffer.assign(where(finite, buffer, before[k]));
      });
      const scaling = scaler === null ? [] : [...factor, scaler.skippedSteps];
      return stack([norm, finite, ...scaling].map((value) => value.cast('f32').reshape([])));
    });
  }

  async run(batch: Batch, learningRate: number): Promise<StepResult> {
    const generator = getDefaultGenerator();
    const start = generator.state();
    /** Random numbers of the `k`-th part, or (k = parts) of the loss. */
    const numbersOf = (k: number): void => generator.setState({ ...start, step: start.step + k });
    const parts = cut(batch, this.#parts, 'batch');

    const encoded: BatchTensors[] = [];
    for (const [k, part] of parts.entries()) {
      numbersOf(k);
      encoded.push(await this.#encode(part));
    }
    const names = Object.keys(encoded[0]);
    const byName = Object.fromEntries(names.map((name) => [name, encoded.map((part) => part[name])]));
    numbersOf(parts.length);
    const { numbers, cotangents } = await this.#compare(byName, batch);
    const slices = cut(cotangents, this.#parts, 'encoding');
    for (const [k, part] of parts.entries()) {
      numbersOf(k);
      await this.#backward(part, slices[k]);
    }
    numbersOf(parts.length + 1);
    const [loss, ...measures] = await numbers.data();
    const [gradNorm, finite, scale, skippedSteps] = await (
      await this.#update(tensor(loss), tensor(learningRate))
    ).data();
    if (this.#flops === 0) {
      const compare = await this.#compare.program(byName, batch);
      const backward = await this.#backward.program(parts[0], slices[0]);
      this.#flops = contractionFlops(compare) + parts.length * contractionFlops(backward);
    }
    return {
      loss,
      gradNorm,
      finite: finite === 1,
      scaling: this.#scales ? { scale, skippedSteps } : null,
      measures: Object.fromEntries(this.#measureNames.map((name, k) => [name, measures[k]])),
    };
  }

  /** As if nothing were computed twice: the first pass does not count. Known after the first step. */
  async flops(): Promise<number> {
    return this.#flops;
  }

  dispose(): void {
    for (const program of [this.#encode, this.#compare, this.#backward, this.#update]) program.dispose();
  }
}

/** The parameters that a value depends on. */
function reached(value: Tensor, parameters: readonly Parameter[]): Parameter[] {
  const nodes = new Set(topologicalOrder([value.node]));
  return parameters.filter((parameter) => nodes.has(parameter.node));
}

/** Runs `body` and takes back what it assigned to `state`. */
function withoutUpdates<T>(state: readonly Tensor[], body: () => T): T {
  const before = state.map(({ node }) => Tensor.fromNode(node));
  const result = body();
  state.forEach((cell, k) => {
    if (cell.node !== before[k].node) cell.assign(before[k]);
  });
  return result;
}

/** Tensors in parts of equally many rows each. @throws where they do not divide */
function cut<T extends BatchTensors>(tensors: T, parts: number, what: string): T[] {
  return Array.from({ length: parts }, (_, k) => {
    const entries = Object.entries(tensors).map(([name, whole]) => {
      const rows = whole.shape[0] ?? 0;
      if (rows % parts !== 0)
        throw new RangeError(
          `AccumulatedStep: ${what} ${name} has ${rows} rows, which do not divide into ${parts} parts`,
        );
      return [name, parts === 1 ? whole : whole.slice(0, (k * rows) / parts, ((k + 1) * rows) / parts)] as const;
    });
    return Object.fromEntries(entries) as T;
  });
}
