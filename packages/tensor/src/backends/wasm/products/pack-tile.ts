/** Copies one tile of an operand into a panel: see `pack.ts`. Addresses in a tile are affine in two variables: p and k. */
import { bytesOf } from '../../../kernel/dtype.ts';
import { nth } from '../../../kernel/nth.ts';
import type { FunctionBuilder, Local, Operand } from '../emit/encoder.ts';
import {
  type ElementSource,
  emitCopyRun,
  type FloatType,
  floatLanes,
  loadElement,
  loadVector,
  unaligned,
  vectorBytes,
} from './lanes.ts';

/** A tile: elements at `source` that are copied to a panel in the first memory. All distances are in bytes. */
export interface Tile extends ElementSource {
  readonly source: Local;
  readonly destination: Local;
  /** The number of elements along p. */
  readonly length: Local;
  /** The number of elements along k. */
  readonly depth: Local;
  /** The distance between neighbors along k in the panel. */
  readonly rowBytes: Operand;
  readonly type: FloatType;
  /** The distance between neighbors along p in the operand. */
  readonly stepP: number;
  /** The distance between neighbors along k in the operand. */
  readonly stepK: number;
}

/** A tile whose neighbors along k are adjacent in memory, and whose neighbors along p are adjacent in the copy. */
interface TransposedTile extends Omit<Tile, 'stepK'> {
  /** The memory to which it is copied. Default: the first. */
  readonly to?: number;
}

/** Pushes `base + index * factor`, where `factor` may be known only at run time. */
export function pushScaled(fn: FunctionBuilder, base: Local, index: Local, factor: Operand): void {
  fn.get(base).get(index);
  if (typeof factor === 'number') fn.times(factor);
  else fn.get(factor).op('i32.mul');
  fn.op('i32.add');
}

/** Copies `count` adjacent elements, a multiple of a vector: adjacent loads, then adjacent stores. */
function emitCopyVectors(
  fn: FunctionBuilder,
  tile: Pick<Tile, 'type' | 'element' | 'memory'>,
  destination: Local,
  source: Local,
  count: number,
): void {
  const { lanes, bytes } = floatLanes[tile.type];
  const vectors = fn.locals('v128', count / lanes);
  for (const [v, vector] of vectors.entries()) {
    fn.get(source);
    loadVector(fn, tile, v * lanes * bytesOf(tile.element), bytes);
    fn.set(vector);
  }
  for (const [v, vector] of vectors.entries())
    fn.get(destination)
      .get(vector)
      .mem('v128.store', v * vectorBytes, bytes);
  fn.release(...vectors);
}

/** Copies a tile whose neighbors along p are adjacent in memory: one run for each k. */
export function emitCopyAlongP(fn: FunctionBuilder, tile: Tile, widest: number): void {
  const k = fn.local('i32');
  const source = fn.local('i32');
  const destination = fn.local('i32');
  const rows = (copy: () => void): void => {
    fn.get(tile.source).set(source).get(tile.destination).set(destination);
    fn.forLoop(k, 0, tile.depth, 1, () => {
      copy();
      fn.increment(source, tile.stepK).increment(destination, tile.rowBytes);
    });
  };
  fn.get(tile.length)
    .i32(widest)
    .op('i32.eq')
    .if(
      () => rows(() => emitCopyVectors(fn, tile, destination, source, widest)),
      () => rows(() => emitCopyRun(fn, tile.type, destination, source, tile.length, { from: tile, to: 0 })),
    );
  fn.release(k, source, destination);
}

