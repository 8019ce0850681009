/**
 * The loops of a kernel: the units of work of its thread, the phases of each unit, the loops over reduced axes, and runs along the
 * vector axis. `phases.ts` says what is computed when, `program-code.ts` how.
 */

import type { LoopProgram } from '../../../codegen/simplify.ts';
import type { DType } from '../../../kernel/dtype.ts';
import type { Value } from '../../../kernel/kernel.ts';
import type { FunctionBuilder, Local, Operand } from '../emit/encoder.ts';
import type { VectorCode } from '../vectors/vector-code.ts';
import type { LaneCount } from '../vectors/vector-memory.ts';
import { KeptRows, keptRowsBytes } from './kept.ts';
import { bodyCost, type Nest, slotsInColumns, slotsInLoop } from './nest.ts';
import { type Phase, type PhasePlan, planPhases } from './phases.ts';
import { ProgramCode } from './program-code.ts';
import { pairingHintBytes, Reduction, reserveIdentities } from './reduction.ts';
import { ScratchConstants } from './scratch-constants.ts';
import { type Slot, slotsFor, tileSlots } from './slots.ts';
import { Streams } from './streams.ts';
import { emitUnits } from './units.ts';

/** Rows longer than this keep no intermediate values: they would fall out of the second-level cache. */
const mostScratchBytes = 192 * 1024;
/** Sums are flushed at least this often, counted in additions to one accumulator. */
const longestSum = 512;
const flushedSum = 256;

/**
 * Elements along the vector axis that a transposing kernel takes at a time: one cache line of what it writes, and few enough lines of what
 * it reads that they stay in the first-level cache while the tile axis is walked.
 */
const tileBlock = 16;
/** Elements that a thread takes at a time from a long innermost axis. */
const blockElements = [4096, 1024] as const;

/** A point of the nest where the accumulators of long sums are emptied: after every `every` rounds of the loop at `depth`. */
interface FlushPoint {
  readonly depth: number;
  readonly every: number;
}

