/** Conversions of f16 and bf16 against their definitions, for every bit pattern. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './float16.ts';

const everyPattern = Uint16Array.from({ length: 65536 }, (_, i) => i);

/** The definition of IEEE 754's binary formats, in f64. */
function numberOf(pattern: number, exponentBits: number, fractionBits: number): number {
  const sign = pattern >> 15 ? -1 : 1;
  const exponent = (pattern >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = pattern & (2 ** fractionBits - 1);
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - fractionBits);
  return sign * (1 + fraction / 2 ** fractionBits) * 2 ** (exponent - bias);
}

/** The nearest of all patterns; of two equally near ones the even one. */
function nearestPattern(value: number, exponentBits: number, fractionBits: number): number {
  let low = 0;
  let high = (2 ** exponentBits - 1) << fractionBits;
  // Positive patterns are in the order of their values. Infinity counts as the next power of two.
  const magnitude = Math.abs(value);
  const finite = (pattern: number): number =>
    pattern === (2 ** exponentBits - 1) << fractionBits
      ? 2 ** (2 ** (exponentBits - 1))
      : numberOf(pattern, exponentBits, fractionBits);
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (finite(middle) <= magnitude) low = middle;
    else high = middle;
  }
  const below = magnitude - finite(low);
  const above = finite(high) - magnitude;
  const pattern = above < below || (above === below && high % 2 === 0) ? high : low;
  return pattern | (Object.is(Math.sign(value), -1) || Object.is(value, -0) ? 0x8000 : 0);
}

describe.each([
  { format: 'float16', widen: float16ToFloat32, narrow: float32ToFloat16, exponentBits: 5, fractionBits: 10 },
  { format: 'bfloat16', widen: bfloat16ToFloat32, narrow: float32ToBfloat16, exponentBits: 8, fractionBits: 7 },
])('$format', ({ widen, narrow, exponentBits, fractionBits }) => {
  it('widens all 65,536 patterns exactly', () => {
    const expected = Float32Array.from(everyPattern, (pattern) => numberOf(pattern, exponentBits, fractionBits));
    expect(widen(everyPattern)).toEqual(expected);
  });

  it('narrows back to the same patterns, NaN to a NaN', () => {
    const widened = widen(everyPattern);
    const narrowed = narrow(widened);
    const wrong = everyPattern.filter((pattern) => {
      if (Number.isNaN(widened[pattern])) return !Number.isNaN(widen(narrowed.subarray(pattern, pattern + 1))[0]);
      return narrowed[pattern] !== pattern;
    });
    expect([...wrong]).toEqual([]);
  });

  it('rounds to nearest, ties to even', () => {
    const near = fc.integer({ min: 0, max: 0xfeff }).chain((pattern) => {
      const [a, b] = [
        numberOf(pattern, exponentBits, fractionBits),
        numberOf(pattern + 1, exponentBits, fractionBits),
      ] as const;
      return fc.constantFrom(0, 0.25, 0.5, 0.75).map((t) => Math.fround(a + t * (b - a)));
    });
    const value = fc.oneof(near, fc.float({ noNaN: true, noDefaultInfinity: true }));
    fc.assert(
      fc.property(
        value.filter((v) => Number.isFinite(v)),
        (v) => {
          expect(narrow(Float32Array.of(v))[0]).toBe(nearestPattern(v, exponentBits, fractionBits));
        },
      ),
      { numRuns: 5000 },
    );
  });
});
