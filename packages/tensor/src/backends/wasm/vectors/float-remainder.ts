/** The exact remainder of floats: C's fmod, lane by lane, in integers. */
import type { FunctionBuilder, Local } from '../emit/encoder.ts';
import type { FloatVector, Vector, VectorCode } from './vector-code.ts';

const signBit = 1n << 63n;
const infinity = 0x7ffn << 52n;
const notANumber = 0x7ff8n << 48n;
const leadingBit = 1n << 52n;
/** A mantissa has 53 bits of 64. */
const room = 11n;

/** The locals of one lane. All are i64. */
interface LaneLocals {
  readonly bits: Local;
  readonly size: Local;
  readonly divisor: Local;
  readonly rest: Local;
  readonly exponent: Local;
  readonly unit: Local;
  readonly smallest: Local;
  readonly shift: Local;
}

/** Splits a positive number into a mantissa of 53 bits and an exponent field, which is 0 or less for denormals. */
function splitNumber(fn: FunctionBuilder, number: Local, mantissa: Local, field: Local): void {
  fn.get(number).i64(52n).op('i64.shr_u').tee(field).op('i64.eqz');
  fn.if(
    () => {
      fn.get(number).op('i64.clz').i64(room).op('i64.sub').set(field);
      fn.get(number).get(field).op('i64.shl').set(mantissa);
      fn.i64(1n).get(field).op('i64.sub').set(field);
    },
    () => {
      fn.get(number)
        .i64(leadingBit - 1n)
        .op('i64.and')
        .i64(leadingBit)
        .op('i64.or')
        .set(mantissa);
    },
  );
}

/** From the bits of a dividend (`bits`) and a divisor, the bits of the remainder in `bits`. */
function remainderOfBits(fn: FunctionBuilder, locals: LaneLocals): void {
  const { bits, size, divisor, rest, exponent, unit, smallest, shift } = locals;
  fn.get(bits)
    .i64(signBit - 1n)
    .op('i64.and')
    .set(size);
  fn.get(divisor)
    .i64(signBit - 1n)
    .op('i64.and')
    .set(divisor);
  fn.get(size).i64(infinity).op('i64.ge_u');
  fn.get(divisor).i64(infinity).op('i64.gt_u').op('i32.or');
  fn.get(divisor).op('i64.eqz').op('i32.or');
  fn.if(
    () => fn.i64(notANumber).set(bits),
    () => {
      // A dividend that is smaller is its own remainder.
      fn.get(size).get(divisor).op('i64.ge_u');
      fn.if(() => {
        splitNumber(fn, size, rest, exponent);
        splitNumber(fn, divisor, unit, smallest);
        fn.get(rest).get(unit).op('i64.rem_u').set(rest);
        // The rest moves up by as many bits as there is room for.
        fn.block((done) => {
          fn.loop((again) => {
            fn.get(exponent).get(smallest).op('i64.sub').tee(shift).op('i64.eqz').brIf(done);
            fn.get(rest).op('i64.eqz').brIf(done);
            fn.get(shift).i64(room).get(shift).i64(room).op('i64.lt_s').select().set(shift);
            fn.get(rest).get(shift).op('i64.shl').get(unit).op('i64.rem_u').set(rest);
            fn.get(exponent).get(shift).op('i64.sub').set(exponent).br(again);
          });
        });
        fn.get(bits).i64(signBit).op('i64.and').set(bits);
        fn.get(rest).op('i64.eqz').op('i32.eqz');
        fn.if(() => {
          fn.get(rest).op('i64.clz').i64(room).op('i64.sub').set(shift);
          fn.get(rest).get(shift).op('i64.shl').set(rest);
          fn.get(smallest).get(shift).op('i64.sub').tee(exponent).i64(0n).op('i64.gt_s');
          fn.if(
            () => {
              fn.get(rest).i64(leadingBit).op('i64.xor').get(exponent).i64(52n).op('i64.shl').op('i64.or');
              fn.get(bits).op('i64.or').set(bits);
            },
            () => {
              fn.get(rest).i64(1n).get(exponent).op('i64.sub').op('i64.shr_u').get(bits).op('i64.or').set(bits);
            },
          );
        });
      });
    },
  );
}

/** Each lane of `a` modulo that of `b`, with the sign of `a`. */
export function floatRemainder(code: VectorCode, type: FloatVector, a: Vector, b: Vector): Local {
  const { fn } = code;
  const single = type === 'f32x4';
  return code.scoped(() => {
    const [x, y] = [code.fresh(), code.fresh()];
    code.push(a).set(x);
    code.push(b).set(y);
    const [bits, size, divisor, rest, exponent, unit, smallest, shift] = Array.from({ length: 8 }, () =>
      code.fresh('i64'),
    ) as [Local, Local, Local, Local, Local, Local, Local, Local];
    const firstLane = (vector: Local): void => {
      fn.get(vector).lane(`${type}.extract_lane`, 0);
      if (single) fn.op('f64.promote_f32');
      fn.op('i64.reinterpret_f64');
    };
    const rotate = (vector: Local): void => {
      code.push(code.shuffle32(vector, vector, single ? [1, 2, 3, 0] : [2, 3, 0, 1])).set(vector);
    };
    // Every lane comes to the front once; its result takes its place.
    fn.forLoop(code.fresh('i32'), 0, single ? 4 : 2, 1, () => {
      firstLane(y);
      fn.set(divisor);
      firstLane(x);
      fn.set(bits);
      remainderOfBits(fn, { bits, size, divisor, rest, exponent, unit, smallest, shift });
      fn.get(x).get(bits).op('f64.reinterpret_i64');
      if (single) fn.op('f32.demote_f64');
      fn.lane(`${type}.replace_lane`, 0).set(x);
      rotate(x);
      rotate(y);
    });
    return x;
  });
}
