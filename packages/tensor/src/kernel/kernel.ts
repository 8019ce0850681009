/**
 * Kernels: what a backend generates code for. A kernel iterates over a domain (a box of indices), loads elements through
 * views over that domain, computes a straight-line program, and stores through views. There are three kinds:
 *
 * - `loop`: element-wise work, and reductions over some axes of the domain together with everything that is computed from them
 *   (softmax and layer normalization are one loop kernel each);
 * - `contract`: a matrix product of two views with a fused epilogue;
 * - `scatterAdd`: sums rows into a table.
 *
 * Programs are lists of instructions in static single assignment form: an operand is the position of an earlier instruction.
 */
import { type Collective, formatCollective } from './collective.ts';
import { type ComputeDType, computeDType, type DType } from './dtype.ts';
import type { BinaryOp, ReduceOp, RoundOp, UnaryOp } from './operators.ts';
import type { Shape } from './shape.ts';
import { formatAffine, formatView, type View } from './view.ts';

/** Position of an instruction in its program. */
export type Value = number;

/** Elements of a plan's buffer, found through a view over the kernel's domain (`view.shape` is the domain). */
export interface Access {
  readonly buffer: number;
  readonly view: View;
}

/**
 * `dtype` is the type of the result. Programs compute f16 and bf16 values in f32: a load from such a buffer widens the element, which is
 * exact, and a store into one rounds.
 */
export type Instruction =
  | { readonly op: 'load'; readonly access: Access; readonly dtype: ComputeDType }
  | { readonly op: 'const'; readonly value: number; readonly dtype: ComputeDType }
  /** `offset + sum(coefficients[k] * index[k])` over the domain's axes. */
  | { readonly op: 'index'; readonly coefficients: readonly number[]; readonly offset: number; readonly dtype: 'i32' }
  /**
   * A load at a computed position: `access.view` has one more axis than the domain, the last; `row` is the index along it, clamped to
   * the axis.
   */
  | { readonly op: 'gather'; readonly access: Access; readonly row: Value; readonly dtype: ComputeDType }
  | { readonly op: 'unary'; readonly kind: UnaryOp | RoundOp; readonly source: Value; readonly dtype: ComputeDType }
  | {
      readonly op: 'binary';
      readonly kind: BinaryOp;
      readonly a: Value;
      readonly b: Value;
      readonly dtype: ComputeDType;
    }
  | {
      readonly op: 'where';
      readonly condition: Value;
      readonly yes: Value;
      readonly no: Value;
      readonly dtype: ComputeDType;
    }
  /** Reduces over all reduced axes of the domain; the result is the same for every element of the row. Loop kernels only. */
  | { readonly op: 'reduce'; readonly kind: ReduceOp; readonly source: Value; readonly dtype: ComputeDType }
  /** The finished sum of products for this element. Epilogues only. */
  | { readonly op: 'accumulator'; readonly dtype: ComputeDType };

export interface Store {
  readonly value: Value;
  readonly access: Access;
  /** Stores once per row (at index 0 of every reduced axis), for values that do not vary along it, instead of once per element. */
  readonly oncePerRow: boolean;
}

export interface Program {
  readonly instructions: readonly Instruction[];
  readonly stores: readonly Store[];
}

/**
 * The domain's axes are in the order in which memory is best walked (the last is innermost). `reduced[k]` marks the axes that
 * `reduce` instructions run over; a row is the set of elements that agree in all other axes. Rows are independent. A row is read
 * before it is written: a kernel may overwrite in place what only it reads, at the same element.
 */
export interface LoopKernel {
  readonly kind: 'loop';
  readonly name: string;
  readonly domain: Shape;
  readonly reduced: readonly boolean[];
  readonly program: Program;
}

/**
 * accumulator[batch, m, n] = sum over k of a[batch, m, k] * b[batch, k, n]. Each of batch, m, n, k is a list of axes, flattened in
 * order. `a.view` is over [...batch, ...m, ...k], `b.view` over [...batch, ...k, ...n], the program's domain is [...batch, ...m, ...n].
 */
export interface ContractKernel {
  readonly kind: 'contract';
  readonly name: string;
  /** Of the accumulator. The buffers of `a` and `b` are of this dtype, or of f16 or bf16. */
  readonly dtype: ComputeDType;
  readonly batch: Shape;
  readonly m: Shape;
  readonly n: Shape;
  readonly k: Shape;
  readonly a: Access;
  readonly b: Access;
  readonly epilogue: Program;
}

/**
 * out[o, r, i] = sum over j with index[j] = r of values[o, j, i], j ascending; `out` is contiguous [outer, rows, inner].
 * `values.view` is over [outer, count, inner], `index.view` over [count]. Indices outside 0..rows-1 are skipped.
 */
export interface ScatterAddKernel {
  readonly kind: 'scatterAdd';
  readonly name: string;
  /** Of the values and of `out`: never f16 or bf16. */
  readonly dtype: ComputeDType;
  readonly outer: number;
  readonly count: number;
  readonly inner: number;
  readonly rows: number;
  readonly values: Access;
  readonly index: Access;
  readonly out: number;
}

