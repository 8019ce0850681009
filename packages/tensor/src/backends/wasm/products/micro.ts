/**
 * Writes micro-kernels: products of some rows of A and one panel of B, whose sums stay in registers for a whole block of k. Each element is
 * one chain of multiply-adds in ascending k, for every shape of the tile, so all micro-kernels compute the same bits.
 */
import { nth } from '../../../kernel/nth.ts';
import type { FunctionBuilder, Local } from '../emit/encoder.ts';
import type { Features } from '../emit/features.ts';
import type { ModuleBuilder } from '../emit/module-builder.ts';
import { type FloatType, floatLanes, vectorBytes } from './lanes.ts';

/** Threads and blocks take rows in multiples of this. Every even number from here on is a sum of tiles of 6 and of 4 rows. */
export const rowUnit = 4;

/** A's packed panels have this many rows: two tiles of 6, or three vectors. */
export const panelRows = 12;

/** The number of rows of a tile of a packed A, and of most tiles of an A that is read in place. */
export const mainHeight = 6;

export interface MicroKernel {
  readonly type: FloatType;
  /** The width of the panel of B, in vectors of 16 bytes. */
  readonly vectors: number;
  /** The number of rows of most tiles of an A that is read in place: 6, or a multiple of 4. The rest is multiplied four rows at a time. */
  readonly rows: number;
  /**
   * The layout of A in memory. `panels`: panels of `panelRows` rows, one after the other. `rows`: each row's k values are adjacent, and
   * the rows are at any distance, so that the operand needs no packing.
   */
  readonly layout: 'panels' | 'rows';
}

/** The largest number of excess rows that the tiles of a kernel write. */
export const excessRows = mainHeight - 1;

/** Pushes a number of rows, at most `rows`, that tiles cover exactly: the largest such number, or nearly. */
export function emitWholeRows(fn: FunctionBuilder, { rows: height, layout }: MicroKernel, rows: Local): void {
  if (layout === 'panels') fn.get(rows).get(rows).i32(mainHeight).op('i32.rem_u').op('i32.sub');
  else if (height !== mainHeight) fn.get(rows).i32(-rowUnit).op('i32.and');
  else {
    // From an odd number five rows are left, which fill a tile except for one row.
    const whole = fn.local('i32');
    fn.get(rows)
      .get(rows)
      .i32(1)
      .op('i32.and')
      .i32(mainHeight - 1)
      .op('i32.mul')
      .op('i32.sub')
      .set(whole);
    fn.get(whole).i32(0).get(whole).i32(rowUnit).op('i32.ge_s').select();
    fn.release(whole);
  }
}

/** The number of steps along k in one iteration: two need fewer branches, and load pairs at fixed distances. */
const unroll = 2;

/**
 * A function `(a, b, c, depth, count, aStride, cStride, accumulate)`: c[i, j] = sum over k < depth of a[i, k] * b[k, j] for `count` rows i and
 * the panel's columns j, added to the old value if `accumulate`. Strides are in bytes, between rows; `aStride` is used only for the layout
 * `rows`. It writes whole tiles: c must have `excessRows` more rows than `count`, unless `count` is a result of `emitWholeRows`.
 */
export function emitMicroKernel(module: ModuleBuilder, kernel: MicroKernel, features: Features): FunctionBuilder {
  const { type, vectors, layout } = kernel;
  const rows = layout === 'panels' ? mainHeight : kernel.rows;
  const name = `multiply_${type}_${rows}x${vectors * floatLanes[type].lanes}_${layout}`;
  return module.helper(name, () => buildMicroKernel(module, name, { ...kernel, rows }, features));
}

