/** The rectifier whose slope below 0 is learned. */
import { formatShape, full, type Tensor, where } from '@tessera/tensor';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import { settings } from '../module/print-module.ts';

/**
 * x above 0, weight * x below, with one weight for all elements, [1] or a scalar, or one for each index of axis 1 (He et al. 2015). At 0
 * the slope is the weight.
 */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  const channels = x.ndim > 1 ? (x.shape[1] ?? 1) : 1;
  if (weight.ndim > 1 || (weight.size !== 1 && weight.size !== channels))
    throw new RangeError(
      `prelu: weight ${formatShape(weight.shape)} does not fit ${formatShape(x.shape)}: it needs [1], or one element ` +
        `for each of the ${channels} indices of axis 1`,
    );
  const shape = x.shape.map((_, axis) => (axis === 1 ? weight.size : 1));
  return where(x.gt(0), x, x.mul(weight.reshape(weight.size === 1 ? [] : shape)));
}

/** `weight` [numParameters]: 1 for all elements, or the size of axis 1. */
export class PReLU extends Module {
  readonly weight: Parameter;

  constructor(numParameters = 1, init = 0.25) {
    super();
    if (!Number.isInteger(numParameters) || numParameters < 1)
      throw new RangeError(`PReLU: numParameters must be a whole number of at least 1, got ${numParameters}`);
    this.weight = new Parameter(full([numParameters], init));
  }

  forward(x: Tensor): Tensor {
    return prelu(x, this.weight);
  }

  override extraRepr(): string {
    return settings({ numParameters: this.weight.size });
  }
}