/** Exchanges a value with other ranks. Both accesses are of contiguous elements from the start of their buffers. */
interface CollectiveKernel {
  readonly kind: 'collective';
  readonly name: string;
  readonly collective: Collective;
  readonly dtype: DType;
  readonly source: Access;
  readonly out: Access;
}

/** What a backend generates code for. */
export type Kernel = LoopKernel | ContractKernel | ScatterAddKernel;

/** A step of a schedule. Collectives come between the stages of kernels. */
export type ScheduledKernel = Kernel | CollectiveKernel;

/** Copies elements from one place to another; both views have the same shape. */
export function copyKernel(name: string, from: Access, to: Access, dtype: DType): LoopKernel {
  const domain = from.view.shape;
  const program: Program = {
    instructions: [{ op: 'load', access: from, dtype: computeDType(dtype) }],
    stores: [{ value: 0, access: to, oncePerRow: false }],
  };
  return { kind: 'loop', name, domain, reduced: domain.map(() => false), program };
}

function programAccesses({ instructions, stores }: Program): { reads: Access[]; writes: Access[] } {
  const reads = instructions.flatMap((i) => (i.op === 'load' || i.op === 'gather' ? [i.access] : []));
  return { reads, writes: stores.map((store) => store.access) };
}

/** Every buffer access of a kernel. */
export function accessesOf(kernel: ScheduledKernel): { reads: Access[]; writes: Access[] } {
  switch (kernel.kind) {
    case 'loop':
      return programAccesses(kernel.program);
    case 'contract': {
      const { reads, writes } = programAccesses(kernel.epilogue);
      return { reads: [kernel.a, kernel.b, ...reads], writes };
    }
    case 'scatterAdd': {
      const { outer, rows, inner } = kernel;
      const shape = [outer, rows, inner];
      const view = { shape, offset: 0, strides: [rows * inner, inner, 1], guards: [] };
      return { reads: [kernel.values, kernel.index], writes: [{ buffer: kernel.out, view }] };
    }
    case 'collective':
      return { reads: [kernel.source], writes: [kernel.out] };
    default:
      return kernel satisfies never;
  }
}

const formatAccess = ({ buffer, view }: Access): string => `b${buffer} ${formatView(view)}`;

function formatInstruction(instruction: Instruction): string {
  switch (instruction.op) {
    case 'load':
      return `load ${formatAccess(instruction.access)}`;
    case 'const':
      return `const ${instruction.value}`;
    case 'index':
      return `index ${formatAffine(instruction.coefficients, instruction.offset)}`;
    case 'gather':
      return `gather ${formatAccess(instruction.access)} row v${instruction.row}`;
    case 'unary':
      return `${instruction.kind} v${instruction.source}`;
    case 'binary':
      return `${instruction.kind} v${instruction.a} v${instruction.b}`;
    case 'where':
      return `where v${instruction.condition} v${instruction.yes} v${instruction.no}`;
    case 'reduce':
      return `reduce ${instruction.kind} v${instruction.source}`;
    case 'accumulator':
      return 'accumulator';
    default:
      return instruction satisfies never;
  }
}

function formatProgram({ instructions, stores }: Program): string {
  const lines = instructions.map(
    (instruction, v) => `  v${v}: ${instruction.dtype} = ${formatInstruction(instruction)}`,
  );
  for (const { value, access, oncePerRow } of stores)
    lines.push(`  store${oncePerRow ? ' once' : ''} ${formatAccess(access)} <- v${value}`);
  return lines.join('\n');
}

/** A kernel as text, for people. */
export function formatKernel(kernel: ScheduledKernel): string {
  switch (kernel.kind) {
    case 'loop': {
      const axes = kernel.domain.map((n, k) => (kernel.reduced[k] ? `${n} reduced` : `${n}`));
      return `loop ${kernel.name} [${axes.join(', ')}]\n${formatProgram(kernel.program)}`;
    }
    case 'contract': {
      const { batch, m, n, k, dtype } = kernel;
      const sizes = `batch [${batch}] m [${m}] n [${n}] k [${k}]`;
      const operands = `  a ${formatAccess(kernel.a)}\n  b ${formatAccess(kernel.b)}`;
      return `contract ${kernel.name} ${dtype} ${sizes}\n${operands}\n${formatProgram(kernel.epilogue)}`;
    }
    case 'scatterAdd':
      return `scatterAdd ${kernel.name} b${kernel.out} [${kernel.outer}, ${kernel.rows}, ${kernel.inner}] <- ${formatAccess(kernel.values)} at ${formatAccess(kernel.index)}`;
    case 'collective':
      return `collective ${formatCollective(kernel.collective)} ${kernel.dtype} ${formatAccess(kernel.out)} <- ${formatAccess(kernel.source)}`;
    default:
      return kernel satisfies never;
  }
}
