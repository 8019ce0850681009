/**
 * Lowers matrix products: `contract` kernels. `blocking.ts` chooses how one is cut, `pack.ts` writes how the operands are read, and
 * `micro.ts` how blocks are multiplied. The function that is written here processes the blocks of its thread:
 *
 *     for each matrix of the batch and block of columns
 *       pack the block of B, for all of k
 *       for each block of rows
 *         for each pass over a part of k
 *           pack the block of A (or read it in place)
 *           for each panel of B: multiply
 *         run the epilogue on the block of sums
 */
import { computeDType, type DType, isHalf } from '../../../kernel/dtype.ts';
import type { ContractKernel } from '../../../kernel/kernel.ts';
import { lookUp, nth } from '../../../kernel/nth.ts';
import { sizeOf } from '../../../kernel/shape.ts';
import type { FunctionBuilder, Local, Operand } from '../emit/encoder.ts';
import type { Features, Target } from '../emit/features.ts';
import type { ModuleBuilder } from '../emit/module-builder.ts';
import { blockScratchBytes, kernelFunction, type LoweredKernel, parametersOf } from '../loops/program.ts';
import { emitShare } from '../loops/work-split.ts';
import { emitBlockProgram } from './block-program.ts';
import { type Blocking, chooseBlocking } from './blocking.ts';
import { type ElementSource, type FloatType, floatLanes } from './lanes.ts';
import {
  emitMicroKernel,
  emitWholeRows,
  excessRows,
  type MicroKernel,
  mainHeight,
  panelRows,
  rowUnit,
} from './micro.ts';
import { emitPack, emitPanelWidth, type PackedOperand, type PanelWidths, packedOperand } from './pack.ts';
import { addressStep, emitForms, releaseForms } from './ranges.ts';
import { emitStoreTile, type PlainStore, plainStore, storesRows } from './store.ts';

const sixIntegers = ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'] as const;

const range = (start: number, count: number): number[] => Array.from({ length: count }, (_, k) => start + k);
const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** The dtype of an operand's elements in memory. */
function elementOf({ name, dtype }: ContractKernel, element: DType): ElementSource['element'] {
  if (element === 'f32' || element === 'f64' || isHalf(element)) if (computeDType(element) === dtype) return element;
  throw new TypeError(`contract ${name}: a product in ${dtype} cannot read operands of ${element}`);
}

/**
 * Whether micro-kernels can read A in place: rows at a fixed distance, adjacent k, no guards, and in the first memory, because V8's
 * re-vectorizer does not pair accesses to other memories, which halves the rate (measured: 43 instead of 91 GFLOP/s).
 */
const readsInPlace = ({ type, element, memory, p, k, guards }: PackedOperand): boolean =>
  element === type &&
  memory === 0 &&
  guards.length === 0 &&
  p.length <= 1 &&
  k.length <= 1 &&
  (k.length === 0 || addressStep(k) === floatLanes[type].bytes);

/** The width of a micro-kernel in vectors, and its rows. */
type MicroShape = Pick<MicroKernel, 'vectors' | 'rows'>;

/** The shapes of micro-kernels, widest first. Measured: 6 x 16 is best for paired vectors, 6 x 8 for single ones. */
const microShapes = (features: Features): readonly [MicroShape, ...MicroShape[]] =>
  features.wideTiles
    ? [
        { vectors: 4, rows: mainHeight },
        { vectors: 2, rows: 8 },
        { vectors: 1, rows: 8 },
      ]
    : [
        { vectors: 2, rows: mainHeight },
        { vectors: 1, rows: 8 },
      ];

/** The layout of a thread's scratch memory: offsets and distances in bytes. */
interface ScratchLayout {
  readonly packedA: number;
  readonly packedB: number;
  /** The size of each k in `packedB`. */
  readonly rowBytesB: number;
  /** The sums of a block, or of one panel if micro-kernels write the result themselves. */
  readonly tile: number;
  /** The distance between rows of the tile. */
  readonly tileStride: number;
  /** The scratch memory of the epilogue's program. */
  readonly program: number;
  readonly end: number;
}

