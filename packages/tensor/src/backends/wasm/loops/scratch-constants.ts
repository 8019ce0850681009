import type { DType } from '../../../kernel/dtype.ts';
import type { VectorCode } from '../vectors/vector-code.ts';
import { type Place, storeAdjacent } from '../vectors/vector-memory.ts';
import { constantQuad, vectorsOf } from '../vectors/vector-ops.ts';
import { zeroBytes } from './access-code.ts';

/** Quads that an area holds: as many as there are accumulators side by side. */
const areaQuads = 8;
const areaBytes = zeroBytes;

/**
 * Constants that loops start from, in the thread's scratch memory. Where several vectors that a loop carries start from one constant in
 * a register, V8 (that of Node 24.21) may spill the constant, read it back as 128 bits, and copy that to a pair of 256 bits, whose upper
 * half is then lost. Loads have no such twin.
 */
export class ScratchConstants {
  readonly #code: VectorCode;
  /** By bits: what each area is filled with. The zeros come first. */
  readonly #areas = new Map<string, { dtype: DType; value: number }>();

  constructor(code: VectorCode) {
    this.#code = code;
  }

  static #key(dtype: DType, value: number): string {
    return value === 0 ? 'zeros' : `${dtype} ${value}`;
  }

  /** All constants are asked for before the code is written; zeros first, if at all. */
  reserve(dtype: DType, value: number): void {
    const key = ScratchConstants.#key(dtype, value);
    if (!this.#areas.has(key)) this.#areas.set(key, { dtype, value });
  }

  get bytes(): number {
    return this.#areas.size * areaBytes;
  }

  /** Writes them. */
  emit(): void {
    const { fn } = this.#code;
    [...this.#areas.values()].forEach(({ dtype, value }, area) => {
      const quad = constantQuad(this.#code, dtype, value).map((part) => this.#code.local(part));
      const bytes = 16 * vectorsOf(dtype);
      for (let k = 0; k < areaBytes / bytes; k++)
        storeAdjacent(this.#code, dtype, quad, { address: fn.params[3], offset: area * areaBytes + k * bytes }, 4);
    });
  }

  /** Where the k-th of some quads of a constant lies. */
  place(dtype: DType, value: number, k: number): Place {
    const area = [...this.#areas.keys()].indexOf(ScratchConstants.#key(dtype, value));
    if (area < 0) throw new Error(`wasm: ${dtype} ${value} was not reserved`);
    const offset = area * areaBytes + (k % areaQuads) * 16 * vectorsOf(dtype);
    return { address: this.#code.fn.params[3], offset };
  }
}
