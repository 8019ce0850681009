/** The gated linear unit. */
import { formatShape, normalizeAxis, type Tensor } from '@tessera/tensor';
import { Module } from '../module/module.ts';

/** a * sigmoid(b), where a and b are the halves of x along `dim`, whose size must be even (Dauphin et al. 2017). */
export function glu(x: Tensor, dim = -1): Tensor {
  const axis = normalizeAxis(dim, x.ndim, 'glu');
  const size = x.shape[axis] ?? 0;
  if (size % 2 !== 0)
    throw new RangeError(`glu: axis ${dim} of ${formatShape(x.shape)} has the odd size ${size} and cannot be halved`);
  return x.slice(axis, 0, size / 2).mul(x.slice(axis, size / 2).sigmoid());
}

export class GLU extends Module {
  readonly dim: number;

  constructor(dim = -1) {
    super();
    this.dim = dim;
  }

  forward(x: Tensor): Tensor {
    return glu(x, this.dim);
  }
}
