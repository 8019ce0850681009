/**
 * Writes loops over ranges of a flattened index. The index covers several axes in row-major order, and the loops compute the linear forms
 * that an access needs: its address, and the sum of each of its guards. Adjacent axes on which all forms agree are merged.
 */
import { nth } from '../../../kernel/nth.ts';
import type { FunctionBuilder, Local, Operand } from '../emit/encoder.ts';

export interface Axis {
  readonly size: number;
  /** What one step along the axis adds to each form. */
  readonly steps: readonly number[];
}

/** Merges adjacent axes if a step along the outer one equals `size` steps along the inner one in every form; drops axes of size 1. */
export function mergeAxes(sizes: readonly number[], forms: readonly (readonly number[])[]): Axis[] {
  const merged: Axis[] = [];
  for (const [axis, size] of sizes.entries()) {
    if (size === 1) continue;
    const steps = forms.map((form) => nth(form, axis));
    const outer = merged.at(-1);
    if (outer?.steps.every((step, f) => step === nth(steps, f) * size))
      merged[merged.length - 1] = { size: outer.size * size, steps };
    else merged.push({ size, steps });
  }
  return merged;
}

/** The innermost axis; an axis of size 1 if there is none. */
export const innermost = (axes: readonly Axis[], forms: number): Axis =>
  axes.at(-1) ?? { size: 1, steps: new Array<number>(forms).fill(0) };

/** The step of the first form, which is the address, along the innermost axis. */
export const addressStep = (axes: readonly Axis[]): number => nth(innermost(axes, 1).steps, 0);

/** Adds `index * step` to the number on the stack. */
function addProduct(fn: FunctionBuilder, index: Local, step: number): void {
  if (step === 0) return;
  fn.get(index).times(step).op('i32.add');
}

/** Sets `indices[k]` to the position of the flattened index along axis k. */
function emitUnravel(fn: FunctionBuilder, axes: readonly Axis[], flat: Local, indices: readonly Local[]): void {
  const rest = fn.local('i32');
  fn.get(flat).set(rest);
  for (let k = axes.length - 1; k > 0; k--) {
    const { size } = nth(axes, k);
    fn.get(rest).i32(size).op('i32.rem_u').set(nth(indices, k));
    fn.get(rest).i32(size).op('i32.div_u').set(rest);
  }
  if (axes.length > 0) fn.get(rest).set(nth(indices, 0));
  fn.release(rest);
}

/** Adds the steps of form `f` at these indices to the number on the stack. */
function addSteps(fn: FunctionBuilder, axes: readonly Axis[], indices: readonly Local[], f: number): void {
  for (const [k, { steps }] of axes.entries()) addProduct(fn, nth(indices, k), nth(steps, f));
}

/** The forms at one flattened index: `bases[f]` plus the steps. A form that does not depend on the axes is its base itself. */
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
    addSteps(fn, axes, indices, f);
    fn.set(value);
    return value;
  });
  fn.release(...indices);
  if (axes.length > 1) fn.release(index);
  return values;
}

export interface Run {
  /** The flattened index of the run's first element. */
  readonly position: Local;
  readonly length: Local;
  /** The forms at the first element. */
  readonly values: readonly Operand[];
  /** The first of them, which is the address. */
  readonly address: Operand;
}

/** Runs `body` for the flattened range [start, end), in runs along the innermost axis. */
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
        body({ position, length, values, address: nth(values, 0) });
        releaseForms(fn, values, bases);
      });
    fn.release(position, length);
    return;
  }
  const indices = fn.locals('i32', axes.length);
  const inner = axes.length - 1;
  const [innerSize, innerIndex] = [nth(axes, inner).size, nth(indices, inner)];
  const values = bases.map((base, f) => (axes.every(({ steps }) => steps[f] === 0) ? base : fn.local('i32')));
  fn.get(start)
    .get(end)
    .op('i32.lt_s')
    .if(() => {
      emitUnravel(fn, axes, start, indices);
      fn.loop((again) => {
        fn.i32(innerSize).get(innerIndex).op('i32.sub').tee(length);
        fn.get(end).get(position).op('i32.sub');
        fn.get(length).get(end).get(position).op('i32.sub').op('i32.lt_s').select().set(length);
        for (const [f, base] of bases.entries()) {
          const value = nth(values, f);
          if (typeof value === 'number' || value === base) continue;
          fn.push(base);
          addSteps(fn, axes, indices, f);
          fn.set(value);
        }
        body({ position, length, values, address: nth(values, 0) });
        // A run ends where the innermost axis ends, or where the range does.
        fn.i32(0).set(innerIndex);
        const carry = (k: number): void => {
          const index = nth(indices, k);
          fn.increment(index, 1);
          if (k === 0) return;
          fn.get(index)
            .i32(nth(axes, k).size)
            .op('i32.eq')
            .if(() => {
              fn.i32(0).set(index);
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

/** Releases the locals that `emitForms` created. */
export function releaseForms(fn: FunctionBuilder, values: readonly Operand[], bases: readonly Operand[]): void {
  for (const [f, value] of values.entries()) if (typeof value !== 'number' && value !== bases[f]) fn.release(value);
}
