/**
 * Writes the operations of a program at one place of a loop nest. Values that vary along the vector axis are computed for several
 * slots of four elements, others once, in all lanes.
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
import { lookUp, nth } from '../../../kernel/nth.ts';
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

/** Whether an operation is neither a constant nor a load: those are already splats if they do not vary. */
const isComputed = ({ op }: Operation): boolean => op !== 'load' && op !== 'gather' && op !== 'const' && op !== 'index';

/** How often each value is used. The row of a gather counts as two uses. */
function countUses({ operations, stores }: LoopProgram): number[] {
  const uses = operations.map(() => 0);
  const count = (value: Value, times: number): void => {
    uses[value] = nth(uses, value) + times;
  };
  for (const operation of operations)
    for (const operand of operandsOf(operation)) count(operand, operation.op === 'gather' ? 2 : 1);
  for (const { value } of stores) count(value, 1);
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
  /** Loads the finished sums of products of the slots. */
  readonly loadAccumulators?: (slots: readonly Slot[]) => readonly Quad[];
}

/** Writes the code of one program. */
export class ProgramCode {
  readonly program: LoopProgram;
  /** The axes along which each value varies. */
  readonly variation: readonly AxisSet[];
  readonly slow = new Set<string>();
  readonly #code: VectorCode;
  readonly #options: ProgramCodeOptions;
  readonly #loads = new Map<Value, PlannedAccess>();
  /** Loads that are transposed in registers if slots form a whole tile. */
  readonly #transposed = new Set<PlannedAccess>();
  readonly #stores = new Map<Store, PlannedAccess>();
  readonly #indices = new Map<Value, Stream>();
  /** Computed values that are uniform along the vector axis, but are used or stored for each element. */
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
    for (const [value, operation] of program.operations.entries()) {
      if (operation.op === 'load' || operation.op === 'gather') {
        const { access } = operation;
        const row = operation.op === 'gather' ? operation.row : null;
        const dtype = nth(dtypes, access.buffer);
        const planned = planAccess(streams, access, dtype, code.memoryOf(access.buffer), axes, row);
        this.#loads.set(value, planned);
        if (tileAxis !== null && row === null && isTransposable(access, dtypes, vectorAxis, tileAxis))
          this.#transposed.add(planned);
        else this.#noteSlow(slowAccess(planned, 'reads', row !== null && this.varies(row)));
      }
      if (operation.op === 'index') {
        const along = operation.coefficients.map((c, axis) => (program.domain[axis] === 1 ? 0 : c));
        this.#indices.set(value, streams.number(operation.offset, along));
      }
      if (!this.varies(value)) continue;
      for (const operand of operandsOf(operation))
        if (!this.varies(operand) && isComputed(nth(program.operations, operand))) this.#spread.add(operand);
    }
    for (const store of program.stores) {
      const planned = planAccess(
        streams,
        store.access,
        nth(dtypes, store.access.buffer),
        code.memoryOf(store.access.buffer),
        axes,
        null,
      );
      this.#stores.set(store, planned);
      if (planned.stride !== 0 && !this.varies(store.value) && isComputed(nth(program.operations, store.value)))
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
    const axes = nth(this.variation, value);
    return hasAxis(axes, vectorAxis) || (tileAxis !== null && hasAxis(axes, tileAxis));
  }

  /** Whether some row may be replaced by zeros. */
  get needsZeros(): boolean {
    return [...this.#loads.values()].some((access) => this.#accessCode.mayReadZeros(access));
  }

  // Values.

  /** Runs `body`, and forgets the values that it computes. */
  scope(body: () => void): void {
    const outer = this.#values;
    this.#values = new Map(outer);
    this.#code.scope(body);
    this.#values = outer;
  }

  #operation(value: Value): Operation {
    return nth(this.program.operations, value);
  }

  set(value: Value, quads: readonly Quad[]): void {
    const spread = this.#spread.has(value);
    this.#values.set(value, spread ? [this.#broadcast(nth(quads, 0), this.#operation(value).dtype)] : quads);
  }

