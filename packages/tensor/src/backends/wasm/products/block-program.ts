/** Writes epilogues of contractions: a program over a rectangle of rows and columns whose finished sums are in a tile. */

import { decideAllGuards, joinGroupedAxes } from '../../../codegen/normalize.ts';
import { hasAxis, type LoopProgram, loopProgram, simplify } from '../../../codegen/simplify.ts';
import { bytesOf } from '../../../kernel/dtype.ts';
import type { Access } from '../../../kernel/kernel.ts';
import { lookUp, nth } from '../../../kernel/nth.ts';
import type { FunctionBuilder, Local, Operand } from '../emit/encoder.ts';
import type { Target } from '../emit/features.ts';
import { emitZeros } from '../loops/access-code.ts';
import { bodyCost, slotsInLoop } from '../loops/nest.ts';
import type { BlockBounds, BlockProgram } from '../loops/program.ts';
import { ProgramCode } from '../loops/program-code.ts';
import { isWholeTile, type Slot, slotsFor, tileSlots } from '../loops/slots.ts';
import { Streams } from '../loops/streams.ts';
import { VectorCode } from '../vectors/vector-code.ts';
import { type LaneCount, loadAdjacent, loadLanes, type Place } from '../vectors/vector-memory.ts';
import { type Quad, transpose } from '../vectors/vector-ops.ts';

/** Groups of axes, in the order of the domain. */
const [batchGroup, rowGroup, columnGroup] = [0, 1, 2];

/** The program, with axes joined where possible; the last one is a column axis. */
function normalizeBlock({ program, batch, m, n }: BlockProgram): { program: LoopProgram; groups: readonly number[] } {
  const raw = decideAllGuards(loopProgram(program, [...batch, ...m, ...n]));
  const groups = [...batch.map(() => batchGroup), ...m.map(() => rowGroup), ...n.map(() => columnGroup)];
  const joined = joinGroupedAxes(raw, groups, columnGroup);
  return joinGroupedAxes(simplify(joined.program), joined.groups, columnGroup);
}

/** The number of accesses that are strided along an axis. */
function stridedAccesses({ operations, stores }: LoopProgram, axis: number): number {
  const strided = ({ view }: Access): boolean => Math.abs(nth(view.strides, axis)) > 1;
  const loads = operations.filter((operation) => operation.op === 'load' && strided(operation.access)).length;
  return loads + stores.filter(({ access }) => strided(access)).length;
}

/**
 * Writes the loops over the rows and columns of a block into `fn`. Vectors run along the innermost column axis. But if the program's
 * accesses are contiguous along rows instead (as in the update of a weight whose gradient was computed transposed), vectors run along the
 * rows, and the accumulators are transposed.
 */
export function emitBlockProgram(
  fn: FunctionBuilder,
  block: BlockProgram,
  bounds: BlockBounds,
  target: Target,
): { readonly slow: string | null } {
  const code = new VectorCode(fn, target);
  let slow: string | null = null;
  code.scope(() => {
    slow = new BlockCode(code, block, bounds).emit();
  });
  return { slow };
}

class BlockCode {
  readonly #code: VectorCode;
  readonly #fn: FunctionBuilder;
  readonly #bounds: BlockBounds;
  readonly #program: LoopProgram;
  readonly #groups: readonly number[];
  readonly #vectorAxis: number;
  /** The column axis, if vectors run along rows. */
  readonly #tileAxis: number | null;
  readonly #streams: Streams;
  readonly #programCode: ProgramCode;
  readonly #slotCount: number;
  /** The address of the accumulator at the current position of the run. */
  readonly #accumulator: Local;
  /** The distance between neighboring accumulators, in bytes. */
  readonly #accumulatorBytes: number;

