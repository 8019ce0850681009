/** Epilogues of contractions: a program over a rectangle of rows and columns whose finished sums lie in a tile. */

import { decideAllGuards, joinGroupedAxes } from '../../../codegen/normalize.ts';
import { hasAxis, type LoopProgram, loopProgram, simplify } from '../../../codegen/simplify.ts';
import { bytesOf } from '../../../kernel/dtype.ts';
import type { Access } from '../../../kernel/kernel.ts';
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

/** The program with few axes; the last one is a column axis. */
function normalizeBlock({ program, batch, m, n }: BlockProgram): { program: LoopProgram; groups: readonly number[] } {
  const raw = decideAllGuards(loopProgram(program, [...batch, ...m, ...n]));
  const groups = [...batch.map(() => batchGroup), ...m.map(() => rowGroup), ...n.map(() => columnGroup)];
  const joined = joinGroupedAxes(raw, groups, columnGroup);
  return joinGroupedAxes(simplify(joined.program), joined.groups, columnGroup);
}

/** How many accesses step over memory along an axis. */
function stridedAccesses({ operations, stores }: LoopProgram, axis: number): number {
  const strided = ({ view }: Access): boolean => Math.abs(view.strides[axis]) > 1;
  const loads = operations.filter((operation) => operation.op === 'load' && strided(operation.access)).length;
  return loads + stores.filter(({ access }) => strided(access)).length;
}

/**
 * Writes the loops over the rows and columns of a block into `fn`. Vectors run along the innermost column axis. But where the program's
 * memory lies the other way round (the update of a weight whose gradient was computed transposed), they run along the rows, and
 * the accumulators are transposed.
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
  /** The column axis, where vectors run along rows. */
  readonly #tileAxis: number | null;
  readonly #streams: Streams;
  readonly #programCode: ProgramCode;
  readonly #slotCount: number;
  /** Address of the accumulator where the run stands, and bytes between neighbours. */
  readonly #accumulator: Local;
  readonly #accumulatorBytes: number;

  constructor(code: VectorCode, block: BlockProgram, bounds: BlockBounds) {
    this.#code = code;
    this.#fn = code.fn;
    this.#bounds = bounds;
    ({ program: this.#program, groups: this.#groups } = normalizeBlock(block));
    const columnAxis = this.#program.domain.length - 1;
    const [rowAxis] = this.#axesOf(rowGroup);
    const accumulator = block.program.instructions.find(({ op }) => op === 'accumulator');
    const dtype = accumulator?.dtype ?? 'f32';
    const alongRows =
      dtype === 'f32' &&
      this.#axesOf(rowGroup).length === 1 &&
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

  /** Four columns at a time, and what is left of them one by one; each time along all rows. */
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
    const walk = (from: Operand, to: Operand, count: number): void => {
      fn.forLoop(column, from, to, count, () => {
        fn.get(tileColumn).set(this.#accumulator);
        this.#programCode.scope(() => {
          this.#streams.moveTo((axis) => indices.get(axis));
          this.#run(length, 4, (lanes) => tileSlots(lanes as LaneCount, count));
        });
        fn.increment(tileColumn, count * this.#accumulatorBytes);
      });
    };
    walk(columnStart, squaresEnd, 4);
    walk(squaresEnd, columnEnd, 1);
  }

  /** Slots along rows of the tile: a square of four columns is turned over in registers. */
  #transposedAccumulators(slots: readonly Slot[]): Quad[] {
    const code = this.#code;
    const { tileStride } = this.#bounds;
    const lines = [this.#accumulator];
    for (let line = 1; line < slots[0].lanes; line++) {
      code.fn
        .get(lines[line - 1])
        .push(tileStride)
        .op('i32.add');
      lines.push(code.take('i32'));
    }
    const at = (line: number, across: number): Place => ({
      address: lines[line],
      offset: across * this.#accumulatorBytes,
    });
    if (isWholeTile(slots)) {
      const rows = lines.map((_, line) => code.local(loadAdjacent(code, 'f32', at(line, 0), 4)[0]));
      return transpose(code, rows).map((vector) => [vector]);
    }
    return slots.map(({ lanes, across }) => loadLanes(code, 'f32', lanes, (lane, load) => load(at(lane, across))));
  }

  #axesOf(group: number): number[] {
    return this.#groups.flatMap((own, axis) => (own === group ? [axis] : []));
  }

  /** Notes the indices on a group's axes of a position in these axes, flattened. */
  #unravel(group: number, flat: Operand, indices: Map<number, Operand>): void {
    const fn = this.#fn;
    const axes = this.#axesOf(group);
    if (axes.length === 1) {
      indices.set(axes[0], flat);
      return;
    }
    const rest = this.#code.fresh('i32');
    fn.push(flat).set(rest);
    for (const axis of axes.toReversed()) {
      if (axis === axes[0]) {
        indices.set(axis, rest);
        continue;
      }
      const index = this.#code.fresh('i32');
      fn.get(rest).i32(this.#program.domain[axis]).op('i32.rem_u').set(index);
      fn.get(rest).i32(this.#program.domain[axis]).op('i32.div_u').set(rest);
      indices.set(axis, index);
    }
  }

  /** Computes the values that are known once the indices of `group` are, and were not before. */
  #evaluate(group: number, indices: ReadonlyMap<number, Operand>): void {
    const { operations } = this.#program;
    const values = operations.flatMap((operation, value) => {
      if (operation.op === 'const' || this.#programCode.varies(value)) return [];
      const last = this.#groups.reduce(
        (latest, own, axis) => (hasAxis(this.#programCode.variation[value], axis) ? Math.max(latest, own) : latest),
        batchGroup,
      );
      return last === group ? [value] : [];
    });
    if (values.length === 0) return;
    this.#streams.moveTo((axis) => (this.#groups[axis] <= group ? indices.get(axis) : 0));
    for (const value of values) this.#programCode.evaluate(value, slotsFor(1));
  }

  /** The runs of one row: the columns of the block, cut where the innermost column axis ends. */
  #columns(tileRow: Local, indices: Map<number, Operand>): void {
    const fn = this.#fn;
    const { columnStart, columnEnd } = this.#bounds;
    const axes = this.#axesOf(columnGroup);
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
    if (axes.length === 1) {
      indices.set(axes[0], columnStart);
      fn.push(columnEnd).push(columnStart).op('i32.sub').set(length);
      run();
      return;
    }
    const size = this.#program.domain[this.#vectorAxis];
    fn.block((done) => {
      fn.loop((again) => {
        fn.push(columnEnd).get(column).op('i32.sub').tee(length).i32(0).op('i32.le_s').brIf(done);
        this.#unravel(columnGroup, column, indices);
        const left = this.#code.fresh('i32');
        fn.i32(size)
          .push(indices.get(this.#vectorAxis) as Operand)
          .op('i32.sub')
          .set(left);
        fn.get(left).get(length).get(left).get(length).op('i32.lt_s').select().set(length);
        run();
        fn.get(column).get(length).op('i32.add').set(column).br(again);
      });
    });
  }

  /** `length` elements along the vector axis from where the streams stand: groups of slots, single slots, then what is left. */
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
