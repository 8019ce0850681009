/** Converts values between the arrays of floats that gpu.js uses and typed arrays of their dtype. */
import { allocateArray, type TypedArray } from '../../kernel/dtype.ts';
import type { SlotInfo } from './steps.ts';

/** Integers become two planes of half-words, bytes become floats, and f32 is unchanged. */
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

/** A result of gpu.js for an output with one, two or three axes: rows, which may be adjacent in one piece of memory. */
export type KernelResult = Float32Array | readonly KernelResult[];

function collectRows(result: KernelResult, rows: Float32Array[]): void {
  if (result instanceof Float32Array) rows.push(result);
  else for (const part of result) collectRows(part, rows);
}

/** The result as one array, without a copy if its rows are adjacent in memory. */
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

type Content =
  | { readonly cells: Float32Array; readonly values?: undefined }
  | { readonly cells?: undefined; readonly values: TypedArray }
  | { readonly cells: Float32Array; readonly values: TypedArray };

/** A value in one form; the other form is computed when it is requested. */
export class HeldValue {
  readonly info: SlotInfo;
  #content: Content;

  constructor(info: SlotInfo, content: Content) {
    this.info = info;
    this.#content = content;
  }

  get cells(): Float32Array {
    const { cells, values } = this.#content;
    if (cells !== undefined) return cells;
    const converted = toCells(this.info, values);
    this.#content = { cells: converted, values };
    return converted;
  }

  get values(): TypedArray {
    const { cells, values } = this.#content;
    if (values !== undefined) return values;
    const converted = fromCells(this.info, cells);
    this.#content = { cells, values: converted };
    return converted;
  }
}
