/** Lowers a plan's kernels to functions that compute one output each, cell by cell. */

import { decideAllGuards, joinAxes } from '../../codegen/normalize.ts';
import { type LoopProgram, loopProgram, operandsOf, simplify } from '../../codegen/simplify.ts';
import type { DType } from '../../kernel/dtype.ts';
import {
  type Access,
  accessesOf,
  type ContractKernel,
  type Instruction,
  type Kernel,
  type LoopKernel,
  type Program,
} from '../../kernel/kernel.ts';
import { nth } from '../../kernel/nth.ts';
import type { Plan, PlannedBuffer } from '../../kernel/plan.ts';
import { type Shape, sizeOf } from '../../kernel/shape.ts';
import type { View } from '../../kernel/view.ts';
import { Inexpressible } from './inexpressible.ts';
import type { Mode } from './modes.ts';
import { packInputs } from './pack.ts';
import { lowerScatterAdd } from './scatter.ts';
import type { CellKernel, LoweredPlan, Slot, SlotInfo, SlowKernel, Step } from './steps.ts';
import { rowView, writeCellKernel } from './write-kernel.ts';

/** The dtypes that a cell can contain; kernels with other dtypes run on the host. */
const dtypesOfCells: ReadonlySet<DType> = new Set(['f32', 'i32', 'u8', 'bool']);

/** The contents of a buffer without elements, which is read only behind guards that never hold. */
const nothing: CellKernel = {
  name: 'nothing',
  source: 'function () {\n  return 0;\n}',
  output: [2],
  usesSpecial: false,
  loopTurns: 0,
};

/** A contraction as a loop kernel: the product is summed over the axes k, and the epilogue runs once a row. */
function contractAsLoop({ batch, m, n, k, a, b, epilogue, dtype }: ContractKernel): LoopProgram {
  const outer = [...batch, ...m, ...n];
  const domain = [...outer, ...k];
  const still = (count: number): number[] => new Array<number>(count).fill(0);
  /** Extends a view to the whole domain; `there` marks the parts of the domain that the view has axes for. */
  const spread = (view: View, parts: readonly { readonly axes: Shape; readonly there: boolean }[]): View => {
    const place = (coefficients: readonly number[]): number[] => {
      let next = 0;
      return parts.flatMap(({ axes, there }) =>
        there ? axes.map(() => nth(coefficients, next++)) : still(axes.length),
      );
    };
    return {
      shape: domain,
      offset: view.offset,
      strides: place(view.strides),
      guards: view.guards.map((guard) => ({ ...guard, coefficients: place(guard.coefficients) })),
    };
  };
  /** Reorders b's axes from [...batch, ...k, ...n] to [...batch, ...n, ...k]. */
  const moved = (coefficients: readonly number[]): number[] => {
    const afterBatch = batch.length;
    const afterK = afterBatch + k.length;
    return [
      ...coefficients.slice(0, afterBatch),
      ...coefficients.slice(afterK),
      ...coefficients.slice(afterBatch, afterK),
    ];
  };
  const viewB: View = {
    ...b.view,
    strides: moved(b.view.strides),
    guards: b.view.guards.map((guard) => ({ ...guard, coefficients: moved(guard.coefficients) })),
  };
  const part = (axes: Shape, there: boolean): { axes: Shape; there: boolean } => ({ axes, there });
  const overA = spread(a.view, [part(batch, true), part(m, true), part(n, false), part(k, true)]);
  const overB = spread(viewB, [part(batch, true), part(m, false), part(n, true), part(k, true)]);
  /** Inserts the axes k, which epilogues do not have; a gather's view has one axis more, its row. */
  const widened = ({ buffer, view }: Access): Access => {
    const widen = (coefficients: readonly number[]): number[] => [
      ...coefficients.slice(0, outer.length),
      ...still(k.length),
      ...coefficients.slice(outer.length),
    ];
    return {
      buffer,
      view: {
        shape: [...domain, ...view.shape.slice(outer.length)],
        offset: view.offset,
        strides: widen(view.strides),
        guards: view.guards.map((guard) => ({ ...guard, coefficients: widen(guard.coefficients) })),
      },
    };
  };
  const product: Instruction[] = [
    { op: 'load', access: { buffer: a.buffer, view: overA }, dtype },
    { op: 'load', access: { buffer: b.buffer, view: overB }, dtype },
    { op: 'binary', kind: 'mul', a: 0, b: 1, dtype },
    { op: 'reduce', kind: 'sum', source: 2, dtype },
  ];
  const sum = product.length - 1;
  // The accumulator becomes the sum; all other instructions move up by the length of `product`.
  const place = (value: number): number =>
    epilogue.instructions[value]?.op === 'accumulator' ? sum : value + product.length;
  const after = epilogue.instructions.map((instruction): Instruction => {
    switch (instruction.op) {
      case 'load':
        return { ...instruction, access: widened(instruction.access) };
      case 'gather':
        return { ...instruction, access: widened(instruction.access), row: place(instruction.row) };
      case 'index':
        return { ...instruction, coefficients: [...instruction.coefficients, ...still(k.length)] };
      case 'unary':
      case 'reduce':
        return { ...instruction, source: place(instruction.source) };
      case 'binary':
        return { ...instruction, a: place(instruction.a), b: place(instruction.b) };
      case 'where':
        return {
          ...instruction,
          condition: place(instruction.condition),
          yes: place(instruction.yes),
          no: place(instruction.no),
        };
      case 'accumulator':
        return { op: 'const', value: 0, dtype };
      case 'const':
        return instruction;
      default:
        return instruction satisfies never;
    }
  });
  const program: Program = {
    instructions: [...product, ...after],
    stores: epilogue.stores.map(({ value, access }) => ({
      value: place(value),
      access: widened(access),
      oncePerRow: true,
    })),
  };
  return loopProgram(program, domain, [...still(outer.length).map(() => false), ...k.map(() => true)]);
}

