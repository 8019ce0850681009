/** Parts of tensors: slices, and elements at positions that a tensor names. */
import { functional as F } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { type Adapters, call, type Given, isTensor, unsupported } from './call.ts';

type IndexPart = null | number | { readonly ellipsis: number } | { readonly slice: readonly (number | null)[] };

/** x[index], with Python's parts of an index. */
function getItem(x: Tensor, index: Given): Tensor {
  if (isTensor(index) || (Array.isArray(index) && !('tuple' in index))) unsupported('advanced index');
  const parts: readonly IndexPart[] = Array.isArray(index) ? index : [index];
  const isEllipsis = (part: IndexPart): part is { readonly ellipsis: number } =>
    typeof part === 'object' && part !== null && 'ellipsis' in part;
  const isRange = (part: IndexPart): part is { readonly slice: readonly (number | null)[] } =>
    typeof part === 'object' && part !== null && Object.hasOwn(part, 'slice');
  const used = parts.filter((part) => part !== null && !isEllipsis(part)).length;
  let axis = 0;
  let y = x;
  for (const part of parts) {
    if (part === null) y = y.unsqueeze(axis++);
    else if (isEllipsis(part)) axis += x.ndim - used;
    else if (typeof part === 'number') y = y.select(axis, part);
    else if (isRange(part)) {
      const [start, end, step] = part.slice;
      if (step !== null && step !== 1) unsupported('slice step');
      y = y.slice(axis++, start ?? undefined, end ?? undefined);
    } else unsupported('advanced index');
  }
  return y;
}

interface Slice {
  readonly input: Tensor;
  readonly dim?: number;
  readonly start?: number | null;
  readonly end?: number | null;
  readonly step?: number;
}

/** Whether `index` has the sizes of `input` except along `dim`. */
const fitsExceptAlong = (dim: number, input: Tensor, index: Tensor): boolean =>
  index.ndim === input.ndim &&
  index.shape.every((n, axis) => axis === (dim < 0 ? dim + input.ndim : dim) || n === input.shape[axis]);

export const indexing: Adapters = {
  __getitem__: (args) => getItem(args[0], args[1]),
  narrow: call<{ input: Tensor; dim: number; start: number | Tensor; length: number }>(
    'input dim start length',
    ({ input, dim, start, length }) => {
      if (isTensor(start)) return unsupported('tensor start');
      const first = start < 0 ? start + (input.shape.at(dim) ?? 0) : start;
      return input.slice(dim, first, first + length);
    },
  ),
  slice: call<Slice>('input dim start end step', ({ input, dim = 0, start, end, step = 1 }) =>
    step === 1 ? input.slice(dim, start ?? undefined, end ?? undefined) : unsupported('slice step'),
  ),
  select: (args) => args[0].select(args[1], args[2]),
  index_select: ([input, dim, index]) =>
    input.ndim === 0 ? unsupported('rank 0') : input.indexSelect(dim, index.ndim === 0 ? index.reshape([1]) : index),
  gather: ([input, dim, index]) => {
    if (input.ndim === 0) unsupported('rank 0');
    if (!fitsExceptAlong(dim, input, index)) unsupported('gather with a smaller index');
    return input.takeAlongAxis(dim, index);
  },
  take_along_dim: ([input, index, dim]) => {
    if (dim === undefined || dim === null) return input.flatten().takeAlongAxis(0, index.flatten());
    if (!fitsExceptAlong(dim, input, index)) unsupported('broadcast index');
    return input.takeAlongAxis(dim, index);
  },
  'nn.functional.one_hot': call<{ input: Tensor; num_classes?: number }>(
    'input num_classes',
    ({ input, num_classes = -1 }) =>
      num_classes === -1 ? unsupported('num_classes left out') : input.oneHot(num_classes, 'i32'),
  ),
  'nn.functional.embedding': (args, { max_norm, padding_idx, scale_grad_by_freq }) => {
    // PyTorch's test passes the indices and the weight in either order.
    const [weight, index] = args[0].dtype === 'i32' ? [args[1], args[0]] : args;
    if ((max_norm ?? null) !== null) unsupported('max_norm');
    if ((padding_idx ?? null) !== null) unsupported('padding_idx');
    if (scale_grad_by_freq) unsupported('scale_grad_by_freq');
    return F.embedding(index, weight);
  },
};
