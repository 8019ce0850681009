/**
 * Loop kernels: element-wise work and reductions over rows. The function that is written here walks the rows (or blocks) of its
 * thread; `nest.ts` says in which order the axes are walked, `phases.ts` what is computed when, `program-code.ts` how.
 */
import type { DType } from '../../dtype.ts';
import type { LoopKernel, Value } from '../../kernel.ts';
import { sizeOf } from '../../shape.ts';
import type { FunctionBuilder, Local, ModuleBuilder, Operand } from './encoder.ts';
import type { Features } from './features.ts';
import { chooseNest, type Nest, slotsInLoop } from './nest.ts';
import { decideAllGuards, joinAxes, restrict } from './normalize.ts';
import { type Phase, type PhasePlan, planPhases } from './phases.ts';
import type { LoweredKernel } from './program.ts';
import { ProgramCode, type Slot, slotsFor, zeroBytes } from './program-code.ts';
import { Reduction } from './reduction.ts';
import { type LoopProgram, loopProgram, simplify } from './simplify.ts';
import { Streams } from './streams.ts';
import { VectorCode } from './vector-code.ts';
import { loadAdjacent, storeAdjacent } from './vector-memory.ts';
import { vectorsOf } from './vector-ops.ts';
import { emitShare } from './work-split.ts';

export function lowerLoop(
  module: ModuleBuilder,
  kernel: LoopKernel,
  dtypes: readonly DType[],
  features: Features,
): LoweredKernel {
  const fn = module.function(kernel.name, ['i32', 'i32', 'i32', 'i32']);
  const lowering = new Lowering(fn, dtypes, features);
  const { program, domain, reduced } = kernel;
  const reduces =
    program.instructions.some(({ op }) => op === 'reduce') || program.stores.some((store) => store.oncePerRow);
  if (sizeOf(domain) > 0)
    lowering.emit(
      loopProgram(
        program,
        domain,
        reduced.map((flag) => flag && reduces),
      ),
    );
  return lowering.finish();
}

/** Where the guards of accesses along one axis begin and end to hold, if they depend on this axis alone. */
function cutsAlong(program: LoopProgram, axis: number): number[] {
  const size = program.domain[axis];
  const accesses = [
    ...program.operations.flatMap((operation) =>
      operation.op === 'load' || operation.op === 'gather' ? [operation.access] : [],
    ),
    ...program.stores.map((store) => store.access),
  ];
  const cuts = new Set<number>();
  for (const { view } of accesses)
    for (const { coefficients, low, high } of view.guards) {
      const step = coefficients[axis];
      if (step === 0 || coefficients.some((coefficient, k) => k !== axis && coefficient !== 0)) continue;
      // low <= step * i < high
      const [from, to] = step > 0 ? [low / step, high / step] : [(high - 1) / step, (low - 1) / step];
      cuts.add(Math.ceil(from)).add(Math.ceil(to));
    }
  return [...cuts].filter((cut) => cut > 0 && cut < size).sort((a, b) => a - b);
}

/** The most pieces that a domain is cut into to be rid of guards. */
const mostPieces = 8;

class Lowering {
  readonly #fn: FunctionBuilder;
  readonly #code: VectorCode;
  readonly #dtypes: readonly DType[];
  readonly #slow = new Set<string>();
  #scratchBytes = 0;
  #pieces = 1;

  constructor(fn: FunctionBuilder, dtypes: readonly DType[], features: Features) {
    this.#fn = fn;
    this.#code = new VectorCode(fn, features);
    this.#dtypes = dtypes;
  }

