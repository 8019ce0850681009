/**
 * The oracle for the scheduler and the code generators: runs a plan's kernels one after the other, element by element, in double
 * precision; values are rounded when they are stored.
 */
import { type DType, elementCode, type TypedArray, viewArray } from '../kernel/dtype.ts';
import type { ContractKernel, Instruction, Kernel, LoopKernel, Program, ScatterAddKernel } from '../kernel/kernel.ts';
import { nth } from '../kernel/nth.ts';
import { reduceOperators } from '../kernel/operators.ts';
import type { Plan } from '../kernel/plan.ts';
import { binaryFunction, roundTo, unaryFunction } from '../kernel/semantics.ts';
import { contiguousStrides, type Shape, sizeOf } from '../kernel/shape.ts';
import { locate, type View } from '../kernel/view.ts';

type Index = readonly number[];

/** Access to a buffer's elements as numbers. */
interface Elements {
  readonly length: number;
  get(position: number): number;
  set(position: number, value: number): void;
}

function elementsOf(stored: TypedArray, dtype: DType): Elements {
  const { encode, decode } = elementCode(dtype);
  return {
    length: stored.length,
    get: (position) => decode(stored[position] as number),
    set: (position, value) => {
      stored[position] = encode(value);
    },
  };
}

/** Every index of a box, in row-major order. */
function indicesOf(shape: Shape): Index[] {
  const strides = contiguousStrides(shape);
  return Array.from({ length: sizeOf(shape) }, (_, position) =>
    shape.map((n, axis) => Math.floor(position / nth(strides, axis)) % n),
  );
}

/** The element that the access selects at `index`; 0 where a guard fails. */
function load(buffers: readonly Elements[], access: { buffer: number; view: View }, index: Index): number {
  const at = locate(access.view, index);
  if (at < 0) return 0;
  const buffer = nth(buffers, access.buffer);
  if (at >= buffer.length)
    throw new RangeError(
      `kernel reads element ${at} of buffer ${access.buffer}, beyond its end: it has ${buffer.length} elements`,
    );
  return buffer.get(at);
}

/** The values of one instruction at the given indices, which form one row: a reduction combines all of them. */
function evaluate(
  instruction: Instruction,
  row: readonly Index[],
  values: readonly Float64Array[],
  buffers: readonly Elements[],
  accumulator: Float64Array | null,
): Float64Array {
  const each = (value: (index: Index, i: number) => number): Float64Array => Float64Array.from(row, value);
  const of = (value: number): Float64Array => nth(values, value);
  switch (instruction.op) {
    case 'load':
      return each((index) => load(buffers, instruction.access, index));
    case 'const':
      return each(() => instruction.value);
    case 'index':
      return each((index) =>
        instruction.coefficients.reduce((sum, c, k) => sum + c * nth(index, k), instruction.offset),
      );
    case 'gather': {
      const { shape } = instruction.access.view;
      const last = nth(shape, shape.length - 1) - 1;
      const rows = of(instruction.row);
      return each((index, i) =>
        load(buffers, instruction.access, [...index, Math.min(last, Math.max(0, nth(rows, i)))]),
      );
    }
    case 'unary': {
      const compute = unaryFunction(instruction.kind, instruction.dtype);
      return of(instruction.source).map(compute);
    }
    case 'binary': {
      const compute = binaryFunction(instruction.kind, instruction.dtype);
      const [a, b] = [of(instruction.a), of(instruction.b)];
      return a.map((x, i) => compute(x, nth(b, i)));
    }
    case 'where': {
      const [condition, yes, no] = [of(instruction.condition), of(instruction.yes), of(instruction.no)];
      return condition.map((holds, i) => nth(holds !== 0 ? yes : no, i));
    }
    case 'reduce': {
      const { start, join } = reduceOperators[instruction.kind];
      const total = of(instruction.source).reduce(join2(join), start);
      const rounded =
        instruction.dtype === 'i32' || instruction.dtype === 'u8' ? roundTo[instruction.dtype](total) : total;
      return each(() => rounded);
    }
    case 'accumulator':
      if (accumulator === null)
        throw new Error('kernel: `accumulator` is allowed only in the epilogue of a contraction');
      return accumulator;
    default:
      return instruction satisfies never;
  }
}

/** Drops the extra arguments that `reduce` passes, which Math.max would use. */
const join2 =
  (join: (a: number, b: number) => number) =>
  (a: number, b: number): number =>
    join(a, b);

