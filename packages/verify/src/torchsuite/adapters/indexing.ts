/** Parts of tensors: slices, and elements at positions that a tensor names, read or written. */
import { full, type Tensor, tensor } from '@tessera/tensor';
import { type Adapter, type Adapters, call, type Given, isTensor, numberOf, optionsOf, unsupported } from './call.ts';

/** One part of Python's index as ours. */
function indexPart(part: Given): Given {
  if (part === null || typeof part === 'number') return part;
  // u8 is an old way to write a mask.
  if (isTensor(part)) return part.dtype === 'u8' ? part.cast('bool') : part;
  if (Array.isArray(part)) {
    if (part.every((item) => typeof item === 'boolean')) return tensor(part);
    return part.every((item) => typeof item === 'number') ? part : tensor(part, { dtype: 'i32' });
  }
  if (part.ellipsis) return '...';
  const [start, end, step] = part.slice ?? unsupported('index by True or False');
  return Object.fromEntries(Object.entries({ start, end, step }).filter(([, value]) => value !== null));
}

const getItem = (input: Tensor, index: Given): Tensor =>
  input.index(...(Array.isArray(index) && 'tuple' in index ? index : [index]).map(indexPart));

/** A number, or a tensor of one element in the dtype of the tensor that it is written to. */
const scalarFor = (value: Given, input: Tensor): Tensor | number =>
  isTensor(value) ? (value.dtype === input.dtype ? value : value.cast(input.dtype)) : numberOf(value);

const scatter: Adapter = call('input dim index src value reduce', ({ input, dim, index, src, value, reduce }) => {
  const written = src ?? value;
  if (reduce === undefined || reduce === null)
    return input.scatter(dim, index, isTensor(written) ? written : numberOf(written));
  const source = isTensor(written) ? written : full(index.shape, numberOf(written), { dtype: input.dtype });
  return input.scatterReduce(dim, index, source, reduce === 'add' ? 'sum' : 'prod');
});

const scatterReduce = (how: string): Adapter =>
  call('input dim index src reduce include_self', (p) =>
    p.input.scatterReduce(p.dim, p.index, p.src, how, optionsOf(p, 'include_self')),
  );

const isMask = (index: Tensor): boolean => index.dtype === 'bool' || index.dtype === 'u8';

export const indexing: Adapters = {
  __getitem__: ([input, index]) => getItem(input, index),
  narrow: call('input dim start length', ({ input, dim, start, length }) => input.narrow(dim, start, length)),
  slice: call('input dim start end step', ({ input, dim = 0, start, end, step }) =>
    input.slice(dim, start ?? undefined, end ?? undefined, step ?? 1),
  ),
  select: ([input, dim, index]) => input.select(dim, index),
  index_select: ([input, dim, index]) => input.indexSelect(dim, index.ndim === 0 ? index.reshape([1]) : index),
  gather: call('input dim index sparse_grad', ({ input, dim, index }) => input.gather(dim, index)),
  take: ([input, index]) => input.take(index),
  take_along_dim: call('input indices dim', ({ input, indices, dim }) => input.takeAlongDim(indices, dim ?? undefined)),
  scatter,
  scatter_add: call('input dim index src', ({ input, dim, index, src }) => input.scatterAdd(dim, index, src)),
  'scatter_reduce:sum': scatterReduce('sum'),
  'scatter_reduce:prod': scatterReduce('prod'),
  'scatter_reduce:mean': scatterReduce('mean'),
  'scatter_reduce:amax': scatterReduce('amax'),
  'scatter_reduce:amin': scatterReduce('amin'),
  index_add: call('input dim index source alpha', (p) =>
    p.input.indexAdd(p.dim, p.index, p.source, p.alpha === undefined ? {} : { alpha: numberOf(p.alpha) }),
  ),
  index_copy: ([input, dim, index, source]) => input.indexCopy(dim, index, source),
  index_fill: ([input, dim, index, value]) => input.indexFill(dim, index, scalarFor(value, input)),
  index_put: call('input indices values accumulate', (p) => {
    const positions = p.indices.flatMap((index: Tensor | null) => {
      if (index === null) return unsupported('index_put with None');
      return isMask(index) ? index.nonzeroSync().unbind(1) : [index];
    });
    return p.input.indexPut(positions, p.values, optionsOf(p, 'accumulate'));
  }),
  masked_fill: call('input mask value', ({ input, mask, value }) =>
    input.maskedFill(mask, isTensor(value) ? value : numberOf(value)),
  ),
  masked_scatter: ([input, mask, source]) => input.maskedScatter(mask, source),
  masked_select: ([input, mask]) => input.maskedSelectSync(mask),
  'nn.functional.one_hot': call('input num_classes', ({ input, num_classes = -1 }) =>
    num_classes === -1 ? unsupported('num_classes left out') : input.oneHot(num_classes, 'i32'),
  ),
};
