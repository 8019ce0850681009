/** Stores constants from which loops start in the thread's scratch memory. */
import type { DType } from '../../../kernel/dtype.ts';
import type { Local } from '../emit/encoder.ts';
import type { VectorCode } from '../vectors/vector-code.ts';
import { type Place, storeAdjacent } from '../vectors/vector-memory.ts';
import { constantQuad, vectorsOf } from '../vectors/vector-ops.ts';
import { zeroBytes } from './access-code.ts';
import { parametersOf } from './program.ts';

/** The number of quads in an area: the largest number of accumulators. */
const areaQuads = 8;
const areaBytes = zeroBytes;

/**
 * Constants from which loops start, in the thread's scratch memory. If several vectors that a loop carries start from one constant in a
 * register, V8 (that of Node 24.21) may spill the constant, load it again as 128 bits, and copy that to a pair of 256 bits, whose upper
 * half is then wrong. Loads from memory do not have this problem.
 */
export class ScratchConstants {
  readonly #code: VectorCode;
  /** The contents of each area. The zeros come first. */
  readonly #areas = new Map<string, { dtype: DType; value: number }>();

  constructor(code: VectorCode) {
    this.#code = code;
  }

  static #key(dtype: DType, value: number): string {
    return value === 0 ? 'zeros' : `${dtype} ${value}`;
  }

  /** Reserves an area. All constants are reserved before code is written, and zeros, if they are needed, first. */
  reserve(dtype: DType, value: number): void {
    const key = ScratchConstants.#key(dtype, value);
    if (!this.#areas.has(key)) this.#areas.set(key, { dtype, value });
  }

  get bytes(): number {
    return this.#areas.size * areaBytes;
  }

  /** Writes the code that stores the constants. */
  emit(): void {
    for (const [area, { dtype, value }] of [...this.#areas.values()].entries()) {
      const quad = constantQuad(this.#code, dtype, value).map((part) => this.#code.local(part));
      const bytes = 16 * vectorsOf(dtype);
      for (let k = 0; k < areaBytes / bytes; k++)
        storeAdjacent(this.#code, dtype, quad, { address: this.#scratch, offset: area * areaBytes + k * bytes }, 4);
    }
  }

  get #scratch(): Local {
    return parametersOf(this.#code.fn).scratch;
  }

  /** The place of the k-th quad of a constant. */
  place(dtype: DType, value: number, k: number): Place {
    const area = [...this.#areas.keys()].indexOf(ScratchConstants.#key(dtype, value));
    if (area < 0) throw new Error(`wasm: the constant ${value} of ${dtype} was not reserved`);
    const offset = area * areaBytes + (k % areaQuads) * 16 * vectorsOf(dtype);
    return { address: this.#scratch, offset };
  }
}
