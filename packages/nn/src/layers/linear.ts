import type { Tensor } from '@tessera/tensor';
import { linear } from '../functional/linear.ts';
import { kaimingUniform, uniform } from '../init.ts';
import { Module } from '../module.ts';
import { Parameter } from '../parameter.ts';

export interface LinearOptions {
  readonly bias?: boolean;
}

/** x W^T + b: [..., inFeatures] to [..., outFeatures]. Weight [out, in] and bias [out] start as U(+-1 / sqrt(in)). */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, { bias = true }: LinearOptions = {}) {
    super();
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = new Parameter(kaimingUniform({ a: Math.sqrt(5) })([outFeatures, inFeatures]));
    this.bias = bias ? new Parameter(uniform(inFeatures ** -0.5)([outFeatures])) : null;
  }

  forward(input: Tensor): Tensor {
    return linear(input, this.weight, this.bias);
  }
}
