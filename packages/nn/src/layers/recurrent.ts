/** Recurrent networks over whole sequences: RNN, LSTM and GRU. */

import { concat, formatShape, sameShape, stack, type Tensor, zeros } from '@tessera/tensor';
import { requireTensors, requireWhole } from '../arguments.ts';
import { uniform } from '../init/init.ts';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import { settings } from '../module/print-module.ts';
import { nth } from '../nth.ts';
import { dropout } from './dropout.ts';
import { linear } from './linear.ts';
import {
  gruStep,
  lstmStep,
  type Nonlinearity,
  type RecurrentStep,
  requireNonlinearity,
  rnnStep,
} from './recurrent-cells.ts';

export interface RecurrentOptions {
  /** Layers on top of each other. Default: 1. */
  readonly numLayers?: number;
  readonly bias?: boolean;
  /** Whether inputs and outputs are [N, L, ...] instead of [L, N, ...]. States are [layers, N, ...] in any case. */
  readonly batchFirst?: boolean;
  /** In training, the probability with which elements between two layers are dropped. */
  readonly dropout?: number;
  /** Adds a network that reads the sequence backwards; outputs have both. */
  readonly bidirectional?: boolean;
}

export interface RNNOptions extends RecurrentOptions {
  readonly nonlinearity?: Nonlinearity;
}

export interface LSTMOptions extends RecurrentOptions {
  /** If not 0, the hidden state is projected to this size (Sak et al. 2014). */
  readonly projSize?: number;
}

/**
 * The base class of recurrent networks. The parameters have PyTorch's names, such as `weight_ih_l0` and `bias_hh_l1_reverse`, and start as
 * U(+-1 / sqrt(hiddenSize)).
 *
 * The graph has one step after the other, with about six kernels for each step of an LSTM layer and its gradients. A compiled function is made
 * for each length of sequences, and compiling takes time in proportion to the length and the number of layers: seconds for a hundred steps.
 * Pad sequences to few different lengths.
 */