  constructor(code: VectorCode, block: BlockProgram, bounds: BlockBounds) {
    this.#code = code;
    this.#fn = code.fn;
    this.#bounds = bounds;
    ({ program: this.#program, groups: this.#groups } = normalizeBlock(block));
    const columnAxis = this.#program.domain.length - 1;
    const rowAxes = this.#axesOf(rowGroup);
    const rowAxis = rowAxes.length === 1 ? rowAxes[0] : undefined;
    const accumulator = block.program.instructions.find(({ op }) => op === 'accumulator');
    const dtype = accumulator?.dtype ?? 'f32';
    const alongRows =
      dtype === 'f32' &&
      rowAxis !== undefined &&
      this.#axesOf(columnGroup).length === 1 &&
      stridedAccesses(this.#program, rowAxis) < stridedAccesses(this.#program, columnAxis);
    this.#vectorAxis = alongRows ? rowAxis : columnAxis;
    this.#tileAxis = alongRows ? columnAxis : null;
    this.#streams = new Streams(this.#fn, bounds.args);
    this.#accumulator = code.fresh('i32');
    this.#accumulatorBytes = bytesOf(dtype);
    this.#programCode = new ProgramCode(code, {
      program: this.#program,
      dtypes: block.dtypes,
      vectorAxis: this.#vectorAxis,
      tileAxis: this.#tileAxis,
      streams: this.#streams,
      zeros: bounds.scratch,
      loadAccumulators: (slots) => {
        if (alongRows) return this.#transposedAccumulators(slots);
        return slots.map(({ offset, lanes }) =>
          loadAdjacent(code, dtype, { address: this.#accumulator, offset: offset * this.#accumulatorBytes }, lanes),
        );
      },
    });
    const values = this.#program.operations.keys();
    this.#slotCount = slotsInLoop(bodyCost(this.#program, this.#vectorAxis, values));
  }

  emit(): string | null {
    const fn = this.#fn;
    const { batchIndex, scratch } = this.#bounds;
    this.#streams.readAddresses();
    if (this.#programCode.needsZeros) emitZeros(fn, scratch);
    const indices = new Map<number, Operand>();
    this.#unravel(batchGroup, batchIndex, indices);
    this.#programCode.scope(() => {
      this.#evaluate(batchGroup, indices);
      if (this.#tileAxis === null) this.#rows(indices);
      else this.#tiles(this.#tileAxis, indices);
    });
    this.#streams.release();
    const { slow } = this.#programCode;
    return slow.size === 0 ? null : [...slow].join('; ');
  }

  #rows(indices: Map<number, Operand>): void {
    const fn = this.#fn;
    const { rowStart, rowEnd, tile, tileStride } = this.#bounds;
    const row = this.#code.fresh('i32');
    const tileRow = this.#code.fresh('i32');
    fn.get(tile).set(tileRow);
    fn.forLoop(row, rowStart, rowEnd, 1, () => {
      this.#unravel(rowGroup, row, indices);
      this.#programCode.scope(() => {
        this.#evaluate(rowGroup, indices);
        this.#columns(tileRow, indices);
      });
      fn.increment(tileRow, tileStride);
    });
  }

  /** The loops over four columns at a time, then over the remaining ones; each runs along all rows. */
  #tiles(tileAxis: number, indices: Map<number, Operand>): void {
    const fn = this.#fn;
    const { rowStart, rowEnd, columnStart, columnEnd, tile } = this.#bounds;
    const column = this.#code.fresh('i32');
    const squaresEnd = this.#code.fresh('i32');
    const length = this.#code.fresh('i32');
    const tileColumn = this.#code.fresh('i32');
    fn.push(rowEnd).push(rowStart).op('i32.sub').set(length);
    fn.push(columnEnd)
      .push(columnEnd)
      .push(columnStart)
      .op('i32.sub')
      .i32(3)
      .op('i32.and')
      .op('i32.sub')
      .set(squaresEnd);
    indices.set(this.#vectorAxis, rowStart);
    indices.set(tileAxis, column);
    fn.get(tile).set(tileColumn);
    const loop = (from: Operand, to: Operand, count: number): void => {
      fn.forLoop(column, from, to, count, () => {
        fn.get(tileColumn).set(this.#accumulator);
        this.#programCode.scope(() => {
          this.#streams.moveTo((axis) => indices.get(axis));
          this.#run(length, 4, (lanes) => tileSlots(lanes as LaneCount, count));
        });
        fn.increment(tileColumn, count * this.#accumulatorBytes);
      });
    };
    loop(columnStart, squaresEnd, 4);
    loop(squaresEnd, columnEnd, 1);
  }

