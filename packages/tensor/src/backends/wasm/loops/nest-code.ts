/**
 * Writes the loops of a kernel: over the thread's units of work, the phases of each unit, the reduced axes, and runs along the vector axis.
 * `phases.ts` decides what is computed when, `program-code.ts` writes how.
 */

import type { LoopProgram } from '../../../codegen/simplify.ts';
import type { DType } from '../../../kernel/dtype.ts';
import type { Value } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';
import type { FunctionBuilder, Local, Operand } from '../emit/encoder.ts';
import type { VectorCode } from '../vectors/vector-code.ts';
import type { LaneCount } from '../vectors/vector-memory.ts';
import { KeptRows, keptRowsBytes } from './kept.ts';
import { bodyCost, type Nest, slotsInColumns, slotsInLoop } from './nest.ts';
import { type Phase, type PhasePlan, planPhases } from './phases.ts';
import { parametersOf } from './program.ts';
import { ProgramCode } from './program-code.ts';
import { pairingHintBytes, Reduction, reserveIdentities } from './reduction.ts';
import { ScratchConstants } from './scratch-constants.ts';
import { type Slot, slotsFor, tileSlots } from './slots.ts';
import { Streams } from './streams.ts';
import { emitUnits } from './units.ts';

/** Rows whose kept values need more scratch memory than this keep none, because they would not stay in the second-level cache. */
const mostScratchBytes = 192 * 1024;
/** Sums with more additions to one accumulator than this are flushed, after about `flushedSum` additions each time. */
const longestSum = 512;
const flushedSum = 256;

/**
 * The number of elements along the vector axis that a transposing kernel processes at a time: one cache line of what it writes, and few
 * enough lines of what it reads that they stay in the first-level cache during the loop along the tile axis.
 */
const tileBlock = 16;
/** The numbers of elements of a long innermost axis that form one unit of work: the first that is small enough is used. */
const blockElements = [4096, 1024] as const;

/** The point of the nest where the accumulators of long sums are flushed: after every `every` iterations of the loop at `depth`. */
interface FlushPoint {
  readonly depth: number;
  readonly every: number;
}

/** Writes the loops of a program into a kernel's function. */
export const emitNest = (
  code: VectorCode,
  program: LoopProgram,
  nest: Nest,
  dtypes: readonly DType[],
): { readonly scratchBytes: number; readonly slow: ReadonlySet<string> } =>
  new NestCode(code, program, nest, dtypes).emit();

class NestCode {
  readonly #code: VectorCode;
  readonly #fn: FunctionBuilder;
  readonly #program: LoopProgram;
  readonly #nest: Nest;
  readonly #streams: Streams;
  readonly #programCode: ProgramCode;
  readonly #plan: PhasePlan;
  /** The number of elements along the vector axis. */
  readonly #length: number;
  /** The number of elements along the vector axis in one unit of work. */
  readonly #blockSize: number;
  /** The number of units into which the vector axis is cut. */
  readonly #blocks: number;
  readonly #rowSlots: number;
  readonly #kept: KeptRows;
  readonly #constants: ScratchConstants;
  #reductions = new Map<Value, Reduction>();
  /** The accumulator of the first slot at the end of a run. */
  #restAccumulator = 0;
  /** The block of the current unit; null if there is only one. */
  #block: Local | null = null;

