/**
 * Nodes of the computation graph, and storages of values. They are declared in one file because they refer to each other: a `buffer`
 * node refers to its storage, and a storage whose value is still to be computed refers to the node that computes it.
 */
import type { Allocation, Backend } from '../kernel/backend.ts';
import type { Collective } from '../kernel/collective.ts';
import { bytesOf, type DType, decodeArray, encodeArray, isFloat, type TypedArray } from '../kernel/dtype.ts';
import type { BinaryOp, ReduceOp, UnaryOp } from '../kernel/operators.ts';
import type { Shape } from '../kernel/shape.ts';
import { captureTrace, type Trace } from './user-line.ts';

export type { BinaryOp, ReduceOp, UnaryOp } from '../kernel/operators.ts';

/** One windowed axis: output position q and window position t read input position `stride * q + dilation * t`. */
export interface WindowSpec {
  readonly axis: number;
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
}

/**
 * A contraction in index notation. Every axis of both sources has a label. A label in both sources and in `out` is a batch axis; one
 * in both sources but not in `out` is summed over; one in a single source is free and must be in `out`.
 */
export interface ContractSpec {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly out: readonly number[];
}

/** A derivative that the user defines: from the gradient of the output, one gradient (or null) for each input. */
export interface CustomGradient {
  readonly name: string;
  readonly backward: (gradient: Node, inputs: readonly Node[], output: Node) => readonly (Node | null)[];
}

/** The arguments of each operation, in addition to its sources. */
export interface OpArguments {
  // Leaves.
  /** Values in a storage, which may be computed later: see `Storage.pending`. */
  buffer: { readonly storage: Storage };
  /** The `index`-th argument of a compiled function. */
  input: { readonly index: number };
  /** One number, of any shape (a stored scalar of stride 0). */
  const: { readonly value: number };
  /** 0, 1, 2, ... along `axis` of the node's shape. */
  iota: { readonly axis: number };

  // Element-wise.
  unary: { readonly kind: UnaryOp };
  binary: { readonly kind: BinaryOp };
  /** Sources: condition (bool), value if true, value if false. */
  where: null;
  /**
   * 32 random bits for each element (Threefry-2x32, 20 rounds: Salmon et al. 2011). Source: i32 [2], the key (seed, step). The
   * counter is (row-major index of the element, site): the same key and site produce the same bits on every backend.
   */
  random: { readonly site: number };

  // Reduced axes are kept, with size 1.
  reduce: { readonly kind: ReduceOp; readonly axes: readonly number[] };

  // Views: they compute nothing, and only index the source in another way.
  reshape: null;
  permute: { readonly axes: readonly number[] };
  /** Axes of size 1 are repeated to the node's shape. */
  expand: null;
  /** Zeros (false) around the source. */
  pad: { readonly before: readonly number[]; readonly after: readonly number[] };
  /** The source from `start` (inclusive) to `end` (exclusive) on each axis. */
  shrink: { readonly start: readonly number[]; readonly end: readonly number[] };
  flip: { readonly axes: readonly number[] };
  /** Each windowed axis becomes the number of positions; the window axes are appended at the end, in the order of `windows`. */
  window: { readonly windows: readonly WindowSpec[] };

  /** The adjoint of `window`: overlapping positions are summed. The node has the shape that was windowed. */
  fold: { readonly windows: readonly WindowSpec[] };
  contract: ContractSpec;
  /** Sources: table, index (i32). Shape: the table's with `axis` replaced by the index's shape. An index outside the table is clamped to it. */
  gather: { readonly axis: number };
  /** Sources: values, index. The adjoint of `gather`: rows with equal indices are summed in order, indices outside are skipped. `size` rows along `axis`. */
  scatterAdd: { readonly axis: number; readonly size: number };
  concat: { readonly axis: number };
  /** Exchanged with other ranks along axis 0. */
  collective: Collective;

  // Identities that mean something to derivatives or to the scheduler.
  /** The value of the source; no gradient flows through. */
  detach: null;
  /** The value of the source, stored contiguously: nothing is fused across it. */
  materialize: null;
  /**
   * The value of source 0, never merged with an equal computation. The other sources only determine the order: they are computed
   * first. `checkpoint` uses this to recompute late.
   */
  barrier: { readonly id: number };
  /** The value of source 0, which was computed from the other sources; the user defines the derivative. */
  custom: CustomGradient;
}

export type Op = keyof OpArguments;

/**
 * A node of the computation graph. Nothing runs when a node is made. Computed values are not kept in nodes, but in a table of their own
 * (see `storage.ts`). A node never changes, with exceptions that change no value: a leaf is marked when its tensor is made to require
 * a gradient (`requireGradient`), checks are added (`addCheck`), computations are counted, and a computed node forgets its sources where
 * no gradient needs them (`forgetHistory`).
 */
