/** Writes the loads and stores of a program: their addresses, their guards, and the rows of gathers. */
import type { Value } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';
import type { FunctionBuilder, Local, Operand } from '../emit/encoder.ts';
import type { VectorCode } from '../vectors/vector-code.ts';
import { loadAdjacent, loadLanes, loadSplat, type Place, storeAdjacent, storeLane } from '../vectors/vector-memory.ts';
import { constantQuad, type Quad, transpose } from '../vectors/vector-ops.ts';
import { isAdjacent, type PlannedAccess, type PlannedGuard } from './access.ts';
import type { Slot } from './slots.ts';
import type { Stream, Streams } from './streams.ts';

/** The number of zero bytes that are read in place of a row whose guard fails: eight slots of the widest type. */
export const zeroBytes = 8 * 4 * 8;

/** Writes the zeros to scratch memory. */
export function emitZeros(fn: FunctionBuilder, scratch: Local): void {
  for (let offset = 0; offset < zeroBytes; offset += 16)
    fn.get(scratch).get(fn.constant('i32x4', 0)).mem('v128.store', offset);
}

/** The position of an access during a run along the vector axis. */
interface Cursor {
  readonly address: Local;
  /** The distance from the cursor to the access's first element, in bytes. */
  readonly offset: number;
  /** What to add to `address` when the run advances; null if the cursor follows a stream. */
  readonly ownStep: ((elements: number) => Operand) | null;
  /** Whether guards need no further checks, because failing rows read zeros. */
  readonly settled: boolean;
}

export interface AccessCodeOptions {
  readonly vectorAxis: number;
  readonly streams: Streams;
  /** Points to `zeroBytes` zeros. */
  readonly zeros: Local;
  /** Whether the row of a gather differs from element to element. */
  readonly rowVaries: (row: Value) => boolean;
  /** The rows of one slot of a gather. */
  readonly rowQuad: (row: Value, slot: number) => Quad;
}

/** Writes the accesses of one program. */
export class AccessCode {
  readonly #code: VectorCode;
  readonly #options: AccessCodeOptions;
  #cursors = new Map<PlannedAccess, Cursor>();
  #runLocals = new Map<Stream, Local>();

  constructor(code: VectorCode, options: AccessCodeOptions) {
    this.#code = code;
    this.#options = options;
  }

  // Runs along the vector axis.

