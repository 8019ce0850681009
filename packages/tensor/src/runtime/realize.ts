/** Computing the values of nodes, and reading them. */

import { buffer, materialize } from '../graph/graph.ts';
import { rangeOf } from '../graph/index-check.ts';
import { type Check, countPass, type Node, nextNodeId, type Op, orderNodes } from '../graph/node.ts';
import {
  allocationOf,
  computedStorage,
  pendingNode,
  realizedStorage,
  type Storage,
  setRealizedStorage,
  storeArray,
  uncomputedSources,
} from '../graph/storage.ts';
import { type Backend, getBackend, openBackend } from '../kernel/backend.ts';
import { bytesOf, decodeArray, type TypedArray } from '../kernel/dtype.ts';
import { isStarving, runFinalizers } from '../kernel/garbage.ts';
import { nth } from '../kernel/nth.ts';
import { CannotBlockError, executeGraph, executeGraphSync, type ProgramCache } from './execute.ts';
import { type GraphOracle, isGraphOracle } from './oracle.ts';
import { isRecording, refuseReadWhileRecording } from './recording.ts';
import { currentScope, type Scope, trackStorage, trackValue } from './scope.ts';

/** Assigned state that was not computed yet. The next computation on its backend computes it too, so that graphs do not grow. */
const dirty = new Set<Storage>();

/** The number of the first node that was made after state began to wait. */
let waitingSince = 0;

/** Notes that a storage has been assigned a value that is to be computed. */
export const markDirty = (storage: Storage): void => {
  if (dirty.size === 0) waitingSince = nextNodeId();
  dirty.add(storage);
};

/** If more nodes than this were made while assigned state waits, it is computed before it is replaced. */
const mostWaitingNodes = 256;

/**
 * Called before a state that was assigned and not computed yet is assigned again: a training loop that never reads anything would pile up
 * the graphs of all its steps. Where the backend can block, the waiting state is computed at once; elsewhere the computation is queued.
 */
export function settleState({ backend, pending }: Storage): void {
  if (pending === null || nextNodeId() - waitingSince < mostWaitingNodes) return;
  const state = [...dirty].filter((storage) => storage.backend === backend);
  if (state.length === 0) return;
  settle(backend, () => findWork([], state, backend));
  for (const storage of state) dirty.delete(storage);
}

/** The nodes of assigned state that was not computed yet. */
export const pendingNodes = (): Node[] => [...dirty].flatMap(({ pending }) => (pending === null ? [] : [pending]));

const storageOf = (node: Node): Storage | undefined =>
  node.op === 'buffer' ? node.arg.storage : realizedStorage(node);

/** The backend of the stored values that the nodes are computed from; undefined if there are none. Throws if there are two. */
export function findBackend(nodes: readonly Node[]): Backend | undefined {
  let first: Backend | undefined;
  for (const node of orderNodes(nodes, uncomputedSources)) {
    const backend = storageOf(node)?.backend;
    if (backend === undefined) continue;
    first ??= backend;
    if (backend !== first)
      throw new Error(
        `realize: one computation uses values on two backends, '${first.name}' and '${backend.name}'; ` +
          `move one of them: await x.to('${backend.name}'), or a whole model and its optimizer: await model.to('${backend.name}')`,
      );
  }
  return first;
}

/** Something to compute: a node, and the pending storage that receives the value, if there is one. */
interface Target {
  readonly node: Node;
  readonly fills: Storage | null;
}

/** Everything to compute, and the checks of what is computed. */
interface Work {
  readonly backend: Backend;
  readonly targets: readonly Target[];
  readonly checks: readonly Check[];
}

/** Everything to compute: the nodes, the pending storages they depend on, and assigned state: by default all of the same backend. */
function findWork(
  nodes: readonly Node[],
  waiting: Iterable<Storage> = dirty,
  backend: Backend = findBackend(nodes) ?? getBackend(),
): Work {
  for (const storage of dirty) if (storage.pending === null) dirty.delete(storage);
  const state = [...waiting].filter((storage) => storage.backend === backend && storage.pending !== null);
  const all = [...nodes, ...state.map(pendingNode)];
  findBackend(all);
  const roots = new Set(nodes.filter((node) => node.op !== 'buffer' && realizedStorage(node) === undefined));
  const pending = new Set(state);
  const checks = new Set<Check>();
  const order = orderNodes(all, uncomputedSources);
  for (const node of order) {
    if (node.op === 'buffer' && node.arg.storage.pending !== null) pending.add(node.arg.storage);
    for (const check of node.checks) if (!check.passed) checks.add(check);
  }
  for (const node of oftenComputed(order)) roots.add(node);
  const targets: Target[] = [...roots].map((node) => ({ node, fills: null }));
  for (const fills of pending) {
    const node = pendingNode(fills);
    // Every target has a storage of its own: a value that is stored already, or computed for another target, is copied.
    const copied = roots.has(node) || storageOf(node) !== undefined;
    roots.add(node);
    targets.push({ node: copied ? materialize(node) : node, fills });
  }
  return { backend, targets, checks: [...checks] };
}

