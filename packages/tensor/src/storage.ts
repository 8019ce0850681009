import type { Allocation, Backend } from './backend.ts';
import type { DType } from './dtype.ts';
import type { Node } from './node.ts';

/**
 * Values on a backend, stored contiguously. A storage starts either filled (`allocation` set) or pending: `pending` is the node
 * that computes it, cleared once that was done. Memory is freed when the storage is garbage collected, or by `release`.
 */
export class Storage {
  readonly backend: Backend;
  readonly dtype: DType;
  readonly length: number;
  allocation: Allocation | null;
  pending: Node | null;

  constructor(
    backend: Backend,
    dtype: DType,
    length: number,
    content: { allocation: Allocation } | { pending: Node },
  ) {
    this.backend = backend;
    this.dtype = dtype;
    this.length = length;
    this.allocation = null;
    this.pending = null;
    if ('allocation' in content) this.fill(content.allocation);
    else this.pending = content.pending;
  }

  /** Takes ownership of `allocation`. */
  fill(allocation: Allocation): void {
    this.allocation = allocation;
    this.pending = null;
    reclaimer.register(this, { backend: this.backend, allocation }, this);
  }

  /** Frees the memory now. The storage must not be read again. */
  release(): void {
    if (this.allocation === null) return;
    reclaimer.unregister(this);
    this.backend.free(this.allocation);
    this.allocation = null;
  }
}

const reclaimer = new FinalizationRegistry<{ backend: Backend; allocation: Allocation }>(({ backend, allocation }) =>
  backend.free(allocation),
);

/** What was computed for a node, beside the immutable graph. */
const realized = new WeakMap<Node, Storage>();

export const realizedStorage = (node: Node): Storage | undefined =>
  node.op === 'buffer' && node.arg.storage.pending === null ? node.arg.storage : realized.get(node);

export const setRealizedStorage = (node: Node, storage: Storage): void => {
  realized.set(node, storage);
};
