/**
 * Activations: each is a function of one tensor, element by element, a module class, and an entry of the table with the names that
 * configurations use. To add one, write the function and its class, and add it to `activations`. Families of activations have files of
 * their own; in the table they have their default settings.
 */
import type { Tensor } from '@tessera/tensor';
import { Module } from '../module/module.ts';
import { settings } from '../module/print-module.ts';
import { hardshrink, hardsigmoid, hardswish, hardtanh, relu6, softshrink } from './hard-activations.ts';
import { celu, elu, leakyRelu, selu } from './rectifiers.ts';
import { logSigmoid, mish, softplus, softsign, tanhshrink } from './smooth-activations.ts';

/** max(x, 0) */
export const relu = (x: Tensor): Tensor => x.relu();

export const sigmoid = (x: Tensor): Tensor => x.sigmoid();

export const tanh = (x: Tensor): Tensor => x.tanh();

/** x * sigmoid(x), also called swish (Ramachandran et al. 2017). */
export const silu = (x: Tensor): Tensor => x.mul(x.sigmoid());

/** x * sigmoid(1.702 x): the approximation of GELU that OpenAI's CLIP was trained with. */
export const quickGelu = (x: Tensor): Tensor => x.mul(x.mul(1.702).sigmoid());

/** `none`: x * Phi(x), Phi the normal distribution function; `tanh`: its approximation (Hendrycks and Gimpel 2016). */
export type GeluApproximation = 'none' | 'tanh';

export function gelu(x: Tensor, approximate: GeluApproximation = 'none'): Tensor {
  switch (approximate) {
    case 'none':
      // Phi(x) = (1 + erf(x / sqrt 2)) / 2
      return x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1));
    case 'tanh': {
      // Phi(x) is about (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
      const inner = x.add(x.square().mul(x).mul(0.044715)).mul(Math.sqrt(2 / Math.PI));
      return x.mul(0.5).mul(inner.tanh().add(1));
    }
    default:
      throw new RangeError(`gelu: approximate must be 'none' or 'tanh', got '${approximate satisfies never}'`);
  }
}

/** The activations by the names that configurations use. */
export const activations = {
  relu,
  sigmoid,
  tanh,
  silu,
  gelu: (x: Tensor): Tensor => gelu(x),
  'gelu-tanh': (x: Tensor): Tensor => gelu(x, 'tanh'),
  quickgelu: quickGelu,
  'leaky-relu': (x: Tensor): Tensor => leakyRelu(x),
  elu: (x: Tensor): Tensor => elu(x),
  selu,
  celu: (x: Tensor): Tensor => celu(x),
  softplus: (x: Tensor): Tensor => softplus(x),
  hardswish,
  hardsigmoid,
  hardtanh: (x: Tensor): Tensor => hardtanh(x),
  relu6,
  mish,
  softsign,
  tanhshrink,
  softshrink: (x: Tensor): Tensor => softshrink(x),
  hardshrink: (x: Tensor): Tensor => hardshrink(x),
  'log-sigmoid': logSigmoid,
} satisfies Record<string, (x: Tensor) => Tensor>;

export type ActivationName = keyof typeof activations;

/** An activation that is chosen by name, as a module. */
export class Activation extends Module {
  readonly activation: ActivationName;

  constructor(activation: ActivationName) {
    super();
    if (!(activation in activations))
      throw new RangeError(`Activation: '${activation}' is not one of ${Object.keys(activations).join(', ')}`);
    this.activation = activation;
  }

  forward(x: Tensor): Tensor {
    return activations[this.activation](x);
  }

  override extraRepr(): string {
    return this.constructor === Activation ? settings({ activation: this.activation }) : '';
  }
}

/** max(x, 0). */
export class ReLU extends Activation {
  constructor() {
    super('relu');
  }
}

/** 1 / (1 + exp(-x)). */
export class Sigmoid extends Activation {
  constructor() {
    super('sigmoid');
  }
}

/** The hyperbolic tangent. */
export class Tanh extends Activation {
  constructor() {
    super('tanh');
  }
}

/** x sigmoid(x), also called Swish. */
export class SiLU extends Activation {
  constructor() {
    super('silu');
  }
}

/** x Phi(x), where Phi is the distribution function of the normal distribution; or its approximation by tanh. */
export class GELU extends Activation {
  constructor({ approximate = 'none' }: { approximate?: GeluApproximation } = {}) {
    if (approximate !== 'none' && approximate !== 'tanh')
      throw new RangeError(`GELU: approximate must be 'none' or 'tanh', got '${approximate satisfies never}'`);
    super(approximate === 'tanh' ? 'gelu-tanh' : 'gelu');
  }

  override extraRepr(): string {
    return settings({ approximate: this.activation === 'gelu-tanh' ? 'tanh' : 'none' });
  }
}

/** x sigmoid(1.702 x), the activation of OpenAI's CLIP. */
export class QuickGELU extends Activation {
  constructor() {
    super('quickgelu');
  }
}

/** The ELU that keeps mean 0 and variance 1 (Klambauer et al. 2017). */
export class SELU extends Activation {
  constructor() {
    super('selu');
  }
}

/** x hardsigmoid(x). */
export class Hardswish extends Activation {
  constructor() {
    super('hardswish');
  }
}

/** min(max(x + 3, 0), 6) / 6. */
export class Hardsigmoid extends Activation {
  constructor() {
    super('hardsigmoid');
  }
}

/** min(max(x, 0), 6). */
export class ReLU6 extends Activation {
  constructor() {
    super('relu6');
  }
}

/** x tanh(softplus(x)). */
export class Mish extends Activation {
  constructor() {
    super('mish');
  }
}

/** x / (1 + |x|). */
export class Softsign extends Activation {
  constructor() {
    super('softsign');
  }
}

/** x - tanh(x). */
export class Tanhshrink extends Activation {
  constructor() {
    super('tanhshrink');
  }
}

/** log(sigmoid(x)), without overflow. */
export class LogSigmoid extends Activation {
  constructor() {
    super('log-sigmoid');
  }
}
