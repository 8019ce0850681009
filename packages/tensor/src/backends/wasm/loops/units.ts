/** The outermost loop of a kernel: each thread walks its share of the units of work. */
import type { Local, Operand } from '../emit/encoder.ts';
import type { VectorCode } from '../vectors/vector-code.ts';
import type { Streams } from './streams.ts';
import { emitShare } from './work-split.ts';

export interface UnitAxis {
  readonly axis: number;
  /** How many units there are along the axis, and how many elements each takes. */
  readonly count: number;
  readonly step: number;
}

/** Runs `body` with the streams at each unit of the thread's share, in row-major order. `indices` count units on each axis. */
export function emitUnits(
  code: VectorCode,
  streams: Streams,
  axes: readonly UnitAxis[],
  body: (indices: readonly Local[]) => void,
): void {
  const { fn } = code;
  const unit = code.fresh('i32');
  const end = code.fresh('i32');
  const indices = axes.map(() => code.fresh('i32'));
  emitShare(
    fn,
    axes.reduce((product, { count }) => product * count, 1),
    unit,
    end,
  );
  fn.get(unit)
    .get(end)
    .op('i32.lt_u')
    .if(() => {
      const rest = code.fresh('i32');
      fn.get(unit).set(rest);
      for (let k = axes.length - 1; k > 0; k--) {
        fn.get(rest).i32(axes[k].count).op('i32.rem_u').set(indices[k]);
        fn.get(rest).i32(axes[k].count).op('i32.div_u').set(rest);
      }
      fn.get(rest).set(indices[0]);
      const positions = new Map<number, Operand>();
      axes.forEach(({ axis, step }, k) => {
        if (step !== 1) fn.get(indices[k]).times(step);
        positions.set(axis, step === 1 ? indices[k] : code.take('i32'));
      });
      streams.moveTo((axis) => positions.get(axis));
      fn.loop((again) => {
        body(indices);
        emitNext(code, streams, axes, indices, []);
        fn.get(unit).i32(1).op('i32.add').tee(unit).get(end).op('i32.lt_u').brIf(again);
      });
    });
}

/** Counts the indices on by one unit, and moves the streams; `owed`: moves of inner axes, which went back to 0. */
function emitNext(
  code: VectorCode,
  streams: Streams,
  axes: readonly UnitAxis[],
  indices: readonly Local[],
  owed: readonly (readonly [axis: number, steps: number])[],
): void {
  const { fn } = code;
  const [last, index] = [axes[axes.length - 1], indices[axes.length - 1]];
  if (last === undefined) return;
  const outer = (more: readonly (readonly [number, number])[]): void =>
    emitNext(code, streams, axes.slice(0, -1), indices, [...owed, ...more]);
  if (last.count === 1) {
    outer([]);
    return;
  }
  const forward = (): void => streams.move([...owed, [last.axis, last.step]]);
  fn.increment(index, 1);
  // The outermost index has nowhere to carry to: the loop ends first.
  if (axes.slice(0, -1).every(({ count }) => count === 1)) {
    forward();
    return;
  }
  fn.get(index)
    .i32(last.count)
    .op('i32.lt_u')
    .if(forward, () => {
      fn.i32(0).set(index);
      outer([[last.axis, -(last.count - 1) * last.step]]);
    });
}
