/** Writes programs in WGSL. */

import type { Dialect } from '../../codegen/dialect.ts';
import type { BinaryKind } from '../../codegen/simplify.ts';
import { type DType, isFloat } from '../../kernel/dtype.ts';
import { nth } from '../../kernel/nth.ts';
import type { ReduceOp, RoundOp, UnaryOp } from '../../kernel/operators.ts';
import type { ShaderBuffers } from './buffers.ts';
import { type CallFunction, registerType } from './elements.ts';
import type { ShaderFunctionName } from './math.ts';

const unaryFunctions = {
  exp: 'exp_',
  log: 'log_',
  sin: 'sin_',
  tanh: 'tanh_',
  erf: 'erf_',
} as const satisfies Readonly<Partial<Record<UnaryOp, ShaderFunctionName>>>;

/** Binary operations that WGSL writes with an operator, for floats and integers. */
const infix: Readonly<Partial<Record<BinaryKind, string>>> = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  and: '&',
  or: '|',
  xor: '^',
};
const comparisons: Readonly<Partial<Record<BinaryKind, string>>> = { lt: '<', eq: '==' };

/** The WGSL dialect of one shader. `call` collects the functions that the shader calls. */
export class WgslDialect implements Dialect {
  readonly #buffers: ShaderBuffers;
  readonly #call: CallFunction;

  constructor(buffers: ShaderBuffers, call: CallFunction) {
    this.#buffers = buffers;
    this.#call = call;
  }

  constant(name: string, dtype: DType, expression: string): string {
    return `let ${name}: ${registerType(dtype)} = ${expression};`;
  }

  variable(name: string, dtype: DType, expression: string): string {
    return `var ${name}: ${registerType(dtype)} = ${expression};`;
  }

  index(name: string, expression: string): string {
    return `let ${name}: i32 = ${expression};`;
  }

  quotient(index: string, divisor: number): string {
    // Unsigned division by a constant is cheaper.
    return `i32(u32(${index}) / ${divisor}u)`;
  }

  remainder(index: string, divisor: number): string {
    return `i32(u32(${index}) % ${divisor}u)`;
  }

  literal(value: number, dtype: DType): string {
    if (registerType(dtype) === 'i32') return value < 0 ? `i32(${value})` : `${value}`;
    const single = Math.fround(value);
    const ordinary =
      Number.isFinite(single) && !Object.is(single, -0) && (single === 0 || Math.abs(single) >= 2 ** -126);
    if (ordinary) return `${single < 0 ? '(' : ''}${single}f${single < 0 ? ')' : ''}`;
    const bits = nth(new Uint32Array(Float32Array.of(single).buffer), 0);
    return this.#call('from_bits', `0x${bits.toString(16)}u`);
  }

  load(buffer: number, position: string): string {
    return this.#buffers.load(buffer, position);
  }

  /** Four neighboring elements as a vector. `quad`: the first one's position divided by 4. */
  loadVector(buffer: number, quad: string): string {
    return this.#buffers.loadVector(buffer, quad);
  }

  /** A statement that writes the vector called `name` to four neighboring elements. */
  storeVector(buffer: number, quad: string, name: string): string {
    return this.#buffers.storeVector(buffer, quad, name);
  }

  store(buffer: number, position: string, value: string): string {
    return this.#buffers.store(buffer, position, value);
  }

  clampedIndex(value: string, last: number): string {
    return `clamp(${value}, 0, ${last})`;
  }

  unary(kind: UnaryOp | RoundOp, source: string, from: DType, dtype: DType): string {
    switch (kind) {
      case 'cast':
        return this.#cast(source, from, dtype);
      case 'neg':
        return isFloat(dtype) ? `-(${source})` : this.#wrap(`(0 - ${source})`, dtype);
      case 'recip':
        return `1f / ${source}`;
      case 'sqrt':
        return `sqrt(${source})`;
      case 'floor':
        return isFloat(dtype) ? `floor(${source})` : source;
      case 'roundF16':
        return this.#call('round_f16', source);
      case 'roundBf16':
        return this.#call('round_bf16', source);
      case 'exp':
      case 'log':
      case 'sin':
      case 'tanh':
      case 'erf':
        return this.#call(unaryFunctions[kind], source);
      default:
        return kind satisfies never;
    }
  }

  #cast(source: string, from: DType, dtype: DType): string {
    // Compared by bits, so that NaN counts as true.
    if (dtype === 'bool')
      return isFloat(from)
        ? `select(0, 1, (bitcast<u32>(${source}) & 0x7fffffffu) != 0u)`
        : `select(0, 1, ${source} != 0)`;
    if (isFloat(dtype)) return isFloat(from) ? source : `f32(${source})`;
    return this.#wrap(isFloat(from) ? this.#call('to_i32', source) : source, dtype);
  }

  /** Wraps a 32-bit integer to the range of the dtype. */
  #wrap(value: string, dtype: DType): string {
    return dtype === 'u8' ? `(${value} & 255)` : value;
  }

  binary(kind: BinaryKind, a: string, b: string, from: DType, dtype: DType): string {
    const comparison = comparisons[kind];
    if (comparison !== undefined) return `select(0, 1, ${a} ${comparison} ${b})`;
    if (kind === 'max' || kind === 'min') {
      return isFloat(from) ? this.#call(`${kind}_`, a, b) : `${kind}(${a}, ${b})`;
    }
    const sign = infix[kind];
    if (sign !== undefined) return this.#wrap(`(${a} ${sign} ${b})`, dtype);
    switch (kind) {
      case 'idiv':
        return this.#call('idiv', a, b);
      case 'mod':
        return this.#call('imod', a, b);
      case 'shl':
        return this.#wrap(`(${a} << (u32(${b}) & 31u))`, dtype);
      case 'shr':
        return this.#wrap(`i32(u32(${a}) >> (u32(${b}) & 31u))`, dtype);
      default:
        throw new Error(`webgpu: the binary operation '${kind}' is not implemented for ${from}`);
    }
  }

  where(condition: string, yes: string, no: string): string {
    return `select(${no}, ${yes}, ${condition} != 0)`;
  }

  neutral(kind: ReduceOp, dtype: DType): string {
    if (kind === 'sum') return this.literal(0, dtype);
    if (isFloat(dtype)) return this.literal(Number.NEGATIVE_INFINITY, dtype);
    return this.literal(dtype === 'i32' ? -(2 ** 31) : 0, dtype);
  }

  join(kind: ReduceOp, a: string, b: string, dtype: DType): string {
    return this.binary(kind === 'sum' ? 'add' : 'max', a, b, dtype, dtype);
  }
}
