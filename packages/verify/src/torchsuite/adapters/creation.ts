/** New tensors, and the same values in another dtype. */
import { arange, eye, full, fullLike, linspace, logspace, type Tensor, tril, triu } from '@tessera/tensor';
import {
  type Adapter,
  type Adapters,
  bind,
  call,
  type GivenDType,
  isTensor,
  numberOf,
  optionsOf,
  spread,
} from './call.ts';

const dtypeOf = ({ dtype }: Readonly<Record<string, unknown>>): GivenDType['dtype'] | undefined =>
  (dtype as GivenDType | null | undefined)?.dtype;

/** A tensor of that shape, full of `value`. */
const filled =
  (value: number): Adapter =>
  (args, kwargs) =>
    full(spread(args), value, { dtype: dtypeOf(bind([], kwargs, 'dtype size out')) ?? 'f32' });

interface Like {
  readonly input: Tensor;
  readonly fill_value?: number | boolean;
  readonly dtype?: GivenDType;
}

const like = (value: number): Adapter =>
  call<Like>('input fill_value dtype', ({ input, fill_value = value, dtype }) =>
    fullLike(input, numberOf(fill_value), dtype ? { dtype: dtype.dtype } : {}),
  );

export const creation: Adapters = {
  arange: (args, kwargs) => {
    const { end, step = 1, ...rest } = bind([], kwargs, 'dtype start end step');
    const dtype = dtypeOf(rest);
    const options = dtype === undefined ? {} : { dtype };
    const [first, second = end, third = step] = args.map(numberOf);
    return arange(first ?? 0, second, third, options);
  },
  linspace: (args, kwargs) => linspace(args[0], args[1], args[2], { dtype: dtypeOf(kwargs) ?? 'f32' }),
  logspace: call('start end steps base dtype', ({ start, end, steps, ...rest }) => {
    const dtype = dtypeOf(rest);
    return logspace(numberOf(start), numberOf(end), steps, {
      ...optionsOf(rest, 'base'),
      ...(dtype === undefined ? {} : { dtype }),
    });
  }),
  eye: (args, kwargs) => eye(args[0], args[1], { dtype: dtypeOf(kwargs) ?? 'f32' }),
  full: (args, kwargs) => {
    const dtype = dtypeOf(kwargs);
    return full(args[0], numberOf(args[1]), dtype === undefined ? {} : { dtype });
  },
  zeros: filled(0),
  ones: filled(1),
  full_like: like(0),
  zeros_like: like(0),
  ones_like: like(1),
  tril: (args) => tril(args[0], args[1] ?? 0),
  triu: (args) => triu(args[0], args[1] ?? 0),
  to: ([input, ...rest], kwargs) => {
    const given = [...rest, ...Object.values(kwargs)];
    const dtype = given.find((value) => value?.dtype && !isTensor(value)) ?? given.find(isTensor);
    return dtype === undefined ? input : input.to(dtype.dtype);
  },
  float: (args) => args[0].cast('f32'),
  double: (args) => args[0].cast('f64'),
  bool: (args) => args[0].cast('bool'),
  int: (args) => args[0].cast('i32'),
  byte: (args) => args[0].cast('u8'),
  clone: (args) => args[0].contiguous(),
  contiguous: (args) => args[0].contiguous(),
};