abstract class Recurrent extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  /** Size of the projection of the hidden state; 0 for none. */
  readonly projSize: number;
  readonly #op: string;

  constructor(
    op: string,
    gates: number,
    inputSize: number,
    hiddenSize: number,
    { numLayers = 1, bias = true, batchFirst = false, dropout = 0, bidirectional = false, projSize = 0 }: LSTMOptions,
  ) {
    super();
    requireWhole(op, { inputSize, hiddenSize, numLayers });
    if (!(dropout >= 0 && dropout <= 1))
      throw new RangeError(`${op}: the probability of dropout must be in [0, 1], got ${dropout}`);
    if (!Number.isInteger(projSize) || projSize < 0 || projSize >= hiddenSize)
      throw new RangeError(
        `${op}: projSize must be a whole number from 0 to before hiddenSize ${hiddenSize}, got ${projSize}`,
      );
    this.#op = op;
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.numLayers = numLayers;
    this.batchFirst = batchFirst;
    this.dropout = dropout;
    this.bidirectional = bidirectional;
    this.projSize = projSize;
    const start = uniform(hiddenSize ** -0.5);
    const rows = gates * hiddenSize;
    const add = (name: string, shape: readonly number[]): void => {
      Object.assign(this, { [name]: new Parameter(start(shape)) });
    };
    for (const { layer, suffix } of this.#passes()) {
      add(`weight_ih${suffix}`, [rows, layer === 0 ? inputSize : this.#outputSize * this.#directions]);
      add(`weight_hh${suffix}`, [rows, this.#outputSize]);
      if (bias) add(`bias_ih${suffix}`, [rows]);
      if (bias) add(`bias_hh${suffix}`, [rows]);
      if (projSize > 0) add(`weight_hr${suffix}`, [projSize, hiddenSize]);
    }
  }

  get #directions(): number {
    return this.bidirectional ? 2 : 1;
  }

  /** Size of one direction's output. */
  get #outputSize(): number {
    return this.projSize > 0 ? this.projSize : this.hiddenSize;
  }

  /** Every pass over a sequence: the layers, and within a layer the directions. */
  *#passes(): Generator<{ readonly layer: number; readonly backwards: boolean; readonly suffix: string }> {
    for (let layer = 0; layer < this.numLayers; layer++) {
      yield { layer, backwards: false, suffix: `_l${layer}` };
      if (this.bidirectional) yield { layer, backwards: true, suffix: `_l${layer}_reverse` };
    }
  }

  #parameter(name: string): Parameter | null {
    return (this as unknown as Readonly<Record<string, Parameter | undefined>>)[name] ?? null;
  }

  #required(name: string): Parameter {
    const found = this.#parameter(name);
    if (found === null) throw new Error(`${this.#op}: the parameter ${name} is missing`);
    return found;
  }

  /**
   * Runs all layers. `sizes` has the size of each part of the state; without a given state it starts from zeros.
   *
   * @param input [L, N, inputSize], [N, L, inputSize] with `batchFirst`, or [L, inputSize]
   */
  protected run(
    step: RecurrentStep,
    input: Tensor,
    sizes: readonly number[],
    given: readonly (Tensor | undefined)[],
  ): { readonly output: Tensor; readonly states: readonly Tensor[] } {
    const expected = this.batchFirst ? `[N, L, ${this.inputSize}]` : `[L, N, ${this.inputSize}]`;
    if ((input.ndim !== 2 && input.ndim !== 3) || input.shape.at(-1) !== this.inputSize)
      throw new RangeError(
        `${this.#op}: needs sequences ${expected} or [L, ${this.inputSize}], got a tensor of shape ${formatShape(input.shape)}`,
      );
    const weight = this.#required('weight_ih_l0');
    if ((input.dtype === 'f64') !== (weight.dtype === 'f64'))
      throw new TypeError(
        `${this.#op}: the input is ${input.dtype} and the parameters are ${weight.dtype}; cast the input, or the module with .to(dtype)`,
      );
    const batched = input.ndim === 3;
    const swapped = batched && this.batchFirst;
    const sequence = batched ? (swapped ? input.transpose(0, 1) : input) : input.unsqueeze(1);
    const [length = 0, batch = 0] = sequence.shape;
    if (length === 0)
      throw new RangeError(
        `${this.#op}: needs sequences of at least one step, got a tensor of shape ${formatShape(input.shape)}`,
      );
    const passes = this.numLayers * this.#directions;
    const states = sizes.map((size, k) => {
      const state = given[k];
      const shape = batched ? [passes, batch, size] : [passes, size];
      if (state === undefined) {
        if (given.some((part) => part !== undefined)) requireTensors(this.#op, { 'each part of the state': state });
        return zeros([passes, batch, size], { dtype: input.dtype });
      }
      if (!sameShape(state.shape, shape))
        throw new RangeError(
          `${this.#op}: the state has shape ${formatShape(state.shape)}, ${formatShape(shape)} is expected`,
        );
      return batched ? state : state.unsqueeze(1);
    });

    let layerInput = sequence;
    let outputs: Tensor[] = [];
    const last: (readonly Tensor[])[] = [];
    for (const { backwards, layer, suffix } of this.#passes()) {
      // One product for all steps.
      const gates = linear(layerInput, this.#required(`weight_ih${suffix}`), this.#parameter(`bias_ih${suffix}`));
      const hidden = {
        weight: this.#required(`weight_hh${suffix}`),
        bias: this.#parameter(`bias_hh${suffix}`),
        projection: this.#parameter(`weight_hr${suffix}`),
      };
      let state: readonly Tensor[] = states.map((part) => part.select(0, last.length));
      const steps: Tensor[] = [];
      for (let k = 0; k < length; k++) {
        state = step(gates.select(0, backwards ? length - 1 - k : k), state, hidden);
        steps.push(nth(state, 0));
      }
      last.push(state);
      outputs.push(stack(backwards ? steps.reverse() : steps));
      if (outputs.length < this.#directions) continue;
      layerInput = concat(outputs, 2);
      outputs = [];
      if (layer < this.numLayers - 1) layerInput = dropout(layerInput, this.dropout, this.training);
    }
    const unbatched = (x: Tensor): Tensor => (batched ? x : x.squeeze(1));
    return {
      output: swapped ? layerInput.transpose(0, 1) : unbatched(layerInput),
      states: sizes.map((_, k) => unbatched(stack(last.map((state) => nth(state, k))))),
    };
  }

  protected get stateSizes(): { readonly hidden: number; readonly cell: number } {
    return { hidden: this.#outputSize, cell: this.hiddenSize };
  }

  abstract forward(...inputs: unknown[]): unknown;

  override extraRepr(): string {
    const { inputSize, hiddenSize, numLayers, batchFirst, dropout, bidirectional, projSize } = this;
    return [
      `${inputSize}, ${hiddenSize}`,
      ...(projSize === 0 ? [] : [settings({ projSize })]),
      ...(numLayers === 1 ? [] : [settings({ numLayers })]),
      ...(this.#parameter('bias_ih_l0') !== null ? [] : [settings({ bias: false })]),
      ...(batchFirst ? [settings({ batchFirst })] : []),
      ...(dropout === 0 ? [] : [settings({ dropout })]),
      ...(bidirectional ? [settings({ bidirectional })] : []),
    ].join(', ');
  }
}

/**
 * Elman networks (Elman 1990), in one or several layers: h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), or relu. Returns the last
 * layer's h of every step, and every layer's h of the last step.
 */
export class RNN extends Recurrent {
  readonly nonlinearity: Nonlinearity;

  constructor(inputSize: number, hiddenSize: number, { nonlinearity = 'tanh', ...options }: RNNOptions = {}) {
    super('RNN', 1, inputSize, hiddenSize, options);
    requireNonlinearity('RNN', nonlinearity);
    this.nonlinearity = nonlinearity;
  }

  /**
   * @param input [L, N, inputSize], [N, L, inputSize] with `batchFirst`, or [L, inputSize]
   * @param hidden [directions * layers, N, hiddenSize]; default: zeros
   * @returns the outputs [L, N, directions * hiddenSize], and the last hidden states, in the shape of `hidden`
   */
  override forward(input: Tensor, hidden?: Tensor): [output: Tensor, hidden: Tensor] {
    const { output, states } = this.run(rnnStep(this.nonlinearity), input, [this.stateSizes.hidden], [hidden]);
    return [output, nth(states, 0)];
  }
}

/** Long short-term memories (Hochreiter and Schmidhuber 1997), in one or several layers; the equations: `lstmStep`. */
export class LSTM extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: LSTMOptions = {}) {
    super('LSTM', 4, inputSize, hiddenSize, options);
  }

  /**
   * @param input [L, N, inputSize], [N, L, inputSize] with `batchFirst`, or [L, inputSize]
   * @param state [h, c], each [directions * layers, N, hiddenSize], h with `projSize` instead if there is one; default: zeros
   * @returns the outputs [L, N, directions * hiddenSize], and the last [h, c]
   */
  override forward(
    input: Tensor,
    state?: readonly [hidden: Tensor, cell: Tensor],
  ): [output: Tensor, state: [hidden: Tensor, cell: Tensor]] {
    const { hidden, cell } = this.stateSizes;
    const { output, states } = this.run(lstmStep, input, [hidden, cell], [state?.[0], state?.[1]]);
    return [output, [nth(states, 0), nth(states, 1)]];
  }
}

/** Gated recurrent units (Cho et al. 2014), in one or several layers; the equations: `gruStep`. */
export class GRU extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super('GRU', 3, inputSize, hiddenSize, options);
  }

  /**
   * @param input [L, N, inputSize], [N, L, inputSize] with `batchFirst`, or [L, inputSize]
   * @param hidden [directions * layers, N, hiddenSize]; default: zeros
   * @returns the outputs [L, N, directions * hiddenSize], and the last hidden states, in the shape of `hidden`
   */
  override forward(input: Tensor, hidden?: Tensor): [output: Tensor, hidden: Tensor] {
    const { output, states } = this.run(gruStep, input, [this.stateSizes.hidden], [hidden]);
    return [output, nth(states, 0)];
  }
}
