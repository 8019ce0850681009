/** Loads and stores quads (see `vector-ops.ts`). Partial quads access the memory of only their first `lanes` elements; other lanes load 0. */
import { bytesOf, type DType, type HalfDType, isHalf } from '../../../kernel/dtype.ts';
import { nth } from '../../../kernel/nth.ts';
import type { Local } from '../emit/encoder.ts';
import type { MemoryOp } from '../emit/opcodes.ts';
import { emitNarrow, emitWiden } from './half.ts';
import { Expression, type Vector, type VectorCode } from './vector-code.ts';
import { constantQuad, type Quad } from './vector-ops.ts';

export type LaneCount = 1 | 2 | 3 | 4;

/** A place in memory: `address + offset` bytes, by default in the first memory. The offset may be negative, the sum may not. */
export interface Place {
  readonly address: Local;
  readonly offset: number;
  readonly memory?: number;
}

/** Pushes an address, and returns the constant offset that belongs in the instruction. */
function pushAddress(code: VectorCode, { address, offset }: Place): number {
  code.fn.get(address);
  if (offset >= 0) return offset;
  code.fn.i32(offset).op('i32.add');
  return 0;
}

const at = (place: Place, bytes: number): Place => ({ ...place, offset: place.offset + bytes });

/** The alignment hint for accesses whose alignment is not known: one byte. */
const unaligned = 1;

/** Loads up to one vector of adjacent words. */
function loadWords(code: VectorCode, place: Place, bytes: 4 | 8, words: number): Vector {
  const { fn } = code;
  if (words <= 0) return code.splat('i32x4', 0);
  const load = (op: MemoryOp): Expression =>
    new Expression(() => fn.mem(op, pushAddress(code, place), unaligned, place.memory));
  if (words >= 16 / bytes) return load('v128.load');
  const pair = bytes === 8 || words >= 2;
  if (!pair) return load('v128.load32_zero');
  if (words !== 3) return load('v128.load64_zero');
  return new Expression(() => {
    const rest = pushAddress(code, at(place, 8));
    code.push(load('v128.load64_zero')).memLane('v128.load32_lane', 2, rest, unaligned, place.memory);
  });
}

/** Loads bytes as 32-bit lanes. */
const loadBytes = (code: VectorCode, place: Place, lanes: LaneCount): Expression =>
  new Expression(() => {
    const { fn } = code;
    const zero = code.splat('i32x4', 0);
    if (lanes === 4) fn.mem('v128.load32_zero', pushAddress(code, place), unaligned, place.memory);
    else {
      // The third byte is loaded into the vector that contains the first two.
      const last = lanes === 3 ? pushAddress(code, at(place, 2)) : 0;
      const rest = pushAddress(code, place);
      fn.get(zero).memLane(lanes === 1 ? 'v128.load8_lane' : 'v128.load16_lane', 0, rest, unaligned, place.memory);
      if (lanes === 3) fn.memLane('v128.load8_lane', 2, last, unaligned, place.memory);
    }
    fn.op('i16x8.extend_low_i8x16_u').op('i32x4.extend_low_i16x8_u');
  });

/** Loads f16 or bf16 as f32. */
const loadHalves = (code: VectorCode, dtype: HalfDType, place: Place, lanes: LaneCount): Expression =>
  new Expression(() => {
    const { fn } = code;
    if (lanes === 4) fn.mem('v128.load16x4_u', pushAddress(code, place), unaligned, place.memory);
    else {
      const zero = code.splat('i32x4', 0);
      const last = lanes === 3 ? pushAddress(code, at(place, 4)) : 0;
      const rest = pushAddress(code, place);
      if (lanes === 1) fn.get(zero).memLane('v128.load16_lane', 0, rest, unaligned, place.memory);
      else fn.mem('v128.load32_zero', rest, unaligned, place.memory);
      if (lanes === 3) fn.memLane('v128.load16_lane', 2, last, unaligned, place.memory);
      fn.op('i32x4.extend_low_i16x8_u');
    }
    emitWiden(fn, dtype);
  });

