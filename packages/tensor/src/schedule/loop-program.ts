/** Builds the program of a kernel from the units of its group and what they read. */

import type { Node, NodeOf } from '../graph/node.ts';
import { computeDType, type DType, type HalfDType, isHalf } from '../kernel/dtype.ts';
import type { Value } from '../kernel/kernel.ts';
import { lookUp, nth } from '../kernel/nth.ts';
import type { RoundOp } from '../kernel/operators.ts';
import { contiguousView, stridedView, type View } from '../kernel/view.ts';
import { computedInPlace } from './demand.ts';
import { type Group, resultAxes } from './group.ts';
import { emitThreefry, ProgramBuilder } from './program-builder.ts';
import type { Operand, Unit } from './units.ts';
import { overDomain, viewThrough } from './views.ts';

const keyOf = ({ base, chain }: Operand): string => `${base.id} ${chain.map(({ id }) => id).join()}`;

/** The view of a generated value: of an iota, a view whose position is the value; of anything else, a view of stride 0 for its guards. */
function generatedView(node: Node): View {
  const along = node.op === 'iota' ? node.arg.axis : -1;
  return stridedView(
    node.shape,
    node.shape.map((_, k) => (k === along ? 1 : 0)),
  );
}

const roundOps: Readonly<Record<HalfDType, RoundOp>> = { f16: 'roundF16', bf16: 'roundBf16' };

/** The place of a stored value. `view` is over the shape of the value. */
export interface Location {
  readonly buffer: number;
  readonly view: View;
}

/** What a program needs to know about values outside of its group. */
export interface ProgramSources {
  unitOf(node: Node): Unit | undefined;
  isComputedAgain(unit: Unit): boolean;
  /** A stored value seen through views. */
  through(operand: Operand): Location;
  /** The same for a value that is not stored otherwise: it is written to a buffer first. */
  stored(operand: Operand): Location;
}

/** The program of one kernel. `order`: the group's axes as the kernel's domain lists them; -1 for an axis of size 1. */
export class LoopProgram {
  readonly program = new ProgramBuilder();
  readonly #sources: ProgramSources;
  readonly #group: Group;
  readonly #order: readonly number[];
  readonly #domain: number[];
  readonly #accumulated: Unit | null;
  readonly #members = new Map<Unit, Value>();
  readonly #outside = new Map<string, Value>();
  readonly #expressibility = new Map<string, boolean>();

  constructor(sources: ProgramSources, group: Group, order: readonly number[], accumulated: Unit | null = null) {
    this.#sources = sources;
    this.#group = group;
    this.#order = order;
    this.#domain = order.map((axis) => (axis < 0 ? 1 : nth(group.domain, axis)));
    this.#accumulated = accumulated;
  }

