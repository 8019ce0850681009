/**
 * Loops over ranges of a flattened index. Several axes, flattened in row-major order, are walked through the linear forms that
 * matter for an access: its address, and the sum of each of its guards. Adjacent axes on which all forms agree become one.
 */
import type { FunctionBuilder, Local, Operand } from '../emit/encoder.ts';

export interface Axis {
  readonly size: number;
  /** What one step along the axis adds to each form. */
  readonly steps: readonly number[];
}

/** Merges adjacent axes where a step along the outer one equals `size` steps along the inner one in every form; drops axes of size 1. */
export function mergeAxes(sizes: readonly number[], forms: readonly (readonly number[])[]): Axis[] {
  const merged: Axis[] = [];
  sizes.forEach((size, axis) => {
    if (size === 1) return;
    const steps = forms.map((form) => form[axis]);
    const outer = merged[merged.length - 1];
    if (outer?.steps.every((step, f) => step === steps[f] * size))
      merged[merged.length - 1] = { size: outer.size * size, steps };
    else merged.push({ size, steps });
  });
  return merged;
}

/** The innermost axis; of size 1 where there is none. */
export const innermost = (axes: readonly Axis[], forms: number): Axis =>
  axes[axes.length - 1] ?? { size: 1, steps: new Array<number>(forms).fill(0) };

/** Adds `index * step` to the number on the stack. */
function addProduct(fn: FunctionBuilder, index: Local, step: number): void {
  if (step === 0) return;
  fn.get(index).times(step).op('i32.add');
}

/** Sets `indices[k]` to the position along axis k of the flattened index on the stack. */
function emitUnravel(fn: FunctionBuilder, axes: readonly Axis[], flat: Local, indices: readonly Local[]): void {
  const rest = fn.local('i32');
  fn.get(flat).set(rest);
  for (let k = axes.length - 1; k > 0; k--) {
    fn.get(rest).i32(axes[k].size).op('i32.rem_u').set(indices[k]);
    fn.get(rest).i32(axes[k].size).op('i32.div_u').set(rest);
  }
  if (axes.length > 0) fn.get(rest).set(indices[0]);
  fn.release(rest);
}

/** The forms at one flattened index: `bases[f] + sum of steps`. A form that the axes do not touch is its base itself. */
export function emitForms(
  fn: FunctionBuilder,
  axes: readonly Axis[],
  flat: Operand,
  bases: readonly Operand[],
): Operand[] {
  if (flat === 0 || axes.length === 0) return [...bases];
  const index = fn.local('i32');
  fn.push(flat).set(index);
  const indices = axes.length === 1 ? [index] : fn.locals('i32', axes.length);
  if (axes.length > 1) emitUnravel(fn, axes, index, indices);
  const values = bases.map((base, f) => {
    if (axes.every(({ steps }) => steps[f] === 0)) return base;
    const value = fn.local('i32');
    fn.push(base);
    axes.forEach(({ steps }, k) => {
      addProduct(fn, indices[k], steps[f]);
    });
    fn.set(value);
    return value;
  });
  fn.release(...indices);
  if (axes.length > 1) fn.release(index);
  return values;
}

export interface Run {
  /** Flattened index of the run's first element. */
  readonly position: Local;
  readonly length: Local;
  /** The forms there. */
  readonly values: readonly Operand[];
}

/** Walks the flattened range [start, end) in runs along the innermost axis. */
export function emitRuns(
  fn: FunctionBuilder,
  axes: readonly Axis[],
  start: Local,
  end: Local,
  bases: readonly Operand[],
  body: (run: Run) => void,
): void {
  const position = fn.local('i32');
  const length = fn.local('i32');
  fn.get(start).set(position);
  if (axes.length <= 1) {
    fn.get(end)
      .get(start)
      .op('i32.sub')
      .tee(length)
      .i32(0)
      .op('i32.gt_s')
      .if(() => {
        const values = emitForms(fn, axes, start, bases);
        body({ position, length, values });
        releaseForms(fn, values, bases);
      });
    fn.release(position, length);
    return;
  }
  const indices = fn.locals('i32', axes.length);
  const inner = axes.length - 1;
  const values = bases.map((base, f) => (axes.every(({ steps }) => steps[f] === 0) ? base : fn.local('i32')));
  fn.get(start)
    .get(end)
    .op('i32.lt_s')
    .if(() => {
      emitUnravel(fn, axes, start, indices);
      fn.loop((again) => {
        fn.i32(axes[inner].size).get(indices[inner]).op('i32.sub').tee(length);
        fn.get(end).get(position).op('i32.sub');
        fn.get(length).get(end).get(position).op('i32.sub').op('i32.lt_s').select().set(length);
        values.forEach((value, f) => {
          if (typeof value === 'number' || value === bases[f]) return;
          fn.push(bases[f]);
          axes.forEach(({ steps }, k) => {
            addProduct(fn, indices[k], steps[f]);
          });
          fn.set(value);
        });
        body({ position, length, values });
        // A run ends where the innermost axis ends, or where everything does.
        fn.i32(0).set(indices[inner]);
        const carry = (k: number): void => {
          fn.increment(indices[k], 1);
          if (k === 0) return;
          fn.get(indices[k])
            .i32(axes[k].size)
            .op('i32.eq')
            .if(() => {
              fn.i32(0).set(indices[k]);
              carry(k - 1);
            });
        };
        carry(inner - 1);
        fn.get(position).get(length).op('i32.add').tee(position).get(end).op('i32.lt_s').brIf(again);
      });
    });
  releaseForms(fn, values, bases);
  fn.release(position, length, ...indices);
}

/** Gives back the locals that `emitForms` made. */
export function releaseForms(fn: FunctionBuilder, values: readonly Operand[], bases: readonly Operand[]): void {
  values.forEach((value, f) => {
    if (typeof value !== 'number' && value !== bases[f]) fn.release(value);
  });
}
