/**
 * Programs as code is generated for them: with subtraction and minimum, which the graph writes as sums and maxima, and a division for a
 * product with a reciprocal; equal instructions once, unused ones dropped.
 *
 * Products and sums are not fused into multiply-add: an element-wise result does not depend on what it was fused with.
 */

import { isFloat } from '../kernel/dtype.ts';
import type { Access, Instruction, Program, Store, Value } from '../kernel/kernel.ts';
import { nth } from '../kernel/nth.ts';
import { type BinaryKind, binaryCost, unaryCost } from '../kernel/operators.ts';
import type { Shape } from '../kernel/shape.ts';

type Binary = Extract<Instruction, { op: 'binary' }>;

export type Operation = Exclude<Instruction, Binary> | (Omit<Binary, 'kind'> & { readonly kind: BinaryKind });

/** Axes as the bits of a number. */
export type AxisSet = number;

export const hasAxis = (set: AxisSet, axis: number): boolean => (set & (1 << axis)) !== 0;

/** A program over a domain: what is left of a kernel's own form once axes have been dropped and joined. */
export interface LoopProgram {
  readonly domain: Shape;
  readonly reduced: readonly boolean[];
  readonly operations: readonly Operation[];
  readonly stores: readonly Store[];
}

/** The axes of size above 1 along which an access moves or is guarded. The row axis of a gather does not count. */
function accessAxes({ view }: Access, domain: Shape): AxisSet {
  let axes = 0;
  domain.forEach((size, axis) => {
    const moves = nth(view.strides, axis) !== 0 || view.guards.some((guard) => nth(guard.coefficients, axis) !== 0);
    if (size > 1 && moves) axes |= 1 << axis;
  });
  return axes;
}

export function operandsOf(operation: Operation): readonly Value[] {
  switch (operation.op) {
    case 'unary':
    case 'reduce':
      return [operation.source];
    case 'binary':
      return [operation.a, operation.b];
    case 'where':
      return [operation.condition, operation.yes, operation.no];
    case 'gather':
      return [operation.row];
    case 'load':
    case 'const':
    case 'index':
    case 'accumulator':
      return [];
    default:
      return operation satisfies never;
  }
}

function withOperands(operation: Operation, to: (value: Value) => Value): Operation {
  switch (operation.op) {
    case 'unary':
    case 'reduce':
      return { ...operation, source: to(operation.source) };
    case 'binary':
      return { ...operation, a: to(operation.a), b: to(operation.b) };
    case 'where':
      return { ...operation, condition: to(operation.condition), yes: to(operation.yes), no: to(operation.no) };
    case 'gather':
      return { ...operation, row: to(operation.row) };
    default:
      return operation;
  }
}

/** The axes along which each value varies. */
export function variation({ domain, reduced, operations }: Omit<LoopProgram, 'stores'>): AxisSet[] {
  const all = (1 << domain.length) - 1;
  const rows = domain.reduce((set, _, axis) => (nth(reduced, axis) ? set : set | (1 << axis)), 0);
  const axes: AxisSet[] = [];
  for (const operation of operations) {
    let set = operandsOf(operation).reduce((union, value) => union | nth(axes, value), 0);
    if (operation.op === 'load' || operation.op === 'gather') set |= accessAxes(operation.access, domain);
    if (operation.op === 'index')
      operation.coefficients.forEach((coefficient, axis) => {
        if (coefficient !== 0 && nth(domain, axis) > 1) set |= 1 << axis;
      });
    if (operation.op === 'accumulator') set = all;
    if (operation.op === 'reduce') set &= rows;
    axes.push(set);
  }
  return axes;
}

class Builder {
  readonly operations: Operation[] = [];
  readonly #known = new Map<string, Value>();
  /** Of each operation so far: the axes along which it varies. */
  readonly #axes: AxisSet[] = [];
  readonly #reduces: boolean;

  /** `reduces`: whether the domain has reduced axes at all. */
  constructor(reduces: boolean) {
    this.#reduces = reduces;
  }

  push(operation: Operation): Value {
    const value =
      operation.op === 'const' ? `${operation.dtype} ${Object.is(operation.value, -0) ? '-0' : operation.value}` : '';
    const key = value === '' ? JSON.stringify(operation) : value;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#known.set(key, this.operations.length);
    return this.operations.push(operation) - 1;
  }

