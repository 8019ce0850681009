/** Computing the values of nodes, and reading them. */

import { buffer, materialize } from '../graph/graph.ts';
import { type Node, orderNodes } from '../graph/node.ts';
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
import { decodeArray, type TypedArray } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { sizeOf } from '../kernel/shape.ts';
import { executeGraph, executeGraphSync } from './execute.ts';
import { type GraphOracle, isGraphOracle } from './oracle.ts';
import { refuseReadWhileRecording } from './recording.ts';
import { currentScope, trackStorage } from './scope.ts';

/** Assigned state that was not computed yet. The next computation on its backend computes it too, so that graphs do not grow. */
const dirty = new Set<Storage>();

/** Notes that a storage has been assigned a value that is to be computed. */
export const markDirty = (storage: Storage): void => {
  dirty.add(storage);
};

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

/** Everything to compute: the nodes, the pending storages they depend on, and all assigned state of the same backend. */
function findWork(nodes: readonly Node[]): { backend: Backend; targets: Target[] } {
  const backend = findBackend(nodes) ?? getBackend();
  for (const storage of dirty) if (storage.pending === null) dirty.delete(storage);
  const state = [...dirty].filter((storage) => storage.backend === backend);
  const all = [...nodes, ...state.map(pendingNode)];
  findBackend(all);
  const roots = new Set(nodes.filter((node) => node.op !== 'buffer' && realizedStorage(node) === undefined));
  const pending = new Set(state);
  for (const node of orderNodes(all, uncomputedSources))
    if (node.op === 'buffer' && node.arg.storage.pending !== null) pending.add(node.arg.storage);
  const targets: Target[] = [...roots].map((node) => ({ node, fills: null }));
  for (const fills of pending) {
    const node = pendingNode(fills);
    // Every target has a storage of its own: a value that is stored already, or computed for another target, is copied.
    const copied = roots.has(node) || storageOf(node) !== undefined;
    roots.add(node);
    targets.push({ node: copied ? materialize(node) : node, fills });
  }
  return { backend, targets };
}

/** Puts the results into the targets. */
function commit(targets: readonly Target[], results: readonly Storage[], scope = currentScope()): void {
  targets.forEach(({ node, fills }, k) => {
    const result = nth(results, k);
    if (fills === null) {
      setRealizedStorage(node, result);
      trackStorage(result, scope);
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

const compute = async (backend: Backend, nodes: readonly Node[]): Promise<Storage[]> =>
  isGraphOracle(backend) ? interpret(backend, nodes) : executeGraph(backend, nodes);

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
export function realizeNodes(nodes: readonly Node[]): Promise<void> {
  refuseReadWhileRecording();
  const scope = currentScope();
  return inTurn(() => realizeNow(nodes, scope));
}

/** The same without waiting for a turn, for callers that run inside `inTurn`. */
export async function realizeNow(nodes: readonly Node[], scope = currentScope()): Promise<void> {
  try {
    const { backend, targets } = findWork(nodes);
    if (targets.length > 0) commit(targets, await compute(backend, nodesOf(targets)), scope);
  } catch (error) {
    postponeState();
    throw error;
  }
}

/** The same, blocking. Throws where the backend cannot block. */
export function realizeNodesSync(nodes: readonly Node[]): void {
  refuseReadWhileRecording();
  try {
    const { backend, targets } = findWork(nodes);
    if (targets.length > 0) commit(targets, computeSync(backend, nodesOf(targets)));
  } catch (error) {
    postponeState();
    throw error;
  }
}

const nodesOf = (targets: readonly Target[]): Node[] => targets.map((target) => target.node);

/** After a failure, assigned state is computed only when it is needed, so that its failure does not affect other computations. */
const postponeState = (): void => dirty.clear();

function readStorageSync(storage: Storage): TypedArray {
  const { backend } = storage;
  if (backend.readSync === undefined)
    throw new Error(`backend '${backend.name}' cannot be read synchronously: use await x.data() or await x.item()`);
  return decodeArray(storage.dtype, backend.readSync(allocationOf(storage), storage.dtype, storage.length));
}

/** The node's values, row-major, in a new array of `computeDType(node.dtype)`. */
export async function readNode(node: Node): Promise<TypedArray> {
  await realizeNodes([node]);
  const storage = computedStorage(node);
  return decodeArray(node.dtype, await storage.backend.read(allocationOf(storage), node.dtype, sizeOf(node.shape)));
}

/** The same, blocking. Throws where the backend cannot block. */
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
