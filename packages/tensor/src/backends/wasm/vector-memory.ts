/** Quads (see `vector-ops.ts`) to and from memory. Partial quads touch the memory of their first `lanes` elements only; the rest is 0. */
import { bytesOf, type DType } from '../../dtype.ts';
import type { Local } from './encoder.ts';
import type { VectorCode } from './vector-code.ts';
import { constantQuad, type Quad } from './vector-ops.ts';

export type LaneCount = 1 | 2 | 3 | 4;

/** Where lanes lie: `address + offset` bytes. Offsets may be negative; the sum may not. */
export interface Place {
  readonly address: Local;
  readonly offset: number;
}

/** Pushes an address whose static rest, which is returned, goes into the instruction. */
function pushAddress(code: VectorCode, { address, offset }: Place): number {
  code.fn.get(address);
  if (offset >= 0) return offset;
  code.fn.i32(offset).op('i32.add');
  return 0;
}

const at = ({ address, offset }: Place, bytes: number): Place => ({ address, offset: offset + bytes });

/** Memory accesses of code that is not tuned to alignment promise one byte. */
const unaligned = 1;

/** Two vectors of f64, or one of a 32-bit type, from adjacent memory. */
function loadWords(code: VectorCode, place: Place, bytes: 4 | 8, words: number): Local {
  const { fn } = code;
  const zero = (): Local => code.splat('i32x4', 0);
  const perVector = 16 / bytes;
  if (words <= 0) return zero();
  if (words >= perVector) fn.mem('v128.load', pushAddress(code, place), unaligned);
  else if (bytes === 8 || words >= 2) fn.mem('v128.load64_zero', pushAddress(code, place), unaligned);
  else fn.mem('v128.load32_zero', pushAddress(code, place), unaligned);
  const loaded = code.take();
  if (words !== 3 || bytes !== 4) return loaded;
  const rest = pushAddress(code, at(place, 8));
  fn.get(loaded).memLane('v128.load32_lane', 2, rest, unaligned);
  return code.take();
}

/** Bytes as 32-bit lanes. */
function loadBytes(code: VectorCode, place: Place, lanes: LaneCount): Local {
  const { fn } = code;
  const zero = code.splat('i32x4', 0);
  if (lanes === 4) fn.mem('v128.load32_zero', pushAddress(code, place), unaligned);
  else if (lanes === 1) {
    const rest = pushAddress(code, place);
    fn.get(zero).memLane('v128.load8_lane', 0, rest);
  } else {
    const rest = pushAddress(code, place);
    fn.get(zero).memLane('v128.load16_lane', 0, rest, unaligned);
    if (lanes === 3) {
      const pair = code.take();
      const last = pushAddress(code, at(place, 2));
      fn.get(pair).memLane('v128.load8_lane', 2, last);
    }
  }
  fn.op('i16x8.extend_low_i8x16_u').op('i32x4.extend_low_i16x8_u');
  return code.take();
}

const toMask = (code: VectorCode, value: Local): Local => code.op('i32x4.ne', value, code.splat('i32x4', 0));

/** Adjacent elements. */
export function loadAdjacent(code: VectorCode, dtype: DType, place: Place, lanes: LaneCount): Quad {
  switch (dtype) {
    case 'f32':
    case 'i32':
      return [loadWords(code, place, 4, lanes)];
    case 'f64':
      return [loadWords(code, place, 8, lanes), loadWords(code, at(place, 16), 8, lanes - 2)];
    case 'u8':
      return [loadBytes(code, place, lanes)];
    case 'bool':
      return [toMask(code, loadBytes(code, place, lanes))];
  }
}

/** One element in all lanes. */
export function loadSplat(code: VectorCode, dtype: DType, place: Place): Quad {
  const { fn } = code;
  const rest = pushAddress(code, place);
  if (dtype === 'f64') {
    fn.mem('v128.load64_splat', rest, unaligned);
    const half = code.take();
    return [half, half];
  }
  if (dtype === 'f32' || dtype === 'i32') {
    fn.mem('v128.load32_splat', rest, unaligned);
    return [code.take()];
  }
  fn.mem('i32.load8_u', rest).op('i32x4.splat');
  const value = code.take();
  return [dtype === 'bool' ? toMask(code, value) : value];
}

