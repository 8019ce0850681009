/** Views, padding, joining and splitting. */
import { concat, stack, type Tensor } from '@tessera/tensor';
import { type Adapter, type Adapters, call, numberOf, spread, unsupported } from './call.ts';

interface Pad {
  readonly input: Tensor;
  /** Before and after, from the last axis on. */
  readonly pad: readonly number[];
  readonly mode?: string;
  readonly value?: number | boolean | null;
}

const pad = ({ input, pad: sizes, mode = 'constant', value }: Pad): Tensor => {
  if (mode !== 'constant') unsupported(`mode ${mode}`);
  if (sizes.some((n) => n < 0)) unsupported('negative pad');
  const pairs = input.shape.map((_, axis): [number, number] => {
    const k = 2 * (input.ndim - 1 - axis);
    return [sizes[k] ?? 0, sizes[k + 1] ?? 0];
  });
  return input.pad(pairs, numberOf(value ?? 0));
};

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

export const shaping: Adapters = {
  reshape: (args) => args[0].reshape(args[1]),
  view: (args) => (args[1]?.dtype ? unsupported('view as dtype') : args[0].reshape(spread(args.slice(1)))),
  reshape_as: (args) => args[0].reshape(args[1].shape),
  view_as: (args) => args[0].reshape(args[1].shape),
  expand: (args) => args[0].expand(spread(args.slice(1))),
  expand_as: (args) => args[0].expand(args[1].shape),
  broadcast_to: (args) => args[0].broadcastTo(args[1]),
  permute: (args) => args[0].permute(args[1]),
  transpose: (args) => (args[0].ndim === 0 ? unsupported('rank 0') : args[0].transpose(args[1], args[2])),
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
  'nn.functional.pad:constant': call<Pad>('input pad mode value', pad),
  constant_pad_nd: call<Pad>('input pad value', pad),
  flip: call<{ input: Tensor; dims: number | readonly number[] }>('input dims', ({ input, dims }) => input.flip(dims)),
  fliplr: (args) => args[0].flip(1),
  flipud: (args) => args[0].flip(0),
  split: split('input sizes dim'),
  'split:list_args': split('input sizes dim'),
  split_with_sizes: split('input sizes dim'),
  chunk: call<Along & { chunks: number }>('input chunks dim', ({ input, chunks, dim = 0 }) => input.chunk(chunks, dim)),
  unbind: call<Along>('input dim', ({ input, dim = 0 }) =>
    Array.from({ length: input.shape.at(dim) ?? 0 }, (_, index) => input.select(dim, index)),
  ),
  repeat: (args) => args[0].repeat(spread(args.slice(1))),
  tile: ([input, ...rest]) => {
    const counts = spread(rest);
    return input.repeat([...new Array(Math.max(0, input.ndim - counts.length)).fill(1), ...counts]);
  },
  unfold: call<{ input: Tensor; dimension: number; size: number; step: number }>(
    'input dimension size step',
    ({ input, dimension, size, step }) =>
      input.ndim === 0 ? unsupported('rank 0') : input.window([{ axis: dimension, size, stride: step }]),
  ),
  cat: call<{ tensors: Tensor[]; dim?: number }>('tensors dim', ({ tensors, dim = 0 }) => concat(tensors, dim)),
  stack: call<{ tensors: Tensor[]; dim?: number }>('tensors dim', ({ tensors, dim = 0 }) => stack(tensors, dim)),
  hstack: () => unsupported('no hstack'),
  vstack: () => unsupported('no vstack'),
};
