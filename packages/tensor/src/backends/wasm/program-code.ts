/**
 * Code for the operations of a program at one place of a loop nest. Values that vary along the vector axis are computed for several
 * slots of four elements side by side, others once, in all lanes.
 */
import type { DType } from '../../dtype.ts';
import type { Store, Value } from '../../kernel.ts';
import { isAdjacent, isFixed, type PlannedAccess, type PlannedGuard, planAccess, slowAccess } from './access.ts';
import type { FunctionBuilder, Local, Operand } from './encoder.ts';
import { type AxisSet, hasAxis, type LoopProgram, type Operation, operandsOf, variation } from './simplify.ts';
import type { Stream, Streams } from './streams.ts';
import type { VectorCode } from './vector-code.ts';
import {
  type LaneCount,
  loadAdjacent,
  loadLanes,
  loadSplat,
  type Place,
  packForStore,
  storeAdjacent,
  storeLane,
} from './vector-memory.ts';
import {
  binaryQuad,
  constantQuad,
  type OperandFacts,
  type Quad,
  representationOf,
  selectQuad,
  unaryQuad,
} from './vector-ops.ts';

/** Up to four elements, `offset` elements along the vector axis from where the streams stand. */
export interface Slot {
  readonly offset: number;
  readonly lanes: LaneCount;
}

/** Slots that cover `count` elements: the last one may be partial. */
export function slotsFor(count: number): Slot[] {
  return Array.from({ length: Math.ceil(count / 4) }, (_, k) => ({
    offset: 4 * k,
    lanes: Math.min(4, count - 4 * k) as LaneCount,
  }));
}

/** Bytes of zeros that stand in for a row whose guard fails: eight slots of the widest type. */
export const zeroBytes = 8 * 4 * 8;

/** Writes the zeros to the thread's scratch memory. */
export function emitZeros(fn: FunctionBuilder, scratch: Local = fn.params[3]): void {
  for (let offset = 0; offset < zeroBytes; offset += 16)
    fn.get(scratch).get(fn.constant('i32x4', 0)).mem('v128.store', offset);
}

/** Where an access stands while a run along the vector axis goes on. */
interface Cursor {
  readonly address: Local;
  /** Bytes from the cursor to the access's first element. */
  readonly offset: number;
  /** Added to `address` when the run moves on, where the cursor does not follow a stream. */
  readonly ownStep: ((elements: number) => Operand) | null;
  /** Guards are settled: failing rows read zeros. */
  readonly settled: boolean;
}

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
  readonly streams: Streams;
  /** Points to `zeroBytes` zeros. */
  readonly zeros: Local;
  /** Reads the finished sum of products of a slot. */
  readonly loadAccumulator?: (slot: Slot) => Quad;
}

export class ProgramCode {
  readonly program: LoopProgram;
  /** The axes along which each value varies. */
  readonly variation: readonly AxisSet[];
  readonly slow = new Set<string>();
  readonly #code: VectorCode;
  readonly #options: ProgramCodeOptions;
  readonly #loads = new Map<Value, PlannedAccess>();
  readonly #stores = new Map<Store, PlannedAccess>();
  readonly #indices = new Map<Value, Stream>();
  /** Computed values that are the same along the vector axis and meet others that are not. */
  readonly #spread = new Set<Value>();
  /** How often each value is used. */
  readonly #uses: readonly number[];
  #values = new Map<Value, readonly Quad[]>();
  #cursors = new Map<PlannedAccess, Cursor>();
  #runLocals = new Map<Stream, Local>();