function layoutScratch(
  blocking: Blocking,
  options: { bytes: number; packsA: boolean; k: number; direct: boolean },
): ScratchLayout {
  const { bytes, packsA, k, direct } = options;
  let end = 0;
  const take = (size: number): number => {
    const offset = end;
    end += roundUp(size, 64);
    return offset;
  };
  const packedA = take(packsA ? roundUp(blocking.rows, panelRows) * blocking.depth * bytes : 0);
  const rowBytesB = blocking.paddedColumns * bytes;
  const packedB = take(rowBytesB * (blocking.residentB ? k : blocking.depth));
  // One cache line more than the columns need, because rows at distances of a power of two would use few sets of the cache.
  const tileStride = direct ? blocking.widths[0] * bytes : roundUp(rowBytesB, 64) + 64;
  const tile = take(((direct ? blocking.rows : blocking.tallRows) + excessRows) * tileStride);
  const program = take(blockScratchBytes);
  return { packedA, packedB, rowBytesB, tile, tileStride, program, end };
}

/** Writes the function of a contract kernel. */
export function lowerContract(
  module: ModuleBuilder,
  kernel: ContractKernel,
  dtypes: readonly DType[],
  target: Target,
  threads: number,
): LoweredKernel {
  return new ContractWriter(module, kernel, dtypes, target, threads).write();
}

/** Writes the functions of one contract kernel. */
class ContractWriter {
  readonly module: ModuleBuilder;
  readonly kernel: ContractKernel;
  readonly type: FloatType;
  readonly dtypes: readonly DType[];
  readonly target: Target;
  readonly size: { batch: number; m: number; n: number; k: number };
  readonly a: PackedOperand;
  readonly b: PackedOperand;
  readonly inPlace: boolean;
  readonly plain: PlainStore | null;
  /** Whether micro-kernels write the result themselves. */
  readonly direct: boolean;
  readonly blocking: Blocking;
  readonly scratch: ScratchLayout;
  /** Why the epilogue is not vectorized, or null. */
  slow: string | null = null;

  constructor(
    module: ModuleBuilder,
    kernel: ContractKernel,
    dtypes: readonly DType[],
    target: Target,
    threads: number,
  ) {
    if (kernel.dtype !== 'f32' && kernel.dtype !== 'f64')
      throw new TypeError(`contract ${kernel.name}: products must be f32 or f64, not ${kernel.dtype}`);
    this.module = module;
    this.kernel = kernel;
    this.dtypes = dtypes;
    this.target = target;
    this.type = kernel.dtype;
    const [batch, m, n, k] = [kernel.batch.length, kernel.m.length, kernel.n.length, kernel.k.length];
    this.size = { batch: sizeOf(kernel.batch), m: sizeOf(kernel.m), n: sizeOf(kernel.n), k: sizeOf(kernel.k) };
    const sourceOf = (buffer: number): ElementSource => ({
      element: elementOf(kernel, nth(dtypes, buffer)),
      memory: target.memories?.[buffer] ?? 0,
    });
    this.a = packedOperand(this.type, kernel.a.view, sourceOf(kernel.a.buffer), {
      batch: range(0, batch),
      p: range(batch, m),
      k: range(batch + m, k),
    });
    this.b = packedOperand(this.type, kernel.b.view, sourceOf(kernel.b.buffer), {
      batch: range(0, batch),
      p: range(batch + k, n),
      k: range(batch, k),
    });
    this.inPlace = readsInPlace(this.a);
    const { bytes, lanes } = floatLanes[this.type];
    const [widest, ...narrower] = microShapes(target);
    const widthOf = ({ vectors }: MicroShape): number => vectors * lanes;
    const widths: PanelWidths = [widthOf(widest), ...narrower.map(widthOf)];
    this.blocking = chooseBlocking(this.size, { bytes, widths, threads, packsA: !this.inPlace });
    this.plain = plainStore(kernel, this.type, dtypes, target.memories);
    this.direct = this.blocking.passes === 1 && this.plain !== null && storesRows(this.plain);
    this.scratch = layoutScratch(this.blocking, { bytes, packsA: !this.inPlace, k: this.size.k, direct: this.direct });
  }

  write(): LoweredKernel {
    const { size } = this;
    const fn = kernelFunction(this.module, this.kernel.name);
    if (size.batch * size.m * size.n > 0) this.writeThread(fn);
    return { function: fn, scratchBytes: this.scratch.end, slow: this.slow };
  }

