/** `Tensor`: the methods that users call. Each one wraps the function of `ops/` or `graph/` that computes its node. */

import { type Nested, nest } from './graph/data.ts';
import * as graph from './graph/graph.ts';
import type { Node } from './graph/node.ts';
import { ownStorage, realizedStorage, Storage } from './graph/storage.ts';
import { type Backend, getBackend } from './kernel/backend.ts';
import { type DType, isDType, type TypedArray } from './kernel/dtype.ts';
import { nth } from './kernel/nth.ts';
import { formatShape, type Shape, sameShape, sizeOf } from './kernel/shape.ts';
import type { Axes } from './ops/axes.ts';
import * as ops from './ops/index.ts';
import type { VarianceOptions } from './ops/reductions.ts';
import type { Window } from './ops/shaping.ts';
import {
  findBackend,
  markDirty,
  readNode,
  readNodeSync,
  realizeNodes,
  realizeNodesSync,
  relocate,
} from './runtime/realize.ts';
import { currentRecorder } from './runtime/recording.ts';

/** The other operand of an operation. A number takes the tensor's dtype; a fractional number and integers result in f32. */
export type TensorLike = Tensor | number;

const operand = (value: TensorLike): Node | number => (typeof value === 'number' ? value : value.node);

const optional = (value?: TensorLike): Node | number | undefined => (value === undefined ? undefined : operand(value));

/**
 * An array of numbers of one dtype. Operations make new tensors and compute nothing: values are computed when they are read
 * (`data`, `item`, `toArray`), by `realize`, or by a compiled function. Operands broadcast as in NumPy and PyTorch; dtypes are promoted
 * in the order bool, u8, i32, f32, f64. Negative axes count from the end.
 */
export class Tensor {
  /** The gradient, set by `backward()`. */
  grad: Tensor | null = null;
  /** A name for messages and printed programs; modules set it to the parameter's path. */
  name?: string;
  #node: Node;
  #requiresGrad = false;

  protected constructor(node: Node) {
    this.#node = node;
    if (node.op === 'buffer') node.arg.storage.cell ??= new WeakRef(this);
  }

  /** The tensor of a node of the graph. */
  static fromNode(node: Node): Tensor {
    return new Tensor(node);
  }

  /** The node whose value the tensor has. Only `assign` and `requiresGrad` change it. */
  get node(): Node {
    return this.#node;
  }

  set node(node: Node) {
    this.#node = node;
    if (node.op === 'buffer') node.arg.storage.cell ??= new WeakRef(this);
    if (this.#requiresGrad) owners.set(node, new WeakRef(this));
  }

  get shape(): Shape {
    return this.node.shape;
  }

  get dtype(): DType {
    return this.node.dtype;
  }

  /** Number of axes. */
  get ndim(): number {
    return this.node.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.node.shape);
  }

  /** Whether `backward()` sets `grad`, for leaf tensors. */
  get requiresGrad(): boolean {
    return this.#requiresGrad;
  }

  set requiresGrad(value: boolean) {
    if (value && !(this.dtype === 'f32' || this.dtype === 'f64'))
      throw new TypeError(`requiresGrad: only floating-point tensors have gradients, this one is ${this.dtype}`);
    this.#requiresGrad = value;
    // A constant would be folded into what is computed from it; a derivative needs a variable.
    if (value) this.node = this.node.op === 'const' ? graph.materialize(this.node) : this.node;
  }

  // Arithmetic

  add(other: TensorLike): Tensor {
    return wrap(ops.add(this.node, operand(other)));
  }

  sub(other: TensorLike): Tensor {
    return wrap(ops.sub(this.node, operand(other)));
  }

  mul(other: TensorLike): Tensor {
    return wrap(ops.mul(this.node, operand(other)));
  }

  /** True division: the result of integers is f32. */
  div(other: TensorLike): Tensor {
    return wrap(ops.div(this.node, operand(other)));
  }

  neg(): Tensor {
    return wrap(ops.neg(this.node));
  }

  /** 1 / x. */
  reciprocal(): Tensor {
    return wrap(ops.reciprocal(this.node));
  }

  /** x^exponent; NaN for a negative base with a fractional exponent. */
  pow(exponent: TensorLike): Tensor {
    return wrap(ops.pow(this.node, operand(exponent)));
  }