/** A value that is computed this often on the way to others is stored. */
const passesUntilStored = 3;

/**
 * Values that earlier computations needed and did not store, and that are needed once more: a loop that computes a state from the last
 * one, and reads only what it computes from the state, would compute the whole past in each turn. Where a gradient may be asked for, the
 * values in between are not stored: the gradient's computation decides what it keeps.
 */
function oftenComputed(order: readonly Node[]): Node[] {
  const old = new Set<Node>();
  const needed: Node[] = [];
  for (const node of order) {
    const sources = uncomputedSources(node);
    if (sources.length === 0) continue;
    if (countPass(node) >= passesUntilStored) old.add(node);
    else
      for (const source of sources)
        if (old.has(source) && source.op !== 'buffer' && !source.requiresGrad && !indexes.has(source.op))
          needed.push(source);
  }
  return needed;
}

/** Operations that compute nothing. */
const indexes: ReadonlySet<Op> = new Set<Op>(['reshape', 'permute', 'expand', 'pad', 'shrink', 'flip', 'window']);

/** A number is a running sum if it was computed from this many earlier numbers, each some time after the last, and this many nodes wait. */
const runningSum = { links: 4, nodes: 256 } as const;

/**
 * Called when a tensor is made. A sum over the batches of an epoch, of losses or of right answers, that is read only at its end would pile
 * up the graphs of all batches: what is summed so far is computed after some batches.
 */
export function settleSums(node: Node): void {
  if (node.links <= runningSum.links || isRecording()) return;
  const sums = node.sources.filter(
    (source) =>
      source.links >= runningSum.links &&
      source.id - source.waitsSince >= runningSum.nodes &&
      !source.requiresGrad &&
      realizedStorage(source) === undefined,
  );
  if (sums.length === 0) return;
  const backend = findBackend(sums) ?? getBackend();
  settle(backend, () => findWork(sums, [], backend));
}

/** Backends that have turned out to be unable to block. */
const cannotBlock = new WeakSet<Backend>();

/** Computes at once where the backend can block; elsewhere the computation is queued. */
function settle(backend: Backend, find: () => Work): void {
  if (backend.readSync !== undefined && running === 0 && !cannotBlock.has(backend))
    try {
      realizeWorkSync(find);
      return;
    } catch (error) {
      if (!(error instanceof CannotBlockError)) throw error;
      cannotBlock.add(backend);
    }
  // A failure shows where the value is read.
  inTurn(() => realizeWork(find, null)).catch(() => {});
}

/** Puts the results into the targets. */
function commit(targets: readonly Target[], results: readonly Storage[], scope = currentScope()): void {
  targets.forEach(({ node, fills }, k) => {
    const result = nth(results, k);
    if (fills === null) {
      if (node.dtype === 'i32') result.range = rangeOf(node);
      setRealizedStorage(node, result);
      trackValue(node.id, result, scope);
    } else if (fills.pending !== null) {
      fills.adopt(result);
      dirty.delete(fills);
    } else result.release();
  });
}

/** Evaluates the graph on a backend that does so itself. */
function interpret(backend: GraphOracle, nodes: readonly Node[]): Storage[] {
  const values = backend.interpret(nodes, readStorageSync);
  return values.map((value, k) => storeArray(backend, nth(nodes, k).dtype, value));
}

/** Computes the nodes, each into a new storage. `programs` keeps the programs; by default they are kept with those of all other values. */
export const compute = async (backend: Backend, nodes: readonly Node[], programs?: ProgramCache): Promise<Storage[]> =>
  isGraphOracle(backend) ? interpret(backend, nodes) : executeGraph(backend, nodes, programs);

const computeSync = (backend: Backend, nodes: readonly Node[]): Storage[] =>
  isGraphOracle(backend) ? interpret(backend, nodes) : executeGraphSync(backend, nodes);

/** Computations run one after the other, so that no value is computed twice. */
let lastRealization: Promise<void> = Promise.resolve();

/** Runs `body` after all computations that were requested before, and before all that are requested later. */
export function inTurn<T>(body: () => Promise<T>): Promise<T> {
  const turn = lastRealization.then(body);
  lastRealization = turn.then(
    () => {},
    () => {},
  );
  return turn;
}

/** Computes and stores the values of all nodes together, along with assigned state. */
export async function realizeNodes(nodes: readonly Node[]): Promise<void> {
  refuseReadWhileRecording();
  const scope = currentScope();
  return inTurn(() => realizeNow(nodes, scope));
}

/** The same without waiting for a turn, for callers that run inside `inTurn`. */
export const realizeNow = (nodes: readonly Node[], scope = currentScope()): Promise<void> =>
  realizeWork(() => findWork(nodes), scope);

