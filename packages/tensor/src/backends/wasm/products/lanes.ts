/** The instructions of matrix products for each float type, and copies of adjacent elements. */
import { bytesOf, type HalfDType, isHalf } from '../../../kernel/dtype.ts';
import type { FunctionBuilder, Local } from '../emit/encoder.ts';
import type { LaneOp, MemoryLaneOp, MemoryOp, PlainOp } from '../emit/opcodes.ts';
import { emitWiden } from '../vectors/half.ts';

/** The dtypes that matrix products compute in. */
export type FloatType = 'f32' | 'f64';

interface FloatLanes {
  readonly bytes: number;
  /** The number of elements in a vector of 16 bytes. */
  readonly lanes: number;
  readonly load: MemoryOp;
  readonly store: MemoryOp;
  readonly splat: MemoryOp;
  readonly storeLane: MemoryLaneOp;
  readonly extractLane: LaneOp;
  readonly add: PlainOp;
  readonly mul: PlainOp;
  readonly multiplyAdd: PlainOp;
}

export const floatLanes: Readonly<Record<FloatType, FloatLanes>> = {
  f32: {
    bytes: 4,
    lanes: 4,
    load: 'f32.load',
    store: 'f32.store',
    splat: 'v128.load32_splat',
    storeLane: 'v128.store32_lane',
    extractLane: 'f32x4.extract_lane',
    add: 'f32x4.add',
    mul: 'f32x4.mul',
    multiplyAdd: 'f32x4.relaxed_madd',
  },
  f64: {
    bytes: 8,
    lanes: 2,
    load: 'f64.load',
    store: 'f64.store',
    splat: 'v128.load64_splat',
    storeLane: 'v128.store64_lane',
    extractLane: 'f64x2.extract_lane',
    add: 'f64x2.add',
    mul: 'f64x2.mul',
    multiplyAdd: 'f64x2.relaxed_madd',
  },
};

/** The size of a vector, in bytes. */
export const vectorBytes = 16;

/** The alignment hint for accesses whose alignment is not known: one byte. */
export const unaligned = 1;

/** Elements that are read as a `FloatType`: their dtype in memory (f16 and bf16 are read as f32), and the memory that contains them. */
export interface ElementSource {
  readonly element: FloatType | HalfDType;
  readonly memory: number;
}

/** Takes an address from the stack, and pushes the vector of the elements at that address plus `offset` bytes. */
export function loadVector(
  fn: FunctionBuilder,
  { element, memory }: ElementSource,
  offset = 0,
  align = unaligned,
): void {
  if (isHalf(element)) emitWiden(fn.mem('v128.load16x4_u', offset, unaligned, memory), element);
  else fn.mem('v128.load', offset, align, memory);
}

/** Takes an address from the stack, and pushes the element at that address plus `offset` bytes. */
export function loadElement(fn: FunctionBuilder, { element, memory }: ElementSource, offset = 0): void {
  if (isHalf(element))
    emitWiden(fn.mem('i32.load16_u', offset, unaligned, memory).op('i32x4.splat'), element).lane(
      'f32x4.extract_lane',
      0,
    );
  else fn.mem(floatLanes[element].load, offset, bytesOf(element), memory);
}

/**
 * Copies `count` adjacent elements to the same or another memory; the ranges do not overlap. `destination` and `source` are not changed.
 * Runs of at least a vector end with a vector that may overlap the one before.
 */
export function emitCopyRun(
  fn: FunctionBuilder,
  type: FloatType,
  destination: Local,
  source: Local,
  count: Local,
  { from, to }: { readonly from: ElementSource; readonly to: number },
): void {
  const { bytes, lanes, store } = floatLanes[type];
  const sourceBytes = bytesOf(from.element);
  const vector = (offset: Local): void => {
    fn.get(destination).get(offset).op('i32.add').get(source).get(offset);
    if (sourceBytes < bytes) fn.i32(Math.log2(bytes / sourceBytes)).op('i32.shr_u');
    fn.op('i32.add');
    loadVector(fn, from);
    fn.mem('v128.store', 0, unaligned, to);
  };
  const scalar = (element: number): void => {
    fn.get(destination).get(source);
    loadElement(fn, from, element * sourceBytes);
    fn.mem(store, element * bytes, bytes, to);
  };
  const offset = fn.local('i32');
  const last = fn.local('i32');
  fn.get(count)
    .i32(lanes)
    .op('i32.ge_s')
    .if(
      () => {
        fn.get(count).times(bytes).i32(vectorBytes).op('i32.sub').set(last);
        fn.forLoop(offset, 0, last, vectorBytes, () => vector(offset));
        vector(last);
      },
      () => {
        fn.block((end) => {
          for (let element = 0; element < lanes - 1; element++) {
            fn.get(count).i32(element).op('i32.le_s').brIf(end);
            scalar(element);
          }
        });
      },
    );
  fn.release(offset, last);
}
