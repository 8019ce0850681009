/**
 * Converts between f32 and f16 or bf16, which WebAssembly does not have: they are bit patterns in the low halves of 32-bit lanes. All
 * functions take their argument from the stack and leave the result there.
 */
import type { HalfDType } from '../../../kernel/dtype.ts';
import type { FunctionBuilder, Local } from '../emit/encoder.ts';

const integers = (fn: FunctionBuilder, value: number): Local => fn.constant('i32x4', value);

/** Converts bit patterns (each below 2^16) to f32; exact. */
export function emitWiden(fn: FunctionBuilder, dtype: HalfDType): FunctionBuilder {
  if (dtype === 'bf16') return fn.i32(16).op('i32x4.shl');
  const pattern = fn.local('v128');
  const magnitude = fn.local('v128');
  fn.set(pattern);
  fn.get(pattern).get(integers(fn, 0x7fff)).op('v128.and').set(magnitude);
  // The exponent's bias is 15, that of f32 is 127: the shifted bits are too small by a factor of 2^112, also for subnormal numbers.
  fn.get(magnitude)
    .i32(13)
    .op('i32x4.shl')
    .get(fn.constant('f32x4', 2 ** 112))
    .op('f32x4.mul');
  // Infinities and NaN keep their fraction under an exponent of ones.
  fn.get(magnitude).get(integers(fn, 0x7bff)).op('i32x4.gt_s').get(integers(fn, 0x7f800000)).op('v128.and');
  fn.op('v128.or');
  fn.get(pattern).get(integers(fn, 0x8000)).op('v128.and').i32(16).op('i32x4.shl').op('v128.or');
  fn.release(pattern, magnitude);
  return fn;
}

/** Converts f32 to bit patterns, rounded to nearest, ties to even: `encodeFloat16` and `encodeBfloat16`, four at a time. */
export function emitNarrow(fn: FunctionBuilder, dtype: HalfDType): FunctionBuilder {
  const x = fn.local('v128');
  fn.set(x);
  /** bits + (half a unit of the last place that is kept) - 1 + (that place's bit), so that ties go up where that place is odd. */
  const round = (bits: Local, dropped: 13 | 16): void => {
    fn.get(bits).get(bits).i32(dropped).op('i32x4.shr_u').get(integers(fn, 1)).op('v128.and').op('i32x4.add');
    fn.get(integers(fn, 2 ** (dropped - 1) - 1)).op('i32x4.add');
    fn.i32(dropped).op('i32x4.shr_u');
  };
  if (dtype === 'bf16') {
    round(x, 16);
    // A NaN must not be rounded to infinity, or change its sign.
    fn.get(x).i32(16).op('i32x4.shr_u').get(integers(fn, 0x40)).op('v128.or');
    fn.get(x).get(x).op('f32x4.eq').op('v128.bitselect');
  } else {
    const magnitude = fn.local('v128');
    fn.get(x).get(integers(fn, 0x7fffffff)).op('v128.and').set(magnitude);
    fn.get(integers(fn, 0x7e00));
    // Below 2^-14 the result is a multiple of 2^-24: adding 0.5 leaves exactly these bits, rounded to even.
    fn.get(magnitude).get(fn.constant('f32x4', 0.5)).op('f32x4.add').get(integers(fn, 0x3f000000)).op('i32x4.sub');
    round(magnitude, 13);
    fn.get(integers(fn, 112 << 10))
      .op('i32x4.sub')
      .get(integers(fn, 0x7c00))
      .op('i32x4.min_s');
    fn.get(magnitude).get(integers(fn, 0x38800000)).op('i32x4.lt_s').op('v128.bitselect');
    fn.get(magnitude).get(integers(fn, 0x7f800000)).op('i32x4.gt_s').op('v128.bitselect');
    fn.get(x).i32(16).op('i32x4.shr_u').get(integers(fn, 0x8000)).op('v128.and').op('v128.or');
    fn.release(magnitude);
  }
  fn.release(x);
  return fn;
}

/** Rounds f32 to the values of the type. */
export const emitRound = (fn: FunctionBuilder, dtype: HalfDType): FunctionBuilder =>
  emitWiden(emitNarrow(fn, dtype), dtype);