/** Runs a program on one row. All of the row is read before any of it is written. */
function runRow(
  { instructions, stores }: Program,
  row: readonly Index[],
  reduced: readonly boolean[],
  buffers: readonly Elements[],
  accumulator: Float64Array | null,
): void {
  const values: Float64Array[] = [];
  for (const instruction of instructions) values.push(evaluate(instruction, row, values, buffers, accumulator));
  for (const { value, access, oncePerRow } of stores)
    for (const [i, index] of row.entries()) {
      if (oncePerRow && index.some((n, axis) => reduced[axis] && n !== 0)) continue;
      const at = locate(access.view, index);
      if (at < 0) continue;
      const buffer = nth(buffers, access.buffer);
      if (at >= buffer.length)
        throw new RangeError(
          `kernel writes element ${at} of buffer ${access.buffer}, beyond its end: it has ${buffer.length} elements`,
        );
      buffer.set(at, nth(nth(values, value), i));
    }
}

function runLoop({ domain, reduced, program }: LoopKernel, buffers: readonly Elements[]): void {
  const rows = indicesOf(domain.map((n, axis) => (reduced[axis] ? 1 : n)));
  const within = indicesOf(domain.map((n, axis) => (reduced[axis] ? n : 1)));
  for (const start of rows)
    runRow(
      program,
      within.map((index) => index.map((n, axis) => n + nth(start, axis))),
      reduced,
      buffers,
      null,
    );
}

function runContract({ batch, m, n, k, a, b, epilogue }: ContractKernel, buffers: readonly Elements[]): void {
  const [rows, columns, inner] = [indicesOf(m), indicesOf(n), indicesOf(k)];
  const depth = inner.length;
  for (const batchIndex of indicesOf(batch)) {
    const right = Float64Array.from(
      columns.flatMap((column) => inner.map((kIndex) => load(buffers, b, [...batchIndex, ...kIndex, ...column]))),
    );
    for (const row of rows) {
      const left = Float64Array.from(inner, (kIndex) => load(buffers, a, [...batchIndex, ...row, ...kIndex]));
      const accumulator = Float64Array.from(columns, (_, j) => {
        let sum = 0;
        for (let l = 0; l < depth; l++) sum += (left[l] as number) * (right[j * depth + l] as number);
        return sum;
      });
      const domainRow = columns.map((column) => [...batchIndex, ...row, ...column]);
      runRow(epilogue, domainRow, [], buffers, accumulator);
    }
  }
}

function runScatterAdd(kernel: ScatterAddKernel, buffers: readonly Elements[]): void {
  const { outer, count, inner, rows, values, index } = kernel;
  const sums = new Float64Array(outer * rows * inner);
  for (let o = 0; o < outer; o++)
    for (let j = 0; j < count; j++) {
      const row = load(buffers, index, [j]);
      if (row < 0 || row >= rows) continue;
      const start = (o * rows + row) * inner;
      for (let i = 0; i < inner; i++) sums[start + i] = nth(sums, start + i) + load(buffers, values, [o, j, i]);
    }
  const out = nth(buffers, kernel.out);
  for (const [position, sum] of sums.entries()) out.set(position, sum);
}

function run(kernel: Kernel, buffers: readonly Elements[]): void {
  switch (kernel.kind) {
    case 'loop':
      runLoop(kernel, buffers);
      break;
    case 'contract':
      runContract(kernel, buffers);
      break;
    case 'scatterAdd':
      runScatterAdd(kernel, buffers);
      break;
    default:
      kernel satisfies never;
  }
}

/** Runs one kernel. `dtypes` are those of the buffers; they matter for f16 and bf16, whose arrays contain bit patterns. */
export function runKernel(kernel: Kernel, buffers: readonly TypedArray[], dtypes: readonly DType[] = []): void {
  const elements = buffers.map((stored, buffer) => elementsOf(stored, dtypes[buffer] ?? 'f64'));
  run(kernel, elements);
}

/** Runs all kernels of a plan; `externals[i]` is the memory of external buffer i. */
export function runPlan(plan: Plan, externals: readonly ArrayBuffer[]): void {
  const arena = new ArrayBuffer(plan.arenaBytes);
  const buffers = plan.buffers.map(({ dtype, length, place }) =>
    place.kind === 'external'
      ? viewArray(dtype, nth(externals, place.index), place.byteOffset ?? 0, length)
      : viewArray(dtype, arena, place.byteOffset, length),
  );
  const dtypes = plan.buffers.map(({ dtype }) => dtype);
  for (const kernel of plan.stages.flat()) runKernel(kernel, buffers, dtypes);
}
