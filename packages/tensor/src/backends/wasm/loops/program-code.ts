/**
 * Code for the operations of a program at one place of a loop nest. Values that vary along the vector axis are computed for several
 * slots of four elements side by side, others once, in all lanes.
 */

import {
  type AxisSet,
  hasAxis,
  type LoopProgram,
  type Operation,
  operandsOf,
  variation,
} from '../../../codegen/simplify.ts';
import type { DType } from '../../../kernel/dtype.ts';
import type { Store, Value } from '../../../kernel/kernel.ts';
import type { Local } from '../emit/encoder.ts';
import type { VectorCode } from '../vectors/vector-code.ts';
import { packForStore } from '../vectors/vector-memory.ts';
import {
  binaryQuad,
  constantQuad,
  type OperandFacts,
  type Quad,
  representationOf,
  selectQuad,
  unaryQuad,
} from '../vectors/vector-ops.ts';
import { type PlannedAccess, planAccess, slowAccess } from './access.ts';
import { AccessCode } from './access-code.ts';
import { isTransposable } from './nest.ts';
import { isWholeTile, type Slot } from './slots.ts';
import type { Stream, Streams } from './streams.ts';

/** Loads and constants are splats as they come. */
const isComputed = ({ op }: Operation): boolean => op !== 'load' && op !== 'gather' && op !== 'const' && op !== 'index';

/** The row of a gather counts as several uses. */
function countUses({ operations, stores }: LoopProgram): number[] {
  const uses = operations.map(() => 0);
  for (const operation of operations)
    for (const operand of operandsOf(operation)) uses[operand] += operation.op === 'gather' ? 2 : 1;
  for (const { value } of stores) uses[value]++;
  return uses;
}

type Indexed = Extract<Operation, { op: 'index' }>;

export interface ProgramCodeOptions {
  readonly program: LoopProgram;
  readonly dtypes: readonly DType[];
  readonly vectorAxis: number;
  readonly tileAxis: number | null;
  readonly streams: Streams;
  /** Points to `zeroBytes` zeros. */
  readonly zeros: Local;
  /** Reads the finished sums of products of the slots. */
  readonly loadAccumulators?: (slots: readonly Slot[]) => readonly Quad[];
}

export class ProgramCode {
  readonly program: LoopProgram;
  /** The axes along which each value varies. */
  readonly variation: readonly AxisSet[];
  readonly slow = new Set<string>();
  readonly #code: VectorCode;
  readonly #options: ProgramCodeOptions;
  readonly #loads = new Map<Value, PlannedAccess>();
  /** Loads that are transposed in registers where slots form a whole tile. */
  readonly #transposed = new Set<PlannedAccess>();
  readonly #stores = new Map<Store, PlannedAccess>();
  readonly #indices = new Map<Value, Stream>();
  /** Computed values that are the same along the vector axis, and are used or stored for each element. */
  readonly #spread = new Set<Value>();
  /** How often each value is used. */
  readonly #uses: readonly number[];
  readonly #accessCode: AccessCode;
  #values = new Map<Value, readonly Quad[]>();

