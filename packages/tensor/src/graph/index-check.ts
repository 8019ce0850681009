/**
 * Checks of indices. Kernels do not check: a position outside of a table is clamped, or skipped. So an operation with indices notes, on its
 * node, which values are allowed, unless the graph itself proves them. The values are checked when the node is computed outside of
 * compiled functions, and in compiled functions with `check: true`.
 */
import { isFloat } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { formatShape, type Shape, sizeOf } from '../kernel/shape.ts';
import * as graph from './graph.ts';
import { addCheck, type BinaryOp, type Check, type Node, type UnaryOp } from './node.ts';
import { realizedStorage } from './storage.ts';
import { captureTrace, formatPlace, type Trace } from './user-line.ts';

/** Which indices an operation allows. */
export interface IndexRange {
  /** The name of the operation in messages. */
  readonly op: string;
  /** The smallest index that is allowed. Default: 0. */
  readonly low?: number;
  /** The indices are below this number. */
  readonly high: number;
  /** A value that is allowed in addition, such as the label of what is ignored. */
  readonly except?: number;
}

/** A check of the indices that a node reads. */
class IndexCheck implements Check {
  readonly op: string;
  readonly low: number;
  readonly high: number;
  readonly except: number | undefined;
  /** The indices: i32 or u8. */
  readonly subject: Node;
  /** The scope in which the operation was made. */
  readonly scope: string;
  /** Whether the values were checked and are in range. */
  passed = false;
  #trace: Trace | null;
  #flag: Node | null = null;

  constructor(index: Node, { op, low = 0, high, except }: IndexRange, scope: string, trace: Trace | null) {
    this.subject = index;
    this.op = op;
    this.low = low;
    this.high = high;
    this.except = except;
    this.scope = scope;
    this.#trace = trace;
  }

  /** i32 [], 0 where all indices are in range; else the number of indices from the first bad one to the end. */
  get flag(): Node {
    this.#flag ??= flagOf(this.subject, this);
    return this.#flag;
  }

  flagOf(values: Node): Node {
    return flagOf(values, this);
  }

  pass(): void {
    this.passed = true;
    this.#trace = null;
    this.#flag = null;
  }