/** Converts the 16-bit patterns in the lanes of `value` to f32. */
const widen = (code: VectorCode, dtype: HalfDType, value: Vector): Vector =>
  new Expression(() => emitWiden(code.push(value), dtype));

const toMask = (code: VectorCode, value: Vector): Vector => code.op('i32x4.ne', value, code.splat('i32x4', 0));

/** Loads adjacent elements. */
export function loadAdjacent(code: VectorCode, dtype: DType, place: Place, lanes: LaneCount): Quad {
  switch (dtype) {
    case 'f32':
    case 'i32':
      return [loadWords(code, place, 4, lanes)];
    case 'f64':
      return [loadWords(code, place, 8, lanes), loadWords(code, at(place, 16), 8, lanes - 2)];
    case 'f16':
    case 'bf16':
      return [loadHalves(code, dtype, place, lanes)];
    case 'u8':
      return [loadBytes(code, place, lanes)];
    case 'bool':
      return [toMask(code, loadBytes(code, place, lanes))];
    default:
      return dtype satisfies never;
  }
}

/** Loads one element into all lanes. */
export function loadSplat(code: VectorCode, dtype: DType, place: Place): Quad {
  const { fn } = code;
  const load = (op: MemoryOp): Expression =>
    new Expression(() => fn.mem(op, pushAddress(code, place), unaligned, place.memory));
  if (dtype === 'f64') {
    const half = code.local(load('v128.load64_splat'));
    return [half, half];
  }
  if (dtype === 'f32' || dtype === 'i32') return [load('v128.load32_splat')];
  const narrowLoad = isHalf(dtype) ? 'i32.load16_u' : 'i32.load8_u';
  const value = new Expression(() =>
    fn.mem(narrowLoad, pushAddress(code, place), unaligned, place.memory).op('i32x4.splat'),
  );
  if (isHalf(dtype)) return [widen(code, dtype, value)];
  return [dtype === 'bool' ? toMask(code, value) : value];
}

/** Loads elements from any places: `visit(lane, load)` calls `load(place)` for each lane that has an element. */
export function loadLanes(
  code: VectorCode,
  dtype: DType,
  lanes: LaneCount,
  visit: (lane: number, load: (place: Place) => void) => void,
): Quad {
  const { fn } = code;
  const parts = constantQuad(code, bytesOf(dtype) < 4 ? 'i32' : dtype, 0).map((zero) => {
    code.push(zero);
    return code.take();
  });
  for (let lane = 0; lane < lanes; lane++)
    visit(lane, (place) => {
      const part = nth(parts, dtype === 'f64' ? lane >> 1 : 0);
      if (bytesOf(dtype) < 4) {
        fn.get(part);
        const rest = pushAddress(code, place);
        fn.mem(isHalf(dtype) ? 'i32.load16_u' : 'i32.load8_u', rest, unaligned, place.memory)
          .lane('i32x4.replace_lane', lane)
          .set(part);
      } else {
        const rest = pushAddress(code, place);
        fn.get(part);
        if (dtype === 'f64') fn.memLane('v128.load64_lane', lane & 1, rest, unaligned, place.memory).set(part);
        else fn.memLane('v128.load32_lane', lane, rest, unaligned, place.memory).set(part);
      }
    });
  if (isHalf(dtype)) return [widen(code, dtype, nth(parts, 0))];
  return dtype === 'bool' ? [toMask(code, nth(parts, 0))] : parts;
}

/** Packs the low byte of each lane into the first four bytes. */
function narrow(code: VectorCode, dtype: DType, value: Vector): Vector {
  const bytes = code.local(dtype === 'bool' ? code.op('v128.and', value, code.splat('i32x4', 1)) : value);
  return new Expression(() =>
    code.fn.get(bytes).get(bytes).shuffle([0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12]),
  );
}