  constructor(code: VectorCode, options: ProgramCodeOptions) {
    const { program, dtypes, streams, vectorAxis, tileAxis } = options;
    this.#code = code;
    this.#options = options;
    this.program = program;
    this.variation = variation(program);
    this.#uses = countUses(program);
    this.#accessCode = new AccessCode(code, {
      ...options,
      rowVaries: (row) => this.varies(row),
      rowQuad: (row, slot) => this.get(row, slot),
    });
    const axes = { rank: program.domain.length, vectorAxis, tileAxis };
    program.operations.forEach((operation, value) => {
      if (operation.op === 'load' || operation.op === 'gather') {
        const { access } = operation;
        const row = operation.op === 'gather' ? operation.row : null;
        const planned = planAccess(streams, access, dtypes[access.buffer], code.memoryOf(access.buffer), axes, row);
        this.#loads.set(value, planned);
        if (tileAxis !== null && row === null && isTransposable(access, dtypes, vectorAxis, tileAxis))
          this.#transposed.add(planned);
        else this.#noteSlow(slowAccess(planned, 'reads', row !== null && this.varies(row)));
      }
      if (operation.op === 'index') {
        const along = operation.coefficients.map((c, axis) => (program.domain[axis] === 1 ? 0 : c));
        this.#indices.set(value, streams.number(operation.offset, along));
      }
      if (!this.varies(value)) return;
      for (const operand of operandsOf(operation))
        if (!this.varies(operand) && isComputed(program.operations[operand])) this.#spread.add(operand);
    });
    for (const store of program.stores) {
      const planned = planAccess(
        streams,
        store.access,
        dtypes[store.access.buffer],
        code.memoryOf(store.access.buffer),
        axes,
        null,
      );
      this.#stores.set(store, planned);
      if (planned.stride !== 0 && !this.varies(store.value) && isComputed(program.operations[store.value]))
        this.#spread.add(store.value);
      this.#noteSlow(slowAccess(planned, 'writes', false));
    }
  }

  #noteSlow(reason: string | null): void {
    if (reason !== null) this.slow.add(reason);
  }

  /** Whether a value differs from slot to slot, or within one. */
  varies(value: Value): boolean {
    const { vectorAxis, tileAxis } = this.#options;
    const axes = this.variation[value];
    return hasAxis(axes, vectorAxis) || (tileAxis !== null && hasAxis(axes, tileAxis));
  }

  /** Whether some row may have to be read as zeros. */
  get needsZeros(): boolean {
    return [...this.#loads.values()].some((access) => this.#accessCode.mayReadZeros(access));
  }

  // Values.

  /** Runs `body`; the values that it computes are forgotten after it. */
  scope(body: () => void): void {
    const outer = this.#values;
    this.#values = new Map(outer);
    this.#code.scope(body);
    this.#values = outer;
  }

  set(value: Value, quads: readonly Quad[]): void {
    this.#values.set(
      value,
      this.#spread.has(value) ? [this.#broadcast(quads[0], this.program.operations[value].dtype)] : quads,
    );
  }

  /**
   * The first lane in all lanes, by way of a scalar. The value is the same; but V8, when it pairs vectors, looks no further than a
   * splat, while it would take what a uniform vector was computed from for a part of each pair, and then refuse.
   */
  #broadcast(quad: Quad, dtype: DType): Quad {
    const type = ({ f32: 'f32x4', f64: 'f64x2', i32: 'i32x4', mask: 'i32x4' } as const)[representationOf[dtype]];
    this.#code.push(quad[0]).lane(`${type}.extract_lane`, 0).op(`${type}.splat`);
    const local = this.#code.take();
    return quad.map(() => local);
  }

  get(value: Value, slot: number): Quad {
    const operation = this.program.operations[value];
    if (operation.op === 'const') return constantQuad(this.#code, operation.dtype, operation.value);
    const quads = this.#values.get(value);
    if (quads === undefined) throw new Error(`wasm: value ${value} is used before it was computed`);
    return quads.length === 1 ? quads[0] : quads[slot];
  }

  #facts(value: Value): OperandFacts {
    const operation = this.program.operations[value];
    return { constant: operation.op === 'const' ? operation.value : null, uniform: !this.varies(value) };
  }

  /**
   * Computes one value where the streams stand. `inline`: only the code that follows before `advance` uses it, so that a value with one
   * use may be computed where it is used.
   */
  evaluate(value: Value, slots: readonly Slot[], inline = false): void {
    const operation = this.program.operations[value];
    if (operation.op === 'const') return;
    const quads = this.#quads(operation, value, this.varies(value) ? slots : slots.slice(0, 1));
    const here = inline && this.varies(value) && this.#uses[value] === 1;
    this.set(value, here ? quads : quads.map((quad) => quad.map((part) => this.#code.local(part))));
  }

  #quads(operation: Operation, value: Value, slots: readonly Slot[]): readonly Quad[] {
    if (operation.op === 'accumulator') {
      const { loadAccumulators } = this.#options;
      if (loadAccumulators === undefined)
        throw new Error('wasm: only the epilogue of a contraction has an accumulator');
      return loadAccumulators(slots);
    }
    if (operation.op === 'index') return slots.map(this.#indexer(operation, value));
    const access = this.#loads.get(value);
    if (access === undefined) return slots.map((_, k) => this.#compute(operation, k));
    if (this.#transposed.has(access) && isWholeTile(slots)) return this.#accessCode.loadTile(access);
    return slots.map(this.#accessCode.loader(access));
  }

  /** An operation on values of the k-th slot. */
  #compute(operation: Operation, k: number): Quad {
    const code = this.#code;
    const operand = (source: Value): Quad => this.get(source, k);
    const { operations } = this.program;
    switch (operation.op) {
      case 'unary': {
        const { source, kind, dtype } = operation;
        return unaryQuad(code, kind, operations[source].dtype, dtype, operand(source));
      }
      case 'binary': {
        const { a, b, kind } = operation;
        const facts = [this.#facts(a), this.#facts(b)] as const;
        return binaryQuad(code, kind, operations[a].dtype, operand(a), operand(b), facts);
      }
      case 'where': {
        const { condition, yes, no, dtype } = operation;
        return selectQuad(code, dtype, operand(condition), operand(yes), operand(no));
      }
      case 'accumulator':
      case 'load':
      case 'gather':
      case 'index':
      case 'const':
      case 'reduce':
        throw new Error(`wasm: ${operation.op} is not computed like other operations`);
      default:
        return operation satisfies never;
    }
  }

  /** All slots share the splat of the first element's index. */
  #indexer({ coefficients }: Indexed, value: Value): (slot: Slot) => Quad {
    const code = this.#code;
    code.fn.get(this.#accessCode.at(this.#indices.get(value) as Stream)).op('i32x4.splat');
    const start = code.take();
    if (!this.varies(value)) return () => [start];
    const { vectorAxis, tileAxis } = this.#options;
    const step = coefficients[vectorAxis];
    const acrossStep = tileAxis === null ? 0 : coefficients[tileAxis];
    return ({ offset, across }) => {
      const steps = [0, 1, 2, 3].map((lane) => (offset + lane) * step + across * acrossStep);
      return [code.op('i32x4.add', start, code.fn.constant('i32x4', ...steps))];
    };
  }

  // Runs along the vector axis.

  /** Starts a run where the streams stand: accesses of these values and stores move by `advance` until `endRun`. */
  beginRun(values: Iterable<Value>, stores: Iterable<Store>): void {
    const accesses: PlannedAccess[] = [];
    for (const value of values) {
      const access = this.#loads.get(value);
      if (access !== undefined) accesses.push(access);
    }
    for (const store of stores) accesses.push(this.#stores.get(store) as PlannedAccess);
    this.#accessCode.beginRun(accesses);
  }

  /** Moves a run on. */
  advance(elements: number): void {
    this.#accessCode.advance(elements);
  }

  endRun(): void {
    this.#accessCode.endRun();
  }

  /**
   * Writes the values of stores for all slots. First all is computed: loads that were put off come before any store, and nothing lies
   * between the stores of a value, which V8 could not pair otherwise.
   */
  store(stores: readonly Store[], slots: readonly Slot[]): void {
    const code = this.#code;
    const writes = stores.map((store) => {
      const access = this.#stores.get(store) as PlannedAccess;
      const { dtype, stride } = access;
      const written = stride === 0 ? slots.slice(0, 1) : slots;
      const pack = (k: number): readonly Local[] => packForStore(code, dtype, this.get(store.value, k));
      const shared = this.varies(store.value) ? null : pack(0);
      return { access, written, packed: written.map((_, k) => shared ?? pack(k)) };
    });
    for (const { access, written, packed } of writes) this.#accessCode.store(access, written, packed);
  }
}
