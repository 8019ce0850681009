/** The softmax along an axis, its logarithm, and the softmax of the negative. */
import { formatShape, type Tensor } from '@tessera/tensor';
import { Module } from '../module/module.ts';

/** exp(x) / sum exp(x) along an axis. */
export const softmax = (input: Tensor, dim: number): Tensor => input.softmax(dim);

/** log(softmax(x)) along an axis, without overflow. */
export const logSoftmax = (input: Tensor, dim: number): Tensor => input.logSoftmax(dim);

/** exp(-x) / sum exp(-x) along an axis. */
export const softmin = (input: Tensor, dim: number): Tensor => input.neg().softmax(dim);

/** exp(x) / sum exp(x) along an axis. */
export class Softmax extends Module {
  readonly dim: number;

  constructor(dim = -1) {
    super();
    this.dim = dim;
  }

  forward(input: Tensor): Tensor {
    return softmax(input, this.dim);
  }
}

/** The logarithm of the softmax along an axis. */
export class LogSoftmax extends Module {
  readonly dim: number;

  constructor(dim = -1) {
    super();
    this.dim = dim;
  }

  forward(input: Tensor): Tensor {
    return logSoftmax(input, this.dim);
  }
}

/** exp(-x) / sum exp(-x) along an axis. */
export class Softmin extends Module {
  readonly dim: number;

  constructor(dim = -1) {
    super();
    this.dim = dim;
  }

  forward(input: Tensor): Tensor {
    return softmin(input, this.dim);
  }
}

/** The softmax over the channels of images [N, C, H, W] or [C, H, W], at every position. */
export class Softmax2d extends Module {
  forward(input: Tensor): Tensor {
    if (input.ndim !== 3 && input.ndim !== 4)
      throw new RangeError(`Softmax2d: needs [N, C, H, W] or [C, H, W], got ${formatShape(input.shape)}`);
    return softmax(input, -3);
  }
}
