/** Makes kernels from groups, in order, and decides the layout of every stored value. */

import type { Node, NodeOf } from '../graph/node.ts';
import { computeDType, type DType } from '../kernel/dtype.ts';
import { type Access, type ContractKernel, copyKernel, type ScheduledKernel } from '../kernel/kernel.ts';
import { lookUp, nth } from '../kernel/nth.ts';
import { type Shape, sizeOf } from '../kernel/shape.ts';
import { contiguousView, reshapeView, shrinkView, stridedView, type View } from '../kernel/view.ts';
import { contractAxes } from './contract-axes.ts';
import { computedInPlace, type Demand } from './demand.ts';
import { type Group, resultAxes } from './group.ts';
import { chooseLayout, loopOrder, readersOrder, stridesInOrder, walkingOrder } from './layout.ts';
import { type Location, LoopProgram, type ProgramSources } from './loop-program.ts';
import type { BufferRole, Schedule, ScheduledBuffer } from './scheduled.ts';
import type { Operand, Unit, UnitGraph } from './units.ts';
import { applyView, selectAxes, viewBelow, viewThrough } from './views.ts';

/** The kernels of all groups, with copies where a view cannot be read directly. */
export function emitKernels(graph: UnitGraph, inlined: ReadonlySet<Unit>, demand: Demand): Schedule {
  const emitter = new Emitter(graph, inlined, demand);
  for (const group of demand.order) emitter.emit(group);
  return { kernels: emitter.kernels, fused: emitter.fused, buffers: emitter.buffers };
}

class Emitter {
  readonly kernels: ScheduledKernel[] = [];
  readonly fused: (readonly Node[])[] = [];
  readonly buffers: ScheduledBuffer[] = [];
  readonly #graph: UnitGraph;
  readonly #inlined: ReadonlySet<Unit>;
  readonly #demand: Demand;
  readonly #locations = new Map<Unit, Location>();
  readonly #leaves = new Map<Node, Location>();
  readonly #leafBuffers = new Map<unknown, number>();
  readonly #copies = new Map<string, Location>();
  readonly #rootIndex: Map<Unit, number>;

  constructor(graph: UnitGraph, inlined: ReadonlySet<Unit>, demand: Demand) {
    this.#graph = graph;
    this.#inlined = inlined;
    this.#demand = demand;
    this.#rootIndex = new Map(graph.roots.map((unit, index) => [unit, index]));
  }

  emit(group: Group): void {
    const unit = nth(group.units, 0);
    const emitters: Readonly<Record<Group['kind'], () => void>> = {
      loop: () => this.#emitLoop(group),
      contract: () => this.#emitContract(group),
      scatterAdd: () => this.#emitScatterAdd(unit),
      concat: () => this.#emitConcat(unit),
      collective: () => this.#emitCollective(unit),
    };
    emitters[group.kind]();
  }

