/** The MLP of the plain Vision Transformers and Swin. */
import { Activation, type ActivationName, Dropout, type init, type Linear, Module } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { startedLinear } from './initialize.ts';

export interface MlpOptions {
  readonly activation?: ActivationName;
  readonly dropout?: number;
  readonly initializer?: init.Initializer;
}

/** Two layers applied to each token, with timm's names: fc2(act(fc1(x))). [..., width] to [..., width]. */
export class Mlp extends Module {
  readonly fc1: Linear;
  readonly act: Activation;
  readonly drop: Dropout;
  readonly fc2: Linear;

  constructor(width: number, hidden: number, { activation = 'gelu', dropout = 0, initializer }: MlpOptions = {}) {
    super();
    const start = initializer === undefined ? {} : { initializer };
    this.fc1 = startedLinear(width, hidden, start);
    this.act = new Activation(activation);
    this.drop = new Dropout(dropout);
    this.fc2 = startedLinear(hidden, width, start);
  }

  forward(x: Tensor): Tensor {
    return this.drop.forward(this.fc2.forward(this.drop.forward(this.act.forward(this.fc1.forward(x)))));
  }
}