  /** The body of the kernel's function: a thread's share of the work. */
  writeThread(fn: FunctionBuilder): void {
    const { kernel, size, blocking } = this;
    const { args, scratch } = parametersOf(fn);
    // A unit of work is (matrix of the batch, block of columns, `rowUnit` rows), in this order; a thread takes consecutive units.
    const rowUnits = Math.ceil(size.m / rowUnit);
    const units = size.batch * blocking.columnBlocks * rowUnits;
    const unit = fn.local('i32');
    const unitEnd = fn.local('i32');
    emitShare(fn, units, unit, unitEnd);

    const block = this.writeBlock();
    const loadBase = (buffer: number): Local => {
      const base = fn.local('i32');
      fn.get(args)
        .mem('i32.load', buffer * 4)
        .set(base);
      return base;
    };
    const [aBase, bBase] = [loadBase(kernel.a.buffer), loadBase(kernel.b.buffer)];
    const matrix = fn.local('i32');
    const batch = fn.local('i32');
    const columnBlock = fn.local('i32');
    const rowStart = fn.local('i32');
    const rowStop = fn.local('i32');
    fn.block((done) => {
      fn.loop((again) => {
        fn.get(unit).get(unitEnd).op('i32.ge_u').brIf(done);
        fn.get(unit).i32(rowUnits).op('i32.div_u').set(matrix);
        fn.get(unit).i32(rowUnits).op('i32.rem_u').set(rowStart);
        fn.get(rowStart).get(unitEnd).op('i32.add').get(unit).op('i32.sub').set(rowStop);
        fn.get(rowStop).i32(rowUnits).get(rowStop).i32(rowUnits).op('i32.lt_u').select().set(rowStop);
        fn.get(matrix).i32(blocking.columnBlocks).op('i32.div_u').set(batch);
        fn.get(matrix).i32(blocking.columnBlocks).op('i32.rem_u').set(columnBlock);
        fn.get(args).get(scratch).get(aBase).get(bBase).get(batch);
        fn.get(columnBlock).times(blocking.columns);
        fn.get(rowStart).times(rowUnit);
        fn.get(rowStop).times(rowUnit);
        fn.call(block);
        fn.get(unit).get(rowStop).op('i32.add').get(rowStart).op('i32.sub').set(unit);
        fn.br(again);
      });
    });
  }

