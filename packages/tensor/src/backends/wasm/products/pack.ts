/**
 * Writes packing: it copies a range of an operand of a matrix product, through its view, into panels that the micro-kernels read
 * sequentially. An operand has one free axis p (m of A, n of B) and the axis k, both flattened from any number of axes. A panel of width w
 * contains, for each k of the range, w values that are neighbors along p; positions after the range contain zeros.
 *
 * The ranges are cut into tiles in which p and k each move along one axis of the view. In a tile the address and the sums of the guards are
 * affine in two variables: a tile whose guards hold throughout is copied by the fast path, in other tiles each run is clipped to where the
 * guards hold. Elements that are not copied are zero.
 */
import { bytesOf } from '../../../kernel/dtype.ts';
import { nth } from '../../../kernel/nth.ts';
import type { View } from '../../../kernel/view.ts';
import type { FunctionBuilder, Local, Operand } from '../emit/encoder.ts';
import type { ModuleBuilder } from '../emit/module-builder.ts';
import { type ElementSource, type FloatType, floatLanes, loadVector, vectorBytes } from './lanes.ts';
import {
  emitClippedTile,
  emitCopyAlongP,
  emitStridedTile,
  emitTransposeTile,
  pushHolds,
  pushHoldsThroughout,
  pushScaled,
  type Tile,
  type TileGuard,
} from './pack-tile.ts';
import { type Axis, addressStep, emitForms, emitRuns, innermost, mergeAxes, type Run, releaseForms } from './ranges.ts';

/** The widths of panels, in descending order. */
export type PanelWidths = readonly [widest: number, ...narrower: number[]];

/** An operand of a matrix product. Its forms (see `ranges.ts`) are the byte address and the sums of the guards. */
export interface PackedOperand extends ElementSource {
  /** The type of the panels' elements. */
  readonly type: FloatType;
  readonly offsetBytes: number;
  readonly batch: readonly Axis[];
  readonly p: readonly Axis[];
  readonly k: readonly Axis[];
  readonly guards: readonly { readonly low: number; readonly high: number }[];
}

/** Describes an operand by its view; the groups list the view's axes. */
export function packedOperand(
  type: FloatType,
  view: View,
  { element, memory }: ElementSource,
  groups: { readonly batch: readonly number[]; readonly p: readonly number[]; readonly k: readonly number[] },
): PackedOperand {
  const bytes = bytesOf(element);
  const forms = [view.strides.map((stride) => stride * bytes), ...view.guards.map(({ coefficients }) => coefficients)];
  const merge = (axes: readonly number[]): Axis[] =>
    mergeAxes(
      axes.map((axis) => nth(view.shape, axis)),
      forms.map((form) => axes.map((axis) => nth(form, axis))),
    );
  return {
    type,
    element,
    memory,
    offsetBytes: view.offset * bytes,
    batch: merge(groups.batch),
    p: merge(groups.p),
    k: merge(groups.k),
    guards: view.guards.map(({ low, high }) => ({ low, high })),
  };
}

/** Pushes the panel's width for `remaining` columns: the narrowest that is wide enough, else the widest. */
export function emitPanelWidth(fn: FunctionBuilder, widths: PanelWidths, remaining: Local): void {
  const [widest, ...narrower] = widths;
  fn.i32(widest);
  for (const width of narrower) fn.i32(width).get(remaining).i32(width).op('i32.gt_s').select();
}

/** The panel's width for `remaining` columns, as `emitPanelWidth` computes it. */
export function panelWidth(widths: PanelWidths, remaining: number): number {
  return widths.reduce((chosen, width) => (remaining > width ? chosen : width));
}

const cacheLineBytes = 64;

/**
 * The number of panels that are packed together if their rows are not whole cache lines: with more, half-written lines would be evicted
 * from the cache.
 */
const panelsAtOnce = 4;

/** Whether neighbors along p are always adjacent in memory. */
const isContiguousAlongP = ({ element, p, guards }: PackedOperand): boolean =>
  guards.length === 0 && p.length === 1 && addressStep(p) === bytesOf(element);