/** Writes the loops of a program into a kernel's function: the units of work of its thread. */
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
  /** Elements along the vector axis. */
  readonly #length: number;
  /** Elements along the vector axis that one unit of work covers, and how many units the axis is cut into. */
  readonly #blockSize: number;
  readonly #blocks: number;
  readonly #rowSlots: number;
  readonly #kept: KeptRows;
  readonly #constants: ScratchConstants;
  #reductions = new Map<Value, Reduction>();
  /** The accumulator of the first slot at the end of a run. */
  #restAccumulator = 0;
  /** Which block the unit is, where there are several. */
  #block: Local | null = null;

  constructor(code: VectorCode, program: LoopProgram, nest: Nest, dtypes: readonly DType[]) {
    this.#code = code;
    this.#fn = code.fn;
    this.#program = program;
    this.#nest = nest;
    const [args, , , scratch] = this.#fn.params;
    const { vectorAxis, tileAxis, mode, reducedAxes } = nest;
    this.#streams = new Streams(this.#fn, args);
    const options = { program, dtypes, vectorAxis, tileAxis, streams: this.#streams, zeros: scratch };
    this.#programCode = new ProgramCode(code, options);
    this.#constants = new ScratchConstants(code);
    if (this.#programCode.needsZeros) this.#constants.reserve('i32', 0);
    for (const operation of program.operations)
      if (operation.op === 'reduce') reserveIdentities(this.#constants, operation.kind, operation.dtype);
    this.#length = program.domain[vectorAxis];
    this.#blockSize = this.#chooseBlock();
    this.#blocks = Math.ceil(this.#length / this.#blockSize);
    this.#rowSlots = this.#product(reducedAxes) * Math.ceil((mode === 'column' ? this.#blockSize : this.#length) / 4);
    // A plan without limit says what would be kept.
    const { kept } = planPhases(program, nest, Number.POSITIVE_INFINITY);
    const fits = keptRowsBytes(kept, this.#rowSlots) <= mostScratchBytes;
    this.#plan = planPhases(program, nest, fits ? kept.length : 0);
    this.#kept = new KeptRows(code, this.#plan.kept, this.#rowSlots);
  }

  #product(axes: readonly number[]): number {
    return axes.reduce((product, axis) => product * this.#program.domain[axis], 1);
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
      levels.forEach((level, value) => {
        if (level === 0) this.#programCode.evaluate(value, slotsFor(1));
      });
      const outer = outerAxes.map((axis) => ({ axis, count: this.#program.domain[axis], step: 1 }));
      const axes = [...outer, { axis: vectorAxis, count: this.#blocks, step: this.#blockSize }];
      emitUnits(this.#code, this.#streams, axes, (indices) => {
        this.#block = this.#blocks > 1 ? indices[indices.length - 1] : null;
        this.#unit();
      });
    });
    this.#streams.release();
    const scratchBytes = this.#keptOffset + keptRowsBytes(kept, this.#rowSlots);
    return { scratchBytes, slow: this.#programCode.slow };
  }

  // Scratch memory: constants, a place for the accumulators of a row, kept values.

  get #keptOffset(): number {
    return this.#constants.bytes + (this.#nest.mode === 'row' ? pairingHintBytes : 0);
  }

  // One unit: a row, a block of columns, or a stretch of elements.

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
      for (let p = 0; p <= phases.length; p++) {
        levels.forEach((level, value) => {
          if (level === 1 && knownBefore[value] === p && operations[value].op !== 'reduce') code.evaluate(value, slots);
        });
        if (p < phases.length) this.#phase(phases[p], slots);
      }
      code.store(oncePerRow, slots);
    });
  }

  /** Slots of an innermost loop that runs along the vector axis. */
  #slotsInRun(phase: Phase): number {
    const cost = bodyCost(this.#program, this.#nest.vectorAxis, phase.values);
    return Math.min(slotsInLoop(cost), Math.ceil(this.#length / 4));
  }

  #phase(phase: Phase, slots: readonly Slot[]): void {
    const { operations } = this.#program;
    const { mode, reducedAxes } = this.#nest;
    const column = mode === 'column';
    const slotCount = column ? slots.length : this.#slotsInRun(phase);
    const trips = reducedAxes.map((axis) => this.#program.domain[axis]);
    const rounds = Math.floor(this.#length / (4 * slotCount));
    const flush = flushPoint(column ? trips : [...trips, rounds]);
    // The slots at the end of a row have accumulators of their own, after those of the loop; they are used once for each run.
    const atEnd = column ? 0 : Math.ceil((this.#length % (4 * slotCount)) / 4);
    const inLoop = column || rounds > 0 ? slotCount : 0;
    const usedOnce = reducedAxes.length > 0 ? 0 : rounds > 1 ? atEnd : inLoop + atEnd;
    const [looped, once] = [inLoop + atEnd - usedOnce, usedOnce];
    this.#restAccumulator = inLoop;
    this.#reductions = new Map(
      phase.reductions.map((value) => {
        const operation = operations[value];
        if (operation.op !== 'reduce') throw new Error(`wasm: value ${value} is not a reduction`);
        const { kind, dtype } = operation;
        const options = { kind, dtype, looped, once, flushes: flush !== null };
        return [value, new Reduction(this.#code, this.#constants, options)];
      }),
    );
    this.#kept.rewind(this.#keptOffset);
    this.#loops(phase, slots, 0, flush);
    const hint = rounds > 1 ? { address: this.#fn.params[3], offset: this.#constants.bytes } : null;
    for (const [value, reduction] of this.#reductions)
      this.#programCode.set(value, column ? reduction.finish() : [reduction.finishAcross(hint)]);
    this.#reductions = new Map();
  }

  /** `rounds` times `body`; the accumulators are flushed after every `every` rounds. */
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

  /** The loops over reduced axes from `depth` on. */
  #loops(phase: Phase, slots: readonly Slot[], depth: number, flush: FlushPoint | null): void {
    const { reducedAxes, mode } = this.#nest;
    const { levels, bodyLevel } = this.#plan;
    const every = flush?.depth === depth ? flush.every : null;
    if (depth === reducedAxes.length) {
      if (mode === 'column') this.#body(phase, slots);
      else this.#runs(phase, every);
      return;
    }
    const axis = reducedAxes[depth];
    const size = this.#program.domain[axis];
    this.#repeat(size, every, () => {
      this.#programCode.scope(() => {
        for (const value of phase.values)
          if (levels[value] === 2 + depth && levels[value] < bodyLevel) this.#programCode.evaluate(value, slots);
        this.#loops(phase, slots, depth + 1, flush);
      });
      this.#streams.move([[axis, 1]]);
    });
    this.#streams.move([[axis, -size]]);
  }

  /** Runs along the vector axis: one, or one for every four steps along the tile axis. */
  #runs(phase: Phase, flushEvery: number | null): void {
    const { tileAxis } = this.#nest;
    if (tileAxis === null) {
      this.#run(phase, slotsFor(4 * this.#slotsInRun(phase)), slotsFor, flushEvery);
      return;
    }
    const size = this.#program.domain[tileAxis];
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

  /** A run along the vector axis: groups of slots in a loop, then those that cover what is left. */
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

  /** The innermost code: what varies from element to element, for a few slots. Slot k adds to accumulator `firstAccumulator + k`. */
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
        const operation = this.#program.operations[value];
        if (operation.op !== 'reduce') continue;
        slots.forEach((slot, k) => {
          // Lanes beyond a row's end must not count; beyond the last column they are not looked at.
          const lanes = this.#nest.mode === 'column' ? 4 : slot.lanes;
          reduction.add(firstAccumulator + k, code.get(operation.source, k), lanes);
        });
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

/** Where sums are flushed; null where they are short. `trips`: rounds of each loop, the innermost last. */
function flushPoint(trips: readonly number[]): FlushPoint | null {
  let inside = 1;
  for (let depth = trips.length - 1; depth >= 0; depth--) {
    if (inside * trips[depth] > longestSum) return { depth, every: Math.max(1, Math.floor(flushedSum / inside)) };
    inside *= Math.max(1, trips[depth]);
  }
  return null;
}
