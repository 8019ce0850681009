/** Keeps values of a row that a later phase needs again in the thread's scratch memory: one row of slots for each value. */
import type { DType } from '../../../kernel/dtype.ts';
import type { Value } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';
import type { Local } from '../emit/encoder.ts';
import type { VectorCode } from '../vectors/vector-code.ts';
import { loadAdjacent, packForStore, storeAdjacent } from '../vectors/vector-memory.ts';
import { type Quad, vectorsOf } from '../vectors/vector-ops.ts';
import { parametersOf } from './program.ts';

export interface KeptValue {
  readonly value: Value;
  readonly dtype: DType;
}

/** The dtype of kept values in memory, where they are whole words as in registers. */
const registerType = (dtype: DType): DType => (dtype === 'u8' || dtype === 'bool' ? 'i32' : dtype);

/** The size of a slot in bytes: that of the widest value. */
const slotBytes = (kept: readonly KeptValue[]): number =>
  16 * Math.max(1, ...kept.map(({ dtype }) => vectorsOf(dtype)));

/** The scratch memory that the values need, in bytes. */
export const keptRowsBytes = (kept: readonly KeptValue[], rowSlots: number): number =>
  kept.length * rowSlots * slotBytes(kept);

/** Writes the stores and loads of kept values. */
export class KeptRows {
  readonly #code: VectorCode;
  readonly #kept: readonly KeptValue[];
  readonly #rowSlots: number;
  readonly #slotBytes: number;
  readonly #position: Local;

  constructor(code: VectorCode, kept: readonly KeptValue[], rowSlots: number) {
    this.#code = code;
    this.#kept = kept;
    this.#rowSlots = rowSlots;
    this.#slotBytes = slotBytes(kept);
    this.#position = code.fresh('i32');
  }

  /** Moves back to the first slot of the row, which is at `offset` bytes in the thread's scratch memory. */
  rewind(offset: number): void {
    if (this.#kept.length === 0) return;
    const { fn } = this.#code;
    fn.get(parametersOf(fn).scratch).i32(offset).op('i32.add').set(this.#position);
  }

  /** Moves on by some slots. */
  advance(slots: number): void {
    if (this.#kept.length > 0) this.#code.fn.increment(this.#position, slots * this.#slotBytes);
  }

  #find(value: Value): { dtype: DType; start: number } {
    const row = this.#kept.findIndex((kept) => kept.value === value);
    return { dtype: registerType(nth(this.#kept, row).dtype), start: row * this.#rowSlots * this.#slotBytes };
  }

  /** Stores a value's quads to the slots from the current position on, the last one first (see `ProgramCode.store`). */
  keep(value: Value, quads: readonly Quad[]): void {
    const { dtype, start } = this.#find(value);
    const packed = quads.map((quad) => packForStore(this.#code, dtype, quad));
    for (let k = quads.length - 1; k >= 0; k--)
      storeAdjacent(
        this.#code,
        dtype,
        nth(packed, k),
        { address: this.#position, offset: start + k * this.#slotBytes },
        4,
      );
  }

  /** Loads a value's quads from the slots at the current position. */
  restore(value: Value, slots: number): Quad[] {
    const { dtype, start } = this.#find(value);
    return Array.from({ length: slots }, (_, k) =>
      loadAdjacent(this.#code, dtype, { address: this.#position, offset: start + k * this.#slotBytes }, 4).map((part) =>
        this.#code.local(part),
      ),
    );
  }
}
