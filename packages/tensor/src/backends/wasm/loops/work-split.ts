import type { FunctionBuilder, Local } from '../emit/encoder.ts';

/**
 * Sets `start` and `end` to the thread's part of `units` units of work: neighbours, and at most one more than any other thread has.
 * The function's parameters are (args, thread, threads, scratch).
 */
export function emitShare(fn: FunctionBuilder, units: number, start: Local, end: Local): void {
  const [, thread, threads] = fn.params;
  const extra = fn.local('i32');
  fn.i32(units).get(threads).op('i32.rem_u').set(extra);
  // Before thread t come t * floor(units / threads) units, and one more for each of the first (units mod threads) threads.
  const before = (of: () => unknown, result: Local): void => {
    of();
    fn.i32(units).get(threads).op('i32.div_u').op('i32.mul');
    of();
    fn.get(extra);
    of();
    fn.get(extra).op('i32.lt_u').select().op('i32.add').set(result);
  };
  before(() => fn.get(thread), start);
  before(() => fn.get(thread).i32(1).op('i32.add'), end);
  fn.release(extra);
}
