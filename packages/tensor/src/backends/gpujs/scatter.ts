/**
 * Sums of rows into a table without scattering, since a cell can only read: the rows are sorted by where they go (each row's place is
 * the number of rows that come before it), and each row of the table adds up its stretch of the sorted list, in the order of the rows.
 */
import type { DType } from '../../kernel/dtype.ts';
import type { ScatterAddKernel } from '../../kernel/kernel.ts';
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

/** What writes steps: the plan's lowering. */
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
  if (dtype !== 'f32') throw new Inexpressible(`sums of ${dtype} by index`);
  if (count > lowering.mode.sortedRows)
    throw new Inexpressible(`sorting ${count} indices by comparing all pairs would take longer`);

  /** A kernel whose output is a box of these sizes. */
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
    if (out32.length !== sizeOf([outer, rows, inner])) throw new Error(`gpujs: '${name}' does not fill its buffer`);
    lowering.write(out, slot);
  };
  if (count === 0) {
    finish(cells('zeros', [outer, rows, inner], [], () => 0));
    return;
  }

  const indexSlot = lowering.read(index.buffer);
  const valuesSlot = lowering.read(values.buffer);
  if (indexSlot === null || valuesSlot === null) throw new Error(`gpujs: '${name}' reads what nothing was stored in`);
  const indexArray = { name: 'a0', planeSize: lowering.info(indexSlot).planeSize };
  // The table's row of each entry; those outside of the table come after all rows.
  const keys = cells('keys', [count], [indexSlot], (code, at) => {
    const value = loadElement(code, indexArray, index.view, at, 'i32');
    if (typeof value !== 'object') throw new Error('gpujs: an index is an integer');
    const row = code.local(toFloat(code, value));
    return choose(both(compare(row, '>=', 0), compare(row, '<', rows)), row, rows);
  });
  const places = cells('places', [count], [keys], (code, [at]) => {
    const place = (at as IndexTerm).value;
    const own = element(code, 0, (at as IndexTerm).integer);
    const before = code.variable(0);
    code.loop(count, (other) => {
      const key = element(code, 0, other);
      const earlier = choose(both(compare(key, '==', own), compare(other, '<', place)), 1, 0);
      code.line(`${before} = ${before} + ${textOf(choose(compare(key, '<', own), 1, earlier))};`);
    });
    return before;
  });
  // Which row stands at a place: exactly one has it.
  const order = cells('order', [count], [places], (code, [at]) => {
    const place = code.local((at as IndexTerm).value);
    const found = code.variable(0);
    code.loop(count, (other) => {
      const mine = compare(element(code, 0, other), '==', place);
      code.line(`${found} = ${found} + ${textOf(choose(mine, code.local(other), 0))};`);
    });
    return found;
  });
  const sorted = cells('sorted', [count], [keys, order], (code, [at]) =>
    element(code, 0, whole(element(code, 1, (at as IndexTerm).integer))),
  );
  // Where the stretch of each row begins: binary search for the first key that is not below it. One row more gives the end.
  const starts = cells('starts', [rows + 1], [sorted], (code, [at]) => {
    const row = code.local((at as IndexTerm).value);
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
    (code, [o, row, i]) => {
      const start = element(code, 1, (row as IndexTerm).integer);
      const end = element(code, 1, affine([row as IndexTerm], [1], 1));
      const place = code.variable(start);
      const total = code.variable(0);
      const array = { name: 'a0', planeSize: lowering.info(valuesSlot).planeSize };
      code.whileBelow(place, end, () => {
        const entry = element(code, 2, whole(place));
        const at = [o as IndexTerm, { integer: whole(entry), value: entry }, i as IndexTerm];
        const value = loadElement(code, array, values.view, at, 'f32');
        if (typeof value === 'object') throw new Error('gpujs: sums of integers by index');
        code.line(`${total} = ${total} + ${textOf(value)};`);
      });
      return total;
    },
    count + 1,
  );
  finish(sums);
}
