/** `Tensor`: the class that users touch. Its methods by theme are in `methods/`; here are dtype and backend, reading, assignment and printing. */

import { type Nested, nest } from './graph/data.ts';
import * as graph from './graph/graph.ts';
import type { Node } from './graph/node.ts';
import { ownStorage, realizedStorage, Storage } from './graph/storage.ts';
import { type Backend, getBackend } from './kernel/backend.ts';
import { type DType, isDType, type TypedArray } from './kernel/dtype.ts';
import { nth } from './kernel/nth.ts';
import { formatShape, sameShape } from './kernel/shape.ts';
import { gradientOwner, type Operand, operand } from './methods/tensor-base.ts';
import type { CloseOptions } from './ops/floats.ts';
import * as ops from './ops/index.ts';
import { displayTensor } from './printing/display-tensor.ts';
import { display, type MediaBundle } from './printing/notebook.ts';
import { printTensor, printWithValues, titleOf } from './printing/print-tensor.ts';
import { noteAssignment } from './runtime/assignments.ts';
import {
  findBackend,
  markDirty,
  readNode,
  readNodeSync,
  realizeNodes,
  realizeNodesSync,
  relocate,
  settleState,
  settleSums,
} from './runtime/realize.ts';
import { currentRecorder, droppable } from './runtime/recording.ts';
import { SelectableTensor } from './selecting.ts';

/** The other operand of an operation. A number takes the tensor's dtype; a fractional number and integers result in f32. */
export type TensorLike = Operand<Tensor>;

/**
 * An array of numbers of one dtype. Operations make new tensors and compute nothing: values are computed when they are read
 * (`data`, `item`, `toArray`), by `realize`, or by a compiled function. Operands broadcast as in NumPy and PyTorch; dtypes are promoted
 * in the order bool, u8, i32, f32, f64. Negative axes count from the end.
 */
export class Tensor extends SelectableTensor<Tensor> {
  /** The tensor of a node of the graph. */
  static fromNode(node: Node): Tensor {
    return new Tensor(node);
  }

  protected wrap(node: Node): Tensor {
    settleSums(node);
    return new Tensor(node);
  }

  /** The values in another dtype: floating point to i32 truncates towards 0 and saturates, to bool is `x != 0`. */
  cast(dtype: DType): Tensor {
    return this.wrap(graph.cast(this.node, dtype));
  }

  /** The same as `cast`. */
  to(dtype: DType): Tensor;
  /**
   * The same values on another backend, which is opened if necessary: a new tensor, or this one if it is there already. A computation
   * and its derivative must be on one backend, so the new tensor is a leaf: no gradient flows from it back to this one.
   */
  to(backend: Backend | string): Promise<Tensor>;
  to(target: DType | Backend | string): Tensor | Promise<Tensor> {
    return isDType(target) ? this.cast(target) : droppable(this.#moved(target));
  }

  async #moved(backend: Backend | string): Promise<Tensor> {
    const node = await relocate(this.node, backend);
    if (node === this.node) return this;
    const moved = this.wrap(node);
    if (this.requiresGrad) moved.requiresGrad = true;
    return moved;
  }

  /** The same values; no gradient flows through. */
  detach(): Tensor {
    // A stored value needs no graph.
    const storage = realizedStorage(this.node);
    return this.wrap(storage === undefined ? graph.detach(this.node) : graph.buffer(storage, this.shape));
  }

  /** The same values, stored row-major. They are computed once, and nothing is fused across them. */
  contiguous(): Tensor {
    return this.wrap(graph.materialize(this.node));
  }

  // Reading values. Inside a function that is being compiled, all of these throw.

  /** The values, row-major, in a new array: Float32Array, Float64Array, Int32Array or Uint8Array (u8 and bool). */
  data(): Promise<TypedArray> {
    return droppable(readNode(this.node));
  }

  /** The same, blocking. Throws where the backend cannot block. */
  dataSync(): TypedArray {
    return readNodeSync(this.node);
  }

  /** The value of a tensor with one element. */
  item(): Promise<number> {
    return droppable(this.#item());
  }

  async #item(): Promise<number> {
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

  /** Whether all elements are close to those of `other` (see `isclose`), after broadcasting. True for no elements. */
  async allclose(other: TensorLike, options?: CloseOptions): Promise<boolean> {
    return (await this.#allClose(other, options).item()) !== 0;
  }

  /** The same, blocking. */
  allcloseSync(other: TensorLike, options?: CloseOptions): boolean {
    return this.#allClose(other, options).itemSync() !== 0;
  }

  #allClose(other: TensorLike, options?: CloseOptions): Tensor {
    return this.wrap(ops.all(ops.isclose(this.node, operand(other), options)));
  }

  /** Whether both tensors have the same shape and the same values. A NaN is not the same as another. */
  async equal(other: Tensor): Promise<boolean> {
    return sameShape(this.shape, other.shape) && (await this.#allEqual(other).item()) !== 0;
  }

  /** The same, blocking. */
  equalSync(other: Tensor): boolean {
    return sameShape(this.shape, other.shape) && this.#allEqual(other).itemSync() !== 0;
  }

  #allEqual(other: Tensor): Tensor {
    return this.wrap(ops.all(ops.eq(this.node, other.node)));
  }

  /** The values as nested arrays; of a scalar, a number. bool values are 0 and 1. */
  toArray(): Promise<Nested> {
    return droppable(this.data().then((values) => nest(values, this.shape)));
  }

  toArraySync(): Nested {
    return nest(this.dataSync(), this.shape);
  }

  /** Computes and stores the values. */
  realize(): Promise<this> {
    return droppable(realizeNodes([this.node]).then(() => this));
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
    if (recorder === null && this.node.op === 'buffer') settleState(this.node.arg.storage);
    const backend = this.#backend(value);
    const storage =
      recorder === null
        ? ownStorage(backend, value.node)
        : new Storage(backend, this.dtype, this.size, { pending: value.node });
    storage.cell = this;
    if (recorder === null) noteAssignment(this);
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

  /**
   * Name, dtype, shape and values, abbreviated as by PyTorch: see `setPrintOptions`. Values that are neither stored nor quick to compute
   * are left out, and so are those on a backend that cannot be read at once. Never throws. `console.log` shows the same in Node.
   */
  override toString(): string {
    return printTensor(this);
  }

  /** The same text on every backend: the values are computed and read first. */
  async describe(): Promise<string> {
    return printWithValues(this, (node) => readNode(node));
  }

  /** `a + b` on tensors would silently be NaN. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return this.toString();
    throw new TypeError(`${titleOf(this)}: operators do not work on tensors; use methods, as in a.add(b)`);
  }

  [Symbol.for('nodejs.util.inspect.custom')](depth: number): object {
    const text = depth < 0 ? `[${titleOf(this)}]` : this.toString();
    // Node indents the lines of what an object prints, but not those of a string.
    return { [Symbol.for('nodejs.util.inspect.custom')]: () => text };
  }

  /** What a notebook shows: the values as tables. They are computed and read first, as by `describe`. */
  [display](): Promise<MediaBundle> {
    return displayTensor(this, (node) => readNode(node));
  }
}

/** The tensor with this node that requires a gradient, if there is one. */
export function leafOwner(node: Node): Tensor | undefined {
  const owner = gradientOwner(node);
  return owner instanceof Tensor ? owner : undefined;
}

/** Whether a value is a tensor. */
export const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;