/**
 * Packs panels of the full width in the order of memory, row by row, and advances `start` and `destination` past them. Panel by panel, each
 * row would be read in pieces at the distance of the rows, which the processor does not prefetch, and cache lines that two panels share
 * would often be evicted in between (rows at distances of a power of two share few sets).
 */
function emitPackRows(
  fn: FunctionBuilder,
  operand: PackedOperand,
  width: number,
  at: Record<'destination' | 'start' | 'end' | 'k0' | 'k1', Local> & { readonly bases: readonly Operand[] },
): void {
  const { p, k, type, element } = operand;
  const { lanes, bytes } = floatLanes[type];
  const panelBytes = fn.local('i32');
  const panels = fn.local('i32');
  const panel = fn.local('i32');
  const row = fn.local('i32');
  const rowStart = fn.local('i32');
  const source = fn.local('i32');
  const target = fn.local('i32');
  const targetRow = fn.local('i32');
  const vectors = fn.locals('v128', width / lanes);
  fn.get(at.k1)
    .get(at.k0)
    .op('i32.sub')
    .times(width * bytes)
    .set(panelBytes);
  fn.block((done) => {
    fn.loop((again) => {
      fn.get(at.end).get(at.start).op('i32.sub').i32(width).op('i32.div_s').set(panels);
      fn.get(panels).op('i32.eqz').brIf(done);
      if ((width * bytes) % cacheLineBytes !== 0)
        fn.get(panels).i32(panelsAtOnce).get(panels).i32(panelsAtOnce).op('i32.lt_s').select().set(panels);
      const bases = emitForms(fn, p, at.start, at.bases);
      fn.get(at.destination).set(targetRow);
      emitRuns(fn, k, at.k0, at.k1, bases, (run) => {
        fn.push(run.address).set(rowStart);
        fn.forLoop(row, 0, run.length, 1, () => {
          fn.get(rowStart).set(source).get(targetRow).set(target);
          fn.forLoop(panel, 0, panels, 1, () => {
            for (const [v, vector] of vectors.entries()) {
              fn.get(source);
              loadVector(fn, operand, v * lanes * bytesOf(element), bytes);
              fn.set(vector);
            }
            for (const [v, vector] of vectors.entries())
              fn.get(target)
                .get(vector)
                .mem('v128.store', v * vectorBytes, bytes);
            fn.increment(source, width * bytesOf(element)).increment(target, panelBytes);
          });
          fn.increment(rowStart, addressStep(k)).increment(targetRow, width * bytes);
        });
      });
      releaseForms(fn, bases, at.bases);
      fn.get(at.destination).get(panelBytes).get(panels).op('i32.mul').op('i32.add').set(at.destination);
      fn.get(at.start).get(panels).times(width).op('i32.add').set(at.start);
      fn.br(again);
    });
  });
  fn.release(panelBytes, panels, panel, row, rowStart, source, target, targetRow, ...vectors);
}

/**
 * A function `(destination, base, batch, p0, p1, k0, k1)` that packs p0..p1 x k0..k1 of one matrix of the batch. `base` is the address of
 * the buffer. The last panel has the narrowest of the `widths` that is wide enough.
 */
export function emitPack(
  module: ModuleBuilder,
  operand: PackedOperand,
  widths: PanelWidths,
  name: string,
): FunctionBuilder {
  const key = `pack ${JSON.stringify([operand, widths])}`;
  return module.helper(key, () => buildPack(module, operand, widths, name));
}

