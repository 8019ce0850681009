/**
 * Fusion: which units share a kernel. Every unit starts as a group of its own. Two groups are joined if one computes what the other uses
 * at the same element of one iteration domain, and no third group must run between them.
 *
 * A group's domain consists of the axes of size above 1 that its units range over. `reduced` marks the axes that its reductions run over:
 * a unit then varies either along all axes ("full"), or only along the others ("one value per row").
 */
import { lookUp, nth } from '../kernel/nth.ts';
import { RunningOrder } from './running-order.ts';
import type { Edge, Unit, UnitGraph } from './units.ts';

/** Units that share a kernel. */
export interface Group {
  kind: 'loop' | 'contract' | 'scatterAdd' | 'concat' | 'collective';
  /** In an order in which they can be computed, once all groups are made. */
  units: Unit[];
  /** Sizes of the axes. */
  domain: number[];
  reduced: Set<number>;
  /** For each unit, the domain's axis for each axis of its operand shape; -1 for axes of size 1. */
  axes: Map<Unit, number[]>;
}

function initialGroup(unit: Unit): Group {
  const domain: number[] = [];
  const axes = unit.operandShape.map((n) => (n === 1 ? -1 : domain.push(n) - 1));
  const reducedAxes = unit.node.op === 'reduce' ? unit.node.arg.axes.map((axis) => nth(axes, axis)) : [];
  const reduced = new Set(reducedAxes.filter((axis) => axis >= 0));
  const kind = unit.kind === 'element' || unit.kind === 'reduce' ? 'loop' : unit.kind;
  return { kind, units: [unit], domain, reduced, axes: new Map([[unit, axes]]) };
}

/** The domain's axis for each axis of a unit's result. */
export function resultAxes(group: Group, unit: Unit): number[] {
  const axes = lookUp(group.axes, unit);
  return axes.map((axis, k) => (unit.node.shape[k] === 1 ? -1 : axis));
}

/** Pairs (axis of the producer's domain, axis of the consumer's domain) that an edge ties together; null if it is not a reordering. */
function tiedAxes(edge: Edge, from: Group, to: Group): [number, number][] | null {
  if (edge.axes === null) return null;
  const producer = resultAxes(from, edge.producer);
  const consumer = lookUp(to.axes, edge.consumer);
  const pairs: [number, number][] = [];
  for (const [k, axis] of edge.axes.entries()) {
    const from = nth(producer, k);
    if (from >= 0 && axis >= 0) pairs.push([from, nth(consumer, axis)]);
  }
  return pairs;
}

/** The axes that a map does not map. */
const untied = (map: readonly number[]): number[] => map.flatMap((to, axis) => (to < 0 ? [axis] : []));

const identity = (size: number): number[] => Array.from({ length: size }, (_, k) => k);

const isIdentity = (map: readonly number[]): boolean => map.every((to, from) => to === from);

const equalSets = (a: ReadonlySet<number>, b: ReadonlySet<number>): boolean =>
  a.size === b.size && [...a].every((x) => b.has(x));

interface Joint {
  domain: number[];
  reduced: Set<number>;
  /** The joint domain's axis for each axis of the two groups' domains. */
  from: number[];
  to: number[];
}