  /** The larger of two values; NaN if either is NaN. */
  maximum(other: TensorLike): Tensor {
    return wrap(ops.maximum(this.node, operand(other)));
  }

  /** The smaller of two values; NaN if either is NaN. */
  minimum(other: TensorLike): Tensor {
    return wrap(ops.minimum(this.node, operand(other)));
  }

  /** Values below `min` become `min`, values above `max` become `max`. The gradient flows where the value is inside or on a bound. */
  clamp(min?: TensorLike, max?: TensorLike): Tensor {
    return wrap(ops.clamp(this.node, optional(min), optional(max)));
  }

  exp(): Tensor {
    return wrap(ops.exp(this.node));
  }

  /** The natural logarithm. */
  log(): Tensor {
    return wrap(ops.log(this.node));
  }

  sqrt(): Tensor {
    return wrap(ops.sqrt(this.node));
  }

  /** 1 / sqrt(x). */
  rsqrt(): Tensor {
    return wrap(ops.rsqrt(this.node));
  }

  square(): Tensor {
    return wrap(ops.square(this.node));
  }

  abs(): Tensor {
    return wrap(ops.abs(this.node));
  }

  /** -1, 0 or 1. */
  sign(): Tensor {
    return wrap(ops.sign(this.node));
  }

  sin(): Tensor {
    return wrap(ops.sin(this.node));
  }

  cos(): Tensor {
    return wrap(ops.cos(this.node));
  }

  tanh(): Tensor {
    return wrap(ops.tanh(this.node));
  }

  /** 1 / (1 + exp(-x)). */
  sigmoid(): Tensor {
    return wrap(ops.sigmoid(this.node));
  }

  /** The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
  erf(): Tensor {
    return wrap(ops.erf(this.node));
  }

  /** max(x, 0), with slope 0 at 0. */
  relu(): Tensor {
    return wrap(ops.relu(this.node));
  }

  /** The largest whole number that is not greater than the value. */
  floor(): Tensor {
    return wrap(ops.floor(this.node));
  }

  /** floor(x / other); exact for integers, for which division by 0 is 0. */
  floorDivide(other: TensorLike): Tensor {
    return wrap(ops.floorDivide(this.node, operand(other)));
  }

  /** x - other * floor(x / other), with the sign of `other`, like Python's %. */
  remainder(other: TensorLike): Tensor {
    return wrap(ops.remainder(this.node, operand(other)));
  }

  // Comparisons return bool. All comparisons with NaN are false, except `ne`.

  lt(other: TensorLike): Tensor {
    return wrap(ops.lt(this.node, operand(other)));
  }

  le(other: TensorLike): Tensor {
    return wrap(ops.le(this.node, operand(other)));
  }

  gt(other: TensorLike): Tensor {
    return wrap(ops.gt(this.node, operand(other)));
  }

  ge(other: TensorLike): Tensor {
    return wrap(ops.ge(this.node, operand(other)));
  }

  eq(other: TensorLike): Tensor {
    return wrap(ops.eq(this.node, operand(other)));
  }

  ne(other: TensorLike): Tensor {
    return wrap(ops.ne(this.node, operand(other)));
  }

  /** Whether both values are not 0, for any dtype. bool. */
  logicalAnd(other: TensorLike): Tensor {
    return wrap(ops.logicalAnd(this.node, operand(other)));
  }

  /** Whether one of the values is not 0, for any dtype. bool. */
  logicalOr(other: TensorLike): Tensor {
    return wrap(ops.logicalOr(this.node, operand(other)));
  }

  /** Whether the value is 0, for any dtype. bool. */
  logicalNot(): Tensor {
    return wrap(ops.logicalNot(this.node));
  }

  // Operations on bits, for integers only.

  bitAnd(other: TensorLike): Tensor {
    return wrap(ops.bitAnd(this.node, operand(other)));
  }

  bitOr(other: TensorLike): Tensor {
    return wrap(ops.bitOr(this.node, operand(other)));
  }

  bitXor(other: TensorLike): Tensor {
    return wrap(ops.bitXor(this.node, operand(other)));
  }