  /** The accumulators of slots along rows of the tile: a square of four columns is transposed in registers. */
  #transposedAccumulators(slots: readonly Slot[]): Quad[] {
    const code = this.#code;
    const { tileStride } = this.#bounds;
    let line = this.#accumulator;
    const lines = [line];
    while (lines.length < nth(slots, 0).lanes) {
      code.fn.get(line).push(tileStride).op('i32.add');
      line = code.take('i32');
      lines.push(line);
    }
    const at = (address: Local, across: number): Place => ({
      address,
      offset: across * this.#accumulatorBytes,
    });
    if (isWholeTile(slots)) {
      const rows = lines.map((address) => code.local(nth(loadAdjacent(code, 'f32', at(address, 0), 4), 0)));
      return transpose(code, rows).map((vector) => [vector]);
    }
    return slots.map(({ lanes, across }) =>
      loadLanes(code, 'f32', lanes, (lane, load) => load(at(nth(lines, lane), across))),
    );
  }

  #axesOf(group: number): number[] {
    return this.#groups.flatMap((own, axis) => (own === group ? [axis] : []));
  }

  /** Computes the indices along a group's axes from a flattened position. */
  #unravel(group: number, flat: Operand, indices: Map<number, Operand>): void {
    const fn = this.#fn;
    const [outermost, ...inner] = this.#axesOf(group);
    if (outermost !== undefined && inner.length === 0) {
      indices.set(outermost, flat);
      return;
    }
    const rest = this.#code.fresh('i32');
    fn.push(flat).set(rest);
    for (const axis of inner.toReversed()) {
      const index = this.#code.fresh('i32');
      const size = nth(this.#program.domain, axis);
      fn.get(rest).i32(size).op('i32.rem_u').set(index);
      fn.get(rest).i32(size).op('i32.div_u').set(rest);
      indices.set(axis, index);
    }
    if (outermost !== undefined) indices.set(outermost, rest);
  }

  /** Computes the values that become known with the indices of `group`. */
  #evaluate(group: number, indices: ReadonlyMap<number, Operand>): void {
    const { operations } = this.#program;
    const values = operations.flatMap((operation, value) => {
      if (operation.op === 'const' || this.#programCode.varies(value)) return [];
      const axes = nth(this.#programCode.variation, value);
      const last = this.#groups.reduce(
        (latest, own, axis) => (hasAxis(axes, axis) ? Math.max(latest, own) : latest),
        batchGroup,
      );
      return last === group ? [value] : [];
    });
    if (values.length === 0) return;
    this.#streams.moveTo((axis) => (nth(this.#groups, axis) <= group ? indices.get(axis) : 0));
    for (const value of values) this.#programCode.evaluate(value, slotsFor(1));
  }

  /** The runs of one row: the columns of the block, split where the innermost column axis ends. */
  #columns(tileRow: Local, indices: Map<number, Operand>): void {
    const fn = this.#fn;
    const { columnStart, columnEnd } = this.#bounds;
    const [onlyAxis, ...otherAxes] = this.#axesOf(columnGroup);
    const column = this.#code.fresh('i32');
    const length = this.#code.fresh('i32');
    fn.get(tileRow).set(this.#accumulator);
    fn.push(columnStart).set(column);
    const run = (): void => {
      this.#programCode.scope(() => {
        this.#evaluate(columnGroup, indices);
        this.#streams.moveTo((axis) => indices.get(axis));
        this.#run(length, 4 * this.#slotCount, slotsFor);
      });
    };
    if (onlyAxis !== undefined && otherAxes.length === 0) {
      indices.set(onlyAxis, columnStart);
      fn.push(columnEnd).push(columnStart).op('i32.sub').set(length);
      run();
      return;
    }
    const size = nth(this.#program.domain, this.#vectorAxis);
    fn.block((done) => {
      fn.loop((again) => {
        fn.push(columnEnd).get(column).op('i32.sub').tee(length).i32(0).op('i32.le_s').brIf(done);
        this.#unravel(columnGroup, column, indices);
        const left = this.#code.fresh('i32');
        fn.i32(size).push(lookUp(indices, this.#vectorAxis)).op('i32.sub').set(left);
        fn.get(left).get(length).get(left).get(length).op('i32.lt_s').select().set(length);
        run();
        fn.get(column).get(length).op('i32.add').set(column).br(again);
      });
    });
  }

  /** A run of `length` elements along the vector axis from the streams' position: groups of slots, single slots, then the rest. */
  #run(length: Local, group: number, slotsOf: (elements: number) => Slot[]): void {
    const fn = this.#fn;
    const { operations, stores } = this.#program;
    const values = operations.flatMap((operation, value) =>
      operation.op !== 'const' && this.#programCode.varies(value) ? [value] : [],
    );
    this.#programCode.beginRun(values, stores);
    const body = (elements: number): void => {
      this.#programCode.scope(() => {
        const slots = slotsOf(elements);
        for (const value of values) this.#programCode.evaluate(value, slots, true);
        this.#programCode.store(stores, slots);
        this.#programCode.advance(elements);
        if (this.#tileAxis === null) fn.increment(this.#accumulator, elements * this.#accumulatorBytes);
        else for (let row = 0; row < elements; row++) fn.increment(this.#accumulator, this.#bounds.tileStride);
      });
    };
    const counter = this.#code.fresh('i32');
    const rounds = this.#code.fresh('i32');
    const repeat = (elements: number): void => {
      fn.get(length);
      if (elements < group) fn.i32(group).op('i32.rem_u');
      fn.i32(elements).op('i32.div_u').set(rounds);
      fn.forLoop(counter, 0, rounds, 1, () => body(elements));
    };
    repeat(group);
    if (group > 4) repeat(4);
    for (const lanes of [2, 1])
      fn.get(length)
        .i32(lanes)
        .op('i32.and')
        .if(() => body(lanes));
    this.#programCode.endRun();
  }
}