/** The domain that the groups at the two ends of `edge` can share; null if there is none. */
function jointDomain(edge: Edge, from: Group, to: Group): Joint | null {
  const pairs = tiedAxes(edge, from, to);
  if (pairs === null) return null;
  const mapFrom = new Array<number>(from.domain.length).fill(-1);
  const mapTo = new Array<number>(to.domain.length).fill(-1);
  for (const [a, b] of pairs) {
    if (nth(mapFrom, a) < 0) mapFrom[a] = b;
    if (nth(mapTo, b) < 0) mapTo[b] = a;
  }
  const looseFrom = untied(mapFrom);
  const looseTo = untied(mapTo);

  if (looseFrom.length === 0 && looseTo.length === 0) {
    const moved = new Set([...from.reduced].map((a) => nth(mapFrom, a)));
    if (moved.size > 0 && to.reduced.size > 0 && !equalSets(moved, to.reduced)) return null;
    return {
      domain: to.domain,
      reduced: moved.size > 0 ? moved : to.reduced,
      from: mapFrom,
      to: identity(to.domain.length),
    };
  }
  const rowValue = looseFrom.length > 0 && equalSets(new Set(looseFrom), from.reduced);
  if (rowValue && looseTo.length > 0) {
    // One value per row, used along the whole row.
    const fits =
      looseFrom.length === looseTo.length && looseFrom.every((a, k) => from.domain[a] === to.domain[nth(looseTo, k)]);
    if (!fits || (to.reduced.size > 0 && !equalSets(to.reduced, new Set(looseTo)))) return null;
    looseFrom.forEach((a, k) => {
      mapFrom[a] = nth(looseTo, k);
    });
    return { domain: to.domain, reduced: new Set(looseTo), from: mapFrom, to: identity(to.domain.length) };
  }
  if (rowValue && to.reduced.size === 0) {
    // One value per row, used once per row.
    return { domain: from.domain, reduced: from.reduced, from: identity(from.domain.length), to: mapTo };
  }
  if (
    looseFrom.length === 0 &&
    from.reduced.size === 0 &&
    to.reduced.size > 0 &&
    equalSets(new Set(looseTo), to.reduced)
  )
    return { domain: to.domain, reduced: to.reduced, from: mapFrom, to: identity(to.domain.length) };
  return null;
}

function edgesBetween(from: Group, to: Group): Edge[] {
  return from.units.flatMap((unit) => unit.consumers.filter((edge) => to.axes.has(edge.consumer)));
}

/** Whether every value that passes between the groups is used at the element of the joint domain where it is computed. */
function consistent(edges: readonly Edge[], from: Group, to: Group, joint: Joint): boolean {
  const full = joint.domain.length;
  return edges.every((edge) => {
    const pairs = tiedAxes(edge, from, to);
    if (pairs?.every(([a, b]) => joint.from[a] === joint.to[b]) !== true) return false;
    // If the consumer ranges over more axes than the producer, the difference must be exactly the row.
    const covered = pairs.length;
    const consumerCovers = lookUp(to.axes, edge.consumer).filter((axis) => axis >= 0).length;
    return covered === consumerCovers || (consumerCovers === full && covered === full - joint.reduced.size);
  });
}

/** The domain of two groups that both reduce `unit` over the same of its axes, which must be all axes of both groups; null if they do not. */
function siblingDomain(unit: Unit, first: Edge, second: Edge, from: Group, to: Group): Joint | null {
  if (!equalSizes(from.domain, to.domain)) return null;
  const along = (edge: Edge, group: Group): number[] => {
    const axes = lookUp(group.axes, edge.consumer);
    return (edge.axes ?? []).map((axis) => (axis < 0 ? -1 : nth(axes, axis)));
  };
  const fromAxes = along(first, from);
  const toAxes = along(second, to);
  const map = from.domain.map((_, axis) => (fromAxes.includes(axis) ? nth(toAxes, fromAxes.indexOf(axis)) : -1));
  if (map.includes(-1) || unit.node.shape.length === 0) return null;
  if (!equalSets(new Set([...from.reduced].map((axis) => nth(map, axis))), to.reduced)) return null;
  return { domain: to.domain, reduced: to.reduced, from: map, to: to.domain.map((_, axis) => axis) };
}

/** Whether two domains have the same sizes in some order. */
const equalSizes = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && [...a].sort().join() === [...b].sort().join();

/** All groups of a graph, after fusion. */
export class Groups {
  readonly groupOf = new Map<Unit, Group>();
  readonly #order: RunningOrder<Group>;

  constructor({ units }: UnitGraph) {
    for (const unit of units) if (!unit.free) this.groupOf.set(unit, initialGroup(unit));
    this.#order = new RunningOrder([...this.groupOf.values()], (group) => this.#users(group));
    this.#fuse(units);
    for (const group of this.all()) group.units = [];
    for (const unit of units) this.groupOf.get(unit)?.units.push(unit);
  }