/** Computes the vectors to store for a quad: words unchanged, bytes and half-words packed. */
export function packForStore(code: VectorCode, dtype: DType, value: Quad): readonly Local[] {
  if (bytesOf(dtype) === 1) return [code.local(narrow(code, dtype, nth(value, 0)))];
  if (!isHalf(dtype)) return value.map((part) => code.local(part));
  emitNarrow(code.push(nth(value, 0)), dtype);
  const patterns = code.take();
  return [code.local(code.op('i16x8.narrow_i32x4_u', patterns, patterns))];
}

function storeWords(code: VectorCode, value: Local, place: Place, bytes: 4 | 8, words: number): void {
  const { fn } = code;
  if (words <= 0) return;
  const rest = pushAddress(code, place);
  fn.get(value);
  if (words >= 16 / bytes) fn.mem('v128.store', rest, unaligned, place.memory);
  else if (bytes === 8 || words >= 2) fn.memLane('v128.store64_lane', 0, rest, unaligned, place.memory);
  else fn.memLane('v128.store32_lane', 0, rest, unaligned, place.memory);
  if (words !== 3 || bytes !== 4) return;
  const last = pushAddress(code, at(place, 8));
  fn.get(value).memLane('v128.store32_lane', 2, last, unaligned, place.memory);
}

function storeBytes(code: VectorCode, value: Local, place: Place, lanes: LaneCount): void {
  const { fn } = code;
  const rest = pushAddress(code, place);
  fn.get(value);
  if (lanes === 4) fn.memLane('v128.store32_lane', 0, rest, unaligned, place.memory);
  else if (lanes === 1) fn.memLane('v128.store8_lane', 0, rest, unaligned, place.memory);
  else fn.memLane('v128.store16_lane', 0, rest, unaligned, place.memory);
  if (lanes !== 3) return;
  const last = pushAddress(code, at(place, 2));
  fn.get(value).memLane('v128.store8_lane', 2, last, unaligned, place.memory);
}

function storeHalves(code: VectorCode, value: Local, place: Place, lanes: LaneCount): void {
  const { fn } = code;
  const rest = pushAddress(code, place);
  fn.get(value);
  if (lanes === 4) fn.memLane('v128.store64_lane', 0, rest, unaligned, place.memory);
  else if (lanes === 1) fn.memLane('v128.store16_lane', 0, rest, unaligned, place.memory);
  else fn.memLane('v128.store32_lane', 0, rest, unaligned, place.memory);
  if (lanes !== 3) return;
  const last = pushAddress(code, at(place, 4));
  fn.get(value).memLane('v128.store16_lane', 2, last, unaligned, place.memory);
}

/** Stores vectors from `packForStore`. Those of f64 are stored last first, because V8 pairs such stores without an extra one. */
export function storeAdjacent(
  code: VectorCode,
  dtype: DType,
  packed: readonly Local[],
  place: Place,
  lanes: LaneCount,
): void {
  const first = nth(packed, 0);
  if (bytesOf(dtype) === 1) storeBytes(code, first, place, lanes);
  else if (isHalf(dtype)) storeHalves(code, first, place, lanes);
  else if (dtype !== 'f64') storeWords(code, first, place, 4, lanes);
  else {
    storeWords(code, nth(packed, 1), at(place, 16), 8, lanes - 2);
    storeWords(code, first, place, 8, lanes);
  }
}

/** Stores one lane of vectors from `packForStore`. */
export function storeLane(code: VectorCode, dtype: DType, packed: readonly Local[], lane: number, place: Place): void {
  const { fn } = code;
  const rest = pushAddress(code, place);
  fn.get(nth(packed, dtype === 'f64' ? lane >> 1 : 0));
  if (dtype === 'f64') fn.memLane('v128.store64_lane', lane & 1, rest, unaligned, place.memory);
  else if (bytesOf(dtype) === 4) fn.memLane('v128.store32_lane', lane, rest, unaligned, place.memory);
  else if (isHalf(dtype)) fn.memLane('v128.store16_lane', lane, rest, unaligned, place.memory);
  else fn.memLane('v128.store8_lane', lane, rest, unaligned, place.memory);
}
