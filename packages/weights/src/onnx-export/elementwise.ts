/** Operations by elements: what they are in ONNX. */
import type { DType } from '@tessera/tensor';
import type { BinaryOp, UnaryOp } from '@tessera/tensor/graph';
import { type GraphBuilder, onnxTypeOf, onnxTypes } from './graph-builder.ts';

/** An operation on named values of one dtype. @returns the name of the result */
type Operation<Names extends readonly string[]> = (builder: GraphBuilder, dtype: DType, ...inputs: Names) => string;

const node =
  (type: string): Operation<readonly string[]> =>
  (builder, _, ...inputs) =>
    builder.emit(type, inputs);

const number = (builder: GraphBuilder, dtype: DType, value: number): string => builder.number(value, onnxTypeOf(dtype));

/** `near` close to 0, where the other way would cancel digits. */
const nearZero =
  (near: Operation<readonly [string]>, far: Operation<readonly [string]>): Operation<readonly [string]> =>
  (builder, dtype, x) => {
    const isNear = builder.emit('Less', [builder.emit('Abs', [x]), number(builder, dtype, 0.5)]);
    return builder.emit('Where', [isNear, near(builder, dtype, x), far(builder, dtype, x)]);
  };

const logarithm =
  (base: number): Operation<readonly [string]> =>
  (builder, dtype, x) =>
    builder.emit('Mul', [builder.emit('Log', [x]), number(builder, dtype, 1 / Math.log(base))]);

/** `cast` depends on two dtypes: see `castValue`. */
export const unaryOperations: Readonly<Record<Exclude<UnaryOp, 'cast'>, Operation<readonly [string]>>> = {
  neg: node('Neg'),
  recip: node('Reciprocal'),
  sqrt: node('Sqrt'),
  exp: node('Exp'),
  log: node('Log'),
  sin: node('Sin'),
  cos: node('Cos'),
  floor: node('Floor'),
  tanh: node('Tanh'),
  erf: node('Erf'),
  erfc: (builder, dtype, x) => builder.emit('Sub', [number(builder, dtype, 1), builder.emit('Erf', [x])]),
  // 2 t / (1 - t) with t = tanh(x / 2)
  expm1: nearZero(
    (builder, dtype, x) => {
      const t = builder.emit('Tanh', [builder.emit('Mul', [x, number(builder, dtype, 0.5)])]);
      const above = builder.emit('Add', [t, t]);
      return builder.emit('Div', [above, builder.emit('Sub', [number(builder, dtype, 1), t])]);
    },
    (builder, dtype, x) => builder.emit('Sub', [builder.emit('Exp', [x]), number(builder, dtype, 1)]),
  ),
  exp2: (builder, dtype, x) => builder.emit('Pow', [number(builder, dtype, 2), x]),
  // 2 artanh(x / (2 + x))
  log1p: nearZero(
    (builder, dtype, x) => {
      const ratio = builder.emit('Div', [x, builder.emit('Add', [x, number(builder, dtype, 2)])]);
      return builder.emit('Mul', [builder.emit('Atanh', [ratio]), number(builder, dtype, 2)]);
    },
    (builder, dtype, x) => builder.emit('Log', [builder.emit('Add', [x, number(builder, dtype, 1)])]),
  ),
  log2: logarithm(2),
  log10: logarithm(10),
  atan: node('Atan'),
  ceil: node('Ceil'),
  trunc: (builder, _, x) =>
    builder.emit('Mul', [builder.emit('Sign', [x]), builder.emit('Floor', [builder.emit('Abs', [x])])]),
  // To the even neighbor, as here.
  round: node('Round'),
};

/** Whether the number is below 0, or is -0. */
const isNegative = (builder: GraphBuilder, dtype: DType, x: string): string => {
  const zero = number(builder, dtype, 0);
  const below = builder.emit('Less', [x, zero]);
  return builder.emit('Or', [below, builder.emit('Less', [builder.emit('Reciprocal', [x]), zero])]);
};

/** An operation on integers that is 0 where the divisor is 0. */
const guarded =
  (type: string, attributes: Readonly<Record<string, number>> = {}): Operation<readonly [string, string]> =>
  (builder, dtype, a, b) => {
    const zero = number(builder, dtype, 0);
    const isZero = builder.emit('Equal', [b, zero]);
    const divisor = builder.emit('Where', [isZero, number(builder, dtype, 1), b]);
    return builder.emit('Where', [isZero, zero, builder.emit(type, [a, divisor], attributes)]);
  };

const logical =
  (ofBool: string, ofIntegers: string): Operation<readonly [string, string]> =>
  (builder, dtype, a, b) =>
    builder.emit(dtype === 'bool' ? ofBool : ofIntegers, [a, b]);

/** Shifts are of numbers without a sign, by a count modulo 32. */
const shift =
  (direction: 'LEFT' | 'RIGHT'): Operation<readonly [string, string]> =>
  (builder, dtype, a, b) => {
    const count = builder.emit('BitwiseAnd', [b, number(builder, dtype, 31)]);
    const [bits, by] = [a, count].map((name) => builder.emit('Cast', [name], { to: onnxTypes.u32 })) as [
      string,
      string,
    ];
    const shifted = builder.emit('BitShift', [bits, by], { direction });
    return builder.emit('Cast', [shifted], { to: onnxTypes[onnxTypeOf(dtype)] });
  };

export const binaryOperations: Readonly<Record<BinaryOp, Operation<readonly [string, string]>>> = {
  add: node('Add'),
  mul: node('Mul'),
  div: node('Div'),
  pow: node('Pow'),
  max: (builder, dtype, a, b) => builder.emit(dtype === 'bool' ? 'Or' : 'Max', [a, b]),
  lt: node('Less'),
  eq: node('Equal'),
  copysign: (builder, dtype, a, b) => {
    const size = builder.emit('Abs', [a]);
    return builder.emit('Where', [isNegative(builder, dtype, b), builder.emit('Neg', [size]), size]);
  },
  idiv: guarded('Div'),
  mod: (builder, dtype, a, b) =>
    dtype === 'f32' || dtype === 'f64'
      ? builder.emit('Mod', [a, b], { fmod: 1 })
      : guarded('Mod', { fmod: 1 })(builder, dtype, a, b),
  and: logical('And', 'BitwiseAnd'),
  or: logical('Or', 'BitwiseOr'),
  xor: logical('Xor', 'BitwiseXor'),
  shl: shift('LEFT'),
  shr: shift('RIGHT'),
};

/** The values in another dtype. */
export function castValue(builder: GraphBuilder, from: DType, to: DType, x: string): string {
  if (to === 'bool' && from !== 'bool')
    return builder.emit('Not', [builder.emit('Equal', [x, number(builder, from, 0)])]);
  return builder.emit('Cast', [x], { to: onnxTypes[onnxTypeOf(to)] });
}

/** `yes` where the condition is true. ONNX runtimes choose between numbers only. */
export function selectValue(builder: GraphBuilder, dtype: DType, condition: string, yes: string, no: string): string {
  if (dtype !== 'bool') return builder.emit('Where', [condition, yes, no]);
  const other = builder.emit('And', [builder.emit('Not', [condition]), no]);
  return builder.emit('Or', [builder.emit('And', [condition, yes]), other]);
}
