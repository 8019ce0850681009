/**
 * Lowers scatterAdd, which sums rows into a table. Each thread processes all indices and adds to its own part of the table: some columns of
 * every row or, if rows are short, some rows. So the order of each sum is that of the indices, for any number of threads.
 */
import { bytesOf, type DType } from '../../../kernel/dtype.ts';
import type { ScatterAddKernel } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';
import type { View } from '../../../kernel/view.ts';
import type { Local } from '../emit/encoder.ts';
import type { Target } from '../emit/features.ts';
import type { ModuleBuilder } from '../emit/module-builder.ts';
import { VectorCode } from '../vectors/vector-code.ts';
import { loadAdjacent, packForStore, storeAdjacent } from '../vectors/vector-memory.ts';
import { binaryQuad } from '../vectors/vector-ops.ts';
import { emitZeros, zeroBytes } from './access-code.ts';
import { kernelFunction, type LoweredKernel, parametersOf } from './program.ts';
import { ProgramCode } from './program-code.ts';
import { type Slot, slotsFor } from './slots.ts';
import { Streams } from './streams.ts';
import { emitShare } from './work-split.ts';

/** Threads take columns in multiples of this: whole cache lines of f32. */
const granule = 16;
/** Rows that are shorter than this are not split into columns. */
const shortestSplitRow = 64;

const unknownOperand = { constant: null, uniform: false } as const;

/** Writes the function of a scatterAdd kernel. */
export function lowerScatterAdd(
  module: ModuleBuilder,
  kernel: ScatterAddKernel,
  dtypes: readonly DType[],
  machine: Target,
): LoweredKernel {
  const { outer, count, inner, rows, dtype } = kernel;
  const fn = kernelFunction(module, kernel.name);
  const tableSize = outer * rows * inner;
  if (tableSize === 0) return { function: fn, scratchBytes: 0, slow: null };
  const code = new VectorCode(fn, machine);
  const { args, scratch } = parametersOf(fn);
  const bytes = bytesOf(dtype);
  const memory = code.memoryOf(kernel.out);
  const rowBytes = inner * bytes;

  // The loads of the index and of the values, over [outer, count, inner].
  const { shape, offset, strides, guards } = kernel.index.view;
  const domain = [outer, count, inner];
  const along = (steps: readonly number[]): number[] => [0, shape[0] === 1 ? 0 : nth(steps, 0), 0];
  const indexView: View = {
    shape: domain,
    offset,
    strides: along(strides),
    guards: guards.map((guard) => ({ ...guard, coefficients: along(guard.coefficients) })),
  };
  const streams = new Streams(fn, args);
  const program = new ProgramCode(code, {
    program: {
      domain,
      reduced: [false, false, false],
      operations: [
        { op: 'load', access: { buffer: kernel.index.buffer, view: indexView }, dtype: 'i32' },
        { op: 'load', access: kernel.values, dtype },
      ],
      stores: [],
    },
    dtypes,
    vectorAxis: 2,
    tileAxis: null,
    streams,
    zeros: scratch,
  });
  const [indexValue, valuesValue] = [0, 1];

  const i32 = (): Local => code.fresh('i32');
  const [firstRow, lastRow, firstColumn, lastColumn] = [i32(), i32(), i32(), i32()];
  const [out, position, row, target] = [i32(), i32(), i32(), i32()];
  const byColumns = inner >= shortestSplitRow;
  if (byColumns) {
    emitShare(fn, Math.ceil(inner / granule), firstColumn, lastColumn);
    fn.get(firstColumn).times(granule).set(firstColumn);
    fn.get(lastColumn).times(granule).set(lastColumn);
    fn.get(lastColumn).i32(inner).get(lastColumn).i32(inner).op('i32.lt_u').select().set(lastColumn);
    fn.i32(rows).set(lastRow);
  } else {
    emitShare(fn, rows, firstRow, lastRow);
    fn.i32(inner).set(lastColumn);
  }
  streams.readAddresses();
  if (program.needsZeros) emitZeros(fn, scratch);
  fn.get(args)
    .mem('i32.load', 4 * kernel.out)
    .set(out);

  const columnBytes = (): void => {
    fn.get(lastColumn).get(firstColumn).op('i32.sub').times(bytes);
  };
  const clear = (): void => {
    // Rows of whole width are adjacent.
    const start = (): void => {
      fn.get(out).get(firstRow).times(rowBytes).op('i32.add').get(firstColumn).times(bytes).op('i32.add');
    };
    fn.get(lastColumn).get(firstColumn).op('i32.sub').i32(inner).op('i32.eq');
    fn.if(
      () => {
        start();
        fn.i32(0).get(lastRow).get(firstRow).op('i32.sub').times(rowBytes).memoryFill(memory);
      },
      () => {
        start();
        fn.set(target);
        fn.forLoop(row, firstRow, lastRow, 1, () => {
          fn.get(target).i32(0);
          columnBytes();
          fn.memoryFill(memory).increment(target, rowBytes);
        });
      },
    );
  };
  /** Adds slots of the values to the row at `target`. */
  const addSlots = (slots: readonly Slot[]): void => {
    program.scope(() => {
      program.evaluate(valuesValue, slots);
      const sums = slots.map(({ offset, lanes }, k) => {
        const place = { address: target, offset: offset * bytes, memory };
        const old = loadAdjacent(code, dtype, place, lanes);
        const value = program.get(valuesValue, program.varies(valuesValue) ? k : 0);
        const sum = binaryQuad(code, 'add', dtype, old, value, [unknownOperand, unknownOperand]);
        return { packed: packForStore(code, dtype, sum), place, lanes };
      });
      for (const { packed, place, lanes } of sums.toReversed()) storeAdjacent(code, dtype, packed, place, lanes);
    });
  };
  const addRow = (): void => {
    fn.get(out).get(row).times(rowBytes).op('i32.add').get(firstColumn).times(bytes).op('i32.add').set(target);
    program.beginRun([valuesValue], []);
    const rounds = i32();
    const counter = i32();
    fn.get(lastColumn).get(firstColumn).op('i32.sub').i32(Math.log2(granule)).op('i32.shr_u').set(rounds);
    fn.forLoop(counter, 0, rounds, 1, () => {
      addSlots(slotsFor(granule));
      program.advance(granule);
      fn.increment(target, granule * bytes);
    });
    const rest = slotsFor(inner % granule);
    if (rest.length > 0)
      fn.get(lastColumn)
        .i32(inner)
        .op('i32.eq')
        .if(() => addSlots(rest));
    program.endRun();
  };

  fn.get(firstRow).get(lastRow).op('i32.lt_u').get(firstColumn).get(lastColumn).op('i32.lt_u').op('i32.and');
  fn.if(() => {
    const o = i32();
    fn.forLoop(o, 0, outer, 1, () => {
      clear();
      if (count > 0) {
        streams.moveTo((axis) => [o, 0, firstColumn][axis]);
        fn.forLoop(position, 0, count, 1, () => {
          program.scope(() => {
            program.evaluate(indexValue, slotsFor(1));
            code
              .push(nth(program.get(indexValue, 0), 0))
              .lane('i32x4.extract_lane', 0)
              .tee(row);
            fn.get(firstRow).op('i32.sub').get(lastRow).get(firstRow).op('i32.sub').op('i32.lt_u').if(addRow);
          });
          streams.move([[1, 1]]);
        });
      }
      fn.increment(out, rows * rowBytes);
    });
  });
  const slow = program.slow.size === 0 ? null : [...program.slow].join('; ');
  return { function: fn, scratchBytes: program.needsZeros ? zeroBytes : 0, slow };
}