  /** The error for a flag that is not 0. `values` are those of the index. */
  error(flag: number, values: ArrayLike<number>): RangeError {
    const position = sizeOf(this.subject.shape) - flag;
    const also = this.except === undefined ? '' : ` or ${this.except}`;
    return new RangeError(
      `${this.op}: index ${values[position]} at position ${formatShape(coordinates(position, this.subject.shape))} of ` +
        `${formatShape(this.subject.shape)} is out of range: it must be from ${this.low} to ${this.high - 1}${also}` +
        formatPlace(this.scope, this.#trace),
    );
  }
}

/** The coordinates of a row-major position. */
export function coordinates(position: number, shape: Shape): number[] {
  let rest = position;
  return [...shape]
    .reverse()
    .map((size) => {
      const at = rest % size;
      rest = (rest - at) / size;
      return at;
    })
    .reverse();
}

function flagOf(index: Node, { low, high, except }: { low: number; high: number; except: number | undefined }): Node {
  const count = sizeOf(index.shape);
  const values = graph.cast(graph.reshape(index, [count]), 'i32');
  const filled = (value: number): Node => graph.constant(value, [count], 'i32');
  const below = graph.binary('lt', values, filled(low));
  const above = graph.binary('lt', filled(high - 1), values);
  let bad = graph.binary('or', below, above);
  if (except !== undefined) {
    const other = graph.binary('xor', graph.binary('eq', values, filled(except)), graph.constant(1, [count], 'bool'));
    bad = graph.binary('and', bad, other);
  }
  return firstOf(bad);
}

/** i32 [], for bool [n]: 0 if none is true, else n minus the position of the first that is. */
export function firstOf(bad: Node): Node {
  const count = nth(bad.shape, 0);
  const fromEnd = graph.binary(
    'add',
    graph.constant(count, [count], 'i32'),
    graph.binary('mul', graph.iota([count], 0), graph.constant(-1, [count], 'i32')),
  );
  const marked = graph.where(bad, fromEnd, graph.constant(0, [count], 'i32'));
  return graph.reshape(graph.reduce('max', marked, [0]), []);
}

/**
 * Makes `node`, which was just made, check the values of `index` when it is computed; returns `node`. Indices that cannot be out of range
 * are not checked: those of constants, of `iota` and `argmax`, and of small data from the host.
 */
export function checkIndex(node: Node, index: Node, range: IndexRange): Node {
  const { low = 0, high, except } = range;
  if (sizeOf(index.shape) === 0) return node;
  const known = rangeOf(index);
  if (known !== null && known[0] >= low && known[1] < high && except === undefined) return node;
  addCheck(node, new IndexCheck(index, range, node.scope, captureTrace()));
  return node;
}

type Range = readonly [least: number, greatest: number];

const unite = (ranges: readonly (Range | null)[]): Range | null =>
  ranges.reduce((a, b) => (a === null || b === null ? null : [Math.min(a[0], b[0]), Math.max(a[1], b[1])]));

const declared = new WeakMap<Node, Range>();

/** States which values the integers of a node have, where its operations do not show it; returns the node. */
export function declareRange(node: Node, range: Range): Node {
  declared.set(node, range);
  return node;
}

/** How deep the graph below an index is searched. */
const depthLimit = 24;

/** The least and the greatest value that integers can have, as far as the graph shows; null where it does not. */
export function rangeOf(node: Node, depth = 0): Range | null {
  const known = declared.get(node) ?? realizedStorage(node)?.range ?? null;
  if (known !== null) return known;
  if (node.dtype === 'bool') return [0, 1];
  const wide = node.dtype === 'u8' ? ([0, 255] as const) : null;
  if (depth > depthLimit || isFloat(node.dtype) || sizeOf(node.shape) === 0) return wide;
  const of = (k: number): Range | null => {
    const source = node.sources[k];
    return source === undefined ? null : rangeOf(source, depth + 1);
  };
  const found = searchRange(node, of);
  // Sums and products beyond 32 bits wrap around.
  return found !== null && found[0] >= -(2 ** 31) && found[1] < 2 ** 31 ? found : wide;
}

function searchRange(node: Node, of: (source: number) => Range | null): Range | null {
  switch (node.op) {
    case 'const':
      return Number.isInteger(node.arg.value) ? [node.arg.value, node.arg.value] : null;
    case 'iota':
      return [0, nth(node.shape, node.arg.axis) - 1];
    case 'reshape':
    case 'permute':
    case 'expand':
    case 'shrink':
    case 'flip':
    case 'window':
    case 'gather':
    case 'detach':
    case 'materialize':
    case 'barrier':
      return of(0);
    case 'unary':
      return unaryRange(node.arg.kind, of(0));
    case 'pad':
      return unite([of(0), [0, 0]]);
    case 'concat':
      return unite(node.sources.map((_, k) => of(k)));
    case 'where':
      return unite([of(1), of(2)]);
    case 'reduce':
      return node.arg.kind === 'max' ? of(0) : null;
    case 'binary':
      return binaryRange(node.arg.kind, of(0), of(1));
    default:
      return null;
  }
}

function unaryRange(kind: UnaryOp, source: Range | null): Range | null {
  if (source === null) return null;
  if (kind === 'neg') return [-source[1], -source[0]];
  return kind === 'cast' ? source : null;
}

function binaryRange(kind: BinaryOp, a: Range | null, b: Range | null): Range | null {
  if (a === null || b === null) return null;
  switch (kind) {
    case 'add':
      return [a[0] + b[0], a[1] + b[1]];
    case 'mul': {
      const products = [a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]];
      return [Math.min(...products), Math.max(...products)];
    }
    case 'max':
      return [Math.max(a[0], b[0]), Math.max(a[1], b[1])];
    case 'mod': {
      // The result has the sign of the dividend; where the divisor is 0, it is 0.
      const most = Math.max(Math.abs(b[0]), Math.abs(b[1]), 1) - 1;
      return [a[0] < 0 ? -most : 0, a[1] > 0 ? most : 0];
    }
    default:
      return null;
  }
}
