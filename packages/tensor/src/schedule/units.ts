/**
 * Units: the nodes that compute something, with their operands seen through the views in between. Views cost nothing and are never
 * units.
 */

import * as graph from '../graph/graph.ts';
import { makeNode, type Node, type NodeOf } from '../graph/node.ts';
import { lookUp, nth } from '../kernel/nth.ts';
import { type Shape, sizeOf } from '../kernel/shape.ts';

type ViewOp = 'reshape' | 'permute' | 'expand' | 'pad' | 'shrink' | 'flip' | 'window' | 'barrier';

const viewOps: ReadonlySet<string> = new Set<ViewOp>([
  'reshape',
  'permute',
  'expand',
  'pad',
  'shrink',
  'flip',
  'window',
  'barrier',
]);

const isView = (node: Node): node is NodeOf<ViewOp> & Node => viewOps.has(node.op);

/** A value as its user sees it: `base` seen through the views of `chain`, the first of which is applied first. */
export interface Operand {
  readonly base: Node;
  readonly chain: readonly Node[];
}

function resolve(node: Node): Operand {
  const chain: Node[] = [];
  let base = node;
  while (isView(base)) {
    chain.push(base);
    base = nth(base.sources, 0);
  }
  return { base, chain: chain.reverse() };
}

/** How a unit is computed: element by element, as a reduction, or by a kernel of its own. */
type UnitKind = 'element' | 'reduce' | 'contract' | 'scatterAdd' | 'concat' | 'collective';

/** A node that computes something. */
export interface Unit {
  readonly node: Node;
  readonly kind: UnitKind;
  readonly operands: readonly Operand[];
  /** The shape of element-wise operands: the node's own, or for a reduction the shape of its source. */
  readonly operandShape: Shape;
  readonly consumers: Edge[];
  /** Units that must run before this one because of a barrier. */
  readonly after: readonly Unit[];
  /** Whether it does not depend on stored data, except a random key: it is computed wherever it is needed, and never stored. */
  readonly free: boolean;
}

/** The use of a producer's value as one operand of a consumer. */
export interface Edge {
  readonly producer: Unit;
  readonly consumer: Unit;
  /** The number of the operand; -1 if the producer only has to run first. */
  readonly operand: number;
  readonly chain: readonly Node[];
  /** For each axis of the producer, the axis of the consumer's operand shape; null if the chain is more than a reordering. */
  readonly axes: readonly number[] | null;
}

function kindOf(node: Node): UnitKind | null {
  switch (node.op) {
    case 'unary':
    case 'binary':
    case 'where':
    case 'random':
    case 'gather':
    case 'materialize':
      return 'element';
    case 'reduce':
    case 'contract':
    case 'scatterAdd':
    case 'concat':
    case 'collective':
      return node.op;
    default:
      return null;
  }
}

/**
 * For each axis of `shape`, the axis of the chain's result that it becomes, -1 for axes of size 1. Null if the chain does more than
 * permute axes, add or drop axes of size 1, and repeat axes of size 1.
 */
export function axisMap(shape: Shape, chain: readonly Node[]): number[] | null {
  let map = shape.map((n, axis) => (n === 1 ? -1 : axis));
  let current = shape;
  for (const view of chain) {
    if (view.op === 'permute') {
      const { axes } = view.arg;
      map = map.map((axis) => (axis < 0 ? -1 : axes.indexOf(axis)));
    } else if (view.op === 'reshape') {
      const large = (s: Shape): number[] => s.map((_, k) => k).filter((k) => s[k] !== 1);
      const from = large(current);
      const to = large(view.shape);
      if (from.length !== to.length || from.some((k, i) => current[k] !== view.shape[nth(to, i)])) return null;
      map = map.map((axis) => (axis < 0 ? -1 : nth(to, from.indexOf(axis))));
    } else if (view.op !== 'expand') return null;
    current = view.shape;
  }
  return map;
}

/** The index of a gather, in the shape of its result. */
function gatherIndex(node: NodeOf<'gather'>): Operand {
  const [table, index] = node.sources as [Node, Node];
  const { axis } = node.arg;
  const trailing = table.shape.length - axis - 1;
  const ones = (count: number): number[] => new Array<number>(count).fill(1);
  const aligned = [...ones(axis), ...index.shape, ...ones(trailing)];
  return resolve(graph.expand(graph.reshape(index, aligned), node.shape));
}