  /** Writes the loops over a domain. Pieces of it between the ends of guards are walked on their own, without these guards. */
  emit(raw: LoopProgram): void {
    // Once more at the end: what was dropped may have told axes apart.
    const program = joinAxes(simplify(joinAxes(decideAllGuards(raw))));
    if (program.stores.length === 0) return;
    const nest = chooseNest(program, this.#dtypes);
    const { vectorAxis } = nest;
    const cuts = program.reduced[vectorAxis] ? [] : cutsAlong(program, vectorAxis);
    if (cuts.length > 0 && this.#pieces + cuts.length <= mostPieces) {
      this.#pieces += cuts.length;
      const ends = [...cuts, program.domain[vectorAxis]];
      ends.forEach((end, k) => {
        this.emit(restrict(program, vectorAxis, k === 0 ? 0 : ends[k - 1], end));
      });
      return;
    }
    this.#code.scope(() => {
      const { scratchBytes, slow } = new NestCode(this.#code, program, nest, this.#dtypes).emit();
      this.#scratchBytes = Math.max(this.#scratchBytes, scratchBytes);
      for (const reason of slow) this.#slow.add(reason);
      return [];
    });
  }

  finish(): LoweredKernel {
    const slow = this.#slow.size === 0 ? null : [...this.#slow].join('; ');
    return { function: this.#fn, scratchBytes: this.#scratchBytes, slow };
  }
}

/** Rows longer than this keep no intermediate values: they would fall out of the second-level cache. */
const mostScratchBytes = 192 * 1024;
/** Sums are flushed at least this often, counted in additions to one accumulator. */
const longestSum = 512;
const flushedSum = 256;

/** Elements that a thread takes at a time from a long innermost axis. */
const blockElements = [4096, 1024] as const;

class NestCode {
  readonly #code: VectorCode;
  readonly #fn: FunctionBuilder;
  readonly #program: LoopProgram;
  readonly #nest: Nest;
  readonly #streams: Streams;
  readonly #programCode: ProgramCode;
  readonly #plan: PhasePlan;
  readonly #slotCount: number;
  /** Elements of the vector axis that one unit of work covers, and how many units the axis is cut into. */
  readonly #blockSize: number;
  readonly #blocks: number;
  readonly #keptBytes: number;
  #reductions = new Map<Value, Reduction>();
  #block: Local | null = null;
  readonly #kept: Local;

