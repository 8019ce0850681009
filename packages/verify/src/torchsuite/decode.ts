/** The arguments of a case: from JSON and stored tensors to values. */
import { type DType, type Tensor, type TypedArray, tensor } from '@tessera/tensor';
import type { SafetensorsTensor } from '@tessera/tensor/safetensors';
import type { Given } from './adapters/call.ts';
import type { Encoded, TorchCase } from './case-files.ts';
import { type Layout, tensorIn } from './layouts.ts';

const dtypes: Readonly<Record<string, DType>> = {
  F64: 'f64',
  F32: 'f32',
  F16: 'f16',
  BF16: 'bf16',
  I32: 'i32',
  U8: 'u8',
  BOOL: 'bool',
};

type Tensors = ReadonlyMap<string, SafetensorsTensor>;

/** A stored tensor. */
export interface Stored {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly data: TypedArray;
}

/** @throws Error if the file has no such tensor, or its dtype cannot be read */
export function storedTensor(tensors: Tensors, name: string): Stored {
  const found = tensors.get(name);
  if (found === undefined) throw new Error(`torchsuite: the file has no tensor ${name}`);
  const dtype = dtypes[found.dtype];
  if (dtype === undefined) throw new Error(`torchsuite: tensor ${name} has dtype ${found.dtype}`);
  return { shape: [...found.shape], dtype, data: found.data as TypedArray };
}

/** A stored tensor as a constant of the computation, in the plain layout. */
export function constantOf(tensors: Tensors, name: string): Tensor {
  const { data, shape, dtype } = storedTensor(tensors, name);
  return tensor(data, { shape, dtype });
}

/** The tensors that a case is called with: each is made once, so that the same name is the same tensor. */
export class Leaves {
  readonly #tensors: Tensors;
  readonly #layout: Layout;
  readonly #made = new Map<string, Tensor>();

  constructor(tensors: Tensors, layout: Layout) {
    this.#tensors = tensors;
    this.#layout = layout;
  }

  get(name: string): Tensor {
    const made = this.#made.get(name);
    if (made !== undefined) return made;
    const { data, shape, dtype } = storedTensor(this.#tensors, name);
    const leaf = tensorIn(this.#layout, data, shape, dtype);
    this.#made.set(name, leaf);
    return leaf;
  }

  set(name: string, leaf: Tensor): void {
    this.#made.set(name, leaf);
  }

  /** From now on, the name of `from` means `to`. */
  rebind(from: Tensor, to: Tensor): void {
    for (const [name, leaf] of this.#made) if (leaf === from) this.#made.set(name, to);
  }

  /** The positional arguments and the keywords of a case. */
  argumentsOf({ args, kwargs = {} }: TorchCase): { args: Given[]; kwargs: Record<string, Given> } {
    return { args: args.map((value) => this.#decode(value)), kwargs: this.#decodeAll(kwargs) };
  }

  #decodeAll(values: Readonly<Record<string, Encoded>>): Record<string, Given> {
    return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, this.#decode(value)]));
  }

  #decode(value: Encoded): Given {
    if (value === null || typeof value !== 'object') return value;
    if ('t' in value) return this.get(value.t);
    if ('l' in value) {
      const list = value.l.map((item) => this.#decode(item));
      return value.tuple === undefined ? list : Object.assign(list, { tuple: true });
    }
    if ('o' in value) return this.#decodeAll(value.o);
    if ('d' in value) return { dtype: value.d };
    if ('f' in value) return specialNumbers[value.f] ?? Number.NaN;
    return 'opaque' in value ? undefined : value;
  }
}

const specialNumbers: Readonly<Record<string, number>> = {
  inf: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
  '-0.0': -0,
};

const show = (x: number): string =>
  Object.is(x, -0) ? '-0' : String(Math.abs(x) < 1e6 ? Number(x.toPrecision(9)) : x);

/** The arguments as text: tensors with their first elements. */
export function describeArguments({ args, kwargs = {} }: TorchCase, tensors: Tensors): string {
  const replace = (_: string, value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || !('t' in value)) return value;
    const { data, shape, dtype } = storedTensor(tensors, String(value.t));
    const first = Array.from(data.slice(0, 12), show).join(',');
    return `${dtype}[${shape}]{${first}${data.length > 12 ? ',...' : ''}}`;
  };
  return `${JSON.stringify(args, replace)} ${JSON.stringify(kwargs, replace)}`.slice(0, 700);
}
