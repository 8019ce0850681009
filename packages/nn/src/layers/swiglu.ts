/** Feed-forward layers with a gate. */

import type { Tensor } from '@tessera/tensor';
import { requireOneOf, requireProbability } from '../arguments.ts';
import { Module } from '../module/module.ts';
import { type ActivationName, activations } from './activations.ts';
import { dropout } from './dropout.ts';
import { LayerNorm } from './layer-norm.ts';
import { Linear } from './linear.ts';

export interface SwiGLUOptions {
  /** Default: the input's size. */
  readonly hiddenFeatures?: number;
  /** Default: the input's size. */
  readonly outFeatures?: number;
  /** Of the gate. Default: 'silu'; 'gelu' makes GEGLU. */
  readonly activation?: ActivationName;
  /** Whether the hidden features are normalized before the last layer (as in EVA-02). */
  readonly norm?: boolean;
  readonly bias?: boolean;
  /** In training, the probability with which hidden features and outputs are dropped. */
  readonly dropout?: number;
}

/**
 * The gated feed-forward layer SwiGLU (Shazeer 2020, equation 6), as in LLaMA and timm: fc2(silu(fc1_g(x)) * fc1_x(x)).
 *
 * The names in the state_dict are those of timm's `SwiGLU`: fc1_g, fc1_x, norm, fc2. LLaMA calls them w1 (the gate), w3 and w2, and has no
 * biases.
 */
export class SwiGLU extends Module {
  readonly fc1_g: Linear;
  readonly fc1_x: Linear;
  readonly norm: LayerNorm | null;
  readonly fc2: Linear;
  readonly activation: ActivationName;
  readonly dropout: number;

  constructor(inFeatures: number, options: SwiGLUOptions = {}) {
    super();
    const { hiddenFeatures = inFeatures, outFeatures = inFeatures, activation = 'silu' } = options;
    const { norm = false, bias = true, dropout: rate = 0 } = options;
    requireOneOf('SwiGLU', 'the activation', activation, Object.keys(activations));
    requireProbability('SwiGLU', rate);
    this.fc1_g = new Linear(inFeatures, hiddenFeatures, { bias });
    this.fc1_x = new Linear(inFeatures, hiddenFeatures, { bias });
    this.norm = norm ? new LayerNorm(hiddenFeatures) : null;
    this.fc2 = new Linear(hiddenFeatures, outFeatures, { bias });
    this.activation = activation;
    this.dropout = rate;
  }

  /**
   * @param input [..., inFeatures]
   * @returns [..., outFeatures]
   */
  forward(input: Tensor): Tensor {
    const gate = activations[this.activation](this.fc1_g.forward(input));
    const gated = dropout(gate.mul(this.fc1_x.forward(input)), this.dropout, this.training);
    const hidden = this.norm === null ? gated : this.norm.forward(gated);
    return dropout(this.fc2.forward(hidden), this.dropout, this.training);
  }
}
