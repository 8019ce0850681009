/** `tidy`: memory that is freed at the end of a scope, without waiting for the garbage collector. */

import { type Node, orderNodes } from './graph/node.ts';
import { realizedStorage, type Storage } from './graph/storage.ts';
import { pendingNodes } from './runtime/realize.ts';
import { isRecording } from './runtime/recording.ts';
import { runInScope, Scope, trackStorage } from './runtime/scope.ts';
import { Tensor } from './tensor.ts';

/** The nodes of all tensors in a value: of the value itself, and inside arrays, maps, sets and plain objects. */
function nodesIn(value: unknown, found: Set<Node> = new Set(), seen: Set<object> = new Set()): Set<Node> {
  if (typeof value !== 'object' || value === null || seen.has(value)) return found;
  seen.add(value);
  if (value instanceof Tensor) {
    found.add(value.node);
    nodesIn(value.grad, found, seen);
  } else if (value instanceof Map) for (const pair of value) nodesIn(pair, found, seen);
  else if (Array.isArray(value) || value instanceof Set) for (const element of value) nodesIn(element, found, seen);
  else if (!ArrayBuffer.isView(value)) for (const element of Object.values(value)) nodesIn(element, found, seen);
  return found;
}

/** What a node needs to keep: its history, as far as it is known. A buffer whose value is pending needs the node that computes it. */
function neededSources(node: Node): readonly Node[] {
  if (node.op === 'buffer') return node.arg.storage.pending === null ? [] : [node.arg.storage.pending];
  return node.sources;
}

/** Releases the storages that were created in a scope and that neither its result nor assigned state needs; the others pass to the outer scope. */
function close({ made, outer }: Scope, result: unknown): void {
  const needed = new Set<Storage>();
  for (const node of orderNodes([...nodesIn(result), ...pendingNodes()], neededSources)) {
    const storage = node.op === 'buffer' ? node.arg.storage : realizedStorage(node);
    if (storage !== undefined) needed.add(storage);
  }
  for (const storage of made) {
    if (needed.has(storage)) trackStorage(storage, outer);
    else storage.release();
  }
}

/**
 * Runs `body`, which may be asynchronous, and frees the memory of the values that were created inside, without waiting for the garbage
 * collector. What the result needs is kept: the tensors in it (also in arrays, maps and plain objects), their gradients, and what these
 * are computed from. State that was assigned inside is kept as well, and so are the values of tensors that were made outside. Reading
 * any other tensor that was made and computed inside, or filled with data there, throws afterwards.
 *
 * Inside a compiled function `tidy` only calls `body`: a compiled step manages its own memory.
 */
export function tidy<T>(body: () => T): T {
  if (isRecording()) return body();
  const scope = new Scope();
  let result: T;
  try {
    result = runInScope(scope, body);
  } catch (error) {
    close(scope, null);
    throw error;
  }
  if (!(result instanceof Promise)) {
    close(scope, result);
    return result;
  }
  return result.then(
    (value) => {
      close(scope, value);
      return value;
    },
    (error) => {
      close(scope, null);
      throw error;
    },
  ) as T;
}