/** Transposes a square of as many vectors as a vector has lanes. */
function emitTranspose(fn: FunctionBuilder, type: FloatType, vectors: readonly Local[]): Local[] {
  const vector = (): Local => fn.local('v128');
  const [a, b] = [nth(vectors, 0), nth(vectors, 1)];
  if (type === 'f64') {
    const [low, high] = [vector(), vector()];
    fn.get(a).get(b).shuffle64([0, 2]).set(low);
    fn.get(a).get(b).shuffle64([1, 3]).set(high);
    return [low, high];
  }
  const [c, d] = [nth(vectors, 2), nth(vectors, 3)];
  const [lowAb, lowCd, highAb, highCd] = [vector(), vector(), vector(), vector()];
  fn.get(a).get(b).shuffle32([0, 4, 1, 5]).set(lowAb);
  fn.get(c).get(d).shuffle32([0, 4, 1, 5]).set(lowCd);
  fn.get(a).get(b).shuffle32([2, 6, 3, 7]).set(highAb);
  fn.get(c).get(d).shuffle32([2, 6, 3, 7]).set(highCd);
  const [first, second, third, fourth] = [vector(), vector(), vector(), vector()];
  fn.get(lowAb).get(lowCd).shuffle64([0, 2]).set(first);
  fn.get(lowAb).get(lowCd).shuffle64([1, 3]).set(second);
  fn.get(highAb).get(highCd).shuffle64([0, 2]).set(third);
  fn.get(highAb).get(highCd).shuffle64([1, 3]).set(fourth);
  fn.release(lowAb, lowCd, highAb, highCd);
  return [first, second, third, fourth];
}

/** Copies one column of a tile whose neighbors along k are adjacent in memory: `count` elements, scattered to the panel's rows. */
function emitColumn(
  fn: FunctionBuilder,
  tile: Pick<TransposedTile, 'type' | 'rowBytes' | 'element' | 'memory' | 'to'>,
  source: Local,
  destination: Local,
  count: Local,
): void {
  const { type, rowBytes, to: memory = 0 } = tile;
  const { lanes, bytes, storeLane, store } = floatLanes[type];
  const sourceBytes = bytesOf(tile.element);
  const k = fn.local('i32');
  const from = fn.local('i32');
  const to = fn.local('i32');
  const vector = fn.local('v128');
  fn.get(source).set(from).get(destination).set(to);
  fn.i32(0).set(k);
  fn.block((done) => {
    fn.loop((again) => {
      fn.get(k).i32(lanes).op('i32.add').get(count).op('i32.gt_s').brIf(done);
      fn.get(from);
      loadVector(fn, tile);
      fn.set(vector);
      for (let lane = 0; lane < lanes; lane++) {
        fn.get(to).get(vector).memLane(storeLane, lane, 0, bytes, memory);
        fn.increment(to, rowBytes);
      }
      fn.increment(from, lanes * sourceBytes)
        .increment(k, lanes)
        .br(again);
    });
  });
  fn.block((done) => {
    fn.loop((again) => {
      fn.get(k).get(count).op('i32.ge_s').brIf(done);
      fn.get(to).get(from);
      loadElement(fn, tile);
      fn.mem(store, 0, bytes, memory);
      fn.increment(to, rowBytes).increment(from, sourceBytes).increment(k, 1).br(again);
    });
  });
  fn.release(k, from, to, vector);
}