  *#users(group: Group): Iterable<Group> {
    for (const unit of group.units)
      for (const { consumer } of unit.consumers) {
        const user = this.groupOf.get(consumer);
        if (user !== undefined) yield user;
      }
  }

  /** The groups in order of their first unit. */
  all(): Group[] {
    return [...new Set(this.groupOf.values())];
  }

  #fuse(units: readonly Unit[]): void {
    const edges = units
      .flatMap((unit) => unit.consumers)
      .filter((edge) => edge.axes !== null && edge.producer.node.op !== 'materialize');
    const pass = (wanted: (from: Group, to: Group, edge: Edge) => boolean): void => {
      for (const edge of edges) {
        const from = this.groupOf.get(edge.producer);
        const to = this.groupOf.get(edge.consumer);
        if (from !== undefined && to !== undefined && from !== to && wanted(from, to, edge))
          this.#tryJoin(edge, from, to);
      }
    };
    const onlyReduced = (unit: Unit): boolean =>
      unit.consumers.length > 0 && unit.consumers.every(({ consumer }) => consumer.kind === 'reduce');
    const isEpilogue = (from: Group, to: Group, { consumer }: Edge): boolean =>
      from.kind === 'contract' && to.kind === 'loop' && to.reduced.size === 0 && !onlyReduced(consumer);
    // First what follows a contraction, whose result is then not written and read again (except a value that is only summed, which is
    // computed where it is summed). Then units that share a row with a reduction, then the rest, and last groups that only read the same.
    pass(isEpilogue);
    pass((from, to) => from.kind === 'loop' && to.kind === 'loop' && (from.reduced.size > 0 || to.reduced.size > 0));
    pass(
      (from, to, edge) =>
        (from.kind === 'loop' && (to.kind === 'loop' || to.kind === 'contract')) || isEpilogue(from, to, edge),
    );
    this.#joinSiblings(units);
  }

  /**
   * Joins reductions of one tensor over the same axes that do not depend on each other (the gradients of a normalization's weight and
   * bias), so that they read it once.
   */
  #joinSiblings(units: readonly Unit[]): void {
    for (const unit of units) {
      const readers = unit.consumers.filter((edge) => edge.axes !== null && this.#isReduction(edge.consumer));
      for (const [k, first] of readers.entries())
        for (const second of readers.slice(k + 1)) {
          const from = lookUp(this.groupOf, first.consumer);
          const to = lookUp(this.groupOf, second.consumer);
          if (from === to || from === this.groupOf.get(unit) || to === this.groupOf.get(unit)) continue;
          const joint = siblingDomain(unit, first, second, from, to);
          if (joint !== null) this.#join(from, to, joint, true);
        }
    }
  }

  #isReduction(unit: Unit): boolean {
    const group = this.groupOf.get(unit);
    return group?.kind === 'loop' && group.reduced.size > 0;
  }

  #tryJoin(edge: Edge, from: Group, to: Group): void {
    if (from.kind === 'contract' && to.kind === 'contract') return;
    const joint = jointDomain(edge, from, to);
    if (joint === null) return;
    const hasContraction = from.kind === 'contract' || to.kind === 'contract';
    if (hasContraction && (joint.reduced.size > 0 || joint.domain.length === 0)) return;
    if (consistent(edgesBetween(from, to), from, to, joint)) this.#join(from, to, joint, false);
  }

  /** Joins two groups, unless a value of one reaches the other through a third group (or, if `apart`, directly). */
  #join(from: Group, to: Group, joint: Joint, apart: boolean): void {
    // One of the two groups is kept and receives the other's units: the larger one, if its axes keep their numbers.
    const keepsFrom = !isIdentity(joint.to) || (isIdentity(joint.from) && from.units.length > to.units.length);
    const [kept, added, map] = keepsFrom ? [from, to, joint.to] : [to, from, joint.from];
    if (!this.#order.join(from, to, apart, kept)) return;
    if (added.kind === 'contract') kept.kind = 'contract';
    kept.domain = joint.domain;
    kept.reduced = joint.reduced;
    kept.units.push(...added.units);
    for (const [unit, axes] of added.axes) {
      kept.axes.set(
        unit,
        axes.map((axis) => (axis < 0 ? -1 : nth(map, axis))),
      );
      this.groupOf.set(unit, kept);
    }
  }
}