/** Elements that lie anywhere: `visit(lane, load)` calls `load(place)` where there is one. */
export function loadLanes(
  code: VectorCode,
  dtype: DType,
  lanes: LaneCount,
  visit: (lane: number, load: (place: Place) => void) => void,
): Quad {
  const { fn } = code;
  const parts = constantQuad(code, dtype === 'bool' ? 'i32' : dtype, 0).map((zero) => {
    const part = code.fresh();
    fn.get(zero).set(part);
    return part;
  });
  for (let lane = 0; lane < lanes; lane++)
    visit(lane, (place) => {
      const part = parts[dtype === 'f64' ? lane >> 1 : 0];
      if (bytesOf(dtype) === 1) {
        fn.get(part);
        const rest = pushAddress(code, place);
        fn.mem('i32.load8_u', rest).lane('i32x4.replace_lane', lane).set(part);
      } else {
        const rest = pushAddress(code, place);
        fn.get(part);
        if (dtype === 'f64') fn.memLane('v128.load64_lane', lane & 1, rest, unaligned).set(part);
        else fn.memLane('v128.load32_lane', lane, rest, unaligned).set(part);
      }
    });
  return dtype === 'bool' ? [toMask(code, parts[0])] : parts;
}

/** The low byte of each lane, in the first four bytes. */
function narrow(code: VectorCode, dtype: DType, value: Local): Local {
  const bytes = dtype === 'bool' ? code.op('v128.and', value, code.splat('i32x4', 1)) : value;
  code.fn.get(bytes).get(bytes).shuffle([0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12]);
  return code.take();
}

/** What is stored for a quad: words as they are, bytes packed. */
export const packForStore = (code: VectorCode, dtype: DType, value: Quad): Quad =>
  bytesOf(dtype) === 1 ? [narrow(code, dtype, value[0])] : value;

function storeWords(code: VectorCode, value: Local, place: Place, bytes: 4 | 8, words: number): void {
  const { fn } = code;
  if (words <= 0) return;
  const rest = pushAddress(code, place);
  fn.get(value);
  if (words >= 16 / bytes) fn.mem('v128.store', rest, unaligned);
  else if (bytes === 8 || words >= 2) fn.memLane('v128.store64_lane', 0, rest, unaligned);
  else fn.memLane('v128.store32_lane', 0, rest, unaligned);
  if (words !== 3 || bytes !== 4) return;
  const last = pushAddress(code, at(place, 8));
  fn.get(value).memLane('v128.store32_lane', 2, last, unaligned);
}

function storeBytes(code: VectorCode, value: Local, place: Place, lanes: LaneCount): void {
  const { fn } = code;
  const rest = pushAddress(code, place);
  fn.get(value);
  if (lanes === 4) fn.memLane('v128.store32_lane', 0, rest, unaligned);
  else if (lanes === 1) fn.memLane('v128.store8_lane', 0, rest);
  else fn.memLane('v128.store16_lane', 0, rest, unaligned);
  if (lanes !== 3) return;
  const last = pushAddress(code, at(place, 2));
  fn.get(value).memLane('v128.store8_lane', 2, last);
}

/** `packed` comes from `packForStore`. The vectors of f64 are stored last first: V8 pairs such stores without an extra one. */
export function storeAdjacent(code: VectorCode, dtype: DType, packed: Quad, place: Place, lanes: LaneCount): void {
  if (bytesOf(dtype) === 1) storeBytes(code, packed[0], place, lanes);
  else if (dtype !== 'f64') storeWords(code, packed[0], place, 4, lanes);
  else {
    storeWords(code, packed[1], at(place, 16), 8, lanes - 2);
    storeWords(code, packed[0], place, 8, lanes);
  }
}

export function storeLane(code: VectorCode, dtype: DType, packed: Quad, lane: number, place: Place): void {
  const { fn } = code;
  const rest = pushAddress(code, place);
  fn.get(packed[dtype === 'f64' ? lane >> 1 : 0]);
  if (dtype === 'f64') fn.memLane('v128.store64_lane', lane & 1, rest, unaligned);
  else if (bytesOf(dtype) === 4) fn.memLane('v128.store32_lane', lane, rest, unaligned);
  else fn.memLane('v128.store8_lane', lane, rest);
}
