/** Views, padding, joining and splitting. */
import {
  atleast1d,
  atleast2d,
  atleast3d,
  broadcastTensors,
  columnStack,
  concat,
  dstack,
  hstack,
  meshgrid,
  stack,
  type Tensor,
  vstack,
} from '@tessera/tensor';
import {
  type Adapter,
  type Adapters,
  axesOf,
  call,
  type Given,
  isTensor,
  optionsOf,
  spread,
  unsupported,
} from './call.ts';

interface Along {
  readonly input: Tensor;
  readonly dim?: number;
}

const squeeze = call<{ input: Tensor; dim?: number | readonly number[] }>('input dim', ({ input, dim }) =>
  input.squeeze(dim),
);

interface Split extends Along {
  readonly sizes: number | readonly number[];
}

const split = (names: string): Adapter => call<Split>(names, ({ input, sizes, dim = 0 }) => input.split(sizes, dim));

const tensorsIn = (args: readonly Given[]): Tensor[] => args.flat().filter(isTensor);

const mesh: Adapter = (args, kwargs) => meshgrid(tensorsIn(args), optionsOf(kwargs, 'indexing'));

/** A number, or several, that PyTorch also takes as a tensor. */
const numbersOf = (value: Given): Given =>
  isTensor(value) ? (value.ndim === 0 ? value.itemSync() : Array.from(value.dataSync())) : value;

const sections =
  (apply: (input: Tensor, how: Given, dim: number) => Tensor[]): Adapter =>
  ([input, given, axis], { indices, sections: count, indices_or_sections, dim = axis ?? 0 }) =>
    apply(input, numbersOf(given ?? indices ?? count ?? indices_or_sections), dim);

export const shaping: Adapters = {
  reshape: (args) => args[0].reshape(args[1]),
  view: (args) => (args[1]?.dtype ? unsupported('view as dtype') : args[0].reshape(spread(args.slice(1)))),
  reshape_as: (args) => args[0].reshape(args[1].shape),
  view_as: (args) => args[0].reshape(args[1].shape),
  expand: (args) => args[0].expand(spread(args.slice(1))),
  expand_as: (args) => args[0].expand(args[1].shape),
  broadcast_to: (args) => args[0].broadcastTo(args[1]),
  permute: (args) => args[0].permute(args[1]),
  transpose: (args) => args[0].transpose(args[1], args[2]),
  t: (args) => (args[0].ndim < 2 ? args[0] : args[0].transpose(0, 1)),
  T: call<{ input: Tensor }>('input', ({ input }) => input.permute(input.shape.map((_, axis) => axis).reverse())),
  mT: (args) => args[0].transpose(),
  squeeze,
  'squeeze:multiple': squeeze,
  unsqueeze: (args) => args[0].unsqueeze(args[1]),
  flatten: call<{ input: Tensor; start_dim?: number; end_dim?: number }>(
    'input start_dim end_dim',
    ({ input, start_dim = 0, end_dim = -1 }) => input.flatten(start_dim, end_dim),
  ),
  ravel: (args) => args[0].flatten(),
  unflatten: call<{ input: Tensor; dim: number; sizes: readonly number[] }>(
    'input dim sizes',
    ({ input, dim, sizes }) => input.unflatten(dim, sizes),
  ),
  flip: call<{ input: Tensor; dims: number | readonly number[] }>('input dims', ({ input, dims }) => input.flip(dims)),
  fliplr: (args) => args[0].flip(1),
  flipud: (args) => args[0].flip(0),
  split: split('input sizes dim'),
  'split:list_args': split('input sizes dim'),
  split_with_sizes: split('input sizes dim'),
  chunk: call<Along & { chunks: number }>('input chunks dim', ({ input, chunks, dim = 0 }) => input.chunk(chunks, dim)),
  unbind: call<Along>('input dim', ({ input, dim = 0 }) => input.unbind(dim)),
  tensor_split: sections((input, how, dim) => input.tensorSplit(how, dim)),
  hsplit: sections((input, how) => input.hsplit(how)),
  vsplit: sections((input, how) => input.vsplit(how)),
  dsplit: sections((input, how) => input.dsplit(how)),
  repeat: (args) => args[0].repeat(spread(args.slice(1))),
  repeat_interleave: call('input repeats dim output_size', ({ input, repeats, dim }) =>
    input.repeatInterleave(numbersOf(repeats), dim ?? undefined),
  ),
  tile: ([input, ...rest], { dims }) => input.tile(dims ?? spread(rest)),
  unfold: call('input dimension size step', ({ input, dimension, size, step }) => input.unfold(dimension, size, step)),
  roll: call('input shifts dims', ({ input, shifts, dims }) => input.roll(shifts, axesOf(dims))),
  rot90: call('input k dims', ({ input, k = 1, dims = [0, 1] }) => input.rot90(k, dims)),
  movedim: ([input, source, destination]) => input.movedim(source, destination),
  swapaxes: ([input, a, b]) => input.swapaxes(a, b),
  cat: call<{ tensors: Tensor[]; dim?: number }>('tensors dim', ({ tensors, dim = 0 }) => concat(tensors, dim)),
  stack: call<{ tensors: Tensor[]; dim?: number }>('tensors dim', ({ tensors, dim = 0 }) => stack(tensors, dim)),
  hstack: ([tensors]) => hstack(tensors),
  vstack: ([tensors]) => vstack(tensors),
  dstack: ([tensors]) => dstack(tensors),
  column_stack: ([tensors]) => columnStack(tensors),
  broadcast_tensors: (args) => broadcastTensors(...tensorsIn(args)),
  atleast_1d: (args) => tensorsIn(args).map((input) => atleast1d(input)),
  atleast_2d: (args) => tensorsIn(args).map((input) => atleast2d(input)),
  atleast_3d: (args) => tensorsIn(args).map((input) => atleast3d(input)),
  'meshgrid:variadic_tensors': mesh,
  'meshgrid:list_of_tensors': mesh,
};
