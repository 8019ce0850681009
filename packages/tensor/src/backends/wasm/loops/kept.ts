/** Values of a row that a later phase needs again, in the thread's scratch memory: one row of slots for each value. */
import type { DType } from '../../../kernel/dtype.ts';
import type { Value } from '../../../kernel/kernel.ts';
import type { Local } from '../emit/encoder.ts';
import type { VectorCode } from '../vectors/vector-code.ts';
import { loadAdjacent, packForStore, storeAdjacent } from '../vectors/vector-memory.ts';
import { type Quad, vectorsOf } from '../vectors/vector-ops.ts';

export interface KeptValue {
  readonly value: Value;
  readonly dtype: DType;
}

/** Memory holds values as registers do: whole words. */
const registerType = (dtype: DType): DType => (dtype === 'u8' || dtype === 'bool' ? 'i32' : dtype);

/** Bytes between the slots of a row: those of the widest value. */
const slotBytes = (kept: readonly KeptValue[]): number =>
  16 * Math.max(1, ...kept.map(({ dtype }) => vectorsOf(dtype)));

export const keptRowsBytes = (kept: readonly KeptValue[], rowSlots: number): number =>
  kept.length * rowSlots * slotBytes(kept);

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

  /** Goes back to the first slot of the row, `offset` bytes into the thread's scratch memory. */
  rewind(offset: number): void {
    if (this.#kept.length === 0) return;
    const { fn } = this.#code;
    fn.get(fn.params[3]).i32(offset).op('i32.add').set(this.#position);
  }

  /** Goes on by some slots. */
  advance(slots: number): void {
    if (this.#kept.length > 0) this.#code.fn.increment(this.#position, slots * this.#slotBytes);
  }

  #find(value: Value): { dtype: DType; start: number } {
    const row = this.#kept.findIndex((kept) => kept.value === value);
    return { dtype: registerType(this.#kept[row].dtype), start: row * this.#rowSlots * this.#slotBytes };
  }

  /** Writes a value's quads to the slots from here on, the last one first (see `ProgramCode.store`). */
  keep(value: Value, quads: readonly Quad[]): void {
    const { dtype, start } = this.#find(value);
    const packed = quads.map((quad) => packForStore(this.#code, dtype, quad));
    for (let k = quads.length - 1; k >= 0; k--)
      storeAdjacent(this.#code, dtype, packed[k], { address: this.#position, offset: start + k * this.#slotBytes }, 4);
  }

  restore(value: Value, slots: number): Quad[] {
    const { dtype, start } = this.#find(value);
    return Array.from({ length: slots }, (_, k) =>
      loadAdjacent(this.#code, dtype, { address: this.#position, offset: start + k * this.#slotBytes }, 4).map((part) =>
        this.#code.local(part),
      ),
    );
  }
}
