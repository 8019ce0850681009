/**
 * Sums rows into a table by reading only, because a cell cannot write elsewhere: the rows are sorted by target (each row's place is the
 * number of rows that come before it), and each row of the table adds up its range of the sorted list, in the original order.
 */
import type { DType } from '../../kernel/dtype.ts';
import type { ScatterAddKernel } from '../../kernel/kernel.ts';
import { nth } from '../../kernel/nth.ts';
import type { PlannedBuffer } from '../../kernel/plan.ts';
import { sizeOf } from '../../kernel/shape.ts';
import { CellCode } from './cell-code.ts';
import { affine, loadElement } from './cell-program.ts';
import { boxIndices, type IndexTerm, threadGrid } from './cells.ts';
import { toFloat } from './half-words.ts';
import { Inexpressible } from './inexpressible.ts';
import type { Mode } from './modes.ts';
import type { CellKernel, Slot, SlotInfo } from './steps.ts';
import { both, choose, compare, floor, plus, type Term, textOf, times } from './term.ts';
import { kernelSource } from './write-kernel.ts';

/** The part of the plan's lowering that writes steps. */
interface StepWriter {
  readonly mode: Mode;
  slot(dtype: DType, length: number): Slot;
  info(slot: Slot): SlotInfo;
  step(kernel: CellKernel, inputs: readonly Slot[], output: Slot): void;
  read(buffer: number): Slot | null;
  write(buffer: number, slot: Slot): void;
  buffer(buffer: number): PlannedBuffer;
}

export function lowerScatterAdd(lowering: StepWriter, kernel: ScatterAddKernel): void {
  const { name, dtype, outer, count, inner, rows, values, index, out } = kernel;
  if (sizeOf([outer, rows, inner]) === 0) return;
  if (dtype !== 'f32') throw new Inexpressible(`scatterAdd sums ${dtype}, and is written for f32 only`);
  if (count > lowering.mode.sortedRows)
    throw new Inexpressible(`sorting ${count} indices by comparing all pairs would be slower`);

  /** Adds a step whose output is a box of these sizes; returns the output. */
  const cells = (
    part: string,
    sizes: readonly number[],
    inputs: readonly Slot[],
    body: (code: CellCode, at: readonly IndexTerm[]) => Term,
    loopTurns = 0,
  ): Slot => {
    const grid = threadGrid(sizes, lowering.mode.grid);
    if ('reason' in grid) throw new Inexpressible(grid.reason);
    const code = new CellCode();
    const result = body(code, boxIndices(code, sizes, grid));
    const source = kernelSource(code, inputs.length, result);
    const target = lowering.slot('f32', sizeOf(sizes));
    const written = { name: `${name}.${part}`, source, output: grid.output, usesSpecial: code.usesSpecial, loopTurns };
    lowering.step(written, inputs, target);
    return target;
  };
  const element = (code: CellCode, array: number, at: Term): Term => code.local(`a${array}[${textOf(at)}]`);
  const whole = (value: Term): Term => (typeof value === 'number' ? value : `(${value} | 0)`);

  const out32 = lowering.buffer(out);
  const finish = (slot: Slot): void => {
    if (out32.length !== sizeOf([outer, rows, inner]))
      throw new Error(
        `gpujs: '${name}' writes ${sizeOf([outer, rows, inner])} elements into a buffer of ${out32.length}`,
      );
    lowering.write(out, slot);
  };
  if (count === 0) {
    finish(cells('zeros', [outer, rows, inner], [], () => 0));
    return;
  }

  const indexSlot = lowering.read(index.buffer);
  const valuesSlot = lowering.read(values.buffer);
  if (indexSlot === null || valuesSlot === null)
    throw new Error(`gpujs: '${name}' reads a buffer that was never written`);
  const indexArray = { name: 'a0', planeSize: lowering.info(indexSlot).planeSize };
  // The target row of each entry; entries outside the table get the number of rows, which sorts last.
  const keys = cells('keys', [count], [indexSlot], (code, at) => {
    const value = loadElement(code, indexArray, index.view, at, 'i32');
    if (typeof value !== 'object') throw new Error(`gpujs: the index of '${name}' must be i32`);
    const row = code.local(toFloat(code, value));
    return choose(both(compare(row, '>=', 0), compare(row, '<', rows)), row, rows);
  });
  const places = cells('places', [count], [keys], (code, index) => {
    const { integer, value: place } = nth(index, 0);
    const own = element(code, 0, integer);
    const before = code.variable(0);
    code.loop(count, (other) => {
      const key = element(code, 0, other);
      const earlier = choose(both(compare(key, '==', own), compare(other, '<', place)), 1, 0);
      code.line(`${before} = ${before} + ${textOf(choose(compare(key, '<', own), 1, earlier))};`);
    });
    return before;
  });
  // The entry at each place: exactly one has it.
  const order = cells('order', [count], [places], (code, index) => {
    const place = code.local(nth(index, 0).value);
    const found = code.variable(0);
    code.loop(count, (other) => {
      const mine = compare(element(code, 0, other), '==', place);
      code.line(`${found} = ${found} + ${textOf(choose(mine, code.local(other), 0))};`);
    });
    return found;
  });
  const sorted = cells('sorted', [count], [keys, order], (code, index) =>
    element(code, 0, whole(element(code, 1, nth(index, 0).integer))),
  );
  // Where the range of each row begins: binary search for the first key that is not below it. One extra row marks the end.
  const starts = cells('starts', [rows + 1], [sorted], (code, index) => {
    const row = code.local(nth(index, 0).value);
    const low = code.variable(0);
    const high = code.variable(count);
    code.loop(Math.ceil(Math.log2(count + 1)), () => {
      const middle = code.local(floor(times(plus(low, high), 0.5)));
      const key = element(code, 0, whole(middle));
      const open = compare(low, '<', high);
      const below = code.local(choose(both(open, compare(key, '<', row)), 1, 0));
      const above = code.local(choose(both(open, compare(key, '>=', row)), 1, 0));
      code.line(`${low} = ${textOf(choose(compare(below, '>', 0), plus(middle, 1), low))};`);
      code.line(`${high} = ${textOf(choose(compare(above, '>', 0), middle, high))};`);
    });
    return low;
  });
  const sums = cells(
    'sums',
    [outer, rows, inner],
    [valuesSlot, starts, order],
    (code, index) => {
      const row = nth(index, 1);
      const start = element(code, 1, row.integer);
      const end = element(code, 1, affine([row], [1], 1));
      const place = code.variable(start);
      const total = code.variable(0);
      const array = { name: 'a0', planeSize: lowering.info(valuesSlot).planeSize };
      code.whileBelow(place, end, () => {
        const entry = element(code, 2, whole(place));
        const at = [nth(index, 0), { integer: whole(entry), value: entry }, nth(index, 2)];
        const value = loadElement(code, array, values.view, at, 'f32');
        if (typeof value === 'object') throw new Error(`gpujs: the values of '${name}' must be f32`);
        code.line(`${total} = ${total} + ${textOf(value)};`);
      });
      return total;
    },
    count + 1,
  );
  finish(sums);
}
