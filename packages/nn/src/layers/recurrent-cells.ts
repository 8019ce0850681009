/** One step of recurrent networks: the equations, and the cells with their parameters. */

import { formatShape, sameShape, type Tensor, zeros } from '@tessera/tensor';
import { requireOneOf, requireTensors, requireWhole } from '../arguments.ts';
import { uniform } from '../init/init.ts';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import { nth } from '../nth.ts';
import { linear } from './linear.ts';

/** The parameters that act on the hidden state, with one block of rows for each gate. */
interface HiddenWeights {
  /** [gates * H, H], or [gates * H, P] with a projection to P. */
  readonly weight: Tensor;
  /** [gates * H], or null. */
  readonly bias: Tensor | null;
  /** [P, H], LSTM only: projects the hidden state. */
  readonly projection?: Tensor | null;
}

/** From the input's part of the gates [N, gates * H] and the state, each [N, H], to the new state. The first part of it is the output. */
export type RecurrentStep = (gates: Tensor, state: readonly Tensor[], hidden: HiddenWeights) => readonly Tensor[];

export type Nonlinearity = 'tanh' | 'relu';

/** h' = tanh(x + W h + b), or relu (Elman 1990). */
export const rnnStep =
  (nonlinearity: Nonlinearity): RecurrentStep =>
  (x, [h], { weight, bias }) => {
    const sum = x.add(linear(h as Tensor, weight, bias));
    return [nonlinearity === 'tanh' ? sum.tanh() : sum.relu()];
  };

/**
 * Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000). From the gates i, f, g, o,
 *
 *     c' = sigmoid(f) c + sigmoid(i) tanh(g)
 *     h' = sigmoid(o) tanh(c'), multiplied by the projection if there is one (Sak et al. 2014)
 */
export const lstmStep: RecurrentStep = (x, [h, c], { weight, bias, projection = null }) => {
  const [i, f, g, o] = x.add(linear(h as Tensor, weight, bias)).chunk(4, 1) as [Tensor, Tensor, Tensor, Tensor];
  const cell = f
    .sigmoid()
    .mul(c as Tensor)
    .add(i.sigmoid().mul(g.tanh()));
  const output = o.sigmoid().mul(cell.tanh());
  return [projection === null ? output : linear(output, projection), cell];
};

/**
 * Gated recurrent unit (Cho et al. 2014). From the input's and the hidden state's parts of the gates r, z, n,
 *
 *     r = sigmoid(x_r + h_r), z = sigmoid(x_z + h_z), n = tanh(x_n + r h_n)
 *     h' = (1 - z) n + z h
 */
export const gruStep: RecurrentStep = (x, [h], { weight, bias }) => {
  const hidden = h as Tensor;
  const [xr, xz, xn] = x.chunk(3, 1) as [Tensor, Tensor, Tensor];
  const [hr, hz, hn] = linear(hidden, weight, bias).chunk(3, 1) as [Tensor, Tensor, Tensor];
  const n = xn.add(xr.add(hr).sigmoid().mul(hn)).tanh();
  return [n.add(xz.add(hz).sigmoid().mul(hidden.sub(n)))];
};

export const requireNonlinearity = (op: string, nonlinearity: string): void =>
  requireOneOf(op, 'the nonlinearity', nonlinearity, ['tanh', 'relu'] satisfies readonly Nonlinearity[]);

export interface CellOptions {
  readonly bias?: boolean;
}

export interface RNNCellOptions extends CellOptions {
  readonly nonlinearity?: Nonlinearity;
}

/** The base class of cells. All parameters start as U(+-1 / sqrt(hiddenSize)). */
abstract class Cell extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly weight_ih: Parameter;
  readonly weight_hh: Parameter;
  readonly bias_ih: Parameter | null;
  readonly bias_hh: Parameter | null;
  readonly #op: string;

  constructor(op: string, gates: number, inputSize: number, hiddenSize: number, { bias = true }: CellOptions) {
    super();
    requireWhole(op, { inputSize, hiddenSize });
    const start = uniform(hiddenSize ** -0.5);
    const rows = gates * hiddenSize;
    this.#op = op;
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.weight_ih = new Parameter(start([rows, inputSize]));
    this.weight_hh = new Parameter(start([rows, hiddenSize]));
    this.bias_ih = bias ? new Parameter(start([rows])) : null;
    this.bias_hh = bias ? new Parameter(start([rows])) : null;
  }

  /** One step for inputs [N, inputSize] or [inputSize]. Without a state it starts from zeros. */
  protected step(step: RecurrentStep, input: Tensor, states: readonly (Tensor | undefined)[]): readonly Tensor[] {
    const size = input.shape.at(-1);
    if ((input.ndim !== 1 && input.ndim !== 2) || size !== this.inputSize)
      throw new RangeError(
        `${this.#op}: needs inputs [N, ${this.inputSize}] or [${this.inputSize}], got a tensor of shape ${formatShape(input.shape)}`,
      );
    const shape = [...input.shape.slice(0, -1), this.hiddenSize];
    const rows = (x: Tensor): Tensor => (input.ndim === 1 ? x.unsqueeze(0) : x);
    const given = states.map((state) => {
      if (state === undefined) {
        if (states.some((part) => part !== undefined)) requireTensors(this.#op, { 'each part of the state': state });
        return zeros(shape, { dtype: input.dtype });
      }
      if (!sameShape(state.shape, shape))
        throw new RangeError(
          `${this.#op}: the state has shape ${formatShape(state.shape)}, ${formatShape(shape)} is expected`,
        );
      return state;
    });
    const gates = linear(rows(input), this.weight_ih, this.bias_ih);
    const next = step(gates, given.map(rows), { weight: this.weight_hh, bias: this.bias_hh });
    return next.map((x) => x.reshape(shape));
  }

  abstract forward(...inputs: unknown[]): unknown;

  override extraRepr(): string {
    return `${this.inputSize}, ${this.hiddenSize}${this.bias_ih === null ? ', bias=False' : ''}`;
  }
}

/** One step of an Elman network: input [N, inputSize] and state [N, hiddenSize] to the next state; or both without N. */
export class RNNCell extends Cell {
  readonly nonlinearity: Nonlinearity;

  constructor(inputSize: number, hiddenSize: number, { nonlinearity = 'tanh', ...options }: RNNCellOptions = {}) {
    super('RNNCell', 1, inputSize, hiddenSize, options);
    requireNonlinearity('RNNCell', nonlinearity);
    this.nonlinearity = nonlinearity;
  }

  override forward(input: Tensor, hidden?: Tensor): Tensor {
    return nth(this.step(rnnStep(this.nonlinearity), input, [hidden]), 0);
  }
}

/** One step of a long short-term memory: input [N, inputSize] and [h, c], each [N, hiddenSize], to the next [h, c]; or all without N. */
export class LSTMCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super('LSTMCell', 4, inputSize, hiddenSize, options);
  }

  override forward(input: Tensor, state?: readonly [hidden: Tensor, cell: Tensor]): [hidden: Tensor, cell: Tensor] {
    const next = this.step(lstmStep, input, [state?.[0], state?.[1]]);
    return [nth(next, 0), nth(next, 1)];
  }
}

/** One step of a gated recurrent unit: input [N, inputSize] and state [N, hiddenSize] to the next state; or both without N. */
export class GRUCell extends Cell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super('GRUCell', 3, inputSize, hiddenSize, options);
  }

  override forward(input: Tensor, hidden?: Tensor): Tensor {
    return nth(this.step(gruStep, input, [hidden]), 0);
  }
}
