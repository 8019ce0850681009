/**
 * From the roots backwards: which units must be stored, who reads each, and in which order the groups run. Groups without a unit that
 * must be stored are dropped.
 */
import type { Node } from '../graph/node.ts';
import { lookUp } from '../kernel/nth.ts';
import type { Group, Groups } from './group.ts';
import { axisMap, needsBuffer, type Unit, type UnitGraph } from './units.ts';

/** One read of a stored unit: the reader, its operand, and the views in between. */
export interface Use {
  readonly reader: Unit;
  readonly operand: number;
  readonly chain: readonly Node[];
}

/** What is stored, who reads it, and when groups run. */
export interface Demand {
  /** The units that each live group stores. */
  readonly stored: ReadonlyMap<Group, readonly Unit[]>;
  readonly uses: ReadonlyMap<Unit, readonly Use[]>;
  /** The groups that run, each after those that it reads from. */
  readonly order: readonly Group[];
}

/** Whether an operand, `base` seen through `chain`, is computed at the same element in the same kernel, that of `group`. */
export function computedInPlace(base: Unit, chain: readonly Node[], group: Group): boolean {
  return group.axes.has(base) && axisMap(base.node.shape, chain) !== null;
}

/** Finds out what must be stored. `order`: the graph's nodes in order of creation. */
export function findDemand(
  graph: UnitGraph,
  groups: Groups,
  inlined: ReadonlySet<Unit>,
  order: readonly Node[],
): Demand {
  const stored = new Map<Group, Unit[]>();
  const uses = new Map<Unit, Use[]>();
  const before = new Map<Group, Set<Group>>();
  const reached = new Set<Unit>();
  const followed = new Set<string>();
  const pending: Unit[] = [];
  const groupOf = (unit: Unit): Group => lookUp(groups.groupOf, unit);

  const demand = (unit: Unit): void => {
    const group = groupOf(unit);
    const list = stored.get(group) ?? [];
    stored.set(group, list);
    if (list.includes(unit)) return;
    list.push(unit);
    pending.push(unit);
  };
  const runsAfter = (group: Group, other: Unit): void => {
    const producer = groups.groupOf.get(other);
    if (producer === undefined || producer === group) return;
    const set = before.get(group) ?? new Set();
    before.set(group, set.add(producer));
  };

  /** Follows what the kernel of `group` reads in order to compute `unit`, seen through `chain`, for an operand of `reader`. */
  const follow = (unit: Unit, chain: readonly Node[], group: Group, reader: Unit, readerOperand: number): void => {
    const key = `${reader.node.id} ${unit.node.id} ${chain.map(({ id }) => id).join()}`;
    if (followed.has(key)) return;
    followed.add(key);
    for (const producer of unit.after) runsAfter(group, producer);
    unit.operands.forEach((operand, k) => {
      const base = graph.unitOf.get(operand.base);
      if (base === undefined) return;
      const through = [...operand.chain, ...chain];
      const direct = unit === reader;
      if (direct && computedInPlace(base, operand.chain, group) && !needsBuffer(unit, k)) member(base, group);
      else if (base.free || (inlined.has(base) && !needsBuffer(unit, k)))
        follow(base, through, group, reader, direct ? k : readerOperand);
      else {
        demand(base);
        runsAfter(group, base);
        const list = uses.get(base) ?? [];
        list.push({ reader, operand: direct ? k : readerOperand, chain: through });
        uses.set(base, list);
      }
    });
  };
  const member = (unit: Unit, group: Group): void => {
    if (reached.has(unit)) return;
    reached.add(unit);
    follow(unit, [], group, unit, -1);
  };

  for (const root of graph.roots) demand(root);
  for (let unit = pending.pop(); unit !== undefined; unit = pending.pop()) member(unit, groupOf(unit));

  return { stored, uses, order: orderGroups(order, stored, before) };
}

/**
 * Groups run in the order in which their results were created, as in an eager library: the gradient of a weight right after the gradient
 * that it needs, not when it is used, so that the memory of activations is free early. What a group reads always comes first.
 */
function orderGroups(
  nodes: readonly Node[],
  stored: ReadonlyMap<Group, readonly Unit[]>,
  before: ReadonlyMap<Group, ReadonlySet<Group>>,
): Group[] {
  const positions = new Map(nodes.map((node, position) => [node, position]));
  const positionOf = (units: readonly Unit[]): number =>
    Math.max(...units.map((unit) => positions.get(unit.node) ?? nodes.length));
  const live = [...stored].map(([group, units]) => ({ group, position: positionOf(units) }));
  live.sort((a, b) => a.position - b.position);
  const order: Group[] = [];
  const state = new Map<Group, 'open' | 'done'>();
  const stack: { group: Group; waits: Group[]; next: number }[] = [];
  const enter = (group: Group): void => {
    if (state.get(group) === 'done') return;
    if (state.get(group) === 'open') throw new Error('schedule: kernels depend on each other in a cycle');
    state.set(group, 'open');
    stack.push({ group, waits: [...(before.get(group) ?? [])].filter((other) => stored.has(other)), next: 0 });
  };
  for (const { group } of live) {
    enter(group);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const wait = top.waits[top.next++];
      if (wait !== undefined) enter(wait);
      else {
        state.set(top.group, 'done');
        order.push(top.group);
        stack.pop();
      }
    }
  }
  return order;
}
