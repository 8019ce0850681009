/** Splits the work of a kernel between threads. */
import type { FunctionBuilder, Local } from '../emit/encoder.ts';
import { parametersOf } from './program.ts';

/**
 * Sets `start` and `end` to the thread's range of `units` units of work, in a function with the parameters of a kernel. The sizes of the
 * threads' ranges differ by at most one.
 */
export function emitShare(fn: FunctionBuilder, units: number, start: Local, end: Local): void {
  const { thread, threads } = parametersOf(fn);
  const extra = fn.local('i32');
  fn.i32(units).get(threads).op('i32.rem_u').set(extra);
  // The number of units before thread t is t * floor(units / threads), plus one for each of the first (units mod threads) threads.
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
