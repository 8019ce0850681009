/** Writes programs in WGSL. */

import type { Dialect } from '../../codegen/dialect.ts';
import { type ElementaryName, isElementary } from '../../codegen/elementary/index.ts';
import { type DType, isFloat } from '../../kernel/dtype.ts';
import { nth } from '../../kernel/nth.ts';
import type { BinaryKind, ReduceOp, RoundOp, UnaryFunction, UnaryOp } from '../../kernel/operators.ts';
import type { ShaderBuffers } from './buffers.ts';
import { type CallFunction, registerType } from './elements.ts';
import type { ShaderFunctionName } from './math.ts';

/** 32 bits within the range of a smaller integer. */
const wrapped = (value: string, dtype: DType): string => (dtype === 'u8' ? `(${value} & 255)` : value);

/** The text of an operation; `call` adds the functions that it calls to the shader, `dtype` is the result's. */
type UnaryText = (call: CallFunction, source: string, dtype: DType) => string;

const functionCall =
  (name: ShaderFunctionName): UnaryText =>
  (call, source) =>
    call(name, source);

const unaryTexts: Readonly<Record<Exclude<UnaryFunction, ElementaryName> | RoundOp, UnaryText>> = {
  neg: (_, source, dtype) => (isFloat(dtype) ? `-(${source})` : wrapped(`(0 - ${source})`, dtype)),
  recip: (call, source) => call('div_', '1f', source),
  sqrt: (_, source) => `sqrt(${source})`,
  floor: (_, source, dtype) => (isFloat(dtype) ? `floor(${source})` : source),
  ceil: (_, source) => `ceil(${source})`,
  trunc: (_, source) => `trunc(${source})`,
  // Halves become even.
  round: (_, source) => `round(${source})`,
  roundF16: functionCall('round_f16'),
  roundBf16: functionCall('round_bf16'),
};

/** `from` is the dtype of the operands, `dtype` the result's. */
type BinaryText = (call: CallFunction, a: string, b: string, from: DType, dtype: DType) => string;

const infix =
  (operator: string): BinaryText =>
  (_, a, b, _from, dtype) =>
    wrapped(`(${a} ${operator} ${b})`, dtype);

const comparison =
  (operator: string): BinaryText =>
  (_, a, b) =>
    `select(0, 1, ${a} ${operator} ${b})`;

const bound =
  (kind: 'max' | 'min'): BinaryText =>
  (call, a, b, from) =>
    isFloat(from) ? call(`${kind}_`, a, b) : `${kind}(${a}, ${b})`;

const binaryTexts: Readonly<Record<BinaryKind, BinaryText>> = {
  add: infix('+'),
  sub: infix('-'),
  mul: infix('*'),
  div: (call, a, b) => call('div_', a, b),
  pow: (call, a, b) => call('pow_', a, b),
  max: bound('max'),
  min: bound('min'),
  lt: comparison('<'),
  // Compilers may assume that there is no NaN, which alone differs from itself.
  eq: (call, a, b, from) =>
    a === b && isFloat(from) ? `select(1, 0, ${call('is_nan', a)})` : `select(0, 1, ${a} == ${b})`,
  copysign: (call, a, b) => call('with_sign', `abs(${a})`, b),
  idiv: (call, a, b) => call('idiv', a, b),
  mod: (call, a, b, from) => call(isFloat(from) ? 'fmod' : 'imod', a, b),
  and: infix('&'),
  or: infix('|'),
  xor: infix('^'),
  shl: (_, a, b, _from, dtype) => wrapped(`(${a} << (u32(${b}) & 31u))`, dtype),
  shr: (_, a, b, _from, dtype) => wrapped(`i32(u32(${a}) >> (u32(${b}) & 31u))`, dtype),
};

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
    if (kind === 'cast') return this.#cast(source, from, dtype);
    return isElementary(kind) ? this.#call(`${kind}_`, source) : unaryTexts[kind](this.#call, source, dtype);
  }

  #cast(source: string, from: DType, dtype: DType): string {
    // Compared by bits, so that NaN counts as true.
    if (dtype === 'bool')
      return isFloat(from)
        ? `select(0, 1, (bitcast<u32>(${source}) & 0x7fffffffu) != 0u)`
        : `select(0, 1, ${source} != 0)`;
    if (isFloat(dtype)) return isFloat(from) ? source : `f32(${source})`;
    return wrapped(isFloat(from) ? this.#call('to_i32', source) : source, dtype);
  }

  binary(kind: BinaryKind, a: string, b: string, from: DType, dtype: DType): string {
    return binaryTexts[kind](this.#call, a, b, from, dtype);
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