  constructor(code: VectorCode, options: ProgramCodeOptions) {
    const { program, dtypes, streams, vectorAxis } = options;
    this.#code = code;
    this.#options = options;
    this.program = program;
    this.variation = variation(program);
    const rank = program.domain.length;
    this.#uses = countUses(program);
    program.operations.forEach((operation, value) => {
      if (operation.op === 'load' || operation.op === 'gather') {
        const row = operation.op === 'gather' ? operation.row : null;
        const { access } = operation;
        const planned = planAccess(streams, access, dtypes[access.buffer], rank, vectorAxis, row);
        this.#loads.set(value, planned);
        const reason = slowAccess(planned, 'gathers', row !== null && this.varies(row));
        if (reason !== null) this.slow.add(row === null ? reason.replace('gathers', 'reads') : reason);
      }
      if (operation.op === 'index') {
        const along = operation.coefficients.map((c, axis) => (program.domain[axis] === 1 ? 0 : c));
        this.#indices.set(value, streams.number(operation.offset, along));
      }
    });
    program.operations.forEach((operation, value) => {
      if (!this.varies(value)) return;
      for (const operand of operandsOf(operation))
        if (!this.varies(operand) && isComputed(program.operations[operand])) this.#spread.add(operand);
    });
    for (const store of program.stores) {
      const planned = planAccess(streams, store.access, dtypes[store.access.buffer], rank, vectorAxis, null);
      this.#stores.set(store, planned);
      const reason = slowAccess(planned, 'writes', false);
      if (reason !== null) this.slow.add(reason);
    }
  }