/** Copies a tile whose neighbors along k are adjacent in memory: it transposes squares, then copies single columns. */
export function emitTransposeTile(fn: FunctionBuilder, tile: TransposedTile): void {
  const { type, stepP, rowBytes, length, depth, to: memory = 0 } = tile;
  const { lanes, bytes, store } = floatLanes[type];
  const sourceBytes = bytesOf(tile.element);
  const p = fn.local('i32');
  const k = fn.local('i32');
  const column = fn.local('i32');
  const columnTo = fn.local('i32');
  const source = fn.local('i32');
  const destination = fn.local('i32');
  const otherSources = fn.locals('i32', lanes - 1);
  const sources = [source, ...otherSources];
  fn.get(tile.source).set(column).get(tile.destination).set(columnTo);
  fn.i32(0).set(p);
  fn.block((done) => {
    fn.loop((again) => {
      fn.get(p).i32(lanes).op('i32.add').get(length).op('i32.gt_s').brIf(done);
      fn.get(column).set(source).get(columnTo).set(destination);
      let previous = source;
      for (const next of otherSources) {
        fn.get(previous).i32(stepP).op('i32.add').set(next);
        previous = next;
      }
      fn.i32(0).set(k);
      fn.block((enough) => {
        fn.loop((next) => {
          fn.get(k).i32(lanes).op('i32.add').get(depth).op('i32.gt_s').brIf(enough);
          const rows = sources.map((pointer) => {
            const vector = fn.local('v128');
            fn.get(pointer);
            loadVector(fn, tile);
            fn.set(vector);
            return vector;
          });
          const columns = emitTranspose(fn, type, rows);
          for (const vector of columns) {
            fn.get(destination).get(vector).mem('v128.store', 0, unaligned, memory);
            fn.increment(destination, rowBytes);
          }
          fn.release(...rows, ...columns);
          for (const pointer of sources) fn.increment(pointer, lanes * sourceBytes);
          fn.increment(k, lanes).br(next);
        });
      });
      fn.block((enough) => {
        fn.loop((next) => {
          fn.get(k).get(depth).op('i32.ge_s').brIf(enough);
          for (const [j, pointer] of sources.entries()) {
            fn.get(destination).get(pointer);
            loadElement(fn, tile);
            fn.mem(store, j * bytes, bytes, memory);
          }
          fn.increment(destination, rowBytes);
          for (const pointer of sources) fn.increment(pointer, sourceBytes);
          fn.increment(k, 1).br(next);
        });
      });
      fn.increment(column, stepP * lanes)
        .increment(columnTo, vectorBytes)
        .increment(p, lanes)
        .br(again);
    });
  });
  fn.block((done) => {
    fn.loop((again) => {
      fn.get(p).get(length).op('i32.ge_s').brIf(done);
      emitColumn(fn, tile, column, columnTo, depth);
      fn.increment(column, stepP).increment(columnTo, bytes).increment(p, 1).br(again);
    });
  });
  fn.release(p, k, column, columnTo, destination, ...sources);
}

/** Copies a run of `count` elements along p, at any distance. */
function emitStridedRun(
  fn: FunctionBuilder,
  tile: Pick<Tile, 'type' | 'element' | 'memory' | 'stepP'>,
  source: Local,
  destination: Local,
  count: Local,
): void {
  const { bytes, store } = floatLanes[tile.type];
  const p = fn.local('i32');
  const from = fn.local('i32');
  const to = fn.local('i32');
  fn.get(source).set(from).get(destination).set(to);
  fn.forLoop(p, 0, count, 1, () => {
    fn.get(to).get(from);
    loadElement(fn, tile);
    fn.mem(store);
    fn.increment(from, tile.stepP).increment(to, bytes);
  });
  fn.release(p, from, to);
}

/** Copies a tile whose neighbors are not adjacent in memory. */
export function emitStridedTile(fn: FunctionBuilder, tile: Tile): void {
  const k = fn.local('i32');
  const source = fn.local('i32');
  const destination = fn.local('i32');
  fn.get(tile.source).set(source).get(tile.destination).set(destination);
  fn.forLoop(k, 0, tile.depth, 1, () => {
    emitStridedRun(fn, tile, source, destination, tile.length);
    fn.increment(source, tile.stepK).increment(destination, tile.rowBytes);
  });
  fn.release(k, source, destination);
}

/** A guard on a tile, whose sum is `value + stepP * p + stepK * k`. */
export interface TileGuard {
  readonly value: Operand;
  readonly stepP: number;
  readonly stepK: number;
  readonly low: number;
  readonly high: number;
}

/** Pushes whether a guard holds for `sum`: one unsigned comparison. */
export function pushHolds(fn: FunctionBuilder, sum: Operand, { low, high }: TileGuard): void {
  fn.push(sum)
    .i32(low)
    .op('i32.sub')
    .i32(Math.max(0, high - low))
    .op('i32.lt_u');
}

/** Pushes whether a guard holds on the whole tile: a sum that is affine in p and k is smallest and largest at corners. */
export function pushHoldsThroughout(fn: FunctionBuilder, tile: Tile, guard: TileGuard): void {
  const extremeAt = (sign: -1 | 1): Local => {
    const extreme = fn.local('i32');
    fn.push(guard.value);
    for (const [step, extent] of [
      [guard.stepP, tile.length],
      [guard.stepK, tile.depth],
    ] as const)
      if (step * sign > 0) fn.get(extent).i32(1).op('i32.sub').times(step).op('i32.add');
    fn.set(extreme);
    return extreme;
  };
  const [smallest, largest] = [extremeAt(-1), extremeAt(1)];
  pushHolds(fn, smallest, guard);
  pushHolds(fn, largest, guard);
  fn.op('i32.and').release(smallest, largest);
}

