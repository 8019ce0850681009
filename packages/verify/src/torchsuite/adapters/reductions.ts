/** Sums, means, extrema, norms and softmax along axes. */
import type { Tensor } from '@tessera/tensor';
import {
  type Adapter,
  type Adapters,
  axesOf,
  call,
  type GivenDType,
  inDType,
  isTensor,
  numberOf,
  unsupported,
} from './call.ts';

type Dim = number | readonly number[] | null;
type Axes = number | readonly number[] | undefined;

interface Reduction {
  readonly input: Tensor;
  readonly dim?: Dim;
  readonly keepdim?: boolean;
  readonly dtype?: GivenDType;
}

const reduction = (apply: (input: Tensor, axes: Axes, keepdim: boolean) => Tensor): Adapter =>
  call<Reduction>('input dim keepdim dtype', ({ input, dim, keepdim = false, dtype }) =>
    apply(inDType(input, dtype), axesOf(dim), keepdim),
  );

interface Variance {
  readonly input: Tensor;
  /** In one of its forms, PyTorch has `unbiased` in this place. */
  readonly dim?: Dim | boolean;
  readonly unbiased?: boolean;
  readonly keepdim?: boolean;
  readonly correction?: number | null;
}

const variance = (method: 'variance' | 'std'): Adapter =>
  call<Variance>('input dim unbiased keepdim correction', ({ input, dim, unbiased, keepdim = false, correction }) =>
    typeof dim === 'boolean'
      ? input[method](undefined, { correction: Number(dim), keepdim })
      : input[method](axesOf(dim), { correction: correction ?? (unbiased === false ? 0 : 1), keepdim }),
  );

interface Extremum {
  readonly input: Tensor;
  /** In one of its forms, PyTorch has `other` in this place. */
  readonly dim?: number | Tensor;
  readonly keepdim?: boolean;
  readonly other?: Tensor | number | boolean;
}

/** The value and its position along an axis, the value of all, or the larger of two tensors. */
const extremum = (value: 'max' | 'min', position: 'argmax' | 'argmin', binary: 'maximum' | 'minimum'): Adapter =>
  call<Extremum>('input dim keepdim other', ({ input, dim, keepdim = false, other }) => {
    if (isTensor(dim)) return input[binary](dim);
    if (other !== undefined) return input[binary](isTensor(other) ? other : numberOf(other));
    if (dim === undefined) return input[value]();
    return [input[value](dim, keepdim), input.ndim === 0 ? null : input[position](dim, keepdim)];
  });

const position = (method: 'argmax' | 'argmin'): Adapter =>
  call<{ input: Tensor; dim?: number | null; keepdim?: boolean }>('input dim keepdim', ({ input, dim, keepdim }) => {
    if (dim === undefined || dim === null) {
      if (keepdim) unsupported('keepdim without dim');
      return input.flatten()[method](0);
    }
    if (input.ndim === 0) unsupported('rank 0 with a dim');
    return input[method](dim, keepdim ?? false);
  });

interface Softmax {
  readonly input: Tensor;
  readonly dim?: number | null;
  readonly dtype?: GivenDType;
}

const softmax = (method: 'softmax' | 'logSoftmax'): Adapter =>
  call<Softmax>('input dim dtype _stacklevel', ({ input, dim, dtype }) => {
    if (dim === undefined || dim === null) return unsupported('no dim');
    if (input.ndim === 0) unsupported('rank 0 with a dim');
    return inDType(input, dtype)[method](dim);
  });

interface Norm {
  readonly input: Tensor;
  readonly p?: number | string | null;
  readonly ord?: number | string | null;
  readonly dim?: Dim;
  readonly keepdim?: boolean;
  readonly dtype?: GivenDType;
}

const euclidean = ({ input, p, ord, dim, keepdim = false, dtype }: Norm): Tensor => {
  const order = p ?? ord ?? 2;
  if (order !== 2 && order !== 'fro') unsupported(`order ${order}`);
  return inDType(input, dtype).norm(axesOf(dim), keepdim);
};

export const reductions: Adapters = {
  sum: reduction((x, axes, keepdim) => x.sum(axes, keepdim)),
  mean: reduction((x, axes, keepdim) => x.mean(axes, keepdim)),
  amax: reduction((x, axes, keepdim) => x.max(axes, keepdim)),
  amin: reduction((x, axes, keepdim) => x.min(axes, keepdim)),
  any: reduction((x, axes, keepdim) => x.any(axes, keepdim)),
  all: reduction((x, axes, keepdim) => x.all(axes, keepdim)),
  'max:reduction_no_dim': extremum('max', 'argmax', 'maximum'),
  'max:reduction_with_dim': extremum('max', 'argmax', 'maximum'),
  'min:reduction_no_dim': extremum('min', 'argmin', 'minimum'),
  'min:reduction_with_dim': extremum('min', 'argmin', 'minimum'),
  argmax: position('argmax'),
  argmin: position('argmin'),
  var: variance('variance'),
  std: variance('std'),
  'var:unbiased': variance('variance'),
  'std:unbiased': variance('std'),
  norm: call<Norm>('input p dim keepdim dtype', euclidean),
  'norm:fro': call<Norm>('input p dim keepdim dtype', euclidean),
  'linalg.vector_norm': call<Norm>('input ord dim keepdim dtype', euclidean),
  'linalg.norm': call<Norm>('input ord dim keepdim dtype', (given) => {
    const { input, ord, dim } = given;
    const isMatrix = Array.isArray(dim) ? dim.length === 2 : (dim ?? null) === null && input.ndim === 2;
    if (ord === 2 && isMatrix) unsupported('spectral norm');
    return euclidean(given);
  }),
  softmax: softmax('softmax'),
  'softmax:with_dtype': softmax('softmax'),
  log_softmax: softmax('logSoftmax'),
  'log_softmax:with_dtype': softmax('logSoftmax'),
  logsumexp: call<Reduction>('input dim keepdim', ({ input, dim, keepdim = false }) =>
    input.logsumexp(dim ?? undefined, keepdim),
  ),
};