  /** Starts a run at the current position of the streams; `advance` moves these accesses until `endRun`. */
  beginRun(accesses: Iterable<PlannedAccess>): void {
    const { fn } = this.#code;
    for (const stream of this.#options.streams.along(this.#options.vectorAxis)) {
      const local = this.#code.fresh('i32');
      fn.get(stream.local).set(local);
      this.#runLocals.set(stream, local);
    }
    for (const access of accesses)
      if (this.#followsRow(access) || this.mayReadZeros(access)) this.#cursors.set(access, this.#prepare(access));
  }

  /** Advances the run by a number of elements. */
  advance(elements: number): void {
    const { fn } = this.#code;
    for (const [stream, local] of this.#runLocals)
      fn.increment(local, nth(stream.coefficients, this.#options.vectorAxis) * elements);
    for (const { address, ownStep } of this.#cursors.values())
      if (ownStep !== null) fn.increment(address, ownStep(elements));
  }

  endRun(): void {
    this.#runLocals = new Map();
    this.#cursors = new Map();
  }

  /** The value of a stream in the current run. */
  at(stream: Stream): Local {
    return this.#runLocals.get(stream) ?? stream.local;
  }

  /** Whether an access is a gather whose row is the same along the vector axis. Once the row is known, it is like other accesses. */
  #followsRow({ row }: PlannedAccess): boolean {
    return row !== null && !this.#options.rowVaries(row.value);
  }

  /** Whether the guards have the same result for a whole run, so that a run for which they fail can read zeros instead. */
  mayReadZeros(access: PlannedAccess): boolean {
    return (
      access.guards.length > 0 &&
      // The zeros are in the first memory.
      access.memory === 0 &&
      isAdjacent(access) &&
      access.acrossStride === 0 &&
      access.guards.every(({ step, acrossStep }) => step === 0 && acrossStep === 0) &&
      (access.row === null || this.#followsRow(access))
    );
  }

  #prepare(access: PlannedAccess): Cursor {
    const code = this.#code;
    const { fn } = code;
    const { address: stream, row, stride } = access;
    const offset = access.offset - stream.offset;
    if (row === null && !this.mayReadZeros(access))
      return { address: this.at(stream), offset, ownStep: null, settled: false };
    const address = code.fresh('i32');
    fn.get(this.at(stream));
    if (row !== null) {
      this.#pushRow(access, 0, 0);
      fn.times(row.stride).op('i32.add');
    }
    if (!this.mayReadZeros(access)) {
      fn.set(address);
      return { address, offset, ownStep: (elements) => elements * stride, settled: false };
    }
    if (offset !== 0) fn.i32(offset).op('i32.add');
    fn.get(this.#options.zeros);
    this.#pushAllHold(access, [0], 0);
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
    if (row === null) throw new Error('wasm: the row of an access that is not a gather was requested');
    const code = this.#code;
    const rows = code.op('i32x4.max_s', nth(this.#options.rowQuad(row.value, slot), 0), code.splat('i32x4', 0));
    code.push(code.op('i32x4.min_s', rows, code.splat('i32x4', row.last))).lane('i32x4.extract_lane', lane);
  }

  // Guards.

  /** Pushes whether a guard holds at `element` along the vector axis and `across` along the tile axis from the streams' position. */
  #pushHolds(guard: PlannedGuard, element: number, across: number, pushRow: () => void): void {
    const { fn } = this.#code;
    const { sum, step, acrossStep, rowStep, low, high } = guard;
    fn.get(this.at(sum));
    if (rowStep !== 0) {
      pushRow();
      fn.times(rowStep).op('i32.add');
    }
    const shift = step * element + acrossStep * across - low;
    if (shift !== 0) fn.i32(shift).op('i32.add');
    fn.i32(high - low).op('i32.lt_u');
  }

  /** Pushes whether all guards hold at all of these elements. (A linear sum that is within bounds at both ends is so in between.) */
  #pushAllHold(access: PlannedAccess, elements: readonly number[], across: number): void {
    const { fn } = this.#code;
    let first = true;
    for (const guard of access.guards)
      for (const element of guard.step === 0 ? elements.slice(0, 1) : elements) {
        this.#pushHolds(guard, element, across, () => this.#pushRow(access, 0, 0));
        if (!first) fn.op('i32.and');
        first = false;
      }
  }

  /** Uses the place of one lane of a slot if all guards hold there. */
  #ifLaneHolds(access: PlannedAccess, slot: Slot, start: Place, lane: number, use: (place: Place) => void): void {
    const code = this.#code;
    const { fn } = code;
    this.#pushAllHold(access, [slot.offset + lane], slot.across);
    fn.if(() => {
      const address = code.fresh('i32');
      fn.get(start.address)
        .i32(lane * access.stride)
        .op('i32.add')
        .set(address);
      use({ ...start, address });
    });
  }

  // Loads and stores.

  /** Returns a function that loads slots of an access at its current position. */
  loader(access: PlannedAccess): (slot: Slot, k: number) => Quad {
    const code = this.#code;
    const { dtype, guards, row, stride } = access;
    if (row !== null && !this.#followsRow(access)) return (slot, k) => this.#loadRows(access, slot, k);
    const { address, offset, settled } = this.#cursors.get(access) ?? this.#prepare(access);
    return (slot) => {
      const whole = (place: Place): Quad => {
        if (stride === 0) return loadSplat(code, dtype, place);
        if (isAdjacent(access)) return loadAdjacent(code, dtype, place, slot.lanes);
        return loadLanes(code, dtype, slot.lanes, (lane, load) =>
          load({ ...place, offset: place.offset + lane * stride }),
        );
      };
      const place: Place = {
        address,
        offset: offset + slot.offset * stride + slot.across * access.acrossStride,
        memory: access.memory,
      };
      return guards.length === 0 || settled ? whole(place) : this.#guarded(access, slot, place, whole);
    };
  }

  /** A load that checks its guards: it loads all lanes at once if the guards hold for all, else lane by lane. */
  #guarded(access: PlannedAccess, slot: Slot, start: Place, whole: (place: Place) => Quad): Quad {
    const code = this.#code;
    const { fn } = code;
    const { dtype, guards } = access;
    const result = constantQuad(code, dtype, 0).map(() => code.fresh());
    const assign = (quad: Quad): void => {
      for (const [part, local] of result.entries()) code.push(nth(quad, part)).set(local);
    };
    // The place may be before the buffer where guards fail, so the whole sum is computed instead of using the instruction's offset.
    const place: Place = { address: code.fresh('i32'), offset: 0, memory: start.memory };
    fn.get(start.address).i32(start.offset).op('i32.add').set(place.address);
    const first = slot.offset;
    const last = slot.offset + slot.lanes - 1;
    this.#pushAllHold(access, first === last ? [first] : [first, last], slot.across);
    fn.if(
      () => assign(whole(place)),
      () => {
        if (guards.every(({ step }) => step === 0)) assign(constantQuad(code, dtype, 0));
        else
          assign(
            loadLanes(code, dtype, slot.lanes, (lane, load) => {
              this.#ifLaneHolds(access, slot, place, lane, load);
            }),
          );
      },
    );
    return result;
  }

  /** Loads 4 x 4 words as vectors along the tile axis, and transposes them to vectors along the vector axis. */
  loadTile(access: PlannedAccess): Quad[] {
    const code = this.#code;
    const { address, offset } = this.#cursors.get(access) ?? this.#prepare(access);
    const lines = [0, 1, 2, 3].map((line) =>
      code.local(
        nth(
          loadAdjacent(
            code,
            access.dtype,
            { address, offset: offset + line * access.stride, memory: access.memory },
            4,
          ),
          0,
        ),
      ),
    );
    return transpose(code, lines).map((vector) => [vector]);
  }

  /** A gather whose rows differ from lane to lane. */
  #loadRows(access: PlannedAccess, slot: Slot, k: number): Quad {
    const code = this.#code;
    const { fn } = code;
    const { dtype, guards, row, stride, address: stream } = access;
    if (row === null) throw new Error('wasm: the rows of an access that is not a gather were requested');
    const offset = access.offset - stream.offset;
    return loadLanes(code, dtype, slot.lanes, (lane, load) => {
      const fetch = (): void => {
        const address = code.fresh('i32');
        fn.get(this.at(stream))
          .i32(offset + (slot.offset + lane) * stride + slot.across * access.acrossStride)
          .op('i32.add');
        this.#pushRow(access, k, lane);
        fn.times(row.stride).op('i32.add').set(address);
        load({ address, offset: 0, memory: access.memory });
      };
      if (guards.length === 0) fetch();
      else {
        for (const [g, guard] of guards.entries()) {
          this.#pushHolds(guard, slot.offset + lane, slot.across, () => this.#pushRow(access, k, lane));
          if (g > 0) fn.op('i32.and');
        }
        fn.if(fetch);
      }
    });
  }

  /** Stores a value to slots, the last slot first: V8 pairs adjacent stores without an extra one if the higher comes first. */
  store(access: PlannedAccess, slots: readonly Slot[], packed: readonly (readonly Local[])[]): void {
    const cursor = this.#cursors.get(access) ?? this.#prepare(access);
    for (let k = slots.length - 1; k >= 0; k--) this.#storeSlot(access, cursor, nth(slots, k), nth(packed, k));
  }

  #storeSlot(access: PlannedAccess, cursor: Cursor, slot: Slot, packed: readonly Local[]): void {
    const code = this.#code;
    const { fn } = code;
    const { dtype, guards, stride, memory } = access;
    const lanes = stride === 0 ? 1 : slot.lanes;
    const whole = (place: Place): void => {
      if (isAdjacent(access)) storeAdjacent(code, dtype, packed, place, lanes);
      else
        for (let lane = 0; lane < lanes; lane++)
          storeLane(code, dtype, packed, lane, { ...place, offset: place.offset + lane * stride });
    };
    const offset = cursor.offset + slot.offset * stride + slot.across * access.acrossStride;
    if (guards.length === 0) {
      whole({ address: cursor.address, offset, memory });
      return;
    }
    const place: Place = { address: code.fresh('i32'), offset: 0, memory };
    fn.get(cursor.address).i32(offset).op('i32.add').set(place.address);
    this.#pushAllHold(access, lanes === 1 ? [slot.offset] : [slot.offset, slot.offset + lanes - 1], slot.across);
    fn.if(
      () => whole(place),
      () => {
        if (lanes === 1 || guards.every(({ step }) => step === 0)) return;
        for (let lane = 0; lane < lanes; lane++) {
          this.#ifLaneHolds(access, slot, place, lane, (of) => storeLane(code, dtype, packed, lane, of));
        }
      },
    );
  }
}
