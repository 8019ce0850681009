/** Points where a derivative jumps, and units that rounding moves across them. */
import { isFloat } from '@tessera/tensor';
import { type Node, unaryOperators } from '@tessera/tensor/graph';
import type { Operation } from './two-precisions.ts';

type Values = ArrayLike<number>;

/** A unit whose value is on one side of a kink in f32 and on the other in f64. */
export interface Crossing {
  /** The path of the module. */
  readonly scope: string;
  /** What is at the kink: `max`, `lt`, `floor`, ... */
  readonly kind: string;
  /** The position of the unit. */
  readonly index: readonly number[];
  /** The distance from the kink in both precisions. */
  readonly single: number;
  readonly double: number;
  /** The largest absolute value of the tensor that the unit belongs to. */
  readonly scale: number;
}

/** The units that are on different sides of a kink through which derivatives of the loss flow. */
export function crossingsOf(differentiated: ReadonlySet<Node>, operations: readonly Operation[]): Crossing[] {
  const all = operations.flatMap((operation) => (differentiated.has(operation.node) ? crossingsAt(operation) : []));
  // Several operations may be at the same kink.
  return [...new Map(all.map((crossing) => [JSON.stringify(crossing), crossing])).values()];
}

function crossingsAt(operation: Operation): Crossing[] {
  const { node, sources } = operation;
  const [a, b] = sources;
  if (a === undefined || !isFloat(a.node.dtype)) return [];
  // relu compares max(x, 0) with 0: the unit is x.
  const larger = node.op === 'binary' && node.arg.kind === 'eq' ? sources.find(isMaximum) : undefined;
  if (larger !== undefined) return crossingsAt(larger);
  if (node.op === 'binary' && b !== undefined && ['max', 'lt', 'eq', 'copysign'].includes(node.arg.kind))
    return compareMargins(node, node.arg.kind, node.arg.kind === 'copysign' ? onlySecond(a, b) : margins(a, b));
  if (node.op === 'unary' && node.arg.kind !== 'cast' && unaryOperators[node.arg.kind].smooth.startsWith('between'))
    return compareMargins(node, node.arg.kind, steps(a, operation));
  if (node.op === 'reduce' && node.arg.kind === 'max') return movedMaxima(node, a, node.arg.axes);
  return [];
}

const isMaximum = ({ node }: Operation): boolean => node.op === 'binary' && node.arg.kind === 'max';

interface Margins {
  readonly single: (i: number) => number;
  readonly double: (i: number) => number;
  readonly length: number;
  readonly scale: number;
}

const valueAt = (values: Values, i: number): number => values[i] ?? Number.NaN;

const scaleOf = (...operands: readonly Operation[]): number =>
  operands.reduce((most, { double }) => Array.from(double).reduce((m, x) => Math.max(m, Math.abs(x)), most), 0);

/** a - b. */
const margins = (a: Operation, b: Operation): Margins => ({
  single: (i) => valueAt(a.single, i) - valueAt(b.single, i),
  double: (i) => valueAt(a.double, i) - valueAt(b.double, i),
  length: a.double.length,
  scale: scaleOf(a, b),
});

const onlySecond = (_: Operation, b: Operation): Margins => ({
  single: (i) => valueAt(b.single, i),
  double: (i) => valueAt(b.double, i),
  length: b.double.length,
  scale: scaleOf(b),
});

/** The distance from the step that lies between the two values of a function such as floor: 0 where they are the same. */
const steps = (a: Operation, { single, double }: Operation): Margins => {
  const isSame = (i: number): boolean => valueAt(single, i) === valueAt(double, i);
  const step = (i: number): number => Math.round(2 * valueAt(a.double, i)) / 2;
  return {
    single: (i) => (isSame(i) ? 1 : valueAt(a.single, i) - step(i)),
    double: (i) => (isSame(i) ? 1 : valueAt(a.double, i) - step(i)),
    length: a.double.length,
    scale: scaleOf(a),
  };
};

function compareMargins(node: Node, kind: string, { single, double, length, scale }: Margins): Crossing[] {
  const crossings: Crossing[] = [];
  for (let i = 0; i < length; i++) {
    const [s, d] = [single(i), double(i)];
    if (Math.sign(s) === Math.sign(d) || Number.isNaN(s) || Number.isNaN(d)) continue;
    crossings.push({ scope: node.scope, kind, index: positionOf(i, node.shape), single: s, double: d, scale });
  }
  return crossings;
}

function positionOf(i: number, shape: readonly number[]): number[] {
  let rest = i;
  return shape.map((_, axis) => {
    const stride = shape.slice(axis + 1).reduce((product, n) => product * n, 1);
    const position = Math.floor(rest / stride);
    rest %= stride;
    return position;
  });
}

/** Groups whose largest value is at another position. The distance is from the largest value that f64 has there to its rival. */
function movedMaxima(node: Node, a: Operation, axes: readonly number[]): Crossing[] {
  const { shape } = a.node;
  const best = new Map<string, { single: number; double: number }>();
  for (let i = 0; i < a.double.length; i++) {
    const group = positionOf(i, shape)
      .map((p, axis) => (axes.includes(axis) ? 0 : p))
      .join();
    const found = best.get(group);
    if (found === undefined) best.set(group, { single: i, double: i });
    else {
      if (valueAt(a.single, i) > valueAt(a.single, found.single)) found.single = i;
      if (valueAt(a.double, i) > valueAt(a.double, found.double)) found.double = i;
    }
  }
  return [...best].flatMap(([group, { single, double }]) =>
    single === double
      ? []
      : [
          {
            scope: node.scope,
            kind: 'max',
            index: group.split(',').map(Number),
            single: valueAt(a.single, double) - valueAt(a.single, single),
            double: valueAt(a.double, double) - valueAt(a.double, single),
            scale: scaleOf(a),
          },
        ],
  );
}