  /** Whether a value differs along the vector axis. */
  varies(value: Value): boolean {
    return hasAxis(this.variation[value], this.#options.vectorAxis);
  }

  /** Whether some row may have to be read as zeros. */
  get needsZeros(): boolean {
    return [...this.#loads.values()].some((access) => this.#mayReadZeros(access));
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
    const computed = this.varies(value) ? slots : slots.slice(0, 1);
    const access = this.#loads.get(value);
    const compute =
      operation.op === 'index'
        ? this.#indexer(operation, value)
        : access === undefined
          ? (slot: Slot, k: number) => this.#compute(operation, slot, k)
          : this.#loader(access);
    const here = inline && this.varies(value) && this.#uses[value] === 1;
    this.set(
      value,
      computed.map((slot, k) => {
        const quad = compute(slot, k);
        return here ? quad : quad.map((part) => this.#code.local(part));
      }),
    );
  }

  #compute(operation: Operation, slot: Slot, k: number): Quad {
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
      case 'accumulator': {
        const { loadAccumulator } = this.#options;
        if (loadAccumulator === undefined)
          throw new Error('wasm: only the epilogue of a contraction has an accumulator');
        return loadAccumulator(slot);
      }
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
    code.fn.get(this.#at(this.#indices.get(value) as Stream)).op('i32x4.splat');
    const start = code.take();
    const step = this.varies(value) ? coefficients[this.#options.vectorAxis] : 0;
    if (step === 0) return () => [start];
    return ({ offset }) => {
      const steps = [0, 1, 2, 3].map((lane) => (offset + lane) * step);
      return [code.op('i32x4.add', start, code.fn.constant('i32x4', ...steps))];
    };
  }

  // Runs along the vector axis.

  /** Starts a run where the streams stand: accesses of these values and stores move by `advance` until `endRun`. */
  beginRun(values: Iterable<Value>, stores: Iterable<Store>): void {
    const { fn } = this.#code;
    for (const stream of this.#options.streams.along(this.#options.vectorAxis)) {
      const local = this.#code.fresh('i32');
      fn.get(stream.local).set(local);
      this.#runLocals.set(stream, local);
    }
    for (const value of values) {
      const access = this.#loads.get(value);
      if (access === undefined || isFixed(access)) continue;
      if (this.#followsRow(access) || this.#mayReadZeros(access)) this.#cursors.set(access, this.#prepare(access));
    }
    for (const store of stores) {
      const access = this.#stores.get(store) as PlannedAccess;
      this.#cursors.set(access, this.#prepare(access));
    }
  }

  /** Moves a run on. */
  advance(elements: number): void {
    const { fn } = this.#code;
    for (const [stream, local] of this.#runLocals)
      fn.increment(local, stream.coefficients[this.#options.vectorAxis] * elements);
    for (const { address, ownStep } of this.#cursors.values())
      if (ownStep !== null) fn.increment(address, ownStep(elements));
  }

  endRun(): void {
    this.#runLocals = new Map();
    this.#cursors = new Map();
  }

  #at(stream: Stream): Local {
    return this.#runLocals.get(stream) ?? stream.local;
  }

  /** A gather whose row is the same along the vector axis: after the row is known, an access like others. */
  #followsRow({ row }: PlannedAccess): boolean {
    return row !== null && !this.varies(row.value);
  }

  #mayReadZeros(access: PlannedAccess): boolean {
    return (
      access.guards.length > 0 &&
      isAdjacent(access) &&
      access.guards.every(({ step }) => step === 0) &&
      (access.row === null || this.#followsRow(access))
    );
  }

  #prepare(access: PlannedAccess): Cursor {
    const code = this.#code;
    const { fn } = code;
    const { address: stream, row, stride, guards } = access;
    const offset = access.offset - stream.offset;
    if (row === null && !this.#mayReadZeros(access))
      return { address: this.#at(stream), offset, ownStep: null, settled: false };
    const address = code.fresh('i32');
    fn.get(this.#at(stream));
    if (row !== null) {
      this.#pushRow(access, 0, 0);
      fn.times(row.stride).op('i32.add');
    }
    if (!this.#mayReadZeros(access)) {
      fn.set(address);
      return { address, offset, ownStep: (elements) => elements * stride, settled: false };
    }
    if (offset !== 0) fn.i32(offset).op('i32.add');
    fn.get(this.#options.zeros);
    this.#pushAllHold(guards, access, [0]);
    const holds = code.fresh('i32');
    fn.tee(holds).select().set(address);
    const ownStep = (elements: number): Operand => {
      const step = code.fresh('i32');
      fn.i32(elements * stride)
        .i32(0)
        .get(holds)
        .select()
        .set(step);
      return step;
    };
    return { address, offset: 0, ownStep, settled: true };
  }

  /** Pushes the row of a gather, clamped to the table, in one lane. */
  #pushRow({ row }: PlannedAccess, slot: number, lane: number): void {
    if (row === null) throw new Error('wasm: only a gather has a row');
    const code = this.#code;
    const rows = code.op('i32x4.max_s', this.get(row.value, slot)[0], code.splat('i32x4', 0));
    code.push(code.op('i32x4.min_s', rows, code.splat('i32x4', row.last))).lane('i32x4.extract_lane', lane);
  }

  // Guards.

  /** Pushes whether a guard holds `element` elements along the vector axis; `rowOf` is the row of a gather, if it counts. */
  #pushHolds({ sum, step, rowStep, low, high }: PlannedGuard, element: number, pushRow: () => void): void {
    const { fn } = this.#code;
    fn.get(this.#at(sum));
    if (rowStep !== 0) {
      pushRow();
      fn.times(rowStep).op('i32.add');
    }
    const shift = step * element - low;
    if (shift !== 0) fn.i32(shift).op('i32.add');
    fn.i32(high - low).op('i32.lt_u');
  }

  /** Pushes whether all guards hold at all of these elements. A linear sum that is within bounds at both ends is so between. */
  #pushAllHold(guards: readonly PlannedGuard[], access: PlannedAccess, elements: readonly number[]): void {
    const { fn } = this.#code;
    let first = true;
    for (const guard of guards)
      for (const element of guard.step === 0 ? elements.slice(0, 1) : elements) {
        this.#pushHolds(guard, element, () => this.#pushRow(access, 0, 0));
        if (!first) fn.op('i32.and');
        first = false;
      }
  }

  // Loads and stores.

  /** Loads slots of an access where it stands now. */
  #loader(access: PlannedAccess): (slot: Slot, k: number) => Quad {
    const code = this.#code;
    const { dtype, guards, row, stride } = access;
    if (row !== null && !this.#followsRow(access)) return (slot, k) => this.#loadRows(access, slot, k);
    const { address, offset, settled } = this.#cursors.get(access) ?? this.#prepare(access);
    return (slot) => {
      const whole = (place: Place): Quad => {
        if (stride === 0) return loadSplat(code, dtype, place);
        if (isAdjacent(access)) return loadAdjacent(code, dtype, place, slot.lanes);
        return loadLanes(code, dtype, slot.lanes, (lane, load) =>
          load({ address: place.address, offset: place.offset + lane * stride }),
        );
      };
      const place = { address, offset: offset + slot.offset * stride };
      return guards.length === 0 || settled ? whole(place) : this.#guarded(access, slot, place, whole);
    };
  }

  /** A load under guards that are looked at here: all lanes at once where all of them hold, else lane by lane. */
  #guarded(access: PlannedAccess, slot: Slot, start: Place, whole: (place: Place) => Quad): Quad {
    const code = this.#code;
    const { fn } = code;
    const { dtype, guards, stride } = access;
    const result = constantQuad(code, dtype, 0).map(() => code.fresh());
    const assign = (quad: Quad): void => {
      result.forEach((local, part) => {
        code.push(quad[part]).set(local);
      });
    };
    // The place may lie before the buffer where guards fail: it is added up, not left to the instruction's offset.
    const place: Place = { address: code.fresh('i32'), offset: 0 };
    fn.get(start.address).i32(start.offset).op('i32.add').set(place.address);
    const first = slot.offset;
    const last = slot.offset + slot.lanes - 1;
    this.#pushAllHold(guards, access, first === last ? [first] : [first, last]);
    fn.if(
      () => assign(whole(place)),
      () => {
        if (guards.every(({ step }) => step === 0)) assign(constantQuad(code, dtype, 0));
        else
          assign(
            loadLanes(code, dtype, slot.lanes, (lane, load) => {
              this.#pushAllHold(guards, access, [slot.offset + lane]);
              fn.if(() => {
                const address = code.fresh('i32');
                fn.get(place.address)
                  .i32(lane * stride)
                  .op('i32.add')
                  .set(address);
                load({ address, offset: 0 });
              });
            }),
          );
      },
    );
    return result;
  }

  /** A gather whose rows differ from lane to lane. */
  #loadRows(access: PlannedAccess, slot: Slot, k: number): Quad {
    const code = this.#code;
    const { fn } = code;
    const { dtype, guards, row, stride, address: stream } = access;
    if (row === null) throw new Error('wasm: only a gather has rows');
    const offset = access.offset - stream.offset;
    return loadLanes(code, dtype, slot.lanes, (lane, load) => {
      const fetch = (): void => {
        const address = code.fresh('i32');
        fn.get(this.#at(stream))
          .i32(offset + (slot.offset + lane) * stride)
          .op('i32.add');
        this.#pushRow(access, k, lane);
        fn.times(row.stride).op('i32.add').set(address);
        load({ address, offset: 0 });
      };
      if (guards.length === 0) fetch();
      else {
        guards.forEach((guard, g) => {
          this.#pushHolds(guard, slot.offset + lane, () => this.#pushRow(access, k, lane));
          if (g > 0) fn.op('i32.and');
        });
        fn.if(fetch);
      }
    });
  }

  /**
   * Writes the values of stores for all slots: first all is computed, since loads that were put off come before any store. The last slot
   * is written first: V8 pairs adjacent stores without an extra one if the higher comes first, and only if nothing lies between.
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
    for (const { access, written, packed } of writes) {
      const cursor = this.#cursors.get(access) ?? this.#prepare(access);
      for (let k = written.length - 1; k >= 0; k--) this.#storeSlot(access, cursor, written[k], packed[k]);
    }
  }

  #storeSlot(access: PlannedAccess, cursor: Cursor, slot: Slot, packed: readonly Local[]): void {
    const code = this.#code;
    const { fn } = code;
    const { dtype, guards, stride } = access;
    const lanes = stride === 0 ? 1 : slot.lanes;
    const whole = (place: Place): void => {
      if (isAdjacent(access)) storeAdjacent(code, dtype, packed, place, lanes);
      else
        for (let lane = 0; lane < lanes; lane++)
          storeLane(code, dtype, packed, lane, { address: place.address, offset: place.offset + lane * stride });
    };
    const offset = cursor.offset + slot.offset * stride;
    if (guards.length === 0) {
      whole({ address: cursor.address, offset });
      return;
    }
    const place: Place = { address: code.fresh('i32'), offset: 0 };
    fn.get(cursor.address).i32(offset).op('i32.add').set(place.address);
    this.#pushAllHold(guards, access, lanes === 1 ? [slot.offset] : [slot.offset, slot.offset + lanes - 1]);
    fn.if(
      () => whole(place),
      () => {
        if (lanes === 1 || guards.every(({ step }) => step === 0)) return;
        for (let lane = 0; lane < lanes; lane++) {
          this.#pushAllHold(guards, access, [slot.offset + lane]);
          fn.if(() => {
            const address = code.fresh('i32');
            fn.get(place.address)
              .i32(lane * stride)
              .op('i32.add')
              .set(address);
            storeLane(code, dtype, packed, lane, { address, offset: 0 });
          });
        }
      },
    );
  }
}