const asLoop = (kernel: LoopKernel | ContractKernel): LoopProgram =>
  kernel.kind === 'contract' ? contractAsLoop(kernel) : loopProgram(kernel.program, kernel.domain, kernel.reduced);

/** The reductions that a value depends on directly, not through another reduction. */
function nearestReductions({ operations }: LoopProgram, value: number): Set<number> {
  const found = new Set<number>();
  const seen = new Set<number>();
  const visit = (at: number): void => {
    if (seen.has(at)) return;
    seen.add(at);
    const operation = operations[at];
    if (operation === undefined) return;
    if (operation.op === 'reduce') found.add(at);
    else operandsOf(operation).forEach(visit);
  };
  visit(value);
  return found;
}

/** Collects the steps of one plan. Every step writes a new slot, and `read` and `write` track which slot is a buffer's current value. */
export class PlanLowering {
  readonly mode: Mode;
  readonly #buffers: readonly PlannedBuffer[];
  readonly #slots: SlotInfo[] = [];
  readonly #steps: Step[] = [];
  readonly #initial: { slot: Slot; external: number }[] = [];
  readonly #final = new Map<number, Slot>();
  readonly #slowKernels: SlowKernel[] = [];
  /** The value of each buffer so far. */
  readonly #current = new Map<number, Slot>();

  constructor(plan: Plan, mode: Mode) {
    this.mode = mode;
    this.#buffers = plan.buffers;
    for (const kernel of plan.stages.flat()) this.#lower(kernel);
  }

  result(): LoweredPlan {
    return {
      slots: this.#slots,
      steps: this.#steps,
      initial: this.#initial,
      final: [...this.#final].map(([external, slot]) => ({ slot, external })),
      slowKernels: this.#slowKernels,
    };
  }

  slot(dtype: DType, length: number, planeSize = Math.max(1, length)): Slot {
    return this.#slots.push({ dtype, length, planeSize }) - 1;
  }

  info(slot: Slot): SlotInfo {
    return nth(this.#slots, slot);
  }

  step(kernel: CellKernel, inputs: readonly Slot[], output: Slot): void {
    const split = packInputs(kernel, inputs, this.mode.inputs, (slot) => this.info(slot));
    if (split === null) {
      this.#steps.push({ kind: 'cells', kernel, inputs, output });
      return;
    }
    const together = this.slot('f32', split.cells);
    this.step(split.pack, split.packed, together);
    this.#steps.push({ kind: 'cells', kernel: split.kernel, inputs: [...split.inputs, together], output });
  }

  /** The current value of the buffer; null for an arena buffer that has not been written. */
  read(buffer: number): Slot | null {
    const known = this.#current.get(buffer);
    if (known !== undefined) return known;
    const { place, dtype, length } = this.buffer(buffer);
    if (place.kind !== 'external' && length > 0) return null;
    const slot = this.slot(dtype, length);
    if (place.kind === 'external') this.#initial.push({ slot, external: place.index });
    else this.step(nothing, [], slot);
    this.#current.set(buffer, slot);
    return slot;
  }

  write(buffer: number, slot: Slot): void {
    this.#current.set(buffer, slot);
    const { place } = this.buffer(buffer);
    if (place.kind === 'external') this.#final.set(place.index, slot);
  }

  buffer(buffer: number): PlannedBuffer {
    return nth(this.#buffers, buffer);
  }

  #lower(kernel: Kernel): void {
    const before = this.#steps.length;
    try {
      this.#refuseDtypes(kernel);
      if (kernel.kind === 'scatterAdd') lowerScatterAdd(this, kernel);
      else this.#lowerLoop(kernel.name, asLoop(kernel));
    } catch (error) {
      if (!(error instanceof Inexpressible)) throw error;
      this.#steps.length = before;
      this.#runOnHost(kernel, error.message);
    }
  }

  #refuseDtypes(kernel: Kernel): void {
    const { reads, writes } = accessesOf(kernel);
    const program = kernel.kind === 'loop' ? kernel.program : kernel.kind === 'contract' ? kernel.epilogue : null;
    const dtypes = [
      ...[...reads, ...writes].map(({ buffer }) => this.buffer(buffer).dtype),
      ...(program?.instructions ?? []).map(({ dtype }) => dtype),
    ];
    const unsupported = dtypes.find((dtype) => !dtypesOfCells.has(dtype));
    if (unsupported !== undefined) throw new Inexpressible(`gpu.js computes in f32 and has no ${unsupported}`);
  }

  #runOnHost(kernel: Kernel, reason: string): void {
    this.#slowKernels.push({ kernel: kernel.name, reason: `runs as plain JavaScript on the host: ${reason}` });
    const { reads, writes } = accessesOf(kernel);
    // A kernel may store only part of a buffer, so its previous contents are read as well.
    const buffers = [...new Set([...reads, ...writes].map(({ buffer }) => buffer))];
    const before = buffers.flatMap((buffer) => {
      const slot = this.read(buffer);
      return slot === null ? [] : [[buffer, slot] as const];
    });
    const after = [...new Set(writes.map(({ buffer }) => buffer))].map((buffer) => {
      const { dtype, length } = this.buffer(buffer);
      return [buffer, this.slot(dtype, length)] as const;
    });
    this.#steps.push({ kind: 'host', kernel, reads: before, writes: after });
    for (const [buffer, slot] of after) this.write(buffer, slot);
  }

