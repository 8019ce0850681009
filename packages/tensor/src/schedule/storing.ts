/**
 * Which values are stored, and which are computed again where they are used.
 *
 * A value that another kernel uses is stored, unless computing it again costs less than writing and reading it: this applies to cheap
 * element-wise values of one stored tensor (and of small ones), and to element-wise values with a single use.
 */
import type { Node } from '../graph/node.ts';
import { binaryCost, unaryCost } from '../kernel/operators.ts';
import { sizeOf } from '../kernel/shape.ts';
import { contiguousView } from '../kernel/view.ts';
import type { Group, Groups } from './group.ts';
import { type Edge, needsBuffer, repeats, type Unit, type UnitGraph } from './units.ts';
import { viewThrough } from './views.ts';

/**
 * Twenty rounds of Threefry take about 100 additions. They count less than half, because a stored mask of random bits would also
 * occupy memory until the backward pass.
 */
const randomCost = 28;

function costOf(node: Node): number {
  if (node.op === 'unary') return unaryCost(node.arg.kind);
  if (node.op === 'binary') return binaryCost(node.arg.kind);
  return node.op === 'random' ? randomCost : 1;
}

/**
 * Writing and reading four f32 moves 32 bytes. At 8 bytes in a nanosecond, which one thread achieves outside of its caches, this takes as
 * long as 60 additions of vectors (0.067 ns each).
 */
const largestRecomputation = 60;

/** The units that users outside of their group compute again. */
export function chooseInlined(graph: UnitGraph, groups: Groups): Set<Unit> {
  const inlined = new Set<Unit>();
  const roots = new Set(graph.roots);
  const stored = new Set<Unit>(roots);
  const groupOf = (unit: Unit): Group | undefined => groups.groupOf.get(unit);
  const outside = (unit: Unit): Edge[] =>
    unit.consumers.filter(
      (edge) => edge.operand >= 0 && (edge.axes === null || groupOf(edge.consumer) !== groupOf(unit)),
    );

  /** The cost of computing `unit` from stored values, each value once. Adds the large tensors that this loads to `reads`, and the units to `seen`. */
  const recomputation = (unit: Unit, size: number, reads: Set<Node>, seen: Set<Unit>): number => {
    if (seen.has(unit)) return 0;
    seen.add(unit);
    let cost = costOf(unit.node);
    for (const { base } of unit.operands) {
      const producer = graph.unitOf.get(base);
      const small = sizeOf(base.shape) * 8 <= size;
      if (producer === undefined) {
        if (base.op !== 'const' && base.op !== 'iota' && !small) reads.add(base);
      } else if (producer.free) cost += recomputation(producer, size, reads, seen);
      else if (small) continue;
      else if (stored.has(producer)) reads.add(base);
      else if (isCheapKind(producer)) cost += recomputation(producer, size, reads, seen);
      else return Number.POSITIVE_INFINITY;
      if (cost > largestRecomputation) return Number.POSITIVE_INFINITY;
    }
    return cost;
  };

  for (const unit of graph.units) {
    if (unit.free) continue;
    const edges = outside(unit);
    if (edges.length === 0) continue;
    const flexible =
      isCheapKind(unit) &&
      !roots.has(unit) &&
      edges.every((edge) => !needsBuffer(edge.consumer, edge.operand) && !fenced(edge));
    if (flexible) {
      const reads = new Set<Node>();
      const needed = new Set<Unit>();
      const cost = recomputation(unit, sizeOf(unit.node.shape), reads, needed);
      if (cost <= largestRecomputation && reads.size <= (edges.length === 1 ? 2 : 1)) {
        for (const each of needed) inlined.add(each);
        continue;
      }
    }
    stored.add(unit);
  }

  // A group of element-wise units whose only result is used once, through views, is computed within its user.
  for (const group of groups.all()) {
    if (
      group.kind !== 'loop' ||
      group.reduced.size > 0 ||
      group.units.some((unit) => roots.has(unit) || !isCheapKind(unit))
    )
      continue;
    const results = group.units.filter((unit) => !inlined.has(unit) && outside(unit).length > 0);
    const [result] = results;
    if (results.length !== 1 || result === undefined || group.units.some((unit) => inlined.has(unit))) continue;
    const edges = outside(result);
    const [edge] = edges;
    if (edges.length !== 1 || edge === undefined || needsBuffer(edge.consumer, edge.operand) || fenced(edge)) continue;
    if (repeats(result.node.shape, edge.chain) || !expressible(result, edge.chain, graph, group)) continue;
    for (const unit of group.units) inlined.add(unit);
  }
  return inlined;
}

const isCheapKind = (unit: Unit): boolean =>
  unit.kind === 'element' && unit.node.op !== 'gather' && unit.node.op !== 'materialize';

const fenced = (edge: Edge): boolean => edge.chain.some((view) => view.op === 'barrier');

/** Whether every tensor that `unit` is computed from can be seen through `chain` as one view. */
function expressible(unit: Unit, chain: readonly Node[], graph: UnitGraph, group: Group): boolean {
  const seen = new Set<string>();
  const check = (each: Unit, through: readonly Node[]): boolean =>
    each.operands.every((operand, k) => {
      // It is read as a whole, wherever the unit is computed.
      if (needsBuffer(each, k)) return true;
      const further = [...operand.chain, ...through];
      const key = `${operand.base.id} ${further.map(({ id }) => id).join()}`;
      if (seen.has(key)) return true;
      seen.add(key);
      const producer = graph.unitOf.get(operand.base);
      if (producer !== undefined && (producer.free || group.axes.has(producer))) return check(producer, further);
      return viewThrough(contiguousView(operand.base.shape), further) !== null;
    });
  return check(unit, chain);
}