  /**
   * Copies the first lane to all lanes through a scalar. The value does not change. But when V8 pairs vectors, it stops at a splat, whereas
   * it would try to pair the inputs of a uniform vector too, and then give up.
   */
  #broadcast(quad: Quad, dtype: DType): Quad {
    const type = ({ f32: 'f32x4', f64: 'f64x2', i32: 'i32x4', mask: 'i32x4' } as const)[representationOf[dtype]];
    this.#code.push(nth(quad, 0)).lane(`${type}.extract_lane`, 0).op(`${type}.splat`);
    const local = this.#code.take();
    return quad.map(() => local);
  }

  get(value: Value, slot: number): Quad {
    const operation = this.#operation(value);
    if (operation.op === 'const') return constantQuad(this.#code, operation.dtype, operation.value);
    const quads = this.#values.get(value);
    if (quads === undefined) throw new Error(`wasm: value ${value} is used before it is computed`);
    return nth(quads, quads.length === 1 ? 0 : slot);
  }

  #facts(value: Value): OperandFacts {
    const operation = this.#operation(value);
    return { constant: operation.op === 'const' ? operation.value : null, uniform: !this.varies(value) };
  }

  /**
   * Computes one value at the current position of the streams. `inline`: the value is used only by code before the next `advance`, so that
   * a value with one use may be computed where it is used.
   */
  evaluate(value: Value, slots: readonly Slot[], inline = false): void {
    const operation = this.#operation(value);
    if (operation.op === 'const') return;
    const quads = this.#quads(operation, value, this.varies(value) ? slots : slots.slice(0, 1));
    const here = inline && this.varies(value) && this.#uses[value] === 1;
    this.set(value, here ? quads : quads.map((quad) => quad.map((part) => this.#code.local(part))));
  }

  #quads(operation: Operation, value: Value, slots: readonly Slot[]): readonly Quad[] {
    if (operation.op === 'accumulator') {
      const { loadAccumulators } = this.#options;
      if (loadAccumulators === undefined)
        throw new Error('wasm: `accumulator` is allowed only in the epilogue of a contraction');
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
    switch (operation.op) {
      case 'unary': {
        const { source, kind, dtype } = operation;
        return unaryQuad(code, kind, this.#operation(source).dtype, dtype, operand(source));
      }
      case 'binary': {
        const { a, b, kind } = operation;
        const facts = [this.#facts(a), this.#facts(b)] as const;
        return binaryQuad(code, kind, this.#operation(a).dtype, operand(a), operand(b), facts);
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
        throw new Error(`wasm: '${operation.op}' is not computed from other values`);
      default:
        return operation satisfies never;
    }
  }

  /** All slots share the splat of the first element's index. */
  #indexer({ coefficients }: Indexed, value: Value): (slot: Slot) => Quad {
    const code = this.#code;
    code.fn.get(this.#accessCode.at(lookUp(this.#indices, value))).op('i32x4.splat');
    const start = code.take();
    if (!this.varies(value)) return () => [start];
    const { vectorAxis, tileAxis } = this.#options;
    const step = nth(coefficients, vectorAxis);
    const acrossStep = tileAxis === null ? 0 : nth(coefficients, tileAxis);
    return ({ offset, across }) => {
      const steps = [0, 1, 2, 3].map((lane) => (offset + lane) * step + across * acrossStep);
      return [code.op('i32x4.add', start, code.fn.constant('i32x4', ...steps))];
    };
  }

  // Runs along the vector axis.

  /** Starts a run at the current position of the streams; `advance` moves the accesses of these values and stores until `endRun`. */
  beginRun(values: Iterable<Value>, stores: Iterable<Store>): void {
    const accesses: PlannedAccess[] = [];
    for (const value of values) {
      const access = this.#loads.get(value);
      if (access !== undefined) accesses.push(access);
    }
    for (const store of stores) accesses.push(lookUp(this.#stores, store));
    this.#accessCode.beginRun(accesses);
  }

  /** Advances the run by a number of elements. */
  advance(elements: number): void {
    this.#accessCode.advance(elements);
  }

  endRun(): void {
    this.#accessCode.endRun();
  }

  /**
   * Stores values for all slots. All values are computed first, so that deferred loads come before any store, and nothing comes between
   * the stores of a value, which V8 could not pair otherwise.
   */
  store(stores: readonly Store[], slots: readonly Slot[]): void {
    const code = this.#code;
    const writes = stores.map((store) => {
      const access = lookUp(this.#stores, store);
      const { dtype, stride } = access;
      const written = stride === 0 ? slots.slice(0, 1) : slots;
      const pack = (k: number): readonly Local[] => packForStore(code, dtype, this.get(store.value, k));
      const shared = this.varies(store.value) ? null : pack(0);
      return { access, written, packed: written.map((_, k) => shared ?? pack(k)) };
    });
    for (const { access, written, packed } of writes) this.#accessCode.store(access, written, packed);
  }
}
