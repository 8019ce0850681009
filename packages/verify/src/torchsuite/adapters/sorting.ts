/** Order: sorting, extrema by rank, quantiles, running sums and extrema, counting and finding. */
import { atleast1d, concat, type Tensor } from '@tessera/tensor';
import {
  type Adapter,
  type Adapters,
  call,
  type Given,
  inDType,
  isTensor,
  numberOf,
  optionsOf,
  pairOf,
} from './call.ts';

const median = (method: 'median' | 'nanmedian'): Adapter =>
  call('input dim keepdim', ({ input, dim, keepdim }) =>
    dim === undefined ? input[method]() : pairOf(input[method](dim, keepdim ?? false)),
  );

const quantile = (method: 'quantile' | 'nanquantile'): Adapter =>
  call('input q dim keepdim interpolation', (p) =>
    p.input[method](p.q, p.dim ?? undefined, optionsOf(p, 'keepdim interpolation')),
  );

const running = (method: 'cumsum' | 'cumprod'): Adapter =>
  call('input dim dtype', ({ input, dim, dtype }) => inDType(inDType(input, dtype)[method](dim), dtype));

const parts = (
  result: { values: Tensor; inverse: Tensor; counts: Tensor },
  { return_inverse, return_counts }: Given,
): Tensor[] => [result.values, ...(return_inverse ? [result.inverse] : []), ...(return_counts ? [result.counts] : [])];

const axis = ({ dim }: Given): { axis?: number } => (dim === undefined || dim === null ? {} : { axis: dim });

export const sorting: Adapters = {
  sort: call('input dim descending stable', (p) => pairOf(p.input.sort(p.dim ?? -1, optionsOf(p, 'descending')))),
  argsort: call('input dim descending stable', (p) => p.input.argsort(p.dim ?? -1, optionsOf(p, 'descending'))),
  msort: (args) => args[0].msort(),
  topk: call('input k dim largest sorted', (p) => pairOf(p.input.topk(p.k, p.dim ?? -1, optionsOf(p, 'largest')))),
  kthvalue: call('input k dim keepdim', (p) => pairOf(p.input.kthvalue(p.k, p.dim ?? -1, p.keepdim ?? false))),
  median: median('median'),
  nanmedian: median('nanmedian'),
  mode: call('input dim keepdim', ({ input, dim, keepdim }) => pairOf(input.mode(dim ?? -1, keepdim ?? false))),
  quantile: quantile('quantile'),
  nanquantile: quantile('nanquantile'),
  cumsum: running('cumsum'),
  cumprod: running('cumprod'),
  logcumsumexp: (args) => args[0].logcumsumexp(args[1]),
  cummax: (args) => pairOf(args[0].cummax(args[1])),
  cummin: (args) => pairOf(args[0].cummin(args[1])),
  diff: call('input n dim prepend append', ({ input, n = 1, dim = -1, prepend, append }) => {
    const pieces = [prepend, input, append].filter(isTensor);
    return (pieces.length > 1 && n !== 0 ? concat(pieces, dim) : input).diff(n, dim);
  }),
  nonzero: ([input], { as_tuple }) => (as_tuple ? atleast1d(input).nonzeroSync().unbind(1) : input.nonzeroSync()),
  argwhere: (args) => args[0].argwhereSync(),
  unique: call('input sorted return_inverse return_counts dim', (p) => parts(p.input.uniqueSync(axis(p)), p)),
  unique_consecutive: call('input return_inverse return_counts dim', (p) =>
    parts(p.input.uniqueConsecutiveSync(axis(p)), p),
  ),
  bincount: call('input weights minlength', (p) => p.input.bincountSync(optionsOf(p, 'weights minlength'))),
  histc: call('input bins min max', ({ input, bins = 100, min = 0, max = 0 }) =>
    input.histc(bins, numberOf(min), numberOf(max)),
  ),
  histogram: call('input bins range weight density', (p) => {
    const { hist, binEdges } = p.input.histogram(p.bins, optionsOf(p, 'range weight density'));
    return [hist, binEdges];
  }),
  bucketize: call('input boundaries out_int32 right', (p) => p.input.bucketize(p.boundaries, optionsOf(p, 'right'))),
  searchsorted: call('sorted input out_int32 right side sorter', ({ sorted, input, right = false, side, sorter }) =>
    (sorter ? sorted.gather(-1, sorter) : sorted).searchsorted(isTensor(input) ? input : numberOf(input), {
      right: side ? side === 'right' : right,
    }),
  ),
};