  /** Shifts by `other` modulo 32 bits. */
  shiftLeft(other: TensorLike): Tensor {
    return wrap(ops.shiftLeft(this.node, operand(other)));
  }

  /** Shifts by `other` modulo 32 bits, shifting in zeros: -1 becomes positive. */
  shiftRight(other: TensorLike): Tensor {
    return wrap(ops.shiftRight(this.node, operand(other)));
  }

  /** The values in another dtype: floating point to i32 truncates towards 0 and saturates, to bool is `x != 0`. */
  cast(dtype: DType): Tensor {
    return wrap(graph.cast(this.node, dtype));
  }

  /** The same as `cast`. */
  to(dtype: DType): Tensor;
  /**
   * The same values on another backend, which is opened if necessary: a new tensor, or this one if it is there already. A computation
   * and its derivative must be on one backend, so the new tensor is a leaf: no gradient flows from it back to this one.
   */
  to(backend: Backend | string): Promise<Tensor>;
  to(target: DType | Backend | string): Tensor | Promise<Tensor> {
    return isDType(target) ? this.cast(target) : this.#moved(target);
  }

  async #moved(backend: Backend | string): Promise<Tensor> {
    const node = await relocate(this.node, backend);
    if (node === this.node) return this;
    const moved = wrap(node);
    if (this.requiresGrad) moved.requiresGrad = true;
    return moved;
  }

  // Reductions, by default over all axes. `keepdim` keeps the reduced axes, with size 1.

  /** The sum, 0 for no elements. bool and u8 are summed as i32. */
  sum(axes?: Axes, keepdim = false): Tensor {
    return wrap(ops.sum(this.node, axes, keepdim));
  }

  /** The mean; of integers, in f32. */
  mean(axes?: Axes, keepdim = false): Tensor {
    return wrap(ops.mean(this.node, axes, keepdim));
  }

  /** The largest value; NaN if one of them is NaN. */
  max(axes?: Axes, keepdim = false): Tensor {
    return wrap(ops.max(this.node, axes, keepdim));
  }

  /** The smallest value; NaN if one of them is NaN. */
  min(axes?: Axes, keepdim = false): Tensor {
    return wrap(ops.min(this.node, axes, keepdim));
  }

  /** The sum of squared deviations from the mean, divided by n - `correction`; the default is 1 (Bessel's correction). */
  variance(axes?: Axes, options?: VarianceOptions): Tensor {
    return wrap(ops.variance(this.node, axes, options));
  }

  /** The square root of `variance`. */
  std(axes?: Axes, options?: VarianceOptions): Tensor {
    return wrap(ops.std(this.node, axes, options));
  }

  /** The Euclidean norm. Its gradient at 0 is 0. */
  norm(axes?: Axes, keepdim = false): Tensor {
    return wrap(ops.norm(this.node, axes, keepdim));
  }

  /** The position of the largest value along `axis`, i32; the first of equal ones. */
  argmax(axis: number, keepdim = false): Tensor {
    return wrap(ops.argmax(this.node, axis, keepdim));
  }

  /** The position of the smallest value along `axis`, i32; the first of equal ones. */
  argmin(axis: number, keepdim = false): Tensor {
    return wrap(ops.argmin(this.node, axis, keepdim));
  }

  /** Whether any value is not 0. bool. */
  any(axes?: Axes, keepdim = false): Tensor {
    return wrap(ops.any(this.node, axes, keepdim));
  }

  /** Whether all values are not 0. bool. */
  all(axes?: Axes, keepdim = false): Tensor {
    return wrap(ops.all(this.node, axes, keepdim));
  }

  /** exp(x) / sum(exp(x)) along `axis`. */
  softmax(axis: number): Tensor {
    return wrap(ops.softmax(this.node, axis));
  }

  /** log(softmax(x)) along `axis`. */
  logSoftmax(axis: number): Tensor {
    return wrap(ops.logSoftmax(this.node, axis));
  }

  /** log(sum(exp(x))). */
  logsumexp(axes?: Axes, keepdim = false): Tensor {
    return wrap(ops.logsumexp(this.node, axes, keepdim));
  }

  // Shape: these are views, and nothing is copied.

  /** The same elements in row-major order under another shape; one size may be -1 and is inferred. */
  reshape(...shape: number[] | [Shape]): Tensor {
    return wrap(ops.reshape(this.node, spread(shape)));
  }

  /** Axis k of the result is axis `axes[k]`. */
  permute(...axes: number[] | [readonly number[]]): Tensor {
    return wrap(ops.permute(this.node, spread(axes)));
  }

  /** Swaps two axes, by default the last two. */
  transpose(a = -2, b = -1): Tensor {
    return wrap(ops.transpose(this.node, a, b));
  }

  /** Axes of size 1 grow; axes may be added in front; -1 keeps a size. */
  expand(...shape: number[] | [Shape]): Tensor {
    return wrap(ops.expand(this.node, spread(shape)));
  }

  /** The same without -1. */
  broadcastTo(...shape: number[] | [Shape]): Tensor {
    return wrap(ops.broadcastTo(this.node, spread(shape)));
  }

  /** Drops axes of size 1: all of them, or those named. */
  squeeze(axes?: Axes): Tensor {
    return wrap(ops.squeeze(this.node, axes));
  }

  /** Adds an axis of size 1, which becomes axis `axis` of the result. */
  unsqueeze(axis: number): Tensor {
    return wrap(ops.unsqueeze(this.node, axis));
  }

  /** Joins axes `start` to `end`, both included. */
  flatten(start = 0, end = -1): Tensor {
    return wrap(ops.flatten(this.node, start, end));
  }

  /** Splits `axis` into several axes; one of the sizes may be -1. */
  unflatten(axis: number, sizes: Shape): Tensor {
    return wrap(ops.unflatten(this.node, axis, sizes));
  }

  /** Adds `pairs[k][0]` elements of `value` before and `pairs[k][1]` after the tensor along axis k. */
  pad(pairs: readonly (readonly [before: number, after: number])[], value = 0): Tensor {
    return wrap(ops.pad(this.node, pairs, value));
  }

  /** The part from `start` to before `end` along `axis`. Negative positions count from the end; both are clamped to the axis. */
  slice(axis: number, start?: number, end?: number): Tensor {
    return wrap(ops.slice(this.node, axis, start, end));
  }

  /** The slice at `index` along `axis`, without that axis. */
  select(axis: number, index: number): Tensor {
    return wrap(ops.select(this.node, axis, index));
  }

  /** Reverses the order along `axes`. */
  flip(axes: Axes): Tensor {
    return wrap(ops.flip(this.node, axes));
  }

  /** Pieces along `axis` of the given sizes, or of one size, where the last piece may be smaller. */
  split(sizes: number | readonly number[], axis = 0): Tensor[] {
    return ops.split(this.node, sizes, axis).map(wrap);
  }

  /** At most `count` pieces of equal size along `axis`; the last may be smaller. */
  chunk(count: number, axis = 0): Tensor[] {
    return ops.chunk(this.node, count, axis).map(wrap);
  }

  /** Repeats the tensor `counts[k]` times along axis k; axes may be added in front. */
  repeat(...counts: number[] | [readonly number[]]): Tensor {
    return wrap(ops.repeat(this.node, spread(counts)));
  }

  /** Sliding windows: a windowed axis becomes the number of positions; the window axes are appended in the order of `windows`. */
  window(windows: readonly Window[]): Tensor {
    return wrap(ops.window(this.node, windows));
  }

  // Products and indexing

  /** [..., m, k] x [..., k, n] -> [..., m, n]. Leading axes broadcast; vectors [k] are allowed on either side. */
  matmul(other: Tensor): Tensor {
    return wrap(ops.matmul(this.node, other.node));
  }

  /** Slices along `axis` at the positions `index` (integers), whose shape takes the axis's place. Positions outside are clamped. */
  indexSelect(axis: number, index: Tensor): Tensor {
    return wrap(ops.indexSelect(this.node, axis, index.node));
  }

  /** For every position of `index`, the element at that position with its coordinate along `axis` replaced by the index. */
  takeAlongAxis(axis: number, index: Tensor): Tensor {
    return wrap(ops.takeAlongAxis(this.node, axis, index.node));
  }

  /** [...] of integers -> [..., classes]: 1 at the position that the integer names, 0 elsewhere. */
  oneHot(classes: number, dtype: DType = 'f32'): Tensor {
    return wrap(ops.oneHot(this.node, classes, dtype));
  }

  /** The same values; no gradient flows through. */
  detach(): Tensor {
    // A stored value needs no graph.
    const storage = realizedStorage(this.node);
    return wrap(storage === undefined ? graph.detach(this.node) : graph.buffer(storage, this.shape));
  }

  /** The same values, stored row-major. They are computed once, and nothing is fused across them. */
  contiguous(): Tensor {
    return wrap(graph.materialize(this.node));
  }

  // Reading values. Inside a function that is being compiled, all of these throw.

  /** The values, row-major, in a new array: Float32Array, Float64Array, Int32Array or Uint8Array (u8 and bool). */
  data(): Promise<TypedArray> {
    return readNode(this.node);
  }

  /** The same, blocking. Throws where the backend cannot block. */
  dataSync(): TypedArray {
    return readNodeSync(this.node);
  }

  /** The value of a tensor with one element. */
  async item(): Promise<number> {
    this.#checkSingle();
    return nth(await this.data(), 0);
  }

  itemSync(): number {
    this.#checkSingle();
    return nth(this.dataSync(), 0);
  }

  #checkSingle(): void {
    if (this.size !== 1)
      throw new RangeError(`item: needs a tensor of one element, this one is ${formatShape(this.shape)}`);
  }

  /** The values as nested arrays; of a scalar, a number. bool values are 0 and 1. */
  async toArray(): Promise<Nested> {
    return nest(await this.data(), this.shape);
  }

  toArraySync(): Nested {
    return nest(this.dataSync(), this.shape);
  }

  /** Computes and stores the values. */
  async realize(): Promise<this> {
    await realizeNodes([this.node]);
    return this;
  }

  realizeSync(): this {
    realizeNodesSync([this.node]);
    return this;
  }

  /**
   * Replaces the tensor's value, which is then computed together with the next value that is read. What was computed from the tensor
   * before keeps the old value. No gradient flows from the new value back to what it was computed from.
   */
  assign(value: Tensor): this {
    const what = this.name === undefined ? 'assign' : `assign to ${this.name}`;
    if (!sameShape(this.shape, value.shape))
      throw new RangeError(`${what}: shape ${formatShape(value.shape)} does not fit ${formatShape(this.shape)}`);
    if (this.dtype !== value.dtype)
      throw new TypeError(`${what}: dtype ${value.dtype} does not fit ${this.dtype}; cast the value`);
    const recorder = currentRecorder();
    const backend = this.#backend(value);
    const storage =
      recorder === null
        ? ownStorage(backend, value.node)
        : new Storage(backend, this.dtype, this.size, { pending: value.node });
    storage.cell = new WeakRef(this);
    if (recorder !== null) recorder.assigned(this, storage);
    else if (storage.pending !== null) markDirty(storage);
    this.node = graph.buffer(storage, this.shape);
    return this;
  }

  /** The backend of the tensor's new value. */
  #backend(value: Tensor): Backend {
    const storage = this.node.op === 'buffer' ? this.node.arg.storage : realizedStorage(this.node);
    return storage?.backend ?? findBackend([this.node, value.node]) ?? getBackend();
  }

  toString(): string {
    const name = this.name === undefined ? '' : ` '${this.name}'`;
    return `Tensor${name} ${this.dtype} ${formatShape(this.shape)}`;
  }

  /** `a + b` on tensors would silently be NaN. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return this.toString();
    throw new TypeError(`${this}: operators do not work on tensors; use methods, as in a.add(b)`);
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

const wrap = (node: Node): Tensor => Tensor.fromNode(node);

/** The arguments, passed one by one or as one array. */
const spread = (list: readonly number[] | readonly [readonly number[]]): readonly number[] =>
  typeof list[0] === 'object' ? list[0] : (list as readonly number[]);

/** The tensors with `requiresGrad`, by their nodes. */
const owners = new WeakMap<Node, WeakRef<Tensor>>();

/** The tensor with this node that requires a gradient, if there is one. */
export function leafOwner(node: Node): Tensor | undefined {
  const owner = owners.get(node)?.deref();
  return owner?.node === node && owner.requiresGrad ? owner : undefined;
}

/** Whether a value is a tensor. */
export const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;
