import type { FunctionBuilder, ModuleBuilder } from '../emit/encoder.ts';
import { control } from './control.ts';

/** Looks at the round this many times before it sleeps: some microseconds. */
const spins = 4000;

/**
 * A function `(threads) -> failed`: returns when `threads` threads have called it. Not 0 where one of them has failed meanwhile and the
 * others must leave. The last to arrive starts the next round; the others watch the round's number, and sleep when it takes
 * long. A sleeper registers before it looks at the number for the last time (`wait32` compares atomically), so it is never missed.
 */
export function emitBarrier(module: ModuleBuilder): FunctionBuilder {
  const fn = module.function('barrier', ['i32'], ['i32']);
  const [threads] = fn.params;
  const round = fn.local('i32');
  const spin = fn.local('i32');
  const load = (address: number): FunctionBuilder => fn.i32(0).mem('i32.atomic.load', address);
  const add = (address: number, amount: number): FunctionBuilder =>
    fn.i32(0).i32(amount).mem('i32.atomic.rmw.add', address);
  fn.get(threads)
    .i32(1)
    .op('i32.le_s')
    .if(() => fn.i32(0).return());
  load(control.round).set(round);
  add(control.arrived, 1)
    .i32(1)
    .op('i32.add')
    .get(threads)
    .op('i32.eq')
    .if(() => {
      fn.i32(0).i32(0).mem('i32.atomic.store', control.arrived);
      add(control.round, 1).drop();
      load(control.sleeping).if(() => fn.i32(0).i32(-1).mem('memory.atomic.notify', control.round).drop());
      load(control.failed).return();
    });
  fn.block((released) => {
    const leaveWhenReleased = (): void => {
      load(control.round).get(round).op('i32.ne').brIf(released);
      load(control.failed).brIf(released);
    };
    fn.forLoop(spin, 0, spins, 1, leaveWhenReleased);
    fn.loop((again) => {
      leaveWhenReleased();
      add(control.sleeping, 1).drop();
      fn.i32(0).get(round).i64(-1n).mem('memory.atomic.wait32', control.round).drop();
      add(control.sleeping, -1).drop();
      fn.br(again);
    });
  });
  return load(control.failed);
}
