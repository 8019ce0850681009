/** How elements of each dtype lie in memory that shaders see, and how they become values in registers. */
import type { DType } from '../../kernel/dtype.ts';
import type { ShaderFunctionName } from './math.ts';

interface PackedElements {
  /** Elements of a 32-bit word. */
  readonly perWord: 1 | 2 | 4;
  /** WGSL's type of a value in a register. */
  readonly register: 'f32' | 'i32';
  /** From the element's bits (u32, nothing above them) to a value, and back (rounded where needed). */
  decode(bits: string, call: CallFunction): string;
  encode(value: string, call: CallFunction): string;
  /** A type of WGSL that holds one element, where it has one, and the feature that it takes. */
  readonly native?: { readonly type: string; readonly feature: string | null };
}

/** Text of a call; the function joins the shader. */
export type CallFunction = (name: ShaderFunctionName, ...operands: string[]) => string;

const elements: Readonly<Partial<Record<DType, PackedElements>>> = {
  f32: {
    perWord: 1,
    register: 'f32',
    decode: (bits) => `bitcast<f32>(${bits})`,
    encode: (value) => `bitcast<u32>(${value})`,
    native: { type: 'f32', feature: null },
  },
  i32: {
    perWord: 1,
    register: 'i32',
    decode: (bits) => `bitcast<i32>(${bits})`,
    encode: (value) => `bitcast<u32>(${value})`,
    native: { type: 'i32', feature: null },
  },
  f16: {
    perWord: 2,
    register: 'f32',
    decode: (bits, call) => call('from_f16', bits),
    encode: (value, call) => call('f16_bits', value),
    native: { type: 'f16', feature: 'shader-f16' },
  },
  bf16: {
    perWord: 2,
    register: 'f32',
    decode: (bits) => `bitcast<f32>(${bits} << 16u)`,
    encode: (value, call) => call('bf16_bits', value),
  },
  u8: { perWord: 4, register: 'i32', decode: (bits) => `i32(${bits})`, encode: (value) => `(u32(${value}) & 255u)` },
  bool: { perWord: 4, register: 'i32', decode: (bits) => `i32(${bits})`, encode: (value) => `(u32(${value}) & 255u)` },
};

/** Why shaders do not have the dtype, and what to do; null where they have it. */
export const whyUnsupported = (dtype: DType): string | null =>
  elements[dtype] !== undefined
    ? null
    : `webgpu: WGSL has no ${dtype}; cast to f32, or move to another backend: await x.to('wasm')`;

/** Throws for a dtype that shaders do not have. */
export function elementsOf(dtype: DType): PackedElements {
  const packed = elements[dtype];
  if (packed === undefined) throw new TypeError(whyUnsupported(dtype) as string);
  return packed;
}

/** WGSL's type of a value in a register. */
export const registerType = (dtype: DType): 'f32' | 'i32' => elementsOf(dtype).register;
