/** Values between kernels of gpu.js (arrays of floats) and as the rest of the engine knows them. */
import { allocateArray, type TypedArray } from '../../kernel/dtype.ts';
import type { SlotInfo } from './steps.ts';

/** Integers become two planes of half-words, bytes floats; singles are what they are. */
function toCells({ dtype, length, planeSize }: SlotInfo, values: TypedArray): Float32Array {
  if (dtype === 'f32' && length === planeSize) return values as Float32Array;
  if (dtype === 'i32') {
    const cells = new Float32Array(2 * planeSize);
    for (let k = 0; k < length; k++) {
      const value = values[k] as number;
      cells[k] = value & 0xffff;
      cells[planeSize + k] = value >>> 16;
    }
    return cells;
  }
  const cells = new Float32Array(planeSize);
  cells.set(values);
  return cells;
}

function fromCells({ dtype, length, planeSize }: SlotInfo, cells: Float32Array): TypedArray {
  if (dtype === 'f32') return cells.length === length ? cells : cells.subarray(0, length);
  const values = allocateArray(dtype, length);
  if (dtype === 'i32')
    for (let k = 0; k < length; k++) values[k] = (cells[k] as number) + 65536 * (cells[planeSize + k] as number);
  else for (let k = 0; k < length; k++) values[k] = cells[k] as number;
  return values;
}

/** What gpu.js returns for an output of one, two or three axes: rows that may lie in one piece of memory. */
export type KernelResult = Float32Array | readonly KernelResult[];

function collectRows(result: KernelResult, rows: Float32Array[]): void {
  if (result instanceof Float32Array) rows.push(result);
  else for (const part of result) collectRows(part, rows);
}

/** The result as one array, without a copy where its rows lie side by side. */
export function flatten(result: KernelResult): Float32Array {
  if (result instanceof Float32Array) return result;
  const rows: Float32Array[] = [];
  collectRows(result, rows);
  const [first] = rows;
  if (first === undefined) return new Float32Array(0);
  const length = rows.reduce((sum, row) => sum + row.length, 0);
  let end = first.byteOffset;
  const together = rows.every((row) => {
    const next = row.buffer === first.buffer && row.byteOffset === end;
    end += row.byteLength;
    return next;
  });
  if (together) return new Float32Array(first.buffer, first.byteOffset, length);
  const whole = new Float32Array(length);
  let at = 0;
  for (const row of rows) {
    whole.set(row, at);
    at += row.length;
  }
  return whole;
}

/** A value in either form; the other is made when it is asked for. */
export class HeldValue {
  readonly info: SlotInfo;
  #cells: Float32Array | null = null;
  #values: TypedArray | null = null;

  constructor(info: SlotInfo, content: { readonly cells: Float32Array } | { readonly values: TypedArray }) {
    this.info = info;
    if ('cells' in content) this.#cells = content.cells;
    else this.#values = content.values;
  }

  get cells(): Float32Array {
    this.#cells ??= toCells(this.info, this.#values as TypedArray);
    return this.#cells;
  }

  get values(): TypedArray {
    this.#values ??= fromCells(this.info, this.#cells as Float32Array);
    return this.#values;
  }
}
