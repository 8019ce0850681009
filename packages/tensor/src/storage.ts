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
  /** The tensor that stands for these values, if one does: where compiled steps look up what it was assigned since. */
  cell: WeakRef<{ readonly node: Node }> | null = null;

  constructor(backend: Backend, dtype: DType, length: number, content: { allocation: Allocation } | { pending: Node }) {
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

  /** Takes over the memory of `other`, a filled storage that is not used again. */
  adopt(other: Storage): void {
    const allocation = allocationOf(other);
    reclaimer.unregister(other);
    other.allocation = null;
    this.fill(allocation);
  }

  /** Neither filled nor about to be: the memory was given back. */
  get released(): boolean {
    return this.allocation === null && this.pending === null;
  }

  /** Frees the memory now. Reading the storage later is an error. */
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

/** The memory of a filled storage. Throws where it was released. */
export function allocationOf(storage: Storage): Allocation {
  if (storage.allocation !== null) return storage.allocation;
  throw new Error(
    storage.released
      ? 'this value was released: it was made inside tidy() and not returned from it'
      : 'this value has not been computed yet: realize it first',
  );
}

/** What was computed for a node, beside the immutable graph. */
const realized = new WeakMap<Node, Storage>();

/** Where the node's value is stored, if it was computed. A released value counts as not computed, except in a `buffer`. */
export function realizedStorage(node: Node): Storage | undefined {
  if (node.op === 'buffer') return node.arg.storage.pending === null ? node.arg.storage : undefined;
  const storage = realized.get(node);
  return storage?.released ? undefined : storage;
}

export const setRealizedStorage = (node: Node, storage: Storage): void => {
  realized.set(node, storage);
};

/** What must be computed before the node: nothing where its value is stored, a pending storage's node, else its sources. */
export function uncomputedSources(node: Node): readonly Node[] {
  if (realizedStorage(node) !== undefined) return [];
  if (node.op === 'buffer') return [node.arg.storage.pending as Node];
  return node.sources;
}
