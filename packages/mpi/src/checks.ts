/** Checks of the arguments of collectives, the same on every communicator. */
import type { ExchangedArray, Reduction } from '@tessera/tensor/backend';
import { reductions } from './combine.ts';

export type ExchangedDType = 'f32' | 'f64' | 'i32' | 'u8';

const names: readonly [new (length: number) => ExchangedArray, ExchangedDType][] = [
  [Float32Array, 'f32'],
  [Float64Array, 'f64'],
  [Int32Array, 'i32'],
  [Uint8Array, 'u8'],
];

/** The dtype of an array's elements. Throws TypeError for arrays that ranks do not exchange. */
export function dtypeOf(operation: string, array: ExchangedArray): ExchangedDType {
  // Subclasses, such as Buffer, are what they extend.
  const found = names.find(([type]) => array instanceof type);
  if (found !== undefined) return found[1];
  const given = (array as object | null | undefined)?.constructor?.name ?? String(array);
  throw new TypeError(
    `${operation}: expected a Float32Array, Float64Array, Int32Array or Uint8Array, got ${given}. Other elements can be moved as bytes: new Uint8Array(array.buffer, array.byteOffset, array.byteLength)`,
  );
}

const overlap = (a: ExchangedArray, b: ExchangedArray): boolean =>
  a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;

const same = (a: ExchangedArray, b: ExchangedArray): boolean =>
  a.byteOffset === b.byteOffset && a.byteLength === b.byteLength;

/** `out` must have `times` elements for each of `source`; `inPlace` allows them to be the same. Returns the dtype. */
export function checkArrays(
  operation: string,
  source: ExchangedArray,
  out: ExchangedArray,
  times: number,
  inPlace = false,
): ExchangedDType {
  const [from, to] = [dtypeOf(operation, source), dtypeOf(operation, out)];
  if (from !== to) throw new TypeError(`${operation}: source is ${from} but out is ${to}; both must have one dtype`);
  if (source.length * times !== out.length)
    throw new RangeError(
      `${operation}: source has ${source.length} elements, so out must have ${source.length * times}, got ${out.length}`,
    );
  if (overlap(source, out) && !(inPlace && same(source, out)))
    throw new RangeError(`${operation}: source and out overlap in memory${inPlace ? ' without being the same' : ''}`);
  return from;
}

/** `array` must have one equal part for each rank. */
export function checkParts(operation: string, array: ExchangedArray, ranks: number): void {
  if (array.length % ranks !== 0)
    throw new RangeError(
      `${operation}: source has ${array.length} elements, which ${ranks} ranks cannot share equally`,
    );
}

export function checkReduction(operation: string, reduction: Reduction): void {
  if (!reductions.includes(reduction))
    throw new TypeError(
      `${operation}: unknown reduction ${JSON.stringify(reduction)}; there are ${reductions.join(', ')}`,
    );
}

export function checkRoot(operation: string, root: number, ranks: number): void {
  if (!Number.isInteger(root) || root < 0 || root >= ranks)
    throw new RangeError(`${operation}: root must be a rank from 0 to ${ranks - 1}, got ${root}`);
}
