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
type Struct = { readonly [name: string]: Value };

/** The memory of an array of numbers without them. */
const bytesOfArray = 128;

/** @returns the same values, in the same order */
export function keepValues(values: readonly Value[]): KeptValues {
  if (areAll(values, isSmallInteger)) return keepIntegers(values);
  if (areAll(values, isText)) return keepRepeated(values) ?? keepTexts(values);
  if (areAll(values, Array.isArray)) return keepLists(values);
  if (areAll(values, isStruct) && values.length > 0) return keepStructs(values) ?? keepPlain(values);
  return keepRepeated(values) ?? keepPlain(values);
}

const areAll = <T extends Value>(values: readonly Value[], is: (value: Value) => value is T): values is (T | null)[] =>
  values.every((value) => value === null || is(value));

const isText = (value: Value): value is string => typeof value === 'string';

const isSmallInteger = (value: Value): value is number =>
  Number.isInteger(value) && Math.abs(value as number) < 2 ** 31 && !Object.is(value, -0);

const isStruct = (value: Value): value is { [name: string]: Value } =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** Values as they are. */
const keepPlain = (values: readonly Value[]): KeptValues => ({
  length: values.length,
  bytes: values.reduce<number>((sum, value) => sum + bytesOf(value), 0),
  get: (index) => values[index] ?? null,
});

/** The memory of a value, roughly. */
function bytesOf(value: Value): number {
  if (typeof value === 'string') return 24 + 2 * value.length;
  if (typeof value !== 'object' || value === null) return 16;
  if (value instanceof Uint8Array) return bytesOfArray + value.byteLength;
  return Object.values(value).reduce<number>((sum, member) => sum + 8 + bytesOf(member), 48);
}

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

/** Values are kept once where there are at least so many times as many. */
const repetitions = 4;

/** Texts and numbers that are repeated; null where others are among them, or most are different. */
function keepRepeated(values: readonly Value[]): KeptValues | null {
  const places = new Map<Value, number>();
  for (const value of values) {
    // A map takes -0 for 0.
    if ((typeof value === 'object' && value !== null) || Object.is(value, -0)) return null;
    if (!places.has(value)) places.set(value, places.size);
    if (places.size * repetitions > values.length) return null;
  }
  const different = keepPlain([...places.keys()]);
  const numbers = keepIntegers(values.map((value) => places.get(value) ?? 0));
  return {
    length: values.length,
    bytes: different.bytes + numbers.bytes,
    get: (index) => different.get(numbers.get(index) as number),
  };
}

/** Texts of these characters take one byte for each. */
const isLatin1 = (text: string): boolean => !/[^\0-\xff]/.test(text);

/** The texts one after the other, with the place where each ends. A text that is part of a longer one takes no memory of its own. */
function keepTexts(values: readonly Text[]): KeptValues {
  const whole = values.join('');
  const { ends, missing } = endsOf(values);
  return {
    length: values.length,
    bytes: whole.length * (isLatin1(whole) ? 1 : 2) + bytesOfEnds(ends, missing),
    get: (index) => (missing.has(index) ? null : whole.slice(ends[index - 1] ?? 0, ends[index])),
  };
}

/** The elements of all lists one after the other, with the place where each list ends. */
function keepLists(values: readonly (readonly Value[] | null)[]): KeptValues {
  const elements = keepValues(values.flatMap((value) => value ?? []));
  const { ends, missing } = endsOf(values);
  return {
    length: values.length,
    bytes: elements.bytes + bytesOfEnds(ends, missing),
    get(index) {
      if (missing.has(index)) return null;
      const start = ends[index - 1] ?? 0;
      return Array.from({ length: (ends[index] ?? 0) - start }, (_, k) => elements.get(start + k));
    },
  };
}

/** Where each of some texts or lists ends if they follow each other, and which of them are missing. */
function endsOf(values: readonly ({ readonly length: number } | null)[]): { ends: Uint32Array; missing: Set<number> } {
  const ends = new Uint32Array(values.length);
  const missing = new Set<number>();
  let end = 0;
  for (const [index, value] of values.entries()) {
    if (value === null) missing.add(index);
    end += value?.length ?? 0;
    ends[index] = end;
  }
  return { ends, missing };
}

const bytesOfEnds = (ends: Uint32Array, missing: ReadonlySet<number>): number =>
  ends.byteLength + bytesOfArray + 32 * missing.size;

/** Each member of the structs as a column; null where they do not have the same members. */
function keepStructs(values: readonly (Struct | null)[]): KeptValues | null {
  const names = Object.keys(values.find((value) => value !== null) ?? {});
  const isSame = (value: Struct): boolean => {
    const own = Object.keys(value);
    return own.length === names.length && own.every((name, k) => name === names[k]);
  };
  if (!values.every((value) => value === null || isSame(value))) return null;
  const present = values.map((value) => value !== null);
  const members = names.map((name) => [name, keepValues(values.map((value) => value?.[name] ?? null))] as const);
  return {
    length: values.length,
    bytes: members.reduce((sum, [, member]) => sum + member.bytes, values.length),
    get: (index) =>
      present[index] === true ? Object.fromEntries(members.map(([name, member]) => [name, member.get(index)])) : null,
  };
}
