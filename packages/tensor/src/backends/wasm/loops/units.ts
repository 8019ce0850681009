/** Writes the outermost loop of a kernel, in which each thread processes its share of the units of work. */
import { nth } from '../../../kernel/nth.ts';
import type { Local, Operand } from '../emit/encoder.ts';
import type { VectorCode } from '../vectors/vector-code.ts';
import type { Streams } from './streams.ts';
import { emitShare } from './work-split.ts';

export interface UnitAxis {
  readonly axis: number;
  /** The number of units along the axis. */
  readonly count: number;
  /** The number of elements of each unit along the axis. */
  readonly step: number;
}

/** A loop over the units of one axis. */
interface UnitLoop extends UnitAxis {
  readonly index: Local;
}

/** Runs `body` with the streams at each unit of the thread's share, in row-major order. `indices` count units along each axis. */
export function emitUnits(
  code: VectorCode,
  streams: Streams,
  axes: readonly UnitAxis[],
  body: (indices: readonly Local[]) => void,
): void {
  const { fn } = code;
  const unit = code.fresh('i32');
  const end = code.fresh('i32');
  const loops = axes.map((axis): UnitLoop => ({ ...axis, index: code.fresh('i32') }));
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
      for (const { count, index } of loops.slice(1).reverse()) {
        fn.get(rest).i32(count).op('i32.rem_u').set(index);
        fn.get(rest).i32(count).op('i32.div_u').set(rest);
      }
      fn.get(rest).set(nth(loops, 0).index);
      const positions = new Map<number, Operand>();
      for (const { axis, step, index } of loops) {
        if (step !== 1) fn.get(index).times(step);
        positions.set(axis, step === 1 ? index : code.take('i32'));
      }
      streams.moveTo((axis) => positions.get(axis));
      const indices = loops.map(({ index }) => index);
      fn.loop((again) => {
        body(indices);
        emitNext(code, streams, loops, []);
        fn.get(unit).i32(1).op('i32.add').tee(unit).get(end).op('i32.lt_u').brIf(again);
      });
    });
}

/** Advances the indices and the streams to the next unit. `owed` are the streams' moves for inner axes that were reset to 0. */
function emitNext(
  code: VectorCode,
  streams: Streams,
  loops: readonly UnitLoop[],
  owed: readonly (readonly [axis: number, steps: number])[],
): void {
  const { fn } = code;
  const last = loops.at(-1);
  if (last === undefined) return;
  const { axis, count, step, index } = last;
  const outerLoops = loops.slice(0, -1);
  const outer = (more: readonly (readonly [number, number])[]): void =>
    emitNext(code, streams, outerLoops, [...owed, ...more]);
  if (count === 1) {
    outer([]);
    return;
  }
  const forward = (): void => streams.move([...owed, [axis, step]]);
  fn.increment(index, 1);
  // The outermost index does not carry, because the loop ends first.
  if (outerLoops.every((loop) => loop.count === 1)) {
    forward();
    return;
  }
  fn.get(index)
    .i32(count)
    .op('i32.lt_u')
    .if(forward, () => {
      fn.i32(0).set(index);
      outer([[axis, -(count - 1) * step]]);
    });
}
