/** Writes one output of a loop kernel as a function that gpu.js calls once a cell. */

import { hasAxis, type LoopProgram, operandsOf, variation } from '../../codegen/simplify.ts';
import { type DType, isFloat } from '../../kernel/dtype.ts';
import { nth } from '../../kernel/nth.ts';
import { type Shape, sizeOf } from '../../kernel/shape.ts';
import { contiguousView, type View } from '../../kernel/view.ts';
import { CellCode } from './cell-code.ts';
import { accumulator, type CellArray, type CellContext, type CellValue, compute, guardsHold } from './cell-program.ts';
import {
  boxIndices,
  cellBox,
  cellPosition,
  type IndexTerm,
  indexOf,
  knownIndex,
  takeApart,
  threadGrid,
} from './cells.ts';
import { Inexpressible } from './inexpressible.ts';
import type { Mode } from './modes.ts';
import type { CellKernel, Slot, SlotInfo } from './steps.ts';
import { both, type Condition, choose, compare, minus, type Term, textOf } from './term.ts';

export interface KernelRequest {
  readonly name: string;
  readonly mode: Mode;
  readonly program: LoopProgram;
  /** The value that is stored. */
  readonly value: number;
  /** Reductions that earlier steps computed: one number a row. */
  readonly kept: ReadonlyMap<number, Slot>;
  readonly store: { readonly view: View; readonly dtype: DType; readonly length: number; readonly oncePerRow: boolean };
  /** The previous contents of the output's memory, which are kept where nothing is stored. */
  readonly old: () => Slot | null;
  readonly read: (buffer: number) => Slot | null;
  readonly info: (slot: Slot) => SlotInfo;
}

export interface WrittenKernel {
  readonly kernel: CellKernel;
  readonly inputs: readonly Slot[];
}

/** Assigns the arrays that a function reads to its parameters. */
class Arguments {
  readonly slots: Slot[] = [];
  readonly #info: (slot: Slot) => SlotInfo;

  constructor(info: (slot: Slot) => SlotInfo) {
    this.#info = info;
  }

  array(slot: Slot): CellArray {
    let at = this.slots.indexOf(slot);
    if (at < 0) at = this.slots.push(slot) - 1;
    return { name: `a${at}`, planeSize: this.#info(slot).planeSize };
  }
}

export const kernelSource = (code: CellCode, count: number, result: Term): string => {
  const names = Array.from({ length: count }, (_, k) => `a${k}`);
  if (code.usesSpecial) names.push('special');
  return `function (${names.join(', ')}) {\n${code.finish(result)}\n}`;
};

/** The view of a reduction's results over the whole domain: one number a row. */
export function rowView({ domain, reduced }: LoopProgram): View {
  const { strides } = contiguousView(domain.map((size, axis) => (reduced[axis] ? 1 : size)));
  return { shape: domain, offset: 0, strides: strides.map((stride, axis) => (reduced[axis] ? 0 : stride)), guards: [] };
}

/** Sums of more elements than this are computed from partial sums, which keeps rounding errors small. */
const partialLength = 128;

/** Generates the code of the values that one output needs. */
class Evaluation {
  readonly #request: KernelRequest;
  readonly #code: CellCode;
  readonly #arguments: Arguments;
  readonly #axes: readonly number[];
  readonly #dtypes: readonly DType[];
  readonly #reducedAxes: readonly number[];
  readonly #rowLength: number;

  constructor(request: KernelRequest, code: CellCode, inputs: Arguments) {
    const { program } = request;
    this.#request = request;
    this.#code = code;
    this.#arguments = inputs;
    this.#axes = variation(program);
    this.#dtypes = program.operations.map(({ dtype }) => dtype);
    this.#reducedAxes = program.domain.flatMap((_, axis) => (program.reduced[axis] ? [axis] : []));
    this.#rowLength = sizeOf(program.domain.filter((_, axis) => program.reduced[axis]));
  }

  #context(index: readonly IndexTerm[]): CellContext {
    const { read, mode } = this.#request;
    return {
      code: this.#code,
      math: mode.math,
      index,
      array: (buffer) => {
        const slot = read(buffer);
        if (slot === null)
          throw new Error(`gpujs: kernel '${this.#request.name}' reads buffer ${buffer}, which was never written`);
        return this.#arguments.array(slot);
      },
    };
  }

