/** The nodes and initializers of an ONNX graph while it is built. */
import type { DType, TypedArray } from '@tessera/tensor';
import { type Dim, isBatch, sameDims } from './symbolic.ts';

/** `TensorProto.DataType` of the dtypes that are exported. */
export const onnxTypes = { f32: 1, u8: 2, i32: 6, i64: 7, bool: 9, f64: 11, u32: 12 } as const;

export type OnnxDType = keyof typeof onnxTypes;

/** The type of a dtype. @throws for half precision, in which no model is stored here */
export function onnxTypeOf(dtype: DType): OnnxDType {
  if (dtype === 'f16' || dtype === 'bf16')
    throw new Error(`values of ${dtype} are not exported; load the model in f32`);
  return dtype;
}

export type Attribute = number | string | readonly number[];

export interface GraphNode {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A tensor in the file. Its values are asked for when it is written. */
export interface Initializer {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly shape: readonly number[];
  read(): TypedArray | BigInt64Array | Promise<TypedArray>;
}

/** A value of the graph. */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
  /** Its sizes. Axes of size 1 may stand for larger ones: operations by elements repeat them. */
  readonly dims: readonly Dim[];
  /** Whether it is one number without axes, which stands for any shape. */
  readonly scalar: boolean;
}

export class GraphBuilder {
  readonly nodes: GraphNode[] = [];
  readonly initializers: Initializer[] = [];
  readonly #input: string;
  readonly #names = new Set<string>();
  readonly #constants = new Map<string, string>();
  #batch: string | null = null;
  #count = 0;

  /** @param input the name of the graph's input, whose first axis is the batch */
  constructor(input: string, output: string) {
    this.#input = input;
    this.#names.add(input).add(output);
  }

  /** A name that nothing has yet. */
  nameFor(wanted: string): string {
    let name = wanted;
    while (this.#names.has(name)) name = `${wanted}_${++this.#count}`;
    this.#names.add(name);
    return name;
  }

  /** Adds a node. @returns the name of its output */
  emit(type: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    const output = this.nameFor(`${type}_${this.nodes.length}`);
    this.nodes.push({ type, inputs, output, attributes });
    return output;
  }

  initializer(wanted: string, initializer: Omit<Initializer, 'name'>): string {
    const name = this.nameFor(wanted);
    this.initializers.push({ name, ...initializer });
    return name;
  }

  #constant(key: string, make: () => Omit<Initializer, 'name'>): string {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.initializer(key.replace(/[^\w.-]+/g, '_'), make());
    this.#constants.set(key, name);
    return name;
  }

  /** i64 [n] */
  integers(values: readonly number[]): string {
    return this.#constant(`axes ${values.join(' ')}`, () => ({
      dtype: 'i64',
      shape: [values.length],
      read: () => BigInt64Array.from(values, BigInt),
    }));
  }

  /** One number without axes. */
  number(value: number, dtype: OnnxDType): string {
    const text = Object.is(value, -0) ? '-0' : String(value);
    const arrays = { f32: Float32Array, f64: Float64Array, i32: Int32Array, u8: Uint8Array, bool: Uint8Array } as const;
    if (dtype === 'i64' || dtype === 'u32') throw new Error(`no constants of ${dtype} are needed`);
    return this.#constant(`${dtype} ${text}`, () => ({
      dtype,
      shape: [],
      read: () => arrays[dtype].of(value),
    }));
  }

  /** A whole matrix of indices, i32. */
  indices(values: readonly number[], shape: readonly number[]): string {
    return this.#constant(`indices ${shape.join('x')} ${values.join(' ')}`.slice(0, 200) + values.length, () => ({
      dtype: 'i32',
      shape,
      read: () => Int32Array.from(values),
    }));
  }

  /** The batch size, i64 [1]. */
  batch(): string {
    this.#batch ??= this.emit('Shape', [this.#input], { start: 0, end: 1 });
    return this.#batch;
  }

  /** Sizes as i64 [rank]. */
  shape(dims: readonly Dim[]): string {
    if (!dims.some(isBatch)) return this.integers(dims as readonly number[]);
    const parts: string[] = [];
    let fixed: number[] = [];
    const flush = (): void => {
      if (fixed.length > 0) parts.push(this.integers(fixed));
      fixed = [];
    };
    for (const dim of dims)
      if (isBatch(dim)) {
        flush();
        parts.push(dim.times === 1 ? this.batch() : this.emit('Mul', [this.batch(), this.integers([dim.times])]));
      } else fixed.push(dim);
    flush();
    return parts.length === 1 ? (parts[0] as string) : this.emit('Concat', parts, { axis: 0 });
  }

  /** The value with all of its places. */
  full(value: Value, dims: readonly Dim[]): Value {
    if (!value.scalar && sameDims(value.dims, dims)) return value;
    return { ...value, name: this.emit('Expand', [value.name, this.shape(dims)]), dims, scalar: false };
  }

  /** The same values in row-major order under other sizes. */
  reshape(value: Value, dims: readonly Dim[]): Value {
    const open = dims.filter(isBatch).length;
    const shape = open === 1 ? this.integers(dims.map((dim) => (isBatch(dim) ? -1 : dim))) : this.shape(dims);
    return { ...value, name: this.emit('Reshape', [value.name, shape]), dims, scalar: false };
  }

  permute(value: Value, axes: readonly number[]): Value {
    const dims = axes.map((axis) => value.dims[axis] as Dim);
    if (value.scalar || axes.every((axis, k) => axis === k)) return { ...value, dims };
    return { ...value, name: this.emit('Transpose', [value.name], { perm: axes }), dims };
  }
}