/**
 * Clips the range [first, end) of an index i to where `low <= sum + step * i < high`:
 * for step > 0, ceil((low - sum) / step) <= i < ceil((high - sum) / step). A negative step exchanges the bounds:
 * `1 - high <= -sum - step * i < 1 - low`. A truncating division is used instead of the ceiling, because `first` is at least 0.
 */
function emitClip(fn: FunctionBuilder, sum: Local, step: number, guard: TileGuard, first: Local, end: Local): void {
  const bound = fn.local('i32');
  const size = Math.abs(step);
  const pushBound = (limit: number): void => {
    if (step > 0)
      fn.i32(limit + size - 1)
        .get(sum)
        .op('i32.sub');
    else
      fn.i32(limit + size - 1)
        .get(sum)
        .op('i32.add');
    if (size > 1) fn.i32(size).op('i32.div_s');
    fn.set(bound);
  };
  const [low, high] = step > 0 ? [guard.low, guard.high] : [1 - guard.high, 1 - guard.low];
  pushBound(low);
  fn.get(bound).get(first).get(bound).get(first).op('i32.gt_s').select().set(first);
  pushBound(high);
  fn.get(bound).get(end).get(bound).get(end).op('i32.lt_s').select().set(end);
  fn.release(bound);
}

/** Copies a tile whose guards do not hold throughout: line by line (along k or p), each clipped. */
export function emitClippedTile(
  fn: FunctionBuilder,
  tile: Tile,
  guards: readonly TileGuard[],
  lines: 'p' | 'k',
  widest: number,
): void {
  const { bytes } = floatLanes[tile.type];
  const alongP = lines === 'p';
  const outerCount = alongP ? tile.depth : tile.length;
  const innerCount = alongP ? tile.length : tile.depth;
  const outerStep = alongP ? tile.stepK : tile.stepP;
  const innerStep = alongP ? tile.stepP : tile.stepK;
  const outerTo: Operand = alongP ? tile.rowBytes : bytes;
  const innerTo: Operand = alongP ? bytes : tile.rowBytes;
  const line = fn.local('i32');
  const source = fn.local('i32');
  const destination = fn.local('i32');
  const first = fn.local('i32');
  const end = fn.local('i32');
  const sum = fn.local('i32');
  const from = fn.local('i32');
  const to = fn.local('i32');
  fn.get(tile.source).set(source).get(tile.destination).set(destination);
  fn.forLoop(line, 0, outerCount, 1, () => {
    fn.block((skip) => {
      fn.i32(0).set(first).get(innerCount).set(end);
      for (const guard of guards) {
        const [outer, inner] = alongP ? [guard.stepK, guard.stepP] : [guard.stepP, guard.stepK];
        if (outer === 0 && inner === 0) continue;
        fn.push(guard.value);
        if (outer !== 0) fn.get(line).times(outer).op('i32.add');
        fn.set(sum);
        if (inner === 0) {
          pushHolds(fn, sum, guard);
          fn.op('i32.eqz').brIf(skip);
        } else emitClip(fn, sum, inner, guard, first, end);
      }
      fn.get(first).get(end).op('i32.ge_s').brIf(skip);
      pushScaled(fn, source, first, innerStep);
      fn.set(from);
      pushScaled(fn, destination, first, innerTo);
      fn.set(to);
      fn.get(end).get(first).op('i32.sub').set(end);
      if (!alongP) emitColumn(fn, tile, from, to, end);
      else if (tile.stepP === bytesOf(tile.element))
        // Most lines of a convolution's windows are complete.
        fn.get(end)
          .i32(widest)
          .op('i32.eq')
          .if(
            () => emitCopyVectors(fn, tile, to, from, widest),
            () => emitCopyRun(fn, tile.type, to, from, end, { from: tile, to: 0 }),
          );
      else emitStridedRun(fn, tile, from, to, end);
    });
    fn.increment(source, outerStep).increment(destination, outerTo);
  });
  fn.release(line, source, destination, first, end, sum, from, to);
}