  #addKernel(kernel: ScheduledKernel, units: readonly Unit[] = []): void {
    this.kernels.push(kernel);
    this.fused.push(units.map(({ node }) => node));
  }

  #addBuffer(dtype: DType, length: number, role: BufferRole): number {
    return this.buffers.push({ dtype, length, role }) - 1;
  }

  /** The place of a stored value: of a leaf, or of a stored unit. */
  #location(node: Node): Location {
    const unit = this.#graph.unitOf.get(node);
    if (unit !== undefined) return lookUp(this.#locations, unit);
    const known = this.#leaves.get(node);
    if (known !== undefined) return known;
    const role: BufferRole =
      node.op === 'buffer'
        ? { kind: 'storage', storage: node.arg.storage }
        : { kind: 'input', index: (node as NodeOf<'input'>).arg.index };
    const identity = role.kind === 'storage' ? role.storage : `input ${role.kind === 'input' ? role.index : ''}`;
    const buffer = this.#leafBuffers.get(identity) ?? this.#addBuffer(node.dtype, sizeOf(node.shape), role);
    this.#leafBuffers.set(identity, buffer);
    const location = { buffer, view: contiguousView(node.shape) };
    this.#leaves.set(node, location);
    return location;
  }

  /** A stored value seen through views, after a copy if a reshape requires one. */
  #through({ base, chain }: Operand): Location {
    let { buffer, view } = this.#location(base);
    for (const node of chain) {
      let next = applyView(view, node);
      if (next === null) {
        ({ buffer, view } = this.#copyFor(node, { buffer, view }, base.dtype));
        next = applyView(view, node) as View;
      }
      view = next;
    }
    return { buffer, view };
  }

  /** A copy that can be seen through `node`, laid out in the order in which the value is read now, if possible. */
  #copyFor(node: Node, from: Location, dtype: DType): Location {
    const { shape } = from.view;
    const walked = stridedView(shape, stridesInOrder(shape, walkingOrder(from.view)));
    return this.#copy(from, applyView(walked, node) === null ? contiguousView(shape) : walked, dtype);
  }

  #copy(from: Location, view: View, dtype: DType): Location {
    const key = JSON.stringify([from, view]);
    const known = this.#copies.get(key);
    if (known !== undefined) return known;
    const to = { buffer: this.#addBuffer(dtype, sizeOf(view.shape), { kind: 'temporary' }), view };
    this.#copies.set(key, to);
    this.#addKernel(copyKernel('copy', from, to, dtype));
    return to;
  }

  /** A new buffer for a row-major value. */
  #temporary(dtype: DType, shape: Shape): Location {
    return { buffer: this.#addBuffer(dtype, sizeOf(shape), { kind: 'temporary' }), view: contiguousView(shape) };
  }

  /** Decides the place of a stored unit. `order`: the unit's axes as the kernel writes them, slowest first. */
  #place(unit: Unit, order: readonly number[]): Location {
    const { shape, dtype } = unit.node;
    const root = this.#rootIndex.get(unit);
    const location =
      root === undefined
        ? (this.#slice(unit) ?? {
            buffer: this.#addBuffer(dtype, sizeOf(shape), { kind: 'temporary' }),
            view: chooseLayout(shape, order, this.#demand.uses.get(unit) ?? []),
          })
        : { buffer: this.#addBuffer(dtype, sizeOf(shape), { kind: 'root', index: root }), view: contiguousView(shape) };
    this.#locations.set(unit, location);
    return location;
  }

  /** A unit that only a concat uses writes directly into its part of the joined value. */
  #slice(unit: Unit): Location | null {
    const [use, ...others] = this.#demand.uses.get(unit) ?? [];
    if (use === undefined || others.length > 0 || use.reader.kind !== 'concat') return null;
    const joined = this.#concatLocation(use.reader);
    const view = viewBelow(this.#partOf(use.reader, use.operand, joined.view), use.chain);
    return view && { buffer: joined.buffer, view };
  }

  #concatLocation(unit: Unit): Location {
    const axes = unit.node.shape.map((_, k) => k);
    return this.#locations.get(unit) ?? this.#place(unit, axes);
  }

  #partOf(concat: Unit, operand: number, view: View): View {
    const { axis } = (concat.node as NodeOf<'concat'>).arg;
    const size = (k: number): number => nth(nth(concat.node.sources, k).shape, axis);
    let start = 0;
    for (let k = 0; k < operand; k++) start += size(k);
    const from = view.shape.map((_, k) => (k === axis ? start : 0));
    const to = view.shape.map((n, k) => (k === axis ? start + size(operand) : n));
    return shrinkView(view, from, to);
  }

  #emitConcat(unit: Unit): void {
    const joined = this.#concatLocation(unit);
    unit.operands.forEach((operand, k) => {
      const base = this.#graph.unitOf.get(operand.base);
      const placed = base && this.#locations.get(base);
      const view = this.#partOf(unit, k, joined.view);
      if (placed?.buffer === joined.buffer) return;
      this.#addKernel(
        copyKernel('concat', this.#through(this.#inMemory(operand)), { buffer: joined.buffer, view }, unit.node.dtype),
        [unit],
      );
    });
  }

  /** Makes sure that an operand is stored: constants and other values that are not stored otherwise are written to a buffer first. */
  #inMemory(operand: Operand): Operand {
    const { base } = operand;
    const unit = this.#graph.unitOf.get(base);
    const generated = base.op === 'const' || base.op === 'iota' || (unit !== undefined && !this.#locations.has(unit));
    if (!generated || this.#leaves.has(base)) return operand;
    const to = this.#temporary(base.dtype, base.shape);
    const group: Group = { kind: 'loop', units: [], domain: [...base.shape], reduced: new Set(), axes: new Map() };
    const builder = new LoopProgram(
      this.#sources,
      group,
      base.shape.map((_, k) => k),
    );
    const value = builder.outside(
      { base, chain: [] },
      base.shape.map((_, k) => k),
    );
    builder.program.store({ value, access: to, oncePerRow: false });
    this.#addKernel(
      {
        kind: 'loop',
        name: 'fill',
        domain: base.shape,
        reduced: base.shape.map(() => false),
        program: builder.program.finish(),
      },
      unit === undefined ? [] : [unit],
    );
    this.#leaves.set(base, to);
    if (unit !== undefined) this.#locations.set(unit, to);
    return operand;
  }

  readonly #sources: ProgramSources = {
    unitOf: (node) => this.#graph.unitOf.get(node),
    isComputedAgain: (unit) => unit.free || this.#inlined.has(unit),
    through: (operand) => this.#through(operand),
    stored: (operand) => this.#through(this.#inMemory(operand)),
  };

  #emitLoop(group: Group): void {
    const stored = this.#demand.stored.get(group) ?? [];
    const order = loopOrder(group, stored, {
      isRoot: (unit) => this.#rootIndex.has(unit),
      locations: (unit) => this.#viewsOf(unit, [], group),
    });
    const builder = new LoopProgram(this.#sources, group, order);
    for (const unit of stored) builder.storeUnit(unit, this.#place(unit, unitOrder(group, unit, order)));
    const domain = order.map((axis) => nth(group.domain, axis));
    const reduced = order.map((axis) => group.reduced.has(axis));
    const program = builder.program.finish();
    this.#addKernel({ kind: 'loop', name: nameOf(group), domain, reduced, program }, group.units);
  }

  /** Views, over the unit's operand shape, of the stored tensors that its value is computed from. */
  #viewsOf(unit: Unit, chain: readonly Node[], group: Group): View[] {
    return unit.operands.flatMap((operand, k) => {
      const base = this.#graph.unitOf.get(operand.base);
      if (unit.node.op === 'random' || (unit.node.op === 'gather' && k === 0) || base?.free) return [];
      if (base !== undefined && chain.length === 0 && computedInPlace(base, operand.chain, group)) return [];
      const through = [...operand.chain, ...chain];
      if (base !== undefined && this.#inlined.has(base)) return this.#viewsOf(base, through, group);
      const isData =
        operand.base.op === 'buffer' ||
        operand.base.op === 'input' ||
        (base !== undefined && this.#locations.has(base));
      const view = isData ? viewThrough(this.#location(operand.base).view, through) : null;
      return view === null ? [] : [view];
    });
  }

  #emitContract(group: Group): void {
    const unit = nth(
      group.units.filter(({ kind }) => kind === 'contract'),
      0,
    );
    const node = unit.node as NodeOf<'contract'>;
    const [left, right] = unit.operands.map((operand) => this.#through(this.#inMemory(operand))) as [
      Location,
      Location,
    ];
    const results = this.#demand.stored.get(group) ?? [];
    const wanted = readersOrder(
      node.shape,
      results.flatMap((result) => this.#demand.uses.get(result) ?? []),
    );
    const plan = contractAxes(node, left.view, right.view, wanted);
    const [a, b] = plan.swapped ? [right, left] : [left, right];
    // The domain's axis of each axis of the result, in the kernel's order; -1 for additional axes of size 1.
    const axes = lookUp(group.axes, unit);
    const order = [...plan.batch, ...plan.m, ...plan.n].map((axis) => (axis < 0 ? -1 : nth(axes, axis)));
    const builder = new LoopProgram(this.#sources, group, order, unit);
    for (const result of results) builder.storeUnit(result, this.#place(result, unitOrder(group, result, order)));
    const sizes = (axis: number): number => (axis < 0 ? 1 : nth(node.shape, axis));
    const kernel: ContractKernel = {
      kind: 'contract',
      name: nameOf(group),
      dtype: computeDType(node.dtype),
      batch: plan.batch.map(sizes),
      m: plan.m.map(sizes),
      n: plan.n.map(sizes),
      k: plan.k,
      a: { buffer: a.buffer, view: selectAxes(a.view, plan.aAxes) },
      b: { buffer: b.buffer, view: selectAxes(b.view, plan.bAxes) },
      epilogue: builder.program.finish(),
    };
    this.#addKernel(kernel, group.units);
  }

  #emitScatterAdd(unit: Unit): void {
    const node = unit.node as NodeOf<'scatterAdd'>;
    const [values, index] = unit.operands.map((operand) => this.#inMemory(operand)) as [Operand, Operand];
    const { axis, size: rows } = node.arg;
    const outer = sizeOf(node.shape.slice(0, axis));
    const inner = sizeOf(node.shape.slice(axis + 1));
    const count = sizeOf(nth(node.sources, 1).shape);
    const flat = (operand: Operand, shape: Shape, dtype: DType): Access => {
      const location = this.#through(operand);
      const view = reshapeView(location.view, shape);
      if (view !== null) return { buffer: location.buffer, view };
      const copied = this.#copy(location, contiguousView(location.view.shape), dtype);
      return { buffer: copied.buffer, view: reshapeView(copied.view, shape) as View };
    };
    const accesses = { values: flat(values, [outer, count, inner], node.dtype), index: flat(index, [count], 'i32') };
    const dtype = computeDType(node.dtype);
    this.#writeContiguous(unit, ({ buffer: out }) =>
      this.#addKernel({ kind: 'scatterAdd', name: 'scatterAdd', dtype, outer, count, inner, rows, ...accesses, out }, [
        unit,
      ]),
    );
  }

  #emitCollective(unit: Unit): void {
    const { arg: collective, dtype } = unit.node as NodeOf<'collective'>;
    const found = this.#through(this.#inMemory(nth(unit.operands, 0)));
    const source = isWhole(found.view) ? found : this.#copy(found, contiguousView(found.view.shape), dtype);
    this.#writeContiguous(unit, (out) =>
      this.#addKernel({ kind: 'collective', name: collective.kind, collective, dtype, source, out }, [unit]),
    );
  }

  /** Places a unit whose kernel writes its result row-major from the start of a buffer, with a copy where it must be somewhere else. */
  #writeContiguous(unit: Unit, emit: (out: Location) => void): void {
    const { shape, dtype } = unit.node;
    const axes = shape.map((_, k) => k);
    const place = this.#place(unit, axes);
    const target = isWhole(place.view) ? place : this.#temporary(dtype, shape);
    emit(target);
    if (target !== place) this.#addKernel(copyKernel('copy', target, place, dtype));
  }
}

/** Whether a view is of contiguous elements from the start of its buffer. */
function isWhole({ shape, offset, strides, guards }: View): boolean {
  const contiguous = contiguousView(shape);
  return (
    offset === 0 &&
    guards.length === 0 &&
    strides.every((stride, k) => stride === contiguous.strides[k] || shape[k] === 1)
  );
}

/** A unit's axes in the order of the kernel's domain; axes of size 1 come first. */
function unitOrder(group: Group, unit: Unit, order: readonly number[]): number[] {
  const axes = resultAxes(group, unit);
  const position = (axis: number): number => (axis < 0 ? -1 : order.indexOf(axis));
  return axes.map((_, k) => k).sort((x, y) => position(nth(axes, x)) - position(nth(axes, y)) || x - y);
}

function nameOf(group: Group): string {
  const names = group.units.map(({ node }) => {
    if (node.op === 'unary' || node.op === 'binary' || node.op === 'reduce') return node.arg.kind;
    return node.op;
  });
  const distinct = [...new Set(names)];
  return distinct.length > 6 ? `${distinct.slice(0, 5).join('_')}_and_${distinct.length - 5}_more` : distinct.join('_');
}