function buildPack(module: ModuleBuilder, operand: PackedOperand, widths: PanelWidths, name: string): FunctionBuilder {
  const { type, guards } = operand;
  const { bytes } = floatLanes[type];
  const fn = module.function(name, ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32']);
  const [destination, base, batch, p0, p1, k0, k1] = fn.params;
  const formCount = 1 + guards.length;
  const innerP = innermost(operand.p, formCount);
  const innerK = innermost(operand.k, formCount);
  const [widest] = widths;

  const origin = fn.local('i32');
  fn.get(base).i32(operand.offsetBytes).op('i32.add').set(origin);
  const zero = guards.map((): Operand => 0);
  const bases = emitForms(fn, operand.batch, batch, [origin, ...zero]);

  const panelEnd = fn.local('i32');
  const remaining = fn.local('i32');
  const panelBytes = fn.local('i32');
  const rowLocal = widths.length > 1 ? fn.local('i32') : null;
  const rowBytes: Operand = rowLocal ?? widest * bytes;
  const start = fn.local('i32');
  const source = fn.local('i32');
  const target = fn.local('i32');
  const targetP = fn.local('i32');

  const emitTile = (length: Local, run: Run): void => {
    fn.push(run.address).set(source);
    const tile: Tile = {
      source,
      destination: target,
      length,
      depth: run.length,
      rowBytes,
      type,
      element: operand.element,
      memory: operand.memory,
      stepP: addressStep(operand.p),
      stepK: addressStep(operand.k),
    };
    // Runs along p are copied with vectors, unless they are too short for that and runs along k are adjacent too.
    const step = bytesOf(tile.element);
    const alongP = tile.stepP === step && (innerP.size >= floatLanes[type].lanes || tile.stepK !== step);
    const alongK = !alongP && tile.stepK === step;
    const emitInside = (): void => {
      if (alongP) emitCopyAlongP(fn, tile, widest);
      else if (alongK) emitTransposeTile(fn, tile);
      else emitStridedTile(fn, tile);
    };
    if (guards.length === 0) {
      emitInside();
      return;
    }
    const tileGuards = guards.map((guard, g): TileGuard => {
      const form = 1 + g;
      return {
        ...guard,
        value: nth(run.values, form),
        stepP: nth(innerP.steps, form),
        stepK: nth(innerK.steps, form),
      };
    });
    fn.block((skip) => {
      for (const guard of tileGuards) {
        if (guard.stepP !== 0 || guard.stepK !== 0) continue;
        pushHolds(fn, guard.value, guard);
        fn.op('i32.eqz').brIf(skip);
      }
      const varying = tileGuards.filter(({ stepP, stepK }) => stepP !== 0 || stepK !== 0);
      if (varying.length === 0) {
        emitInside();
        return;
      }
      for (const [g, guard] of varying.entries()) {
        pushHoldsThroughout(fn, tile, guard);
        if (g > 0) fn.op('i32.and');
      }
      fn.if(emitInside, () => emitClippedTile(fn, tile, varying, alongK ? 'k' : 'p', widest));
    });
  };

  fn.get(p0).set(start);
  if (isContiguousAlongP(operand)) emitPackRows(fn, operand, widest, { destination, start, end: p1, k0, k1, bases });
  fn.block((done) => {
    fn.loop((nextPanel) => {
      fn.get(p1).get(start).op('i32.sub').tee(remaining).i32(0).op('i32.le_s').brIf(done);
      if (rowLocal !== null) {
        emitPanelWidth(fn, widths, remaining);
        fn.times(bytes).set(rowLocal);
      }
      fn.get(k1).get(k0).op('i32.sub').push(rowBytes).op('i32.mul').set(panelBytes);
      const clear = (): void => {
        fn.get(destination).i32(0).get(panelBytes).memoryFill();
      };
      if (guards.length > 0) clear();
      else {
        fn.get(remaining).times(bytes).push(rowBytes).op('i32.lt_s').if(clear);
      }
      fn.get(start).i32(widest).op('i32.add').set(panelEnd);
      fn.get(panelEnd).get(p1).get(panelEnd).get(p1).op('i32.lt_s').select().set(panelEnd);
      emitRuns(fn, operand.p, start, panelEnd, bases, (runP) => {
        fn.get(destination).get(runP.position).get(start).op('i32.sub').times(bytes).op('i32.add').set(targetP);
        fn.get(targetP).set(target);
        emitRuns(fn, operand.k, k0, k1, runP.values, (runK) => {
          emitTile(runP.length, runK);
          pushScaled(fn, target, runK.length, rowBytes);
          fn.set(target);
        });
      });
      fn.get(destination).get(panelBytes).op('i32.add').set(destination);
      fn.increment(start, widest).br(nextPanel);
    });
  });
  releaseForms(fn, bases, [origin]);
  return fn;
}