  /** The operations that `value` depends on, in order, except those that are used only inside reductions. */
  #needed(value: number): number[] {
    const { operations } = this.#request.program;
    const needed = new Set<number>();
    const visit = (at: number): void => {
      if (needed.has(at)) return;
      const operation = operations[at];
      if (operation === undefined) return;
      if (operation.op !== 'reduce') operandsOf(operation).forEach(visit);
      needed.add(at);
    };
    visit(value);
    return [...needed].sort((x, y) => x - y);
  }

  #variesInRow(value: number): boolean {
    return this.#reducedAxes.some((axis) => hasAxis(nth(this.#axes, value), axis));
  }

  /** The value at `index`; `values` contains those that are already computed. */
  evaluate(value: number, index: readonly IndexTerm[], values: (CellValue | undefined)[]): CellValue {
    for (const at of this.#needed(value)) this.#emit(at, index, values);
    return nth(values, value);
  }

  #emit(at: number, index: readonly IndexTerm[], values: (CellValue | undefined)[]): void {
    if (values[at] !== undefined) return;
    const { operations, domain } = this.#request.program;
    const operation = operations[at];
    if (operation === undefined) return;
    values[at] =
      operation.op === 'reduce'
        ? this.#reduction(at, index, values)
        : compute(this.#context(index), operation, values, this.#dtypes, domain);
  }

  #reduction(at: number, index: readonly IndexTerm[], values: (CellValue | undefined)[]): CellValue {
    const { program, kept } = this.#request;
    const { domain, reduced, operations } = program;
    const operation = operations[at];
    if (operation?.op !== 'reduce') throw new Error('gpujs: a reduction was expected');
    const code = this.#code;
    const slot = kept.get(at);
    if (slot !== undefined && at !== this.#request.value) {
      const access = { buffer: -1, view: rowView(program) };
      const context = { ...this.#context(index), array: () => this.#arguments.array(slot) };
      return compute(context, { op: 'load', access, dtype: operation.dtype }, values, this.#dtypes, domain);
    }
    const { kind, source, dtype } = operation;
    if (this.#rowLength === 0) return dtype === 'i32' ? { low: 0, high: 0 } : code.hidden(0);
    const atStart = index.map((term, axis) => (reduced[axis] ? knownIndex(0) : term));
    for (const needed of this.#needed(source)) if (!this.#variesInRow(needed)) this.#emit(needed, atStart, values);
    const total = accumulator(code, kind, dtype);
    const inner = this.#reducedAxes.at(-1);
    const body = (at: readonly IndexTerm[], add: (value: CellValue) => void): void =>
      add(this.evaluate(source, at, [...values]));
    /** Loops over the reduced axes, outermost first. */
    const loop = (depth: number, at: IndexTerm[]): void => {
      const axis = this.#reducedAxes[depth];
      if (axis === undefined) {
        body(at, (value) => total.add(value));
        return;
      }
      const size = nth(domain, axis);
      const withIndex = (term: IndexTerm): IndexTerm[] => at.map((old, k) => (k === axis ? term : old));
      if (axis !== inner || kind !== 'sum' || !isFloat(dtype) || this.#rowLength <= partialLength || size < 8) {
        code.loop(size, (variable) => loop(depth + 1, withIndex({ integer: variable, value: variable })));
        return;
      }
      const part = (count: number, termOf: (variable: string) => IndexTerm): void => {
        const partial = accumulator(code, kind, dtype);
        code.loop(count, (variable) => body(withIndex(termOf(variable)), (value) => partial.add(value)));
        total.add(partial.result());
      };
      const parts = Math.floor(size / partialLength);
      const rest = size - parts * partialLength;
      const shifted = (variable: string, by: Term): IndexTerm => {
        const term = by === 0 ? variable : `(${textOf(by)} + ${variable})`;
        return { integer: term, value: term };
      };
      if (parts > 0)
        code.loop(parts, (block) =>
          part(partialLength, (variable) => shifted(variable, `${block} * ${partialLength}`)),
        );
      if (rest > 0) part(rest, (variable) => shifted(variable, parts * partialLength));
    };
    loop(0, [...index]);
    return total.result();
  }
}

/** The function that computes one output; throws Inexpressible where the store cannot be inverted. */
export function writeCellKernel(request: KernelRequest): WrittenKernel {
  const { program, store, mode, name, value } = request;
  const { domain, reduced } = program;
  const stored: Shape = domain.map((size, axis) => (store.oncePerRow && reduced[axis] ? 1 : size));
  const box = cellBox(store.view, stored, store.length);
  if (box === null) throw new Inexpressible('the positions that it stores to do not form a box');
  const planes = store.dtype === 'i32' ? 2 : 1;
  const sizes = planes === 1 ? box.sizes : [planes, ...box.sizes];
  const grid = threadGrid(sizes, mode.grid);
  if ('reason' in grid) throw new Inexpressible(grid.reason);

  const code = new CellCode();
  const inputs = new Arguments(request.info);
  const boxIndex = boxIndices(code, sizes, grid);
  const index = domain.map(() => knownIndex(0));
  let inside: Condition = true;
  for (const { axis, start, size, members } of box.runs) {
    if (members.length > 1 && size > mode.grid.divisible)
      throw new Inexpressible(
        `it stores ${size} elements along joined axes, which is too many to split an index exactly`,
      );
    let place = axis === null ? knownIndex(0) : nth(boxIndex, axis + planes - 1);
    if (axis !== null && box.sizes[axis] !== size) {
      const moved = code.local(minus(place.value, start));
      const here = both(compare(moved, '>=', 0), compare(moved, '<', size));
      inside = both(inside, here);
      // Cells outside compute the element at 0, whose loads stay within memory, and discard it.
      place = indexOf(code.local(choose(here, moved, 0)));
    }
    const along = takeApart(
      code,
      place,
      members.map((member) => member.size),
    );
    for (const [k, member] of members.entries()) {
      const term = nth(along, k);
      index[member.axis] = member.flipped ? indexOf(code.local(minus(member.size - 1, term.value))) : term;
    }
  }
  inside = both(inside, guardsHold(index, store.view.guards));
  const evaluation = new Evaluation(request, code, inputs);
  const result = evaluation.evaluate(value, index, new Array(program.operations.length));
  const plane = (low: Term, high: Term): Term => choose(compare(nth(boxIndex, 0).value, '<', 1), low, high);
  let cell = typeof result === 'object' ? plane(result.low, result.high) : result;
  if (inside !== true) {
    const before = request.old();
    const old = before === null ? 0 : code.local(`${inputs.array(before).name}[${textOf(cellPosition(grid))}]`);
    cell = choose(inside, code.local(cell), old);
  }
  return {
    kernel: {
      name,
      source: kernelSource(code, inputs.slots.length, cell),
      output: grid.output,
      usesSpecial: code.usesSpecial,
      loopTurns: 0,
    },
    inputs: inputs.slots,
  };
}