  #lowerLoop(name: string, raw: LoopProgram): void {
    const rows = raw.domain.filter((_, axis) => !raw.reduced[axis]);
    const perElement = raw.stores.some(({ oncePerRow }) => !oncePerRow);
    if (sizeOf(rows) === 0 || (perElement && sizeOf(raw.domain) === 0)) return;
    const program = simplify(joinAxes(decideAllGuards(raw)));
    const { operations, stores, domain, reduced } = program;
    /** For each reduction: the stores (as -1 - index) and the reductions that use it. */
    const users = new Map<number, Set<number>>();
    const note = (user: number, value: number): void => {
      for (const reduction of nearestReductions(program, value)) {
        const known = users.get(reduction) ?? new Set<number>();
        users.set(reduction, known.add(user));
      }
    };
    for (const [index, { value }] of stores.entries()) note(-1 - index, value);
    operations.forEach((operation, value) => {
      if (operation.op === 'reduce' && users.size > 0) note(value, operation.source);
    });
    // A reduction is computed where it is used if that is a single place, reached once a row; otherwise it gets its own array.
    const kept = new Map<number, Slot>();
    const rowDomain = domain.map((size, axis) => (reduced[axis] ? 1 : size));
    const read = (buffer: number): Slot | null => this.read(buffer);
    operations.forEach((operation, value) => {
      if (operation.op !== 'reduce') return;
      const using = [...(users.get(value) ?? [])];
      const [only] = using;
      const inPlace = using.length === 1 && only !== undefined && (only >= 0 || stores[-1 - only]?.oncePerRow === true);
      if (inPlace || using.length === 0) return;
      const target = this.slot(operation.dtype, sizeOf(rowDomain));
      const written = writeCellKernel({
        name: `${name}.${operation.kind}`,
        mode: this.mode,
        program,
        value,
        kept,
        store: { view: rowView(program), dtype: operation.dtype, length: sizeOf(rowDomain), oncePerRow: true },
        old: () => null,
        read,
        info: (slot) => this.info(slot),
      });
      this.step(written.kernel, written.inputs, target);
      kept.set(value, target);
    });
    // All reads come before all writes: later stores (other parts of the same buffer) see what a store wrote, loads do not.
    const stored = new Map<number, Slot>();
    for (const { value, access, oncePerRow } of stores) {
      const { dtype, length } = this.buffer(access.buffer);
      const written = writeCellKernel({
        name,
        mode: this.mode,
        program,
        value,
        kept,
        store: { view: access.view, dtype, length, oncePerRow },
        old: () => stored.get(access.buffer) ?? this.read(access.buffer),
        read,
        info: (slot) => this.info(slot),
      });
      const target = this.slot(dtype, length);
      this.step(written.kernel, written.inputs, target);
      stored.set(access.buffer, target);
    }
    for (const [buffer, slot] of stored) this.write(buffer, slot);
  }
}
