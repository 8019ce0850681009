/** Generates the barrier at which the threads of a run wait for each other. */
import type { FunctionBuilder } from '../emit/encoder.ts';
import type { ModuleBuilder } from '../emit/module-builder.ts';
import { control } from './control.ts';

/** How often a thread checks the round before it sleeps: some microseconds. */
const spins = 4000;

/**
 * A function `(threads) -> failed` that returns when `threads` threads have called it. The result is not 0 if one of them has failed in the
 * meantime and the others must leave. The last thread to arrive starts the next round; the others check the round's number, and sleep if
 * that takes long. A sleeper registers before it checks the number for the last time (`wait32` compares atomically), so it is always woken.
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
