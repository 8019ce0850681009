/** Which nodes have been computed, and where their values are stored. */
import type { Backend } from '../kernel/backend.ts';
import { allocateArray, computeDType, type DType, type TypedArray } from '../kernel/dtype.ts';
import { sizeOf } from '../kernel/shape.ts';
import {
  forgetHistory,
  isHistoryForgotten,
  type Node,
  type NodeOf,
  noteStored,
  Storage,
  storeValues,
  type ValueSource,
} from './node.ts';

export { allocationOf, Storage, type ValueSource } from './node.ts';

const realized = new WeakMap<Node, Storage>();

/**
 * The storage of the node's value, if it was computed. A released value counts as not computed, except where it cannot be computed again:
 * in a `buffer`, and in a node without history.
 */
export function realizedStorage(node: Node): Storage | undefined {
  if (node.op === 'buffer') return node.arg.storage.pending === null ? node.arg.storage : undefined;
  const storage = realized.get(node);
  return storage?.released && !isHistoryForgotten(node) ? undefined : storage;
}

/** The same for a node that must have been computed. */
export function computedStorage(node: Node): Storage {
  const storage = realizedStorage(node);
  if (storage === undefined) throw new Error(`the value of a ${node.op} node has not been computed`);
  return storage;
}

/** The node that computes the value of a pending storage. */
export function pendingNode({ pending }: Storage): Node {
  if (pending === null) throw new Error('the value of this storage is not pending');
  return pending;
}

/** Notes where the value of a node is stored. What it was computed from is forgotten where no gradient needs it. */
export const setRealizedStorage = (node: Node, storage: Storage): void => {
  realized.set(node, storage);
  noteStored(node);
  forgetHistory(node);
};

/** What must be computed before the node: nothing if its value is stored; for a pending storage, the node that computes it; else its sources. */
export function uncomputedSources(node: Node): readonly Node[] {
  if (realizedStorage(node) !== undefined) return [];
  if (node.op === 'buffer') return [pendingNode(node.arg.storage)];
  return node.sources;
}

/** A new storage with these values, passed in an array of `computeDType(dtype)`. */
export const storeArray = (backend: Backend, dtype: DType, values: TypedArray): Storage =>
  new Storage(backend, dtype, values.length, { allocation: storeValues(backend, dtype, values) });

/**
 * A new storage for the node's value. A value that has a source, or is a constant, is created from that source again: then nothing is
 * stored twice, and a constant needs no program that computes it.
 */
export function ownStorage(backend: Backend, node: Node): Storage {
  const source = node.op === 'buffer' ? node.arg.storage.source : node.op === 'const' ? repeated(node) : null;
  return new Storage(backend, node.dtype, sizeOf(node.shape), source === null ? { pending: node } : { source });
}

const repeated =
  ({ dtype, shape, arg: { value } }: NodeOf<'const'>): ValueSource =>
  () => {
    const values = allocateArray(computeDType(dtype), sizeOf(shape));
    return value === 0 ? values : values.fill(value);
  };