export interface NodeOf<O extends Op> {
  readonly op: O;
  readonly arg: OpArguments[O];
  /** What the node is computed from; `forgotten` once it was computed and no gradient needs its history. */
  readonly sources: readonly Node[];
  readonly shape: Shape;
  readonly dtype: DType;
  readonly id: number;
  /** False where the node was made under `noGrad`: derivatives stop here. */
  readonly differentiable: boolean;
  /**
   * Whether a gradient may be asked for that flows through this node: it is a marked leaf, or was computed, differentiably, from one. Only
   * such nodes keep their history once they are computed.
   */
  readonly requiresGrad: boolean;
  /**
   * The id of the oldest node to which a derivative of this one may flow: its own if it stops here, infinite for integers. It stays when
   * the history is forgotten.
   */
  readonly oldest: number;
  /** The id of the oldest node, itself included, that has to be computed for this one; infinite if the value is stored. */
  readonly waitsSince: number;
  /**
   * For a number: how many earlier numbers it was computed from, one after the other, with other work in between, such as the sum of
   * the losses so far. 0 if the value is stored.
   */
  readonly links: number;
  /** How often the node's value was computed on the way to another, without being stored. */
  readonly passes: number;
  /** What made the node, for people: the path of a module, or a name passed to `nameScope`; '' if nothing is named. */
  readonly scope: string;
  /** What must hold where the node is computed. */
  readonly checks: readonly Check[];
}

/** A condition on values, which is checked when the node that has it is computed. Kernels check nothing. */
export interface Check {
  /** i32 []: 0 where all is well. */
  readonly flag: Node;
  /** The same of other values than those of `subject`. */
  flagOf(values: Node): Node;
  /** The node whose values the error names. */
  readonly subject: Node;
  /** Whether the values were checked and are good. */
  readonly passed: boolean;
  /** Notes that the values are good. */
  pass(): void;
  /** The error for a flag that is not 0. */
  error(flag: number, values: ArrayLike<number>): Error;
}

export type Node = { [O in Op]: NodeOf<O> }[Op];

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Creates the same values each time, in an array of `computeDType(dtype)`. */
export type ValueSource = () => TypedArray;

/**
 * Values on a backend, stored contiguously. A storage starts in one of three states: filled (`allocation` is set); pending (`pending` is
 * the node that computes it, and is cleared once that was done); or with a `source`, which is called when the values are first used.
 * Memory is freed when the storage is garbage collected, or by `release`.
 */
export class Storage {
  readonly backend: Backend;
  readonly dtype: DType;
  readonly length: number;
  allocation: Allocation | null;
  pending: Node | null;
  source: ValueSource | null;
  /** The least and the greatest of these integers, if that is known. */
  range: readonly [least: number, greatest: number] | null = null;
  /** The tensor that owns these values, if one does: compiled steps look up there what was assigned to it since. */
  cell: { readonly node: Node; readonly name?: string } | null = null;

  constructor(
    backend: Backend,
    dtype: DType,
    length: number,
    content: { allocation: Allocation } | { pending: Node } | { source: ValueSource },
  ) {
    this.backend = backend;
    this.dtype = dtype;
    this.length = length;
    this.allocation = null;
    this.pending = null;
    this.source = null;
    if ('allocation' in content) this.fill(content.allocation);
    else if ('source' in content) this.source = content.source;
    else this.pending = content.pending;
  }

  /** Takes ownership of `allocation`. */
  fill(allocation: Allocation): void {
    this.allocation = allocation;
    this.pending = null;
    this.source = null;
    reclaimer.register(this, { backend: this.backend, allocation }, this);
  }

  /** Takes over the memory of `other`, a filled storage that is not used afterwards. */
  adopt(other: Storage): void {
    const allocation = allocationOf(other);
    reclaimer.unregister(other);
    other.allocation = null;
    this.fill(allocation);
  }

  /**
   * Moves the values to JavaScript's memory, from where they are copied back when they are used. Garbage there is freed at once, while
   * backend memory is freed only when the event loop turns.
   */
  moveToHost(): void {
    const { backend, dtype, length, allocation } = this;
    if (allocation === null || backend.readSync === undefined) return;
    const values = decodeArray(dtype, backend.readSync(allocation, dtype, length));
    this.release();
    this.source = () => values;
  }

  /** The memory was freed, and no value will be computed. */
  get released(): boolean {
    return this.allocation === null && this.pending === null && this.source === null;
  }

  /** Frees the memory now. Reading the storage afterwards is an error. */
  release(): void {
    this.source = null;
    if (this.allocation === null) return;
    reclaimer.unregister(this);
    this.backend.free(this.allocation);
    this.allocation = null;
  }
}

