/** Builds a kernel's program. Equal instructions are added once. */

import type { ComputeDType } from '../kernel/dtype.ts';
import type { Instruction, Program, Store, Value } from '../kernel/kernel.ts';
import { nth } from '../kernel/nth.ts';
import type { BinaryOp, RoundOp } from '../kernel/operators.ts';
import type { Guard, View } from '../kernel/view.ts';

export class ProgramBuilder {
  readonly #instructions: Instruction[] = [];
  readonly #known = new Map<string, Value>();
  readonly #stores: Store[] = [];

  add(instruction: Instruction): Value {
    const key =
      instruction.op === 'const' && Object.is(instruction.value, -0)
        ? `-0 ${instruction.dtype}`
        : instructionKey(instruction);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const value = this.#instructions.push(instruction) - 1;
    this.#known.set(key, value);
    return value;
  }

  constant(value: number, dtype: ComputeDType): Value {
    return this.add({ op: 'const', value, dtype });
  }

  binary(kind: BinaryOp, a: Value, b: Value, dtype: ComputeDType): Value {
    return this.add({ op: 'binary', kind, a, b, dtype });
  }

  /** `view.offset + sum(strides[k] * index[k])`, as a value. */
  index(view: View): Value {
    return this.add({ op: 'index', coefficients: view.strides, offset: view.offset, dtype: 'i32' });
  }

  /** The value where all guards are true, 0 elsewhere. */
  guarded(value: Value, guards: readonly Guard[], dtype: ComputeDType): Value {
    let condition: Value | null = null;
    for (const { coefficients, low, high } of guards) {
      const index = this.add({ op: 'index', coefficients, offset: 0, dtype: 'i32' });
      const above = this.binary('lt', this.constant(low - 1, 'i32'), index, 'bool');
      const below = this.binary('lt', index, this.constant(high, 'i32'), 'bool');
      const both = this.binary('and', above, below, 'bool');
      condition = condition === null ? both : this.binary('and', condition, both, 'bool');
    }
    if (condition === null) return value;
    return this.add({ op: 'where', condition, yes: value, no: this.constant(0, dtype), dtype });
  }

  store(store: Store): void {
    this.#stores.push(store);
  }

  /** The value before this rounding, if its last operation is that; else the value itself. */
  beforeRounding(value: Value, kind: RoundOp): Value {
    const instruction = this.#instructions[value];
    return instruction?.op === 'unary' && instruction.kind === kind ? instruction.source : value;
  }

  finish(): Program {
    return { instructions: this.#instructions, stores: this.#stores };
  }
}

const instructionKey = (instruction: Instruction): string =>
  instruction.op === 'const' ? `${instruction.value} ${instruction.dtype}` : JSON.stringify(instruction);

/**
 * Emits Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy as 1, 2, 3; 2011): the first word of
 * the block cipher applied to the counter under the key. `random/threefry.ts` is the same on numbers.
 */
export function emitThreefry(
  program: ProgramBuilder,
  key: readonly [Value, Value],
  counter: readonly [Value, Value],
): Value {
  const op = (kind: BinaryOp, a: Value, b: Value): Value => program.binary(kind, a, b, 'i32');
  const number = (value: number): Value => program.constant(value, 'i32');
  const parity = op('xor', op('xor', key[0], key[1]), number(0x1bd11bda));
  const keys = [key[0], key[1], parity];
  const rotations = [
    [13, 15, 26, 6],
    [17, 29, 16, 24],
  ];
  let x0 = op('add', counter[0], key[0]);
  let x1 = op('add', counter[1], key[1]);
  for (let block = 0; block < 5; block++) {
    for (const rotation of nth(rotations, block % 2)) {
      x0 = op('add', x0, x1);
      const rotated = op('or', op('shl', x1, number(rotation)), op('shr', x1, number(32 - rotation)));
      x1 = op('xor', rotated, x0);
    }
    x0 = op('add', x0, nth(keys, (block + 1) % 3));
    x1 = op('add', op('add', x1, nth(keys, (block + 2) % 3)), number(block + 1));
  }
  return x0;
}
