import { describe, expect, it } from 'vitest';
import { encodeBfloat16, encodeFloat16 } from '../../../kernel/float16.ts';
import { nth } from '../../../kernel/nth.ts';
import type { FunctionBuilder } from '../emit/encoder.ts';
import { ModuleBuilder } from '../emit/module-builder.ts';
import { emitNarrow, emitRound, emitWiden } from './half.ts';

const everyPattern = Uint32Array.from({ length: 65536 }, (_, i) => i);

/** Runs `emit` on each vector of memory, in place. */
function convert(emit: (fn: FunctionBuilder) => void, words: Uint32Array): Uint32Array {
  const module = new ModuleBuilder('test');
  module.importMemory('env', 'memory', 1, 65536);
  const fn = module.function('convert', ['i32']);
  const at = fn.local('i32');
  fn.forLoop(at, 0, fn.params[0], 16, () => {
    fn.get(at).get(at).mem('v128.load', 0);
    emit(fn);
    fn.mem('v128.store', 0);
  });
  module.exportFunction('convert', fn);
  const pages = Math.ceil(words.byteLength / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536, shared: true });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { env: { memory } });
  const result = new Uint32Array(memory.buffer, 0, words.length);
  result.set(words);
  (instance.exports.convert as (bytes: number) => void)(words.byteLength);
  return result.slice();
}

/** Bits of f32 numbers: each value of the type, the next f32, and the point halfway to the next value with its neighbors. */
function around(widened: Uint32Array): Uint32Array {
  const near = [...widened].flatMap((bits, k) => {
    const next = nth(widened, Math.min(k + 1, widened.length - 1));
    const halfway = bits + ((next - bits) >> 1);
    return [bits, bits + 1, halfway - 1, halfway, halfway + 1];
  });
  while (near.length % 4 !== 0) near.push(0);
  return Uint32Array.from(near);
}

describe.each([
  { dtype: 'f16', encode: encodeFloat16, infinity: 0x7c00 },
  { dtype: 'bf16', encode: encodeBfloat16, infinity: 0x7f80 },
] as const)('$dtype', ({ dtype, encode, infinity }) => {
  const floats = (words: Uint32Array): Float32Array => new Float32Array(words.buffer);
  const widened = convert((fn) => emitWiden(fn, dtype), everyPattern);
  const isNaNPattern = (pattern: number): boolean => (pattern & 0x7fff) > infinity;

  it('widens all 65,536 patterns exactly', () => {
    const fraction = dtype === 'f16' ? 10 : 7;
    const bias = dtype === 'f16' ? 15 : 127;
    const wrong = everyPattern.filter((pattern) => {
      const value = nth(floats(widened), pattern);
      if (isNaNPattern(pattern)) return !Number.isNaN(value);
      const magnitude = pattern & 0x7fff;
      const exponent = magnitude >> fraction;
      const digits = magnitude & (2 ** fraction - 1);
      const expected =
        magnitude === infinity
          ? Number.POSITIVE_INFINITY
          : exponent === 0
            ? digits * 2 ** (1 - bias - fraction)
            : (1 + digits * 2 ** -fraction) * 2 ** (exponent - bias);
      return !Object.is(value, pattern >> 15 ? -expected : expected);
    });
    expect([...wrong]).toEqual([]);
  });

  it('narrows numbers at, between and halfway between all values like the scalar code, and NaN to a NaN', () => {
    for (const start of [0, 0x8000]) {
      const words = around(widened.slice(start, start + infinity + 1));
      const narrowed = convert((fn) => emitNarrow(fn, dtype), words);
      const rounded = convert((fn) => emitRound(fn, dtype), words);
      const again = convert((fn) => emitWiden(fn, dtype), narrowed);
      const wrong = words.filter((_, k) => {
        const [value, pattern] = [nth(floats(words), k), nth(narrowed, k)];
        if (Number.isNaN(value)) return !isNaNPattern(pattern) || !Number.isNaN(nth(floats(rounded), k));
        return pattern !== encode(value) || again[k] !== rounded[k];
      });
      expect([...wrong]).toEqual([]);
    }
  });

  it('keeps NaN, infinities and signed zeros, and saturates to infinity', () => {
    const specials = Float32Array.of(Number.NaN, Infinity, -Infinity, -0, 0, 3.4e38, -3.4e38, 1e-45);
    const narrowed = convert((fn) => emitNarrow(fn, dtype), new Uint32Array(specials.buffer.slice(0)));
    expect([...narrowed].slice(1)).toEqual([infinity, infinity + 0x8000, 0x8000, 0, infinity, infinity + 0x8000, 0]);
    expect(isNaNPattern(nth(narrowed, 0))).toBe(true);
    const widest = new Uint32Array(Float32Array.of(Number.NaN, Number.NaN, 1, 2).buffer);
    widest[0] = 0x7fffffff;
    widest[1] = 0xffffffff;
    expect([...convert((fn) => emitNarrow(fn, dtype), widest)].slice(0, 2).every(isNaNPattern)).toBe(true);
  });
});
