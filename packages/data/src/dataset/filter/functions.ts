/** The functions of conditions: each takes values of columns, and returns null where they are not of its kind. */
import type { Value } from '../../arrow/column.ts';

export interface FilterFunction {
  readonly parameters: number;
  /** Whether it is a condition by itself. */
  readonly isCondition: boolean;
  /** Whether class labels are passed as names. */
  readonly takesTexts: boolean;
  call(...values: (Value | undefined)[]): Value;
}

const onText = (compute: (text: string) => Value): FilterFunction => ({
  parameters: 1,
  isCondition: false,
  takesTexts: true,
  call: (value) => (typeof value === 'string' ? compute(value) : null),
});

const onTexts = (test: (text: string, other: string) => boolean): FilterFunction => ({
  parameters: 2,
  isCondition: true,
  takesTexts: true,
  call: (text, other) => typeof text === 'string' && typeof other === 'string' && test(text, other),
});

/** Code points of a text, elements of a list, bytes of a picture or of binary data. */
function lengthOf(value: Value | undefined): number | null {
  if (typeof value === 'string') return Array.from(value).length;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length;
  if (typeof value === 'object' && value !== null && 'bytes' in value) return lengthOf(value.bytes as Value);
  return null;
}

export const filterFunctions: Readonly<Record<string, FilterFunction>> = {
  length: { parameters: 1, isCondition: false, takesTexts: true, call: lengthOf },
  words: onText((text) => text.split(/\s+/).filter((word) => word !== '').length),
  lower: onText((text) => text.toLowerCase()),
  upper: onText((text) => text.toUpperCase()),
  contains: {
    parameters: 2,
    isCondition: true,
    takesTexts: true,
    call: (whole, part) =>
      Array.isArray(whole)
        ? whole.some((element) => element === part)
        : typeof whole === 'string' && typeof part === 'string' && whole.includes(part),
  },
  starts_with: onTexts((text, start) => text.startsWith(start)),
  ends_with: onTexts((text, end) => text.endsWith(end)),
};
