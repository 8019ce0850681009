/** Values of a column in little memory: texts as one text, integers in as few bytes as they need, repeated values once. */
import type { Value } from '../arrow/column.ts';

/** Values that can be read as often as needed. */
export interface KeptValues {
  readonly length: number;
  /** The memory that they take, roughly. */
  readonly bytes: number;
  get(index: number): Value;
}

type Text = string | null;
type TextList = readonly Value[] | null;

/** Objects, numbers with decimals and mixtures stay as they are. */
const bytesOfOthers = 64;
const bytesOfArray = 128;

/** @returns the same values, in the same order */
export function keepValues(values: readonly Value[]): KeptValues {
  if (values.every((value) => value === null || isSmallInteger(value))) return keepIntegers(values);
  if (values.every((value) => value === null || typeof value === 'string')) return keepTexts(values);
  if (values.every((value) => value === null || Array.isArray(value))) return keepLists(values);
  return { length: values.length, bytes: values.length * bytesOfOthers, get: (index) => values[index] ?? null };
}

const isSmallInteger = (value: Value): value is number =>
  typeof value === 'number' &&
  value > -(2 ** 31) &&
  value < 2 ** 31 &&
  Math.trunc(value) === value &&
  !Object.is(value, -0);

/** The least value of each kind of array is that of a missing one. */
const integerArrays = [Int8Array, Int16Array, Int32Array] as const;

function keepIntegers(values: readonly (number | null)[]): KeptValues {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value ?? 0));
  const Kind = integerArrays.find(({ BYTES_PER_ELEMENT }) => largest < 2 ** (8 * BYTES_PER_ELEMENT - 1)) ?? Int32Array;
  const missing = -(2 ** (8 * Kind.BYTES_PER_ELEMENT - 1));
  const kept = new Kind(values.length);
  for (const [index, value] of values.entries()) kept[index] = value ?? missing;
  return {
    length: kept.length,
    bytes: kept.byteLength + bytesOfArray,
    get(index) {
      const value = kept[index];
      return value === missing ? null : (value ?? null);
    },
  };
}

/** Values are repeated often enough to be kept once where there are four times as many. */
const repetitions = 4;

function keepTexts(values: readonly Text[]): KeptValues {
  const numbers = new Map<Text, number>();
  for (const value of values) {
    if (!numbers.has(value)) numbers.set(value, numbers.size);
    if (numbers.size * repetitions > values.length) return keepDifferentTexts(values);
  }
  const different = [...numbers.keys()];
  const places = keepIntegers(values.map((value) => numbers.get(value) ?? 0));
  const bytes = different.reduce((sum, text) => sum + 32 + 2 * (text?.length ?? 0), places.bytes);
  return { length: values.length, bytes, get: (index) => different[places.get(index) as number] ?? null };
}

/** Texts of these characters take one byte for each. */
const isLatin1 = (text: string): boolean => !/[^\0-\xff]/.test(text);

/** The texts one after the other, with the place where each ends. A text that is part of a longer one takes no memory of its own. */
function keepDifferentTexts(values: readonly Text[]): KeptValues {
  const whole = values.join('');
  const ends = new Uint32Array(values.length);
  const isMissing = values.includes(null) ? Uint8Array.from(values, (value) => (value === null ? 1 : 0)) : null;
  let end = 0;
  for (const [index, value] of values.entries()) {
    end += value?.length ?? 0;
    ends[index] = end;
  }
  return {
    length: values.length,
    bytes: whole.length * (isLatin1(whole) ? 1 : 2) + ends.byteLength + (isMissing?.byteLength ?? 0) + bytesOfArray,
    get: (index) => (isMissing?.[index] === 1 ? null : whole.slice(ends[index - 1] ?? 0, ends[index])),
  };
}

/** The elements of all lists one after the other, with the place where each list ends. */
function keepLists(values: readonly TextList[]): KeptValues {
  const elements = keepValues(values.flatMap((value) => value ?? []));
  const ends = new Uint32Array(values.length);
  let end = 0;
  for (const [index, value] of values.entries()) {
    end += value?.length ?? 0;
    ends[index] = end;
  }
  const missing = new Set(values.flatMap((value, index) => (value === null ? [index] : [])));
  return {
    length: values.length,
    bytes: elements.bytes + ends.byteLength + missing.size * 16 + bytesOfArray,
    get(index) {
      if (missing.has(index)) return null;
      const start = ends[index - 1] ?? 0;
      return Array.from({ length: (ends[index] ?? 0) - start }, (_, k) => elements.get(start + k));
    },
  };
}