  /** The source where `value` is that unary operation. */
  #under(kind: 'neg' | 'recip', value: Value): Value | null {
    const operation = nth(this.operations, value);
    return operation.op === 'unary' && operation.kind === kind ? operation.source : null;
  }

  add(operation: Operation, axes: AxisSet): Value {
    switch (operation.op) {
      case 'unary': {
        if (operation.kind !== 'neg' || !isFloat(operation.dtype)) break;
        const { source } = operation;
        const twice = this.#under('neg', source);
        if (twice !== null) return twice;
        const inner = nth(this.operations, source);
        if (inner.op === 'const') return this.push({ ...inner, value: -inner.value });
        if (inner.op === 'binary' && (inner.kind === 'mul' || inner.kind === 'div')) {
          // -(x * c) = x * -c, to the bit.
          const factor = nth(this.operations, inner.b);
          if (factor.op === 'const') return this.push({ ...inner, b: this.push({ ...factor, value: -factor.value }) });
        }
        if (inner.op !== 'binary' || inner.kind !== 'max') break;
        const [a, b] = [this.#under('neg', inner.a), this.#under('neg', inner.b)];
        if (a !== null && b !== null) return this.push({ ...inner, kind: 'min', a, b });
        break;
      }
      case 'binary':
        return this.#binary(operation, axes);
      case 'reduce':
        if (!this.#reduces) return operation.source;
        break;
      case 'where':
        if (operation.yes === operation.no) return operation.yes;
        break;
    }
    return this.push(operation);
  }

  #binary(operation: Operation & { op: 'binary' }, axes: AxisSet): Value {
    const { kind, dtype, a, b } = operation;
    if (kind === 'add') {
      const [negatedA, negatedB] = [this.#under('neg', a), this.#under('neg', b)];
      if (negatedB !== null) return this.push({ op: 'binary', kind: 'sub', dtype, a, b: negatedB });
      if (negatedA !== null) return this.push({ op: 'binary', kind: 'sub', dtype, a: b, b: negatedA });
    }
    if (kind === 'mul') {
      for (const [x, y] of [
        [a, b],
        [b, a],
      ] as const) {
        const divisor = this.#under('recip', y);
        // A reciprocal that varies along fewer axes than the product is computed less often: one division for many products.
        if (divisor !== null && this.#axes[y] === axes)
          return this.push({ op: 'binary', kind: 'div', dtype, a: x, b: divisor });
        const factor = nth(this.operations, y);
        if (factor.op === 'const' && factor.value === -1 && isFloat(dtype))
          return this.push({ op: 'unary', kind: 'neg', source: x, dtype });
      }
    }
    return this.push(operation);
  }

  /** Records the variation of a new value. */
  note(value: Value, axes: AxisSet): void {
    this.#axes[value] = axes;
  }
}

/** Keeps what the stores need. */
function prune(operations: readonly Operation[], stores: readonly Store[]): Pick<LoopProgram, 'operations' | 'stores'> {
  const used = new Set<Value>(stores.map(({ value }) => value));
  for (let value = operations.length - 1; value >= 0; value--)
    if (used.has(value)) for (const operand of operandsOf(nth(operations, value))) used.add(operand);
  const renumbered = new Map<Value, Value>();
  const kept: Operation[] = [];
  operations.forEach((operation, value) => {
    if (!used.has(value)) return;
    renumbered.set(value, kept.length);
    kept.push(withOperands(operation, (operand) => renumbered.get(operand) as Value));
  });
  return {
    operations: kept,
    stores: stores.map((store) => ({ ...store, value: renumbered.get(store.value) as Value })),
  };
}

/** The same computation in fewer or cheaper instructions. */
export function simplify(program: LoopProgram): LoopProgram {
  const axes = variation(program);
  const builder = new Builder(program.reduced.includes(true));
  const renamed: Value[] = [];
  program.operations.forEach((operation, value) => {
    const moved = withOperands(operation, (operand) => nth(renamed, operand));
    const result = builder.add(moved, nth(axes, value));
    builder.note(result, nth(axes, value));
    renamed.push(result);
  });
  const stores = program.stores.map((store) => ({ ...store, value: nth(renamed, store.value) }));
  return { ...program, ...prune(builder.operations, stores) };
}

export const loopProgram = (
  { instructions, stores }: Program,
  domain: Shape,
  reduced: readonly boolean[] = domain.map(() => false),
): LoopProgram => ({ domain, reduced, operations: instructions, stores });

/** Rough cost of an operation on four elements, in additions of f32 vectors. */
export function costOf(operation: Operation): number {
  const scale = operation.dtype === 'f64' ? 2 : 1;
  if (operation.op === 'unary') return scale * unaryCost(operation.kind);
  if (operation.op === 'binary') return scale * binaryCost(operation.kind);
  return scale * (operation.op === 'gather' ? 8 : 1);
}