/** The same, blocking. Throws where the backend cannot block. */
export function realizeNodesSync(nodes: readonly Node[]): void {
  refuseReadWhileRecording();
  realizeWorkSync(() => findWork(nodes));
}

/** The number of computations that were started and have not finished. */
let running = 0;

async function realizeWork(find: () => Work, scope: Scope | null): Promise<void> {
  running++;
  try {
    const { backend, targets, checks } = find();
    if (targets.length === 0) return;
    const results = await compute(backend, rootsOf(targets, checks));
    for (const [k, check] of checks.entries()) {
      const flag = nth(await readStorage(nth(results, targets.length + k)), 0);
      if (flag !== 0) throw check.error(flag, await readStorage(await computed(backend, check.subject)));
      check.pass();
    }
    commit(targets, results, scope);
    await runFinalizers();
  } catch (error) {
    postponeState();
    throw error;
  } finally {
    running--;
  }
}

function realizeWorkSync(find: () => Work): void {
  try {
    const { backend, targets, checks } = find();
    if (targets.length === 0) return;
    const results = computeSync(backend, rootsOf(targets, checks));
    for (const [k, check] of checks.entries()) {
      const flag = nth(readStorageSync(nth(results, targets.length + k)), 0);
      if (flag !== 0) {
        const { subject } = check;
        const stored = realizedStorage(subject) ?? nth(computeSync(backend, [subject]), 0);
        throw check.error(flag, readStorageSync(stored));
      }
      check.pass();
    }
    commit(targets, results);
    if (isStarving()) for (const [k, { fills }] of targets.entries()) (fills ?? nth(results, k)).moveToHost();
  } catch (error) {
    postponeState();
    throw error;
  }
}

const rootsOf = (targets: readonly Target[], checks: readonly Check[]): Node[] => [
  ...targets.map(({ node }) => node),
  ...checks.map(({ flag }) => flag),
];

/** The storage of the node's value, which is computed if necessary, and not kept. */
const computed = async (backend: Backend, node: Node): Promise<Storage> =>
  realizedStorage(node) ?? nth(await compute(backend, [node]), 0);

/** After a failure, assigned state is computed only when it is needed, so that its failure does not affect other computations. */
const postponeState = (): void => dirty.clear();

/** The values of a filled storage, in an array of `computeDType` of its dtype. */
export async function readStorage(storage: Storage): Promise<TypedArray> {
  const { backend, dtype, length } = storage;
  return decodeArray(dtype, await backend.read(allocationOf(storage), dtype, length));
}

function readStorageSync(storage: Storage): TypedArray {
  const { backend } = storage;
  if (backend.readSync === undefined)
    throw new CannotBlockError(
      `backend '${backend.name}' cannot be read synchronously: use await x.data() or await x.item()`,
    );
  if (storage.source !== null && isStarving()) return storage.source().slice();
  return decodeArray(storage.dtype, backend.readSync(allocationOf(storage), storage.dtype, storage.length));
}

/** The node's values, row-major, in a new array of `computeDType(node.dtype)`. */
export async function readNode(node: Node): Promise<TypedArray> {
  await realizeNodes([node]);
  return readStorage(computedStorage(node));
}

/**
 * The node's stored bytes, row-major, in pieces as long as the arrays that `next` returns, which are filled with them. Where the backend
 * cannot block, all bytes are one piece in an array of its own.
 */
export async function* readNodeBytes(node: Node, next: () => Uint8Array): AsyncGenerator<Uint8Array> {
  await realizeNodes([node]);
  const storage = computedStorage(node);
  const { backend, dtype, length } = storage;
  const bytes = length * bytesOf(dtype);
  if (backend.readInto === undefined) {
    const values = await backend.read(allocationOf(storage), dtype, length);
    yield new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return;
  }
  for (let start = 0; start < bytes; ) {
    const whole = next();
    const piece = whole.subarray(0, Math.min(whole.byteLength, bytes - start));
    backend.readInto(allocationOf(storage), piece, start);
    start += piece.byteLength;
    yield piece;
  }
}

/** The node's values as `readNode` returns them, blocking. Throws where the backend cannot block. */
export function readNodeSync(node: Node): TypedArray {
  realizeNodesSync([node]);
  return readStorageSync(computedStorage(node));
}

/**
 * A leaf with the node's values stored on another backend, or the node itself if they are, or will be computed, there already. The values
 * are copied through JavaScript's memory.
 */
export async function relocate(node: Node, to: Backend | string): Promise<Node> {
  refuseReadWhileRecording();
  const scope = currentScope();
  const backend = typeof to === 'string' ? await openBackend(to) : to;
  if (findBackend([node]) === backend) return node;
  const storage = storeArray(backend, node.dtype, await readNode(node));
  trackStorage(storage, scope);
  return buffer(storage, node.shape);
}