function buildMicroKernel(
  module: ModuleBuilder,
  name: string,
  kernel: MicroKernel,
  features: Features,
): FunctionBuilder {
  const { type, vectors, layout } = kernel;
  const fn = module.function(name, ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32']);
  const [a, b, c, depth, count, aStride, cStride, accumulate] = fn.params;
  const { bytes, splat, multiplyAdd, mul, add } = floatLanes[type];
  const bStep = vectors * vectorBytes;
  const row = fn.local('i32');
  const left = fn.local('i32');
  const panelBytes = fn.local('i32');
  const bAt = fn.local('i32');
  const bEnd = fn.local('i32');
  const bEvenEnd = fn.local('i32');
  /** The distance from this tile of a packed A to the next: half a panel's row, then the rest of the panel. */
  const toNext = fn.local('i32');

  const emitTile = (rows: number): void => {
    const pointers = fn.locals('i32', layout === 'panels' ? 1 : rows);
    const sums = Array.from({ length: rows }, () => fn.locals('v128', vectors));
    const bVectors = fn.locals('v128', vectors);
    const aVector = fn.local('v128');
    for (const [r, pointer] of pointers.entries()) {
      if (r === 0) fn.get(a).set(pointer);
      else {
        // Rows after the last one repeat it; their results are not used.
        fn.get(nth(pointers, r - 1));
        fn.get(aStride).i32(0).get(row).i32(r).op('i32.add').get(count).op('i32.lt_s').select();
        fn.op('i32.add').set(pointer);
      }
    }
    for (const sum of sums.flat()) (type === 'f32' ? fn.f32x4(0) : fn.f64x2(0)).set(sum);

    const pushA = (r: number, step: number): FunctionBuilder =>
      layout === 'panels'
        ? fn.get(nth(pointers, 0)).mem(splat, (step * panelRows + r) * bytes)
        : fn.get(nth(pointers, r)).mem(splat, step * bytes);
    const emitSteps = (steps: number): void => {
      for (let step = 0; step < steps; step++) {
        // Adjacent loads, then products of neighbors: the order in which V8 pairs vectors.
        for (const [v, vector] of bVectors.entries())
          fn.get(bAt)
            .mem('v128.load', step * bStep + v * vectorBytes, bytes)
            .set(vector);
        for (const [r, rowSums] of sums.entries()) {
          pushA(r, step).set(aVector);
          for (const [v, sum] of rowSums.entries()) {
            fn.get(aVector).get(nth(bVectors, v));
            if (features.relaxedSimd) fn.get(sum).op(multiplyAdd);
            else fn.op(mul).get(sum).op(add);
            fn.set(sum);
          }
        }
      }
      for (const pointer of pointers) fn.increment(pointer, steps * (layout === 'panels' ? panelRows : 1) * bytes);
      fn.increment(bAt, steps * bStep);
    };
    const emitUntil = (end: Local, steps: number): void => {
      fn.get(bAt)
        .get(end)
        .op('i32.lt_u')
        .if(() => {
          fn.loop((again) => {
            emitSteps(steps);
            fn.get(bAt).get(end).op('i32.lt_u').brIf(again);
          });
        });
    };
    fn.get(b).set(bAt);
    emitUntil(bEvenEnd, unroll);
    emitUntil(bEnd, 1);

    const laterRows = fn.locals('i32', rows - 1);
    let lastRow = c;
    for (const cRow of laterRows) {
      fn.get(lastRow).get(cStride).op('i32.add').set(cRow);
      lastRow = cRow;
    }
    const cRows = [c, ...laterRows];
    const emitWrite = (adding: boolean): void => {
      for (const [r, rowSums] of sums.entries())
        for (const [v, sum] of rowSums.entries()) {
          const cRow = nth(cRows, r);
          fn.get(cRow);
          if (adding)
            fn.get(cRow)
              .mem('v128.load', v * vectorBytes, bytes)
              .get(sum)
              .op(add);
          else fn.get(sum);
          fn.mem('v128.store', v * vectorBytes, bytes);
        }
    };
    fn.get(accumulate).if(
      () => emitWrite(true),
      () => emitWrite(false),
    );

    fn.get(lastRow).get(cStride).op('i32.add').set(c);
    if (layout === 'panels') {
      fn.get(a).get(toNext).op('i32.add').set(a);
      fn.get(panelBytes).get(toNext).op('i32.sub').set(toNext);
    } else fn.get(a).get(aStride).times(rows).op('i32.add').set(a);
    fn.increment(row, rows);
    fn.release(...pointers, ...sums.flat(), ...bVectors, aVector, ...laterRows);
  };

  fn.get(b).get(depth).times(bStep).op('i32.add').set(bEnd);
  fn.get(b).get(depth).i32(-unroll).op('i32.and').times(bStep).op('i32.add').set(bEvenEnd);
  fn.get(depth)
    .times(panelRows * bytes)
    .set(panelBytes);
  fn.i32(kernel.rows * bytes).set(toNext);
  /** Writes tiles in a loop, as long as the condition that `wanted` pushes holds for the rows that are left. */
  const emitTiles = (height: number, wanted: () => unknown): FunctionBuilder =>
    fn.block((done) => {
      fn.loop((again) => {
        fn.get(count).get(row).op('i32.sub').set(left);
        wanted();
        fn.op('i32.eqz').brIf(done);
        emitTile(height);
        fn.br(again);
      });
    });
  const atLeast = (rows: number): FunctionBuilder => fn.get(left).i32(rows).op('i32.ge_s');
  if (layout === 'panels') emitTiles(kernel.rows, () => atLeast(1));
  else {
    // Eight rows are exactly two low tiles; a taller tile is worth it if more rows than one low tile are left.
    const isNotTwoLow = (): FunctionBuilder =>
      fn
        .get(left)
        .i32(2 * rowUnit)
        .op('i32.ne');
    if (kernel.rows > rowUnit)
      emitTiles(kernel.rows, () => {
        atLeast(rowUnit + 1);
        if (kernel.rows < 2 * rowUnit) isNotTwoLow().op('i32.and');
      });
    emitTiles(rowUnit, () => atLeast(1));
  }
  return fn;
}
