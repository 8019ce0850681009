/** Computing what nodes stand for, and reading it. */

import { buffer, materialize } from '../graph/graph.ts';
import { type Node, orderNodes } from '../graph/node.ts';
import {
  allocationOf,
  realizedStorage,
  type Storage,
  setRealizedStorage,
  storeArray,
  uncomputedSources,
} from '../graph/storage.ts';
import { type Backend, getBackend, openBackend } from '../kernel/backend.ts';
import { decodeArray, type TypedArray } from '../kernel/dtype.ts';
import { elementAt } from '../kernel/element-at.ts';
import { sizeOf } from '../kernel/shape.ts';
import { executeGraph, executeGraphSync } from './execute.ts';
import { type GraphOracle, isGraphOracle } from './oracle.ts';
import { refuseReadWhileRecording } from './recording.ts';
import { currentScope, trackStorage } from './scope.ts';

/** Assigned state that was not computed yet. The next realisation on its backend computes it too, so that graphs do not grow. */
const dirty = new Set<Storage>();

export const markDirty = (storage: Storage): void => {
  dirty.add(storage);
};

/** The nodes that assigned state waits for. */
export const pendingNodes = (): Node[] => [...dirty].flatMap(({ pending }) => (pending === null ? [] : [pending]));

const storageOf = (node: Node): Storage | undefined =>
  node.op === 'buffer' ? node.arg.storage : realizedStorage(node);

/** The backend on which the values below the nodes live; undefined where none are stored. */
export function findBackend(nodes: readonly Node[]): Backend | undefined {
  let first: Backend | undefined;
  for (const node of orderNodes(nodes, uncomputedSources)) {
    const backend = storageOf(node)?.backend;
    first ??= backend;
    if (backend !== undefined && backend !== first)
      throw new Error(
        `realize: values of one computation live on two backends, '${(first as Backend).name}' and '${backend.name}'; ` +
          `move one of them: await x.to('${backend.name}'), or a whole model and its optimiser: await model.to('${backend.name}')`,
      );
  }
  return first;
}

/** What has to be computed: a node, and the pending storage that takes the value, if one does. */
interface Target {
  readonly node: Node;
  readonly fills: Storage | null;
}

/** The nodes that are not computed, the pending storages they depend on, and all assigned state of the same backend. */
function findWork(nodes: readonly Node[]): { backend: Backend; targets: Target[] } {
  const backend = findBackend(nodes) ?? getBackend();
  for (const storage of dirty) if (storage.pending === null) dirty.delete(storage);
  const state = [...dirty].filter((storage) => storage.backend === backend);
  const all = [...nodes, ...state.map((storage) => storage.pending as Node)];
  findBackend(all);
  const roots = new Set(nodes.filter((node) => node.op !== 'buffer' && realizedStorage(node) === undefined));
  const pending = new Set(state);
  for (const node of orderNodes(all, uncomputedSources))
    if (node.op === 'buffer' && node.arg.storage.pending !== null) pending.add(node.arg.storage);
  const targets: Target[] = [...roots].map((node) => ({ node, fills: null }));
  for (const fills of pending) {
    const node = fills.pending as Node;
    // Every target has a storage of its own: what is stored, or computed for another target, is copied.
    const copied = roots.has(node) || storageOf(node) !== undefined;
    roots.add(node);
    targets.push({ node: copied ? materialize(node) : node, fills });
  }
  return { backend, targets };
}

/** Each target's value moves to where it belongs. */
function commit(targets: readonly Target[], results: readonly Storage[], scope = currentScope()): void {
  targets.forEach(({ node, fills }, k) => {
    const result = elementAt(results, k);
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
  return values.map((value, k) => storeArray(backend, elementAt(nodes, k).dtype, value));
}

const compute = async (backend: Backend, nodes: readonly Node[]): Promise<Storage[]> =>
  isGraphOracle(backend) ? interpret(backend, nodes) : executeGraph(backend, nodes);

const computeSync = (backend: Backend, nodes: readonly Node[]): Storage[] =>
  isGraphOracle(backend) ? interpret(backend, nodes) : executeGraphSync(backend, nodes);

/** Realisations run one after the other, so that none computes what another already does. */
let lastRealization: Promise<void> = Promise.resolve();

/** Runs `body` after all computations that were asked for before, and before all that are asked for later. */
export function inTurn<T>(body: () => Promise<T>): Promise<T> {
  const turn = lastRealization.then(body);
  lastRealization = turn.then(
    () => {},
    () => {},
  );
  return turn;
}

/** Computes and stores the values of all nodes together, and assigned state with them. */
export function realizeNodes(nodes: readonly Node[]): Promise<void> {
  refuseReadWhileRecording();
  const scope = currentScope();
  return inTurn(() => realizeNow(nodes, scope));
}

/** The same without waiting for a turn: for those who have it. */
export async function realizeNow(nodes: readonly Node[], scope = currentScope()): Promise<void> {
  try {
    const { backend, targets } = findWork(nodes);
    if (targets.length > 0) commit(targets, await compute(backend, nodesOf(targets)), scope);
  } catch (error) {
    postponeState();
    throw error;
  }
}

/** The same, blocking, where the backend can. */
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

/** After a failure assigned state is computed only where it is needed: what failed must not fail what does not depend on it. */
const postponeState = (): void => dirty.clear();

function readStorageSync(storage: Storage): TypedArray {
  const { backend } = storage;
  if (backend.readSync === undefined)
    throw new Error(`backend '${backend.name}' cannot be read synchronously: use await x.data() or await x.item()`);
  return decodeArray(storage.dtype, backend.readSync(allocationOf(storage), storage.dtype, storage.length));
}

/** The node's values, row by row, in an array of their own, of `computeDType(node.dtype)`. */
export async function readNode(node: Node): Promise<TypedArray> {
  await realizeNodes([node]);
  const storage = realizedStorage(node) as Storage;
  return decodeArray(node.dtype, await storage.backend.read(allocationOf(storage), node.dtype, sizeOf(node.shape)));
}

export function readNodeSync(node: Node): TypedArray {
  realizeNodesSync([node]);
  return readStorageSync(realizedStorage(node) as Storage);
}

/**
 * A stored leaf with the node's values on another backend; the node itself where they are, or will be computed, there already. The
 * values pass through JavaScript's memory.
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