/** All units, in an order in which they can be computed. */
export interface UnitGraph {
  readonly units: readonly Unit[];
  readonly unitOf: ReadonlyMap<Node, Unit>;
  /** The unit of each root, whose value is stored row-major. */
  readonly roots: readonly Unit[];
}

/** The nodes that compute the roots. A root that is a view, a leaf, or equal to another root is copied. */
function rootNodes(roots: readonly Node[]): Node[] {
  const taken = new Set<Node>();
  return roots.map((root) => {
    let node = root;
    while (node.op === 'reshape') node = nth(node.sources, 0);
    if (kindOf(node) === null || taken.has(node)) node = makeNode('materialize', [node], null, node.shape, node.dtype);
    taken.add(node);
    return node;
  });
}

/** The units that the roots are computed from. */
export function buildUnits(rootValues: readonly Node[]): UnitGraph {
  const unitOf = new Map<Node, Unit>();
  const roots = rootNodes(rootValues);
  const isRoot = new Set(roots);
  const visit = (start: Node): void => {
    const stack: { node: Node; operands: Operand[]; bases: Node[]; next: number }[] = [];
    const enter = (node: Node): void => {
      if (unitOf.has(node) || kindOf(node) === null) return;
      const operands = node.sources.map(resolve);
      if (node.op === 'gather') operands[1] = gatherIndex(node);
      stack.push({ node, operands, bases: [...operands.map(({ base }) => base), ...orderedAfter(operands)], next: 0 });
    };
    enter(start);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const base = top.bases[top.next++];
      if (base !== undefined) {
        enter(base);
        continue;
      }
      stack.pop();
      if (!unitOf.has(top.node)) unitOf.set(top.node, makeUnit(top.node, top.operands, unitOf, isRoot.has(top.node)));
    }
  };
  for (const root of roots) visit(root);
  return { units: [...unitOf.values()], unitOf, roots: roots.map((root) => lookUp(unitOf, root)) };
}

/** The bases of the values that barriers in front of these operands require first. */
const orderedAfter = (operands: readonly Operand[]): Node[] =>
  operands.flatMap(({ chain }) =>
    chain.flatMap((view) => (view.op === 'barrier' ? view.sources.slice(1).map((s) => resolve(s).base) : [])),
  );

function makeUnit(node: Node, operands: readonly Operand[], unitOf: ReadonlyMap<Node, Unit>, isRoot: boolean): Unit {
  const kind = kindOf(node) as UnitKind;
  const operandShape = kind === 'reduce' ? nth(node.sources, 0).shape : node.shape;
  const generated = ({ base }: Operand): boolean =>
    base.op === 'const' || base.op === 'iota' || unitOf.get(base)?.free === true;
  const free =
    !isRoot &&
    kind === 'element' &&
    node.op !== 'gather' &&
    node.op !== 'materialize' &&
    (node.op === 'random' ? unitOf.get(nth(operands, 0).base) === undefined : operands.every(generated));
  const after = orderedAfter(operands).flatMap((base) => unitOf.get(base) ?? []);
  const unit: Unit = { node, kind, operands, operandShape, consumers: [], after, free };
  for (const producer of after)
    producer.consumers.push({ producer, consumer: unit, operand: -1, chain: [], axes: null });
  operands.forEach(({ base, chain }, operand) => {
    const producer = unitOf.get(base);
    if (producer === undefined) return;
    const axes = needsBuffer(unit, operand) ? null : axisMap(base.shape, chain);
    producer.consumers.push({ producer, consumer: unit, operand, chain, axes });
  });
  return unit;
}

/** Units whose kernels read all operands in an order of their own. */
const storedOperands: ReadonlySet<UnitKind> = new Set<UnitKind>(['contract', 'scatterAdd', 'concat', 'collective']);

/** Whether an operand must be stored, because the kernel does not read it element by element. */
export function needsBuffer(unit: Unit, operand: number): boolean {
  if (operand < 0) return false;
  if (storedOperands.has(unit.kind)) return true;
  return (unit.node.op === 'gather' && operand === 0) || unit.node.op === 'random';
}

/** Whether a chain reads an element more than once. */
export function repeats(shape: Shape, chain: readonly Node[]): boolean {
  let current = shape;
  for (const view of chain) {
    if (view.op === 'expand' && sizeOf(view.shape) > sizeOf(current)) return true;
    if (view.op === 'window')
      for (const { size, stride, dilation } of view.arg.windows) if (stride < dilation * (size - 1) + 1) return true;
    current = view.shape;
  }
  return false;
}
