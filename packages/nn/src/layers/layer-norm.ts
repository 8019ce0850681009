import type { Tensor } from '@tessera/tensor';
import { defaultEps, layerNorm } from '../functional/normalization.ts';
import { constant } from '../init.ts';
import { Module } from '../module.ts';
import { Parameter } from '../parameter.ts';

export interface LayerNormOptions {
  readonly eps?: number;
  /** Weight and bias. */
  readonly elementwiseAffine?: boolean;
}

/** Layer normalisation over the last axes, in f32 or wider: weight starts at 1, bias at 0. */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;

  constructor(normalizedShape: number | readonly number[], options: LayerNormOptions = {}) {
    super();
    const { eps = defaultEps, elementwiseAffine = true } = options;
    this.normalizedShape = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape;
    this.eps = eps;
    this.weight = elementwiseAffine ? new Parameter(constant(1)(this.normalizedShape)) : null;
    this.bias = elementwiseAffine ? new Parameter(constant(0)(this.normalizedShape)) : null;
  }

  forward(input: Tensor): Tensor {
    return layerNorm(input, this.normalizedShape, this.weight, this.bias, this.eps);
  }
}