  constructor(code: VectorCode, program: LoopProgram, nest: Nest, dtypes: readonly DType[]) {
    this.#code = code;
    this.#fn = code.fn;
    this.#program = program;
    this.#nest = nest;
    const [args] = this.#fn.params;
    this.#streams = new Streams(this.#fn, args);
    this.#programCode = new ProgramCode(code, {
      program,
      dtypes,
      vectorAxis: nest.vectorAxis,
      streams: this.#streams,
      zeros: this.#fn.params[3],
    });
    this.#kept = code.fresh('i32');
    const length = program.domain[nest.vectorAxis];
    this.#slotCount = Math.min(slotsInLoop(program, nest.vectorAxis, nest.mode), Math.ceil(length / 4));
    this.#blockSize = this.#chooseBlock(length);
    this.#blocks = Math.ceil(length / this.#blockSize);
    const rowSlots =
      this.#product(nest.reducedAxes) * (nest.mode === 'column' ? this.#slotCount : Math.ceil(length / 4));
    // Of the widest type; a plan without limit says what would be kept.
    const wanted = planPhases(program, nest, Number.POSITIVE_INFINITY).kept;
    const bytesPerSlot = wanted.reduce((sum, { dtype }) => sum + 16 * vectorsOf(dtype), 0);
    const fits = bytesPerSlot * rowSlots <= mostScratchBytes;
    this.#plan = planPhases(program, nest, fits ? wanted.length : 0);
    this.#keptBytes = fits ? bytesPerSlot * rowSlots : 0;
  }

  #product(axes: readonly number[]): number {
    return axes.reduce((product, axis) => product * this.#program.domain[axis], 1);
  }

  #chooseBlock(length: number): number {
    const { mode, outerAxes } = this.#nest;
    if (mode === 'row') return length;
    if (mode === 'column') return Math.min(length, 4 * this.#slotCount);
    const rows = this.#product(outerAxes);
    if (rows >= 64) return length;
    const size = blockElements.find((elements) => rows * length >= 64 * elements) ?? blockElements[1];
    return length <= 2 * size ? length : size;
  }

  emit(): { scratchBytes: number; slow: ReadonlySet<string> } {
    const { outerAxes, vectorAxis } = this.#nest;
    const { levels } = this.#plan;
    this.#streams.readAddresses();
    if (this.#programCode.needsZeros) this.#clearZeros();
    this.#streams.moveTo(() => 0);
    this.#programCode.scope(() => {
      levels.forEach((level, value) => {
        if (level === 0) this.#programCode.evaluate(value, slotsFor(1));
      });
      const axes = [...outerAxes, vectorAxis];
      const sizes = [...outerAxes.map((axis) => this.#program.domain[axis]), this.#blocks];
      const steps = axes.map((axis) => (axis === vectorAxis ? this.#blockSize : 1));
      this.#forEachUnit(axes, sizes, steps, (indices) => {
        this.#block = this.#blocks > 1 ? indices[indices.length - 1] : null;
        this.#unit();
      });
    });
    this.#streams.release();
    return { scratchBytes: this.#scratchStart + this.#keptBytes, slow: this.#programCode.slow };
  }

  get #scratchStart(): number {
    return this.#programCode.needsZeros ? zeroBytes : 0;
  }

  #clearZeros(): void {
    const fn = this.#fn;
    for (let offset = 0; offset < zeroBytes; offset += 16)
      fn.get(fn.params[3]).get(fn.constant('i32x4', 0)).mem('v128.store', offset);
  }

  /** Walks the thread's share of the units: all index tuples of `sizes`, in row-major order; `steps`: what an index counts on its axis. */
  #forEachUnit(
    axes: readonly number[],
    sizes: readonly number[],
    steps: readonly number[],
    body: (indices: readonly Local[]) => void,
  ): void {
    const fn = this.#fn;
    const unit = this.#code.fresh('i32');
    const end = this.#code.fresh('i32');
    const indices = sizes.map(() => this.#code.fresh('i32'));
    emitShare(fn, sizeOf(sizes), unit, end);
    fn.get(unit)
      .get(end)
      .op('i32.lt_u')
      .if(() => {
        const rest = this.#code.fresh('i32');
        fn.get(unit).set(rest);
        for (let k = sizes.length - 1; k >= 0; k--) {
          if (k === 0) fn.get(rest).set(indices[0]);
          else {
            fn.get(rest).i32(sizes[k]).op('i32.rem_u').set(indices[k]);
            fn.get(rest).i32(sizes[k]).op('i32.div_u').set(rest);
          }
        }
        const scaled = indices.map((index, k): Operand => {
          if (steps[k] === 1) return index;
          const position = this.#code.fresh('i32');
          fn.get(index).times(steps[k]).set(position);
          return position;
        });
        this.#streams.moveTo((axis) => scaled[axes.indexOf(axis)]);
        fn.loop((again) => {
          body(indices);
          this.#nextUnit(axes, sizes, steps, indices, sizes.length - 1, []);
          fn.get(unit).i32(1).op('i32.add').tee(unit).get(end).op('i32.lt_u').brIf(again);
        });
      });
  }

  /** Counts the indices on by one, and the streams with them; `carried`: moves owed by the inner axes, which went back to 0. */
  #nextUnit(
    axes: readonly number[],
    sizes: readonly number[],
    steps: readonly number[],
    indices: readonly Local[],
    k: number,
    carried: readonly (readonly [number, number])[],
  ): void {
    const fn = this.#fn;
    if (k < 0) return;
    if (sizes[k] === 1) {
      this.#nextUnit(axes, sizes, steps, indices, k - 1, carried);
      return;
    }
    const forward = (): void => this.#streams.move([...carried, [axes[k], steps[k]]]);
    fn.increment(indices[k], 1);
    if (sizes.slice(0, k).every((size) => size === 1)) {
      forward();
      return;
    }
    fn.get(indices[k])
      .i32(sizes[k])
      .op('i32.lt_u')
      .if(forward, () => {
        fn.i32(0).set(indices[k]);
        this.#nextUnit(axes, sizes, steps, indices, k - 1, [...carried, [axes[k], -(sizes[k] - 1) * steps[k]]]);
      });
  }

  // One unit: a row, a block of columns, or a stretch of elements.

  #unit(): void {
    if (this.#nest.mode !== 'column') {
      this.#rows(slotsFor(1));
      return;
    }
    const length = this.#program.domain[this.#nest.vectorAxis];
    const last = length - (this.#blocks - 1) * this.#blockSize;
    const whole = (): void => this.#rows(slotsFor(this.#blockSize));
    if (last === this.#blockSize || this.#block === null) this.#rows(slotsFor(last));
    else
      this.#fn
        .get(this.#block)
        .i32(this.#blocks - 1)
        .op('i32.lt_u')
        .if(whole, () => this.#rows(slotsFor(last)));
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
      for (const store of oncePerRow) code.store(store, this.#nest.mode === 'column' ? slots : slotsFor(1));
    });
  }

  #phase(phase: Phase, slots: readonly Slot[]): void {
    const { operations } = this.#program;
    const column = this.#nest.mode === 'column';
    const flush = this.#flushPoint();
    this.#reductions = new Map(
      phase.reductions.map((value) => {
        const operation = operations[value];
        if (operation.op !== 'reduce') throw new Error(`wasm: value ${value} is not a reduction`);
        const count = column ? slots.length : this.#slotCount;
        return [value, new Reduction(this.#code, operation.kind, operation.dtype, count, flush !== null)];
      }),
    );
    if (this.#plan.kept.length > 0)
      this.#fn.get(this.#fn.params[3]).i32(this.#scratchStart).op('i32.add').set(this.#kept);
    this.#loops(phase, slots, 0, flush);
    for (const [value, reduction] of this.#reductions)
      this.#programCode.set(value, column ? reduction.finish() : [reduction.finishAcross()]);
    this.#reductions = new Map();
  }

  /** How often the body runs within one round of each reduced loop, innermost last; the run along a row counts as a loop. */
  #trips(): number[] {
    const { mode, reducedAxes, vectorAxis } = this.#nest;
    const { domain } = this.#program;
    const trips = reducedAxes.map((axis) => domain[axis]);
    return mode === 'row' ? [...trips, Math.floor(domain[vectorAxis] / (4 * this.#slotCount))] : trips;
  }

  /** The loop that empties the accumulators every `every` rounds; null where sums are short. */
  #flushPoint(): { depth: number; every: number } | null {
    const trips = this.#trips();
    let inside = 1;
    for (let depth = trips.length - 1; depth >= 0; depth--) {
      if (inside * trips[depth] > longestSum) return { depth, every: Math.max(1, Math.floor(flushedSum / inside)) };
      inside *= Math.max(1, trips[depth]);
    }
    return null;
  }

  #flush(): void {
    for (const reduction of this.#reductions.values()) reduction.flush();
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
      this.#flush();
      fn.get(left).i32(every).op('i32.sub').tee(left).i32(0).op('i32.gt_s').brIf(again);
    });
  }

  /** The loops over reduced axes from `depth` on. */
  #loops(phase: Phase, slots: readonly Slot[], depth: number, flush: { depth: number; every: number } | null): void {
    const { reducedAxes, mode } = this.#nest;
    const { levels, bodyLevel } = this.#plan;
    if (depth === reducedAxes.length) {
      if (mode === 'column') this.#body(phase, slots);
      else this.#run(phase, flush?.depth === depth ? flush.every : null);
      return;
    }
    const axis = reducedAxes[depth];
    const size = this.#program.domain[axis];
    this.#repeat(size, flush?.depth === depth ? flush.every : null, () => {
      this.#programCode.scope(() => {
        for (const value of phase.values)
          if (levels[value] === 2 + depth && levels[value] < bodyLevel) this.#programCode.evaluate(value, slots);
        this.#loops(phase, slots, depth + 1, flush);
      });
      this.#streams.move([[axis, 1]]);
    });
    this.#streams.move([[axis, -size]]);
  }

  /** A run along the vector axis: whole groups of slots in a loop, then what is left. */
  #run(phase: Phase, flushEvery: number | null): void {
    const group = 4 * this.#slotCount;
    const length = this.#program.domain[this.#nest.vectorAxis];
    const last = length - (this.#blocks - 1) * this.#blockSize;
    const slots = slotsFor(group);
    const rest = slotsFor(last % group);
    const rounds = Math.floor(last / group);
    const fn = this.#fn;
    const bodyValues = phase.values.filter((value) => this.#plan.levels[value] === this.#plan.bodyLevel);
    this.#programCode.scope(() => {
      this.#programCode.beginRun(
        bodyValues.filter((value) => !phase.restored.has(value)),
        phase.stores,
      );
      const body = (): void => {
        this.#body(phase, slots);
        this.#programCode.advance(group);
      };
      if (this.#block === null) {
        this.#repeat(rounds, flushEvery, body);
        if (rest.length > 0) this.#body(phase, rest);
      } else {
        const here = this.#code.fresh('i32');
        const isLast = this.#code.fresh('i32');
        fn.get(this.#block)
          .i32(this.#blocks - 1)
          .op('i32.eq')
          .set(isLast);
        fn.i32(rounds)
          .i32(this.#blockSize / group)
          .get(isLast)
          .select()
          .set(here);
        if (rounds > 0) this.#repeat(here, flushEvery, body);
        else
          fn.get(isLast)
            .op('i32.eqz')
            .if(() => this.#repeat(this.#blockSize / group, flushEvery, body));
        if (rest.length > 0) fn.get(isLast).if(() => this.#body(phase, rest));
      }
      this.#programCode.endRun();
    });
  }

  /** The innermost code: what varies from element to element, for a few slots. */
  #body(phase: Phase, slots: readonly Slot[]): void {
    const code = this.#programCode;
    const { levels, bodyLevel } = this.#plan;
    code.scope(() => {
      for (const value of phase.values) {
        if (levels[value] !== bodyLevel) continue;
        if (phase.restored.has(value)) this.#restore(value, slots);
        else code.evaluate(value, slots);
      }
      for (const [value, reduction] of this.#reductions) {
        const operation = this.#program.operations[value];
        if (operation.op !== 'reduce') continue;
        slots.forEach((slot, k) => {
          // Lanes beyond a row's end must not count; beyond the last column they are not looked at.
          reduction.add(k, code.get(operation.source, k), this.#nest.mode === 'column' ? 4 : slot.lanes);
        });
      }
      for (const value of phase.kept) this.#keep(value, slots);
      for (const store of phase.stores) code.store(store, slots);
      this.#fn.increment(this.#kept, this.#keptPerSlot() * slots.length);
    });
  }

  // Values kept from phase to phase: for each group of slots, all kept values of these slots.

  #keptPerSlot(): number {
    return this.#plan.kept.reduce((sum, { dtype }) => sum + 16 * vectorsOf(dtype), 0);
  }

  #keptPlaces(value: Value, slots: readonly Slot[]): { dtype: DType; places: number[] } {
    let offset = 0;
    for (const kept of this.#plan.kept) {
      const bytes = 16 * vectorsOf(kept.dtype);
      if (kept.value === value) return { dtype: kept.dtype, places: slots.map((_, k) => offset + k * bytes) };
      offset += bytes * slots.length;
    }
    throw new Error(`wasm: value ${value} is not kept`);
  }

  #keep(value: Value, slots: readonly Slot[]): void {
    const { dtype, places } = this.#keptPlaces(value, slots);
    for (let k = slots.length - 1; k >= 0; k--) {
      const place = { address: this.#kept, offset: places[k] };
      storeAdjacent(this.#code, registerType(dtype), this.#programCode.get(value, k), place, 4);
    }
  }

  #restore(value: Value, slots: readonly Slot[]): void {
    const { dtype, places } = this.#keptPlaces(value, slots);
    this.#programCode.set(
      value,
      places.map((offset) => loadAdjacent(this.#code, registerType(dtype), { address: this.#kept, offset }, 4)),
    );
  }
}

/** Scratch memory holds values as registers do: whole words. */
const registerType = (dtype: DType): DType => (dtype === 'u8' || dtype === 'bool' ? 'i32' : dtype);
