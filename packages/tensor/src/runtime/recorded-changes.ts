/**
 * Compares two recordings of a function. What the function reads from outside is fixed in its program: a number, or data that it makes a
 * tensor of. If one of them changes, a program goes on with the old value.
 */
import { formatOperation } from '../graph/format-graph.ts';
import { type Node, orderNodes, originOf, type Storage } from '../graph/node.ts';
import { pendingNode, realizedStorage } from '../graph/storage.ts';
import { formatPlace } from '../graph/user-line.ts';
import type { DType } from '../kernel/dtype.ts';
import { formatShape, sameShape } from '../kernel/shape.ts';
import { readStorage } from './realize.ts';

/** The storage of a value from outside of the recorded graph. */
const outside = (node: Node): Storage | undefined => realizedStorage(node);

const sourcesOf = (node: Node): readonly Node[] => {
  if (outside(node) !== undefined) return [];
  return node.op === 'buffer' ? [pendingNode(node.arg.storage)] : node.sources;
};

/** The argument of an operation as text, without what differs between recordings. */
const argument = ({ op, arg }: Node): string =>
  op === 'buffer' || op === 'const' || op === 'custom' || op === 'barrier' ? '' : JSON.stringify(arg);

const place = (node: Node): string => formatPlace(node.scope, originOf(node)?.trace ?? null);

/** The number as it was written: constants of f32 are rounded, and would have many digits. */
function asWritten(value: number, dtype: DType): string {
  if (dtype !== 'f64')
    for (let digits = 1; digits < 9; digits++) {
      const short = Number(value.toPrecision(digits));
      if (Math.fround(short) === value) return String(short);
    }
  return String(value);
}

/** The first operation that uses the value, through views. */
function firstUser(node: Node, order: readonly Node[]): Node {
  const carriers = new Set([node]);
  for (const user of order) {
    if (!sourcesOf(user).some((source) => carriers.has(source))) continue;
    if (!['reshape', 'permute', 'expand', 'shrink', 'flip', 'pad', 'window'].includes(user.op)) return user;
    carriers.add(user);
  }
  return node;
}

const remedy =
  'pass it as a tensor, among the arguments or as a tensor that is assigned; otherwise the program keeps the old value';

/** Whether two tensors from outside are the same state, or hold the same values. */
async function sameValues(before: Storage, now: Storage): Promise<boolean> {
  if (before === now) return true;
  if (before.cell !== null && before.cell === now.cell) return true;
  if (before.dtype !== now.dtype || before.length !== now.length || before.backend !== now.backend) return false;
  if (before.released || now.released) return false;
  const [old, current] = [await readStorage(before), await readStorage(now)];
  return old.every((value, k) => Object.is(value, current[k]));
}

/**
 * Throws if two recordings of a function do not describe the same program.
 *
 * @throws Error with the first difference
 */
export async function refuseChanges(name: string, before: readonly Node[], now: readonly Node[]): Promise<void> {
  const what = name === '' ? 'compile: the function' : `compile: '${name}'`;
  const [old, current] = [orderNodes(before, sourcesOf), orderNodes(now, sourcesOf)];
  const positions = [old, current].map((order) => new Map(order.map((node, k) => [node, k])));
  for (let k = 0; k < Math.max(old.length, current.length); k++) {
    const [a, b] = [old[k], current[k]];
    if (a === undefined || b === undefined) {
      const node = (a ?? b) as Node;
      throw new Error(
        `${what} was recorded again and is now ${b === undefined ? 'shorter' : 'longer'}: ` +
          `${formatOperation(node)} is ${b === undefined ? 'missing' : 'new'}${place(node)}; something that it reads from outside has changed`,
      );
    }
    if (a.op === 'const' && b.op === 'const' && a.dtype === b.dtype && sameShape(a.shape, b.shape)) {
      if (Object.is(a.arg.value, b.arg.value)) continue;
      const user = firstUser(b, current);
      throw new Error(
        `${what} reads a number from outside that has changed since it was recorded: ${asWritten(a.arg.value, a.dtype)} is now ${asWritten(b.arg.value, b.dtype)}, ` +
          `in ${formatOperation(user)} ${formatShape(user.shape)}${place(b)}; ${remedy}`,
      );
    }
    const sources = [a, b].map((node, side) =>
      sourcesOf(node)
        .map((source) => positions[side]?.get(source))
        .join(),
    );
    const [stored, storedNow] = [outside(a), outside(b)];
    if (stored !== undefined && storedNow !== undefined && sameShape(a.shape, b.shape)) {
      if (await sameValues(stored, storedNow)) continue;
      const user = firstUser(b, current);
      throw new Error(
        `${what} reads data from outside that have changed since it was recorded: ${b.dtype} ${formatShape(b.shape)}, ` +
          `in ${formatOperation(user)}${place(user)}; ${remedy}`,
      );
    }
    const same =
      a.op === b.op &&
      a.dtype === b.dtype &&
      sameShape(a.shape, b.shape) &&
      argument(a) === argument(b) &&
      sources[0] === sources[1];
    if (!same)
      throw new Error(
        `${what} was recorded again and is another program now: where it had ${formatOperation(a)} ${formatShape(a.shape)}, ` +
          `it has ${formatOperation(b)} ${formatShape(b.shape)}${place(b)}; something that it reads from outside has changed, such as a ` +
          `number, an option or the mode of a module; ${remedy}`,
      );
  }
}
