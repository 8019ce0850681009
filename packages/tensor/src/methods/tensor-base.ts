/**
 * The base of all groups of methods of `Tensor`: the node, and what is read from it. The groups are a chain of abstract classes, one
 * file for each theme, and `Tensor` is the last link. `T` is `Tensor`: the files of the chain do not import the class at its end.
 */
import * as graph from '../graph/graph.ts';
import { type Node, requireGradient } from '../graph/node.ts';
import type { DType } from '../kernel/dtype.ts';
import { type Shape, sizeOf } from '../kernel/shape.ts';

/** The other operand of an operation: a tensor or a number. */
export type Operand<T> = T | number;

/** Names a value that is not a tensor, for messages. */
function describe(value: unknown): string {
  if (Array.isArray(value)) return 'an array; make a tensor of it with tensor(...)';
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'object' ? `an object of class ${value.constructor?.name ?? 'Object'}` : `a ${typeof value}`;
}

const holdsNode = (value: unknown): value is { readonly node: Node } =>
  typeof value === 'object' && value !== null && typeof (value as { node?: { op?: unknown } }).node?.op === 'string';

/** The node of a tensor; an error that names `op` if the value is none. */
export function nodeOf(value: unknown, op: string): Node {
  if (holdsNode(value)) return value.node;
  throw new TypeError(`${op}: expected a tensor, got ${describe(value)}`);
}

/** The node of a tensor, or a number; an error that names `op` if the value is neither. */
export function operand(value: unknown, op = 'tensor'): Node | number {
  if (typeof value === 'number') return value;
  if (holdsNode(value)) return value.node;
  throw new TypeError(`${op}: expected a tensor or a number, got ${describe(value)}`);
}

export const optionalOperand = (value: unknown, op?: string): Node | number | undefined =>
  value === undefined ? undefined : operand(value, op);

export abstract class TensorBase<T> {
  /** The gradient, set by `backward()`. */
  grad: T | null = null;
  /** A name for messages and printed programs; modules set it to the parameter's path. */
  name?: string;
  #node: Node;
  #requiresGrad = false;

  protected constructor(node: Node) {
    this.#node = node;
    if (node.op === 'buffer') node.arg.storage.cell ??= this;
  }

  /** The tensor of a node that was computed from this one. */
  protected abstract wrap(node: Node): T;

  /** The node whose value the tensor has. Only `assign` and `requiresGrad` change it. */
  get node(): Node {
    return this.#node;
  }

  set node(node: Node) {
    this.#node = node;
    if (node.op === 'buffer') node.arg.storage.cell ??= this;
    if (this.#requiresGrad) {
      owners.set(node, this);
      requireGradient(node);
    }
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

  /**
   * Whether `backward()` sets `grad`, for leaf tensors. As in PyTorch, what is computed from such a tensor keeps its history after it was
   * read, so that it can be differentiated; everything else forgets what it was computed from. Set it before the tensor is used.
   */
  get requiresGrad(): boolean {
    return this.#requiresGrad;
  }

  set requiresGrad(value: boolean) {
    if (value && !(this.dtype === 'f32' || this.dtype === 'f64'))
      throw new TypeError(`requiresGrad: only floating-point tensors have gradients, this one is ${this.dtype}`);
    if (this.#requiresGrad && !value) requireGradient(this.node, false);
    this.#requiresGrad = value;
    // A constant would be folded into what is computed from it; a derivative needs a variable.
    if (value) this.node = this.node.op === 'const' ? graph.materialize(this.node) : this.node;
  }
}

/** The tensors with `requiresGrad`, by their nodes. */
const owners = new WeakMap<Node, TensorBase<unknown>>();

/** The tensor that was given `requiresGrad` and has this node, if there is one. */
export function gradientOwner(node: Node): TensorBase<unknown> | undefined {
  const owner = owners.get(node);
  return owner?.node === node && owner.requiresGrad ? owner : undefined;
}
