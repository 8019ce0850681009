/** Shared bits of one number as f32 and as an integer. */
const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** IEEE 754 binary16 bit patterns as f32; exact. */
export function float16ToFloat32(source: Uint16Array): Float32Array {
  const out = new Uint32Array(source.length);
  for (let i = 0; i < source.length; i++) {
    const sign = (source[i] & 0x8000) << 16;
    const exponent = (source[i] >> 10) & 0x1f;
    const fraction = source[i] & 0x3ff;
    if (exponent === 0) {
      // Zero or subnormal: fraction * 2^-24, which f32 holds exactly.
      float[0] = fraction * 2 ** -24;
      out[i] = sign | bits[0];
    } else {
      // 31 marks infinity and NaN, 255 in f32; otherwise the bias grows from 15 to 127.
      const widened = exponent === 31 ? 255 : exponent + 112;
      out[i] = sign | (widened << 23) | (fraction << 13);
    }
  }
  return new Float32Array(out.buffer);
}

/** f32 as IEEE 754 binary16 bit patterns, rounded to nearest, ties to even; too large becomes infinity, NaN stays NaN. */
export function float32ToFloat16(source: Float32Array): Uint16Array {
  const out = new Uint16Array(source.length);
  for (let i = 0; i < source.length; i++) {
    float[0] = source[i];
    const sign = (bits[0] >>> 16) & 0x8000;
    const magnitude = bits[0] & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      out[i] = sign | 0x7e00;
    } else if (magnitude < 0x38800000) {
      // Below 2^-14 the result is subnormal, a multiple of 2^-24: adding 0.5 leaves exactly these bits, rounded to even.
      float[0] = Math.abs(source[i]) + 0.5;
      out[i] = sign | (bits[0] - 0x3f000000);
    } else {
      // Drop 13 bits of the fraction, rounding to even; a carry runs into the exponent, as it must.
      const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
      out[i] = sign | Math.min((rounded >>> 13) - (112 << 10), 0x7c00);
    }
  }
  return out;
}

/** bfloat16 bit patterns, the upper halves of f32's, as f32; exact. */
export function bfloat16ToFloat32(source: Uint16Array): Float32Array {
  const out = new Uint32Array(source.length);
  for (let i = 0; i < source.length; i++) out[i] = source[i] << 16;
  return new Float32Array(out.buffer);
}

/** f32 as bfloat16 bit patterns, rounded to nearest, ties to even; NaN stays NaN. */
export function float32ToBfloat16(source: Float32Array): Uint16Array {
  const out = new Uint16Array(source.length);
  for (let i = 0; i < source.length; i++) {
    float[0] = source[i];
    const nan = (bits[0] & 0x7fffffff) > 0x7f800000;
    out[i] = nan ? (bits[0] >>> 16) | 0x40 : (bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) >>> 16;
  }
  return out;
}