  storeUnit(unit: Unit, { buffer, view }: Location): void {
    const axes = resultAxes(this.#group, unit);
    const { dtype } = unit.node;
    // Rounding is left to the store.
    const value = isHalf(dtype) ? this.program.beforeRounding(this.member(unit), roundOps[dtype]) : this.member(unit);
    const covered = new Set(axes);
    const oncePerRow = this.#group.reduced.size > 0 && ![...this.#group.reduced].every((axis) => covered.has(axis));
    this.program.store({ value, access: { buffer, view: this.#toDomain(view, axes) }, oncePerRow });
  }

  /** The value of a unit of the group. */
  member(unit: Unit): Value {
    const known = this.#members.get(unit);
    if (known !== undefined) return known;
    const dtype = computeDType(unit.node.dtype);
    const axes = lookUp(this.#group.axes, unit);
    const value =
      unit === this.#accumulated
        ? this.program.add({ op: 'accumulator', dtype })
        : this.#compute(unit, [], axes, (operand) => {
            const base = this.#sources.unitOf(operand.base);
            return base !== undefined && computedInPlace(base, operand.chain, this.#group)
              ? this.member(base)
              : this.outside(operand, axes);
          });
    this.#members.set(unit, value);
    return value;
  }

  /** Whether a value that is generated or computed again can be seen through `chain`. A stored value always can: it can be copied. */
  #expressible(operand: Operand): boolean {
    const key = keyOf(operand);
    let known = this.#expressibility.get(key);
    if (known === undefined) {
      known = this.#isExpressible(operand);
      this.#expressibility.set(key, known);
    }
    return known;
  }

  #isExpressible({ base, chain }: Operand): boolean {
    const unit = this.#sources.unitOf(base);
    if (unit !== undefined && !this.#sources.isComputedAgain(unit)) return true;
    if (unit === undefined && base.op !== 'const' && base.op !== 'iota') return true;
    const own = unit?.node.op === 'random' ? contiguousView(base.shape) : generatedView(base);
    if (viewThrough(own, chain) === null) return false;
    return (unit?.operands ?? []).every((operand) =>
      this.#expressible({ base: operand.base, chain: [...operand.chain, ...chain] }),
    );
  }

  /** A value from outside the group: loaded, generated, or computed again. `axes`: the group's axis for each axis of the view. */
  outside(operand: Operand, axes: readonly number[]): Value {
    const key = `${keyOf(operand)} @ ${axes.join()}`;
    let value = this.#outside.get(key);
    if (value === undefined) {
      value = this.#computeOutside(operand, axes);
      this.#outside.set(key, value);
    }
    return value;
  }

  #computeOutside({ base, chain }: Operand, axes: readonly number[]): Value {
    const dtype = computeDType(base.dtype);
    const unit = this.#sources.unitOf(base);
    const generated =
      unit === undefined ? base.op === 'const' || base.op === 'iota' : this.#sources.isComputedAgain(unit);
    if (generated && chain.length > 0 && !this.#expressible({ base, chain })) {
      const { buffer, view } = this.#sources.stored({ base, chain });
      return this.program.add({ op: 'load', access: { buffer, view: this.#toDomain(view, axes) }, dtype });
    }
    if (unit === undefined && (base.op === 'const' || base.op === 'iota')) {
      const view = this.#toDomain(this.#chained(generatedView(base), chain), axes);
      const value = base.op === 'const' ? this.program.constant(base.arg.value, dtype) : this.program.index(view);
      return this.program.guarded(value, view.guards, dtype);
    }
    if (unit === undefined || !this.#sources.isComputedAgain(unit)) {
      const { buffer, view } = this.#sources.through({ base, chain });
      return this.program.add({ op: 'load', access: { buffer, view: this.#toDomain(view, axes) }, dtype });
    }
    const value = this.#compute(unit, chain, axes, (operand) =>
      this.outside({ base: operand.base, chain: [...operand.chain, ...chain] }, axes),
    );
    if (!chain.some((view) => view.op === 'pad')) return value;
    return this.program.guarded(value, this.#toDomain(this.#chained(generatedView(base), chain), axes).guards, dtype);
  }

  /** Instructions for one unit, seen through `chain`. */
  #compute(
    unit: Unit,
    chain: readonly Node[],
    axes: readonly number[],
    operandValue: (operand: Operand) => Value,
  ): Value {
    const { node, operands } = unit;
    const dtype = computeDType(node.dtype);
    const operand = (k: number): Value => operandValue(nth(operands, k));
    switch (node.op) {
      case 'unary':
        return node.arg.kind === 'cast'
          ? this.#cast(operand(0), nth(node.sources, 0).dtype, node.dtype)
          : this.program.add({ op: 'unary', kind: node.arg.kind, source: operand(0), dtype });
      case 'binary':
        return this.program.binary(node.arg.kind, operand(0), operand(1), dtype);
      case 'where':
        return this.program.add({ op: 'where', condition: operand(0), yes: operand(1), no: operand(2), dtype });
      case 'reduce':
        return this.program.add({ op: 'reduce', kind: node.arg.kind, source: operand(0), dtype });
      case 'materialize':
        return operand(0);
      case 'random': {
        const key = this.#sources.stored(nth(operands, 0));
        const word = (k: number): Value => {
          const offset = key.view.offset + k * nth(key.view.strides, 0);
          const view = stridedView(
            this.#domain,
            this.#domain.map(() => 0),
            offset,
          );
          return this.program.add({ op: 'load', access: { buffer: key.buffer, view }, dtype: 'i32' });
        };
        const position = this.program.index(this.#toDomain(this.#chained(contiguousView(node.shape), chain), axes));
        return emitThreefry(this.program, [word(0), word(1)], [position, this.program.constant(node.arg.site, 'i32')]);
      }
      case 'gather':
        return this.#gather(node, nth(operands, 0), operand(1), chain, axes);
      default:
        throw new Error(`schedule: ${node.op} cannot be part of a loop`);
    }
  }

  /** A cast. f16 and bf16 are f32 in a program: casting to one of them rounds, casting from one of them does nothing. */
  #cast(source: Value, from: DType, to: DType): Value {
    const [held, wanted] = [computeDType(from), computeDType(to)];
    const value = held === wanted ? source : this.program.add({ op: 'unary', kind: 'cast', source, dtype: wanted });
    return isHalf(to) ? this.program.add({ op: 'unary', kind: roundOps[to], source: value, dtype: wanted }) : value;
  }

  /** A load whose row is computed: the view gets the table's row axis as an additional last axis. */
  #gather(
    node: NodeOf<'gather'>,
    operand: Operand,
    row: Value,
    chain: readonly Node[],
    axes: readonly number[],
  ): Value {
    const { axis } = node.arg;
    const { buffer, view: table } = this.#sources.stored(operand);
    const indexRank = nth(node.sources, 1).shape.length;
    const spread = (values: readonly number[]): number[] => [
      ...values.slice(0, axis),
      ...new Array<number>(indexRank).fill(0),
      ...values.slice(axis + 1),
    ];
    const guards = table.guards.map((guard) => ({ ...guard, coefficients: spread(guard.coefficients) }));
    const elements = { shape: node.shape, offset: table.offset, strides: spread(table.strides), guards };
    const view = this.#toDomain(this.#chained(elements, chain), axes);
    const access = {
      buffer,
      view: {
        shape: [...view.shape, nth(table.shape, axis)],
        offset: view.offset,
        strides: [...view.strides, nth(table.strides, axis)],
        guards: view.guards.map((guard, g) => ({
          ...guard,
          coefficients: [...guard.coefficients, table.guards[g]?.coefficients[axis] ?? 0],
        })),
      },
    };
    return this.program.add({ op: 'gather', access, row, dtype: computeDType(node.dtype) });
  }

  #chained(view: View, chain: readonly Node[]): View {
    const result = viewThrough(view, chain);
    if (result === null)
      throw new Error('schedule: a generated value is read through a reshape that one view cannot express');
    return result;
  }

  #toDomain(view: View, axes: readonly number[]): View {
    const positions = axes.map((axis) => (axis < 0 ? -1 : this.#order.indexOf(axis)));
    return overDomain(view, positions, this.#domain);
  }
}
