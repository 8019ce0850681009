/** The affine map x W^T + b. */
import { formatShape, type Tensor } from '@tessera/tensor';
import { kaimingUniform, uniform } from '../init/init.ts';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import { addBias } from '../precision.ts';

/**
 * x W^T + b.
 *
 * @param input [..., in]
 * @param weight [out, in]
 * @param bias [out]
 * @returns [..., out]
 */
export function linear(input: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  if (input.ndim === 0 || input.shape.at(-1) !== weight.shape[1])
    throw new RangeError(
      `linear: input ${formatShape(input.shape)} does not fit weight ${formatShape(weight.shape)}: ` +
        `the last axis must have size ${weight.shape[1]}`,
    );
  const product = input.matmul(weight.transpose(0, 1));
  return bias === null ? product : addBias(product, bias);
}

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
