/** Stores finished sums that need no epilogue program, from a tile in scratch memory to the result. */
import type { DType } from '../../../kernel/dtype.ts';
import type { ContractKernel } from '../../../kernel/kernel.ts';
import type { FunctionBuilder } from '../emit/encoder.ts';
import type { ModuleBuilder } from '../emit/module-builder.ts';
import { emitCopyRun, type FloatType, floatLanes } from './lanes.ts';
import { emitTransposeTile } from './pack-tile.ts';
import { type Axis, addressStep, emitForms, emitRuns, innermost, mergeAxes, type Run, releaseForms } from './ranges.ts';

/** A store of the plain accumulator. The only form of the axes is the byte address. */
export interface PlainStore {
  readonly type: FloatType;
  readonly buffer: number;
  /** The memory that contains the result. */
  readonly memory: number;
  readonly offsetBytes: number;
  readonly batch: readonly Axis[];
  readonly m: readonly Axis[];
  readonly n: readonly Axis[];
}

/** The kernel's epilogue as a plain store; null if it does more than that. */
export function plainStore(
  kernel: ContractKernel,
  type: FloatType,
  dtypes: readonly DType[],
  memories: readonly number[] = [],
): PlainStore | null {
  const { instructions, stores } = kernel.epilogue;
  const [store, ...otherStores] = stores;
  if (store === undefined || otherStores.length > 0) return null;
  const { view, buffer } = store.access;
  if (instructions[store.value]?.op !== 'accumulator' || view.guards.length > 0) return null;
  if (dtypes[buffer] !== type) return null;
  const { bytes } = floatLanes[type];
  const merge = (start: number, count: number): Axis[] => {
    const strides = view.strides.slice(start, start + count).map((stride) => stride * bytes);
    return mergeAxes(view.shape.slice(start, start + count), [strides]);
  };
  const [batch, m, n] = [kernel.batch.length, kernel.m.length, kernel.n.length];
  return {
    type,
    buffer,
    memory: memories[buffer] ?? 0,
    offsetBytes: view.offset * bytes,
    batch: merge(0, batch),
    m: merge(batch, m),
    n: merge(batch + m, n),
  };
}

/** Whether micro-kernels can write the result: in the first memory, with rows at fixed distances and adjacent columns. */
export const storesRows = ({ type, memory, m, n }: PlainStore): boolean =>
  memory === 0 &&
  m.length <= 1 &&
  n.length <= 1 &&
  innermost(n, 1).size === n.reduce((size, axis) => size * axis.size, 1) &&
  (n.length === 0 || addressStep(n) === floatLanes[type].bytes);

/**
 * A function `(tile, base, batch, row0, row1, column0, column1)` that copies rows and columns of one matrix of the batch from a tile to the
 * result. The tile's first element is that of (row0, column0), and the distance between its rows is `tileStride` bytes. `base` is the
 * address of the result's buffer.
 */
export function emitStoreTile(
  module: ModuleBuilder,
  store: PlainStore,
  tileStride: number,
  name: string,
): FunctionBuilder {
  const { buffer: _, ...key } = store;
  return module.helper(`store ${tileStride} ${JSON.stringify(key)}`, () => {
    const { type, memory } = store;
    const { bytes, load, store: storeElement } = floatLanes[type];
    const fn = module.function(name, ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32']);
    const [tile, base, batch, row0, row1, column0, column1] = fn.params;
    fn.increment(base, store.offsetBytes);
    const origin = emitForms(fn, store.batch, batch, [base]);
    const row = fn.local('i32');
    const address = fn.local('i32');
    const from = fn.local('i32');
    const to = fn.local('i32');
    const column = fn.local('i32');
    const [rowStep, columnStep] = [addressStep(store.m), addressStep(store.n)];
    const source = { element: type, memory: 0 };
    const setEnds = (columns: Run): void => {
      fn.get(tile).get(columns.position).get(column0).op('i32.sub').times(bytes).op('i32.add').set(from);
      fn.push(columns.address).set(to);
    };
    emitRuns(fn, store.m, row0, row1, origin, (rows) => {
      if (columnStep !== bytes && rowStep === bytes) {
        // Rows are adjacent instead of columns (channels before pixels): squares are transposed, so that adjacent elements are written
        // together.
        emitRuns(fn, store.n, column0, column1, rows.values, (columns) => {
          setEnds(columns);
          emitTransposeTile(fn, {
            ...source,
            ...{ type, source: from, destination: to, to: memory, length: rows.length, depth: columns.length },
            ...{ rowBytes: columnStep, stepP: tileStride },
          });
        });
        fn.get(tile).get(rows.length).times(tileStride).op('i32.add').set(tile);
        return;
      }
      fn.push(rows.address).set(address);
      fn.forLoop(row, 0, rows.length, 1, () => {
        emitRuns(fn, store.n, column0, column1, [address], (columns) => {
          setEnds(columns);
          if (columnStep === bytes) emitCopyRun(fn, type, to, from, columns.length, { from: source, to: memory });
          else
            fn.forLoop(column, 0, columns.length, 1, () => {
              fn.get(to).get(from).mem(load).mem(storeElement, 0, bytes, memory);
              fn.increment(from, bytes).increment(to, columnStep);
            });
        });
        fn.increment(tile, tileStride).increment(address, rowStep);
      });
    });
    releaseForms(fn, origin, [base]);
    return fn;
  });
}
