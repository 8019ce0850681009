/** How elements of each dtype are stored in shader memory, and how they are converted to and from values in registers. */
import type { DType } from '../../kernel/dtype.ts';
import type { ShaderFunctionName } from './math.ts';

interface PackedElements {
  /** The number of elements in a 32-bit word. */
  readonly perWord: 1 | 2 | 4;
  /** The WGSL type of a value in a register. */
  readonly register: 'f32' | 'i32';
  /** Converts the element's bits (a u32 with zeros above them) to a value. */
  decode(bits: string, call: CallFunction): string;
  /** Converts a value to the element's bits, rounding if necessary. */
  encode(value: string, call: CallFunction): string;
  /** The WGSL type for one element if there is one, and the feature that it needs. */
  readonly native?: { readonly type: string; readonly feature: string | null };
}

/** Returns the text of a call, and adds the function to the shader. */
export type CallFunction = (name: ShaderFunctionName, ...operands: string[]) => string;

const byte: PackedElements = {
  perWord: 4,
  register: 'i32',
  decode: (bits) => `i32(${bits})`,
  encode: (value) => `(u32(${value}) & 255u)`,
};

const elements: Readonly<Record<DType, PackedElements | null>> = {
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
  u8: byte,
  bool: byte,
  f64: null,
};

const unsupported = (dtype: DType): string =>
  `webgpu: WGSL has no ${dtype}; cast to f32, or move to another backend: await x.to('wasm')`;

/** The reason why shaders do not support the dtype, and what to do; null if they support it. */
export const whyUnsupported = (dtype: DType): string | null => (elements[dtype] === null ? unsupported(dtype) : null);

/** How elements of the dtype are stored. Throws TypeError for a dtype that shaders do not support. */
export function elementsOf(dtype: DType): PackedElements {
  const packed = elements[dtype];
  if (packed === null) throw new TypeError(unsupported(dtype));
  return packed;
}

/** The WGSL type of a value of this dtype in a register. */
export const registerType = (dtype: DType): 'f32' | 'i32' => elementsOf(dtype).register;
