/** Conversions between f32 and the two-byte floating-point types, one number or many, by their bit patterns. */

/** Shared bits of one number as f32 and as an integer. */
const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

// The arrays below are read and written in range, in loops over whole tensors.

const toBits = (x: number): number => {
  float[0] = x;
  return bits[0] as number;
};
const fromBits = (pattern: number): number => {
  bits[0] = pattern;
  return float[0] as number;
};

/** The bits of an f32 from those of an IEEE 754 binary16. */
function widen16(pattern: number): number {
  const sign = (pattern & 0x8000) << 16;
  const exponent = (pattern >> 10) & 0x1f;
  const fraction = pattern & 0x3ff;
  // Zero or subnormal: fraction * 2^-24, which f32 holds exactly.
  if (exponent === 0) return sign | toBits(fraction * 2 ** -24);
  // 31 marks infinity and NaN, 255 in f32; otherwise the bias grows from 15 to 127.
  return sign | ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
}

/** An IEEE 754 binary16 bit pattern as a number; exact. */
export const decodeFloat16 = (pattern: number): number => fromBits(widen16(pattern));

/** An f32 as an IEEE 754 binary16 bit pattern, rounded to nearest, ties to even; too large becomes infinity, NaN stays NaN. */
export function encodeFloat16(x: number): number {
  const pattern = toBits(x);
  const sign = (pattern >>> 16) & 0x8000;
  const magnitude = pattern & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // Below 2^-14 the result is subnormal, a multiple of 2^-24: adding 0.5 leaves exactly these bits, rounded to even.
  if (magnitude < 0x38800000) return sign | (toBits(Math.abs(float[0] as number) + 0.5) - 0x3f000000);
  // Drop 13 bits of the fraction, rounding to even; a carry runs into the exponent, as it must.
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | Math.min((rounded >>> 13) - (112 << 10), 0x7c00);
}

/** A bfloat16 bit pattern, the upper half of an f32's, as a number; exact. */
export const decodeBfloat16 = (pattern: number): number => fromBits(pattern << 16);

/** An f32 as a bfloat16 bit pattern, rounded to nearest, ties to even; NaN stays NaN. */
export function encodeBfloat16(x: number): number {
  const pattern = toBits(x);
  const nan = (pattern & 0x7fffffff) > 0x7f800000;
  return nan ? (pattern >>> 16) | 0x40 : (pattern + 0x7fff + ((pattern >>> 16) & 1)) >>> 16;
}

/** IEEE 754 binary16 bit patterns as f32; exact. */
export function float16ToFloat32(source: Uint16Array): Float32Array {
  const out = new Uint32Array(source.length);
  for (let i = 0; i < source.length; i++) out[i] = widen16(source[i] as number);
  return new Float32Array(out.buffer);
}

/** f32 as IEEE 754 binary16 bit patterns: see `encodeFloat16`. */
export function float32ToFloat16(source: Float32Array): Uint16Array {
  const out = new Uint16Array(source.length);
  for (let i = 0; i < source.length; i++) out[i] = encodeFloat16(source[i] as number);
  return out;
}

/** bfloat16 bit patterns as f32; exact. */
export function bfloat16ToFloat32(source: Uint16Array): Float32Array {
  const out = new Uint32Array(source.length);
  for (let i = 0; i < source.length; i++) out[i] = (source[i] as number) << 16;
  return new Float32Array(out.buffer);
}

/** f32 as bfloat16 bit patterns: see `encodeBfloat16`. */
export function float32ToBfloat16(source: Float32Array): Uint16Array {
  const out = new Uint16Array(source.length);
  for (let i = 0; i < source.length; i++) out[i] = encodeBfloat16(source[i] as number);
  return out;
}