  /** A function `(args, scratch, aBase, bBase, batch, column0, row0, rowEnd)` for the rows row0..rowEnd of one block of columns. */
  writeBlock(): FunctionBuilder {
    const { module, kernel, size, blocking, scratch: layout } = this;
    const fn = module.function(`${kernel.name} block`, ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32']);
    const [args, scratch, aBase, bBase, batch, column0, row0, rowEnd] = fn.params;
    const smaller = (value: Local, limit: Operand): void => {
      fn.get(value).push(limit).get(value).push(limit).op('i32.lt_s').select().set(value);
    };
    smaller(rowEnd, size.m);
    const columnEnd = fn.local('i32');
    fn.get(column0).i32(blocking.columns).op('i32.add').set(columnEnd);
    smaller(columnEnd, size.n);

    const packedA = fn.local('i32');
    const packedB = fn.local('i32');
    const tile = fn.local('i32');
    fn.get(scratch).i32(layout.packedA).op('i32.add').set(packedA);
    fn.get(scratch).i32(layout.packedB).op('i32.add').set(packedB);
    fn.get(scratch).i32(layout.tile).op('i32.add').set(tile);

    const k0 = fn.local('i32');
    const kEnd = fn.local('i32');
    const passEnd = (): void => {
      fn.get(k0).i32(blocking.depth).op('i32.add').set(kEnd);
      smaller(kEnd, size.k);
    };
    const packB = size.k === 0 ? null : emitPack(module, this.b, blocking.widths, `${kernel.name} pack b`);
    const emitPackB = (destination: () => void): void => {
      if (packB === null) return;
      destination();
      fn.get(bBase).get(batch).get(column0).get(columnEnd).get(k0).get(kEnd).call(packB);
    };
    const passPanels = (): void => {
      fn.get(packedB);
      if (blocking.residentB) fn.get(k0).times(layout.rowBytesB).op('i32.add');
    };
    const eachPass = (body: () => void): void => {
      fn.forLoop(k0, 0, Math.max(size.k, 1), Math.max(blocking.depth, 1), () => {
        passEnd();
        body();
      });
    };
    if (blocking.residentB) eachPass(() => emitPackB(passPanels));

    const tall = fn.local('i32');
    const tallEnd = fn.local('i32');
    const row = fn.local('i32');
    const blockEnd = fn.local('i32');
    const panelsB = fn.local('i32');
    const multiply = this.writeMultiply();
    const packA = this.inPlace || size.k === 0 ? null : emitPack(module, this.a, [panelRows], `${kernel.name} pack a`);
    fn.forLoop(tall, row0, rowEnd, blocking.tallRows, () => {
      fn.get(tall).i32(blocking.tallRows).op('i32.add').set(tallEnd);
      smaller(tallEnd, rowEnd);
      eachPass(() => {
        if (!blocking.residentB) emitPackB(passPanels);
        passPanels();
        fn.set(panelsB);
        fn.forLoop(row, tall, tallEnd, blocking.rows, () => {
          fn.get(row).i32(blocking.rows).op('i32.add').set(blockEnd);
          smaller(blockEnd, tallEnd);
          if (packA !== null) {
            fn.get(packedA).get(aBase).get(batch).get(row).get(blockEnd).get(k0).get(kEnd).call(packA);
          }
          fn.get(args).get(packedA).get(panelsB);
          fn.get(tile).get(row).get(tall).op('i32.sub').times(layout.tileStride).op('i32.add');
          fn.get(aBase).get(batch).get(row).get(blockEnd).get(column0).get(columnEnd).get(k0).get(kEnd);
          fn.call(multiply);
        });
      });
      if (!this.direct) this.writeEpilogue(fn, { args, scratch, tile, batch, tall, tallEnd, column0, columnEnd });
    });
    return fn;
  }

  /**
   * A function `(args, packedA, panelsB, tile, aBase, batch, row0, rowEnd, column0, columnEnd, k0, kEnd)` that multiplies one block of A with
   * each panel of the block of B.
   */
  writeMultiply(): FunctionBuilder {
    const { module, kernel, type, target, blocking, scratch: layout, a, plain } = this;
    const { bytes, lanes } = floatLanes[type];
    const fn = module.function(`${kernel.name} multiply`, [...sixIntegers, ...sixIntegers]);
    const [args, packedA, panelsB, tile, aBase, batch, row0, rowEnd, column0, columnEnd, k0, kEnd] = fn.params;
    const depth = fn.local('i32');
    const rows = fn.local('i32');
    const column = fn.local('i32');
    const remaining = fn.local('i32');
    const aAt = fn.local('i32');
    fn.get(kEnd).get(k0).op('i32.sub').set(depth);
    fn.get(rowEnd).get(row0).op('i32.sub').set(rows);
    const aStride = addressStep(a.p);
    if (this.inPlace) {
      const base = fn.local('i32');
      fn.get(aBase).i32(a.offsetBytes).op('i32.add').set(base);
      const matrix = emitForms(fn, a.batch, batch, [base]);
      const atRow = emitForms(fn, a.p, row0, matrix);
      const atK = emitForms(fn, a.k, k0, atRow);
      fn.push(nth(atK, 0)).set(aAt);
    } else fn.get(packedA).set(aAt);

    const micro = new Map(
      microShapes(target).map((shape): [number, MicroKernel] => [
        shape.vectors * lanes,
        { type, ...shape, layout: this.inPlace ? 'rows' : 'panels' },
      ]),
    );
    /** Writes code that depends on the micro-kernel of the panel's width. */
    const forWidth = (width: Local, emit: (kernel: MicroKernel) => void): void => {
      const [widest, narrower] = blocking.widths;
      const emitWidth = (one: number): void => emit(lookUp(micro, one));
      if (narrower === undefined) emitWidth(widest);
      else
        fn.get(width)
          .i32(widest)
          .op('i32.eq')
          .if(
            () => emitWidth(widest),
            () => emitWidth(narrower),
          );
    };
    const callMicro = (width: Local, operands: () => void): void =>
      forWidth(width, (one) => {
        operands();
        fn.call(emitMicroKernel(module, one, target));
      });
    const width = fn.local('i32');
    const fullRows = fn.local('i32');
    const edge = fn.local('i32');
    const emitDirect = (store: PlainStore): void => {
      const out = fn.local('i32');
      const outBase = fn.local('i32');
      const tail = fn.local('i32');
      const inPanel = fn.local('i32');
      const cStride = addressStep(store.m);
      const storeTile = emitStoreTile(module, store, layout.tileStride, `${kernel.name} store`);
      fn.get(args)
        .mem('i32.load', store.buffer * 4)
        .set(outBase);
      const storeEdge = (firstRow: () => void): void => {
        fn.get(tile).get(outBase).get(batch);
        firstRow();
        fn.get(rowEnd).get(column).get(edge).call(storeTile);
      };
      fn.get(column).get(width).op('i32.add').set(edge);
      forWidth(width, (one) => {
        emitWholeRows(fn, one, rows);
        fn.set(fullRows);
      });
      fn.get(edge)
        .get(columnEnd)
        .op('i32.le_s')
        .if(
          () => {
            fn.get(fullRows).if(() => {
              const origin = fn.local('i32');
              fn.get(outBase).i32(store.offsetBytes).op('i32.add').set(origin);
              const matrix = emitForms(fn, store.batch, batch, [origin]);
              const atRow = emitForms(fn, store.m, row0, matrix);
              const atColumn = emitForms(fn, store.n, column, atRow);
              fn.push(nth(atColumn, 0)).set(out);
              releaseForms(fn, atColumn, atRow);
              releaseForms(fn, atRow, matrix);
              releaseForms(fn, matrix, [origin]);
              fn.release(origin);
              callMicro(width, () => {
                fn.get(aAt).get(panelsB).get(out).get(depth).get(fullRows).i32(aStride).i32(cStride).i32(0);
              });
            });
            fn.get(rows)
              .get(fullRows)
              .op('i32.ne')
              .if(() => {
                fn.get(aAt);
                if (this.inPlace) fn.get(fullRows).i32(aStride).op('i32.mul');
                else {
                  fn.get(fullRows).i32(panelRows).op('i32.rem_u').set(inPanel);
                  fn.get(fullRows).get(inPanel).op('i32.sub').get(depth).op('i32.mul');
                  fn.get(inPanel).op('i32.add').times(bytes);
                }
                fn.op('i32.add').set(tail);
                callMicro(width, () => {
                  fn.get(tail).get(panelsB).get(tile).get(depth).get(rows).get(fullRows).op('i32.sub');
                  fn.i32(aStride).i32(layout.tileStride).i32(0);
                });
                storeEdge(() => fn.get(row0).get(fullRows).op('i32.add'));
              });
          },
          () => {
            fn.get(columnEnd).set(edge);
            callMicro(width, () => {
              fn.get(aAt).get(panelsB).get(tile).get(depth).get(rows).i32(aStride).i32(layout.tileStride).i32(0);
            });
            storeEdge(() => fn.get(row0));
          },
        );
    };
    const emitIntoTile = (): void =>
      callMicro(width, () => {
        fn.get(aAt).get(panelsB);
        fn.get(tile).get(column).get(column0).op('i32.sub').times(bytes).op('i32.add');
        fn.get(depth).get(rows).i32(aStride).i32(layout.tileStride);
        fn.get(k0);
      });

    fn.forLoop(column, column0, columnEnd, blocking.widths[0], () => {
      fn.get(columnEnd).get(column).op('i32.sub').set(remaining);
      emitPanelWidth(fn, blocking.widths, remaining);
      fn.set(width);
      if (this.direct && plain !== null) emitDirect(plain);
      else emitIntoTile();
      fn.get(panelsB).get(depth).get(width).times(bytes).op('i32.mul').op('i32.add').set(panelsB);
    });
    return fn;
  }

  writeEpilogue(
    fn: FunctionBuilder,
    at: Record<'args' | 'scratch' | 'tile' | 'batch' | 'tall' | 'tallEnd' | 'column0' | 'columnEnd', Local>,
  ): void {
    const { module, kernel, plain, scratch: layout } = this;
    if (plain !== null) {
      fn.get(at.tile)
        .get(at.args)
        .mem('i32.load', plain.buffer * 4)
        .get(at.batch);
      fn.get(at.tall).get(at.tallEnd).get(at.column0).get(at.columnEnd);
      fn.call(emitStoreTile(module, plain, layout.tileStride, `${kernel.name} store`));
      return;
    }
    const epilogue = module.function(`${kernel.name} epilogue`, [...sixIntegers, 'i32', 'i32']);
    const [args, scratch, batchIndex, rowStart, rowEnd, columnStart, columnEnd, tile] = epilogue.params;
    const { slow } = emitBlockProgram(
      epilogue,
      { program: kernel.epilogue, dtypes: this.dtypes, batch: kernel.batch, m: kernel.m, n: kernel.n },
      {
        args,
        scratch,
        batchIndex,
        rowStart,
        rowEnd,
        columnStart,
        columnEnd,
        tile,
        tileStride: layout.tileStride,
      },
      this.target,
    );
    this.slow = slow;
    fn.get(at.args).get(at.scratch).i32(layout.program).op('i32.add').get(at.batch);
    fn.get(at.tall).get(at.tallEnd).get(at.column0).get(at.columnEnd).get(at.tile).call(epilogue);
  }
}
