/** Sums, means, extrema, norms and softmax along axes. */
import type { Tensor } from '@tessera/tensor';
import {
  type Adapter,
  type Adapters,
  axesOf,
  call,
  type Given,
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
  call<{ input: Tensor; dim?: number | null; keepdim?: boolean }>('input dim keepdim', ({ input, dim, keepdim }) =>
    input[method](dim ?? undefined, keepdim ?? false),
  );

interface Softmax {
  readonly input: Tensor;
  readonly dim?: number | null;
  readonly dtype?: GivenDType;
}

const softmax = (method: 'softmax' | 'logSoftmax'): Adapter =>
  call<Softmax>('input dim dtype _stacklevel', ({ input, dim, dtype }) => {
    if (dim === undefined || dim === null) return unsupported('no dim');
    return inDType(input, dtype)[method](dim);
  });

/** A statistic together with the mean. */
const withMean = (method: 'stdMean' | 'varMean', first: string): Adapter =>
  call<Variance>('input dim unbiased keepdim correction', ({ input, dim, unbiased, keepdim = false, correction }) => {
    const options = { correction: correction ?? (unbiased === false || dim === false ? 0 : 1), keepdim };
    const result: Given = input[method](typeof dim === 'boolean' ? undefined : axesOf(dim), options);
    return [result[first], result.mean];
  });

export const reductions: Adapters = {
  sum: reduction((x, axes, keepdim) => x.sum(axes, keepdim)),
  mean: reduction((x, axes, keepdim) => x.mean(axes, keepdim)),
  amax: reduction((x, axes, keepdim) => x.amax(axes, keepdim)),
  amin: reduction((x, axes, keepdim) => x.amin(axes, keepdim)),
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
  prod: reduction((x, axes, keepdim) => x.prod(axes, keepdim)),
  nansum: reduction((x, axes, keepdim) => x.nansum(axes, keepdim)),
  count_nonzero: call('input dim', ({ input, dim }) => input.countNonzero(axesOf(dim))),
  aminmax: call('input dim keepdim', ({ input, dim, keepdim }) => {
    const { min, max } = input.aminmax(dim, keepdim ?? false);
    return [min, max];
  }),
  std_mean: withMean('stdMean', 'std'),
  var_mean: withMean('varMean', 'variance'),
  softmax: softmax('softmax'),
  'softmax:with_dtype': softmax('softmax'),
  log_softmax: softmax('logSoftmax'),
  'log_softmax:with_dtype': softmax('logSoftmax'),
  logsumexp: call<Reduction>('input dim keepdim', ({ input, dim, keepdim = false }) =>
    input.logsumexp(dim ?? undefined, keepdim),
  ),
};
