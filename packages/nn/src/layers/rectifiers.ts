/**
 * Activations that are the identity above 0 and something else below: straight (leaky ReLU) or exponential (ELU, SELU, CELU). At 0 they
 * have the slope of the part below.
 */
import { customGradient } from '@tessera/autograd';
import { type Tensor, where } from '@tessera/tensor';
import { Module } from '../module/module.ts';
import { pythonFloat, settings } from '../module/print-module.ts';

/** x above 0, `negativeSlope` times x below (Maas et al. 2013). */
export const leakyRelu = (x: Tensor, negativeSlope = 0.01): Tensor => where(x.gt(0), x, x.mul(negativeSlope));

/** `scale` times x above 0, scale * alpha * (exp(x / width) - 1) below. */
function exponentialBelow(x: Tensor, alpha: number, { width = 1, scale = 1 } = {}): Tensor {
  const compute = customGradient(
    (source: Tensor) =>
      where(
        source.le(0),
        source
          .div(width)
          .expm1()
          .mul(alpha * scale),
        source.mul(scale),
      ),
    (gradient, [source]) => {
      // Far below 0, the slope as the value plus 1 would have no digits. At 0 it counts as constant, so that its own slope there is 0.
      const slope = where(source.lt(0), source, 0)
        .div(width)
        .exp()
        .mul((alpha * scale) / width);
      return [gradient.mul(where(source.le(0), slope, scale))];
    },
    'exponentialBelow',
  );
  return compute(x);
}

/** x above 0, alpha (exp(x) - 1) below (Clevert et al. 2016). */
export const elu = (x: Tensor, alpha = 1): Tensor => exponentialBelow(x, alpha);

/** max(0, x) + min(0, alpha (exp(x / alpha) - 1)), whose slope is continuous for every alpha (Barron 2017). */
export function celu(x: Tensor, alpha = 1): Tensor {
  if (alpha === 0) throw new RangeError('celu: alpha must not be 0');
  return exponentialBelow(x, alpha, { width: alpha });
}

const seluAlpha = 1.6732632423543772;
const seluScale = 1.0507009873554805;

/** ELU with the alpha and scale for which means of 0 and variances of 1 are a fixed point of deep networks (Klambauer et al. 2017). */
export const selu = (x: Tensor): Tensor => exponentialBelow(x, seluAlpha, { scale: seluScale });

export class LeakyReLU extends Module {
  readonly negativeSlope: number;

  constructor(negativeSlope = 0.01) {
    super();
    this.negativeSlope = negativeSlope;
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(x, this.negativeSlope);
  }
}

export class ELU extends Module {
  readonly alpha: number;

  constructor(alpha = 1) {
    super();
    this.alpha = alpha;
  }

  forward(x: Tensor): Tensor {
    return elu(x, this.alpha);
  }

  override extraRepr(): string {
    return settings({ alpha: pythonFloat(this.alpha) });
  }
}

export class CELU extends Module {
  readonly alpha: number;

  constructor(alpha = 1) {
    super();
    if (alpha === 0) throw new RangeError('CELU: alpha must not be 0');
    this.alpha = alpha;
  }

  forward(x: Tensor): Tensor {
    return celu(x, this.alpha);
  }

  override extraRepr(): string {
    return settings({ alpha: pythonFloat(this.alpha) });
  }
}