const reclaimer = new FinalizationRegistry<{ backend: Backend; allocation: Allocation }>(({ backend, allocation }) =>
  backend.free(allocation),
);

/** Copies values, in an array of `computeDType(dtype)`, into a new allocation. */
export function storeValues(backend: Backend, dtype: DType, values: TypedArray): Allocation {
  const allocation = backend.allocate(values.length * bytesOf(dtype));
  backend.write(allocation, encodeArray(dtype, values));
  return allocation;
}

/** The memory of a storage that is filled or has a source. Throws if it was released or is pending. */
export function allocationOf(storage: Storage): Allocation {
  if (storage.allocation !== null) return storage.allocation;
  if (storage.source !== null) {
    storage.fill(storeValues(storage.backend, storage.dtype, storage.source()));
    return allocationOf(storage);
  }
  throw new Error(
    storage.released
      ? 'this value was released: it was created inside tidy() and not returned from it'
      : 'this value has not been computed yet: realize it first',
  );
}

let nextId = 0;
let gradientsEnabled = true;

/** Runs `body` with derivatives on or off (`enabled` false); nodes made inside are marked. */
export function withGradients<T>(enabled: boolean, body: () => T): T {
  const previous = gradientsEnabled;
  gradientsEnabled = enabled;
  try {
    return body();
  } finally {
    gradientsEnabled = previous;
  }
}

export const areGradientsEnabled = (): boolean => gradientsEnabled;

/** What is known of where a node comes from, while this is noted. */
export interface Origin {
  readonly trace: Trace;
  /** The node whose derivative this one belongs to; null for a node of the forward pass. */
  readonly forward: Node | null;
}

const origins = new WeakMap<Node, Origin>();
let noting = 0;
let differentiated: Node | null = null;

/** Where the node was made, if that was noted. */
export const originOf = (node: Node): Origin | null => origins.get(node) ?? null;

/** From now on, nodes note where they were made, for messages, until the function that is returned is called. Takes microseconds for each. */
export function noteOrigins(): () => void {
  noting++;
  return () => {
    noting--;
  };
}

/** Runs `body`; nodes made inside note where they were made. */
export function withOrigins<T>(body: () => T): T {
  const stop = noteOrigins();
  try {
    return body();
  } finally {
    stop();
  }
}

/** Runs `body`, which makes the derivative of `node`. */
export function withDerivativeOf<T>(node: Node, body: () => T): T {
  const previous = differentiated;
  differentiated = node;
  try {
    return body();
  } finally {
    differentiated = previous;
  }
}

let scope = '';

/** Runs `body`; nodes made inside carry the name where programs are printed. Of nested scopes the innermost counts. */
export function nameScope<T>(name: string, body: () => T): T {
  const previous = scope;
  scope = name;
  try {
    return body();
  } finally {
    scope = previous;
  }
}

/** Whether derivatives never flow from a node to its sources: integers, `detach`, and nodes made under `noGrad`. */
export const stopsGradient = (node: Node): boolean =>
  !node.differentiable || !isFloat(node.dtype) || node.op === 'detach';

/** The number of nodes between two numbers from which there is other work in between. */
const linkGap = 8;

/** Makes a node without checks: see `graph.ts` for the checked constructors. */
export function makeNode<O extends Op>(
  op: O,
  sources: readonly Node[],
  arg: OpArguments[O],
  shape: Shape,
  dtype: DType,
): Node {
  const id = nextId++;
  let requiresGrad = false;
  const float = isFloat(dtype);
  let oldest = float ? id : Number.POSITIVE_INFINITY;
  let waitsSince = sources.length === 0 ? Number.POSITIVE_INFINITY : id;
  let links = 0;
  const flows = gradientsEnabled && float && op !== 'detach';
  const isNumber = shape.length === 0;
  // By index: this runs for every node.
  for (let k = 0; k < sources.length; k++) {
    const source = sources[k] as Node;
    if (source.waitsSince < waitsSince) waitsSince = source.waitsSince;
    if (isNumber && source.shape.length === 0) {
      const linked = id - source.id > linkGap ? source.links + 1 : source.links;
      if (linked > links) links = linked;
    }
    if (!flows) continue;
    if (source.requiresGrad) requiresGrad = true;
    if (source.oldest < oldest) oldest = source.oldest;
  }
  const node = {
    op,
    arg,
    sources,
    shape,
    dtype,
    id,
    differentiable: gradientsEnabled,
    requiresGrad,
    oldest,
    waitsSince,
    links,
    passes: 0,
    scope,
    checks: noChecks,
  } as unknown as Node;
  if (noting > 0) origins.set(node, { trace: captureTrace(), forward: differentiated });
  return node;
}