  constructor(code: VectorCode, program: LoopProgram, nest: Nest, dtypes: readonly DType[]) {
    this.#code = code;
    this.#fn = code.fn;
    this.#program = program;
    this.#nest = nest;
    const { args, scratch } = parametersOf(this.#fn);
    const { vectorAxis, tileAxis, mode, reducedAxes } = nest;
    this.#streams = new Streams(this.#fn, args);
    const options = { program, dtypes, vectorAxis, tileAxis, streams: this.#streams, zeros: scratch };
    this.#programCode = new ProgramCode(code, options);
    this.#constants = new ScratchConstants(code);
    if (this.#programCode.needsZeros) this.#constants.reserve('i32', 0);
    for (const operation of program.operations)
      if (operation.op === 'reduce') reserveIdentities(this.#constants, operation.kind, operation.dtype);
    this.#length = nth(program.domain, vectorAxis);
    this.#blockSize = this.#chooseBlock();
    this.#blocks = Math.ceil(this.#length / this.#blockSize);
    this.#rowSlots = this.#product(reducedAxes) * Math.ceil((mode === 'column' ? this.#blockSize : this.#length) / 4);
    // A plan without a limit shows what would be kept.
    const { kept } = planPhases(program, nest, Number.POSITIVE_INFINITY);
    const fits = keptRowsBytes(kept, this.#rowSlots) <= mostScratchBytes;
    this.#plan = planPhases(program, nest, fits ? kept.length : 0);
    this.#kept = new KeptRows(code, this.#plan.kept, this.#rowSlots);
  }

  #product(axes: readonly number[]): number {
    return axes.reduce((product, axis) => product * nth(this.#program.domain, axis), 1);
  }

  #chooseBlock(): number {
    const { mode, outerAxes, vectorAxis, tileAxis } = this.#nest;
    const length = this.#length;
    if (mode === 'row') return length;
    if (tileAxis !== null) return Math.min(length, tileBlock);
    if (mode === 'column') {
      const { operations } = this.#program;
      const reductions = operations.filter(({ op }) => op === 'reduce').length;
      const cost = bodyCost(this.#program, vectorAxis, operations.keys());
      return Math.min(length, 4 * slotsInColumns(cost, reductions));
    }
    const rows = this.#product(outerAxes);
    if (rows >= 64) return length;
    const size = blockElements.find((elements) => rows * length >= 64 * elements) ?? blockElements[1];
    return length <= 2 * size ? length : size;
  }

  emit(): { scratchBytes: number; slow: ReadonlySet<string> } {
    const { outerAxes, vectorAxis } = this.#nest;
    const { levels, kept } = this.#plan;
    this.#streams.readAddresses();
    this.#constants.emit();
    this.#streams.moveTo(() => 0);
    this.#programCode.scope(() => {
      for (const [value, level] of levels.entries()) if (level === 0) this.#programCode.evaluate(value, slotsFor(1));
      const outer = outerAxes.map((axis) => ({ axis, count: nth(this.#program.domain, axis), step: 1 }));
      const axes = [...outer, { axis: vectorAxis, count: this.#blocks, step: this.#blockSize }];
      emitUnits(this.#code, this.#streams, axes, (indices) => {
        this.#block = this.#blocks > 1 ? nth(indices, indices.length - 1) : null;
        this.#unit();
      });
    });
    this.#streams.release();
    const scratchBytes = this.#keptOffset + keptRowsBytes(kept, this.#rowSlots);
    return { scratchBytes, slow: this.#programCode.slow };
  }

  // Scratch memory contains constants, a place for the accumulators of a row, and kept values.

  get #keptOffset(): number {
    return this.#constants.bytes + (this.#nest.mode === 'row' ? pairingHintBytes : 0);
  }

  // One unit: a row, a block of columns, or a range of elements.

  #unit(): void {
    if (this.#nest.mode !== 'column') {
      this.#rows(slotsFor(1));
      return;
    }
    const last = slotsFor(this.#length - (this.#blocks - 1) * this.#blockSize);
    if (this.#block === null || this.#length % this.#blockSize === 0) this.#rows(last);
    else
      this.#fn
        .get(this.#block)
        .i32(this.#blocks - 1)
        .op('i32.lt_u')
        .if(
          () => this.#rows(slotsFor(this.#blockSize)),
          () => this.#rows(last),
        );
  }

  /** All phases of a row, or of the rows in the slots' lanes. */
  #rows(slots: readonly Slot[]): void {
    const { phases, levels, knownBefore, oncePerRow } = this.#plan;
    const code = this.#programCode;
    const { operations } = this.#program;
    code.scope(() => {
      const evaluateBefore = (p: number): void => {
        for (const [value, operation] of operations.entries())
          if (levels[value] === 1 && knownBefore[value] === p && operation.op !== 'reduce') code.evaluate(value, slots);
      };
      for (const [p, phase] of phases.entries()) {
        evaluateBefore(p);
        this.#phase(phase, slots);
      }
      evaluateBefore(phases.length);
      code.store(oncePerRow, slots);
    });
  }

  /** The number of slots in the body of an innermost loop along the vector axis. */
  #slotsInRun(phase: Phase): number {
    const cost = bodyCost(this.#program, this.#nest.vectorAxis, phase.values);
    return Math.min(slotsInLoop(cost), Math.ceil(this.#length / 4));
  }

  #phase(phase: Phase, slots: readonly Slot[]): void {
    const { operations } = this.#program;
    const { mode, reducedAxes } = this.#nest;
    const column = mode === 'column';
    const slotCount = column ? slots.length : this.#slotsInRun(phase);
    const trips = reducedAxes.map((axis) => nth(this.#program.domain, axis));
    const rounds = Math.floor(this.#length / (4 * slotCount));
    const flush = flushPoint(column ? trips : [...trips, rounds]);
    // The slots at the end of a row have separate accumulators, after those of the loop, which are used once for each run.
    const atEnd = column ? 0 : Math.ceil((this.#length % (4 * slotCount)) / 4);
    const inLoop = column || rounds > 0 ? slotCount : 0;
    const usedOnce = reducedAxes.length > 0 ? 0 : rounds > 1 ? atEnd : inLoop + atEnd;
    const [looped, once] = [inLoop + atEnd - usedOnce, usedOnce];
    this.#restAccumulator = inLoop;
    this.#reductions = new Map(
      phase.reductions.map((value) => {
        const operation = nth(operations, value);
        if (operation.op !== 'reduce')
          throw new Error(`wasm: operation ${value} is '${operation.op}', not a reduction`);
        const { kind, dtype } = operation;
        const options = { kind, dtype, looped, once, flushes: flush !== null };
        return [value, new Reduction(this.#code, this.#constants, options)];
      }),
    );
    this.#kept.rewind(this.#keptOffset);
    this.#loops(phase, slots, 0, flush);
    const hint = rounds > 1 ? { address: parametersOf(this.#fn).scratch, offset: this.#constants.bytes } : null;
    for (const [value, reduction] of this.#reductions)
      this.#programCode.set(value, column ? reduction.finish() : [reduction.finishAcross(hint)]);
    this.#reductions = new Map();
  }

  /** Repeats `body`; the accumulators are flushed after every `every` iterations. */
  #repeat(rounds: Operand, every: number | null, body: () => void): void {
    const fn = this.#fn;
    if (rounds === 0) return;
    if (rounds === 1) {
      body();
      return;
    }
    const counter = this.#code.fresh('i32');
    if (every === null || (typeof rounds === 'number' && rounds <= every)) {
      fn.forLoop(counter, 0, rounds, 1, body);
      return;
    }
    const left = this.#code.fresh('i32');
    const now = this.#code.fresh('i32');
    fn.push(rounds).set(left);
    fn.loop((again) => {
      fn.get(left).i32(every).get(left).i32(every).op('i32.lt_s').select().set(now);
      fn.forLoop(counter, 0, now, 1, body);
      for (const reduction of this.#reductions.values()) reduction.flush();
      fn.get(left).i32(every).op('i32.sub').tee(left).i32(0).op('i32.gt_s').brIf(again);
    });
  }

  /** The loops over the reduced axes from `depth` on. */
  #loops(phase: Phase, slots: readonly Slot[], depth: number, flush: FlushPoint | null): void {
    const { reducedAxes, mode } = this.#nest;
    const { levels, bodyLevel } = this.#plan;
    const every = flush?.depth === depth ? flush.every : null;
    const axis = reducedAxes[depth];
    if (axis === undefined) {
      if (mode === 'column') this.#body(phase, slots);
      else this.#runs(phase, every);
      return;
    }
    const size = nth(this.#program.domain, axis);
    this.#repeat(size, every, () => {
      this.#programCode.scope(() => {
        for (const value of phase.values)
          if (levels[value] === 2 + depth && 2 + depth < bodyLevel) this.#programCode.evaluate(value, slots);
        this.#loops(phase, slots, depth + 1, flush);
      });
      this.#streams.move([[axis, 1]]);
    });
    this.#streams.move([[axis, -size]]);
  }

  /** Runs along the vector axis: a single one, or one for every four steps along the tile axis. */
  #runs(phase: Phase, flushEvery: number | null): void {
    const { tileAxis } = this.#nest;
    if (tileAxis === null) {
      this.#run(phase, slotsFor(4 * this.#slotsInRun(phase)), slotsFor, flushEvery);
      return;
    }
    const size = nth(this.#program.domain, tileAxis);
    const runOf = (across: number): void =>
      this.#run(
        phase,
        tileSlots(4, across),
        (rest) => (rest === 0 ? [] : tileSlots(rest as LaneCount, across)),
        flushEvery,
      );
    const squares = Math.floor(size / 4);
    this.#repeat(squares, null, () => {
      runOf(4);
      this.#streams.move([[tileAxis, 4]]);
    });
    if (size % 4 !== 0) runOf(size % 4);
    this.#streams.move([[tileAxis, -4 * squares]]);
  }

  /** A run along the vector axis: a loop over groups of slots, then the slots that cover the rest. */
  #run(phase: Phase, slots: readonly Slot[], restOf: (elements: number) => Slot[], flushEvery: number | null): void {
    const fn = this.#fn;
    const { levels, bodyLevel } = this.#plan;
    const group = Math.max(...slots.map(({ offset }) => offset)) + 4;
    const last = this.#length - (this.#blocks - 1) * this.#blockSize;
    const rest = restOf(last % group);
    const rounds = Math.floor(last / group);
    const loaded = phase.values.filter((value) => levels[value] === bodyLevel && !phase.restored.has(value));
    this.#programCode.scope(() => {
      this.#programCode.beginRun(loaded, phase.stores);
      const body = (): void => {
        this.#body(phase, slots);
        this.#programCode.advance(group);
      };
      const whole = (): void => this.#repeat(this.#blockSize / group, flushEvery, body);
      const end = (): void => {
        if (rest.length > 0) this.#body(phase, rest, this.#restAccumulator);
      };
      if (this.#block === null) {
        this.#repeat(rounds, flushEvery, body);
        end();
      } else {
        const isLast = this.#code.fresh('i32');
        fn.get(this.#block)
          .i32(this.#blocks - 1)
          .op('i32.eq')
          .set(isLast);
        if (rounds === 0) fn.get(isLast).op('i32.eqz').if(whole);
        else {
          fn.i32(rounds)
            .i32(this.#blockSize / group)
            .get(isLast)
            .select();
          this.#repeat(this.#code.take('i32'), flushEvery, body);
        }
        if (rest.length > 0) fn.get(isLast).if(end);
      }
      this.#programCode.endRun();
    });
  }

  /** The innermost code: values that vary from element to element, for a few slots. Slot k adds to accumulator `firstAccumulator + k`. */
  #body(phase: Phase, slots: readonly Slot[], firstAccumulator = 0): void {
    const code = this.#programCode;
    const { levels, bodyLevel } = this.#plan;
    code.scope(() => {
      for (const value of phase.values) {
        if (levels[value] !== bodyLevel) continue;
        if (phase.restored.has(value)) code.set(value, this.#kept.restore(value, slots.length));
        else code.evaluate(value, slots, !phase.kept.has(value));
      }
      for (const [value, reduction] of this.#reductions) {
        const operation = nth(this.#program.operations, value);
        if (operation.op !== 'reduce') continue;
        for (const [k, slot] of slots.entries()) {
          // Lanes after a row's end must not count; lanes after the last column are not used.
          const lanes = this.#nest.mode === 'column' ? 4 : slot.lanes;
          reduction.add(firstAccumulator + k, code.get(operation.source, k), lanes);
        }
      }
      for (const value of phase.kept)
        this.#kept.keep(
          value,
          slots.map((_, k) => code.get(value, k)),
        );
      code.store(phase.stores, slots);
      this.#kept.advance(slots.length);
    });
  }
}

/** Where sums are flushed; null if they are short. `trips` are the iterations of each loop, the innermost last. */
function flushPoint(trips: readonly number[]): FlushPoint | null {
  let inside = 1;
  for (const [depth, count] of [...trips.entries()].reverse()) {
    if (inside * count > longestSum) return { depth, every: Math.max(1, Math.floor(flushedSum / inside)) };
    inside *= Math.max(1, count);
  }
  return null;
}
