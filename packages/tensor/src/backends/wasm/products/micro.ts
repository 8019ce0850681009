/**
 * Micro-kernels: products of some rows of A and one panel of B, held in registers for the whole of a block of k. Each element is one
 * chain of multiply-adds in ascending k, whatever the shape of the tile: all micro-kernels give the same bits.
 */
import type { FunctionBuilder, Local, ModuleBuilder } from '../emit/encoder.ts';
import type { Features } from '../emit/features.ts';
import { type FloatType, floatLanes, vectorBytes } from './lanes.ts';

/** Threads and blocks take rows by this many. Every even number of rows from here on is a sum of tiles of 6 and of 4 rows. */
export const rowUnit = 4;

/** A's packed panels have this many rows: two tiles of 6, or three vectors. */
export const panelRows = 12;

/** Rows of a tile of a packed A, and of most tiles of one that lies in rows. */
export const mainHeight = 6;

export interface MicroKernel {
  readonly type: FloatType;
  /** Width of the panel of B, in vectors of 16 bytes. */
  readonly vectors: number;
  /** Rows of most tiles of an A that lies in rows: 6, or a multiple of 4. What is left over is multiplied four rows at a time. */
  readonly rows: number;
  /**
   * How A lies in memory. `panels`: panels of `panelRows` rows, one behind the other. `rows`: each row's k values side by side,
   * the rows at any distance: an operand that needs no packing.
   */
  readonly layout: 'panels' | 'rows';
}

/** Tiles of a kernel write this many rows too many at most. */
export const excessRows = mainHeight - 1;

/** Pushes how many of `rows` rows tiles cover with none left over and none too many: the largest such number, or nearly. */
export function emitWholeRows(fn: FunctionBuilder, { rows: height, layout }: MicroKernel, rows: Local): void {
  if (layout === 'panels') fn.get(rows).get(rows).i32(mainHeight).op('i32.rem_u').op('i32.sub');
  else if (height !== mainHeight) fn.get(rows).i32(-rowUnit).op('i32.and');
  else {
    // Of an odd number five rows are left, which fill a tile but for one row.
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

/** Two steps along k a round: fewer branches, and pairs of loads at fixed distances. */
const unroll = 2;

/**
 * A function `(a, b, c, depth, count, aStride, cStride, accumulate)`: c[i, j] = sum over k < depth of a[i, k] * b[k, j] for `count` rows i and
 * the panel's columns j, added to what c holds if `accumulate`. Strides are in bytes, between rows; `aStride` matters for
 * layout `rows` only. Writes whole tiles: `excessRows` rows more than `count` must exist in c, unless `emitWholeRows` allows `count`.
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
  /** From this tile of a packed A to the next: half a panel's row, then what is left of the panel. */
  const toNext = fn.local('i32');

  const emitTile = (rows: number): void => {
    const pointers = fn.locals('i32', layout === 'panels' ? 1 : rows);
    const sums = Array.from({ length: rows }, () => fn.locals('v128', vectors));
    const bVectors = fn.locals('v128', vectors);
    const aVector = fn.local('v128');
    pointers.forEach((pointer, r) => {
      if (r === 0) fn.get(a).set(pointer);
      else {
        // Rows past the last repeat it: what they give is not used.
        fn.get(pointers[r - 1]);
        fn.get(aStride).i32(0).get(row).i32(r).op('i32.add').get(count).op('i32.lt_s').select();
        fn.op('i32.add').set(pointer);
      }
    });
    for (const sum of sums.flat()) (type === 'f32' ? fn.f32x4(0) : fn.f64x2(0)).set(sum);

    const pushA = (r: number, step: number): FunctionBuilder =>
      layout === 'panels'
        ? fn.get(pointers[0]).mem(splat, (step * panelRows + r) * bytes)
        : fn.get(pointers[r]).mem(splat, step * bytes);
    const emitSteps = (steps: number): void => {
      for (let step = 0; step < steps; step++) {
        // Adjacent loads, then products of neighbours: the order in which V8 pairs vectors.
        bVectors.forEach((vector, v) => {
          fn.get(bAt)
            .mem('v128.load', step * bStep + v * vectorBytes, bytes)
            .set(vector);
        });
        sums.forEach((rowSums, r) => {
          pushA(r, step).set(aVector);
          rowSums.forEach((sum, v) => {
            fn.get(aVector).get(bVectors[v]);
            if (features.relaxedSimd) fn.get(sum).op(multiplyAdd);
            else fn.op(mul).get(sum).op(add);
            fn.set(sum);
          });
        });
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

    const cRows = [c, ...fn.locals('i32', rows - 1)];
    for (let r = 1; r < rows; r++)
      fn.get(cRows[r - 1])
        .get(cStride)
        .op('i32.add')
        .set(cRows[r]);
    const emitWrite = (adding: boolean): void =>
      sums.forEach((rowSums, r) => {
        rowSums.forEach((sum, v) => {
          fn.get(cRows[r]);
          if (adding)
            fn.get(cRows[r])
              .mem('v128.load', v * vectorBytes, bytes)
              .get(sum)
              .op(add);
          else fn.get(sum);
          fn.mem('v128.store', v * vectorBytes, bytes);
        });
      });
    fn.get(accumulate).if(
      () => emitWrite(true),
      () => emitWrite(false),
    );

    fn.get(cRows[rows - 1])
      .get(cStride)
      .op('i32.add')
      .set(c);
    if (layout === 'panels') {
      fn.get(a).get(toNext).op('i32.add').set(a);
      fn.get(panelBytes).get(toNext).op('i32.sub').set(toNext);
    } else fn.get(a).get(aStride).times(rows).op('i32.add').set(a);
    fn.increment(row, rows);
    fn.release(...pointers, ...sums.flat(), ...bVectors, aVector, ...cRows.slice(1));
  };

  fn.get(b).get(depth).times(bStep).op('i32.add').set(bEnd);
  fn.get(b).get(depth).i32(-unroll).op('i32.and').times(bStep).op('i32.add').set(bEvenEnd);
  fn.get(depth)
    .times(panelRows * bytes)
    .set(panelBytes);
  fn.i32(kernel.rows * bytes).set(toNext);
  /** Tiles for as long as `wanted` says, of the rows that are left. */
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
    // Eight rows are two low tiles, none too many; a taller tile is worth it where more than a low one is left.
    const exactlyTwoLow = (): FunctionBuilder =>
      fn
        .get(left)
        .i32(2 * rowUnit)
        .op('i32.ne');
    if (kernel.rows > rowUnit)
      emitTiles(kernel.rows, () => {
        atLeast(rowUnit + 1);
        if (kernel.rows < 2 * rowUnit) exactlyTwoLow().op('i32.and');
      });
    emitTiles(rowUnit, () => atLeast(1));
  }
  return fn;
}