const noChecks: readonly Check[] = Object.freeze([]);

/** Adds a check to a node. */
export function addCheck(node: Node, check: Check): void {
  (node as Mutable<Node>).checks = [...node.checks, check];
}

/** The number of the node that is made next: nodes are numbered in the order of their creation. */
export const nextNodeId = (): number => nextId;

/** Marks a leaf, or removes the mark: what is computed from it later requires a gradient, and keeps its history. */
export function requireGradient(node: Node, required = true): void {
  (node as Mutable<Node>).requiresGrad = required || (!stopsGradient(node) && node.sources.some((s) => s.requiresGrad));
}

/** Counts that the node's value was computed on the way to another; returns how often. */
export const countPass = (node: Node): number => {
  (node as Mutable<Node>).passes++;
  return node.passes;
};

/** Notes that the node's value is stored. */
export const noteStored = (node: Node): void => {
  const stored = node as Mutable<Node>;
  stored.waitsSince = Number.POSITIVE_INFINITY;
  stored.links = 0;
};

/** The sources of a node whose history was forgotten. */
const forgotten: readonly Node[] = Object.freeze([]);

/** The leaves, by number, of nodes whose history was forgotten; null where there were too many. */
const forgottenLeaves = new WeakMap<Node, ReadonlySet<number> | null>();

/** More leaves than this are not remembered. */
const mostLeaves = 1024;

/** The leaves, by number, to which a derivative of the node may flow; null if that is not known. */
function leavesOf(node: Node): ReadonlySet<number> | null {
  const known = forgottenLeaves.get(node);
  if (known !== undefined) return known;
  const leaves = new Set<number>();
  const seen = new Set<Node>();
  const stack: Node[] = [node];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (!isFloat(next.dtype)) continue;
    const older = forgottenLeaves.get(next);
    if (older === null) return null;
    if (older !== undefined) {
      // A chain of computed values has the leaves of its first.
      if (leaves.size === 0 && stack.length === 0) return older;
      for (const leaf of older) leaves.add(leaf);
    } else if (next.op === 'buffer' || next.op === 'input') leaves.add(next.id);
    else if (!stopsGradient(next))
      for (const source of next.sources)
        if (!seen.has(source)) {
          seen.add(source);
          stack.push(source);
        }
    if (leaves.size > mostLeaves) return null;
  }
  return leaves;
}

/** Whether the node may have been computed from `ancestor`, as far as is known after its history was forgotten. */
export function mayComeFrom(node: Node, ancestor: Node): boolean {
  if (ancestor.id >= node.id || node.oldest > ancestor.id) return false;
  const [own, others] = [leavesOf(ancestor), leavesOf(node)];
  return own === null || others === null || [...own].every((leaf) => others.has(leaf));
}

/** Whether the node was computed, and what it was computed from is not known any more. */
export const isHistoryForgotten = (node: Node): boolean => node.sources === forgotten;

/**
 * Lets go of what a computed node was computed from, unless a gradient may flow there: as in PyTorch, history is kept only where something
 * requires a gradient. Otherwise a loop that computes each value from the last would keep every value alive.
 */
export function forgetHistory(node: Node): void {
  if (node.sources.length === 0) return;
  if (!stopsGradient(node)) {
    if (node.sources.some((source) => source.requiresGrad)) return;
    forgottenLeaves.set(node, leavesOf(node));
  }
  (node as Mutable<Node>).sources = forgotten;
  // A check that has passed holds the indices, and what these were computed from.
  if (node.checks.every((check) => check.passed)) (node as Mutable<Node>).checks = noChecks;
}

/**
 * The roots and everything below them, sources before their users, each once. `sourcesOf` returns what a node is computed from. Not
 * recursive, because graphs are deep.
 */
export function orderNodes(roots: readonly Node[], sourcesOf: (node: Node) => readonly Node[]): Node[] {
  const order: Node[] = [];
  const done = new Set<Node>();
  const stack: { node: Node; sources: readonly Node[]; next: number }[] = [];
  const visit = (node: Node): void => {
    if (done.has(node)) return;
    done.add(node);
    stack.push({ node, sources: sourcesOf(node), next: 0 });
  };
  for (const root of roots) {
    visit(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const source = top.sources[top.next++];
      if (source !== undefined) visit(source);
      else {
        order.push(top.node);
        stack.pop();
      }
    }
  }
  return order;
}

/** The same by the nodes' own sources, stopping at nodes for which `isLeaf` is true. */
export function topologicalOrder(roots: readonly Node[], isLeaf: (node: Node) => boolean = () => false): Node[] {
  return orderNodes(roots, (node) => (isLeaf(node) ? [] : node.sources));
}
