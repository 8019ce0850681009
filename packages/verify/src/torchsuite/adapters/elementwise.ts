/** Element by element: arithmetic, comparisons, bits, functions of one number, clamping and choosing. */
import { functional as F } from '@tessera/nn';
import { full, isFloat, outer, type Tensor, type TensorLike, where } from '@tessera/tensor';
import { type Adapter, type Adapters, call, isTensor, numberOf, type Operand, operand, unsupported } from './call.ts';

interface Binary {
  readonly input: Operand;
  readonly other: Operand;
  readonly alpha?: number | boolean;
}

/** A number as the first operand becomes a tensor of the other's dtype, as far as that can hold it. */
export function tensorOf(value: Operand, like: Operand): Tensor {
  const given = operand(value);
  if (isTensor(given)) return given;
  const dtype = isTensor(like) ? like.dtype : 'f32';
  if (Number.isInteger(given)) return full([], given, { dtype: dtype === 'bool' ? 'i32' : dtype });
  return full([], given, { dtype: isFloat(dtype) ? dtype : 'f32' });
}

type BinaryMethod = (input: Tensor, other: TensorLike) => Tensor;

/** input OP other. */
const binary = (apply: BinaryMethod): Adapter =>
  call<Binary>('input other', ({ input, other }) => apply(tensorOf(input, other), operand(other)));

/** The same for a method of PyTorch whose result is `other OP input`. */
const reversed = (apply: BinaryMethod): Adapter =>
  call<Binary>('input other', ({ input, other }) => apply(tensorOf(other, input), operand(input)));

/** input OP alpha * other. */
const withAlpha = (apply: BinaryMethod): Adapter =>
  call<Binary>('input other alpha', ({ input, other, alpha = 1 }) =>
    apply(tensorOf(input, other), scaled(operand(other), numberOf(alpha))),
  );

const scaled = (other: TensorLike, alpha: number): TensorLike =>
  alpha === 1 ? other : typeof other === 'number' ? other * alpha : other.mul(alpha);

const unary = (apply: (input: Tensor) => Tensor): Adapter =>
  call<{ input: Tensor }>('input', ({ input }) => apply(input));

/** An activation, which PyTorch could also compute in place. */
const activation = (apply: (input: Tensor) => Tensor): Adapter =>
  call<{ input: Tensor }>('input -inplace', ({ input }) => apply(input));

const add: BinaryMethod = (x, y) => x.add(y);
const sub: BinaryMethod = (x, y) => x.sub(y);
const mul: BinaryMethod = (x, y) => x.mul(y);
const div: BinaryMethod = (x, y) => x.div(y);
const pow: BinaryMethod = (x, y) => x.pow(y);
const remainder: BinaryMethod = (x, y) => x.remainder(y);
const floorDivide: BinaryMethod = (x, y) => x.floorDivide(y);
const maximum: BinaryMethod = (x, y) => x.maximum(y);
const minimum: BinaryMethod = (x, y) => x.minimum(y);

const withoutRounding =
  (adapter: Adapter): Adapter =>
  (args, { rounding_mode: _, ...kwargs }, rebind) =>
    adapter(args, kwargs, rebind);

const bound = (value: Tensor | number | boolean | null | undefined): TensorLike | undefined =>
  value === null || value === undefined ? undefined : isTensor(value) ? value : numberOf(value);

interface Clamp {
  readonly input: Tensor;
  readonly min?: Tensor | number | null;
  readonly max?: Tensor | number | null;
}

const clamp = (names: string): Adapter =>
  call<Clamp>(names, ({ input, min, max }) => input.clamp(bound(min), bound(max)));

const arithmetic: Adapters = {
  add: withAlpha(add),
  sub: withAlpha(sub),
  rsub: call<Binary>('input other alpha', ({ input, other, alpha = 1 }) =>
    sub(tensorOf(other, input), scaled(operand(input), numberOf(alpha))),
  ),
  mul: binary(mul),
  'div:no_rounding_mode': withoutRounding(binary(div)),
  'div:floor_rounding': withoutRounding(binary(floorDivide)),
  'div:trunc_rounding': () => unsupported("rounding_mode='trunc'"),
  floor_divide: binary(floorDivide),
  remainder: binary(remainder),
  pow: binary(pow),
  maximum: binary(maximum),
  minimum: binary(minimum),
  'max:binary': binary(maximum),
  'min:binary': binary(minimum),
  __radd__: reversed(add),
  __rsub__: reversed(sub),
  __rmul__: reversed(mul),
  __rdiv__: reversed(div),
  __rpow__: reversed(pow),
  __rmod__: reversed(remainder),
  outer: (args) => outer(args[0], args[1]),
};

const comparisons: Adapters = {
  lt: binary((x, y) => x.lt(y)),
  le: binary((x, y) => x.le(y)),
  gt: binary((x, y) => x.gt(y)),
  ge: binary((x, y) => x.ge(y)),
  eq: binary((x, y) => x.eq(y)),
  ne: binary((x, y) => x.ne(y)),
  logical_and: binary((x, y) => x.logicalAnd(y)),
  logical_or: binary((x, y) => x.logicalOr(y)),
  logical_not: unary((x) => x.logicalNot()),
  bitwise_and: binary((x, y) => x.bitAnd(y)),
  bitwise_or: binary((x, y) => x.bitOr(y)),
  bitwise_xor: binary((x, y) => x.bitXor(y)),
  bitwise_left_shift: binary((x, y) => x.shiftLeft(y)),
  bitwise_right_shift: binary((x, y) => x.shiftRight(y)),
};

const functions: Adapters = {
  neg: unary((x) => x.neg()),
  reciprocal: unary((x) => x.reciprocal()),
  exp: unary((x) => x.exp()),
  log: unary((x) => x.log()),
  sqrt: unary((x) => x.sqrt()),
  rsqrt: unary((x) => x.rsqrt()),
  square: unary((x) => x.square()),
  abs: unary((x) => x.abs()),
  sign: unary((x) => x.sign()),
  sin: unary((x) => x.sin()),
  cos: unary((x) => x.cos()),
  tanh: unary((x) => x.tanh()),
  sigmoid: unary((x) => x.sigmoid()),
  erf: unary((x) => x.erf()),
  floor: unary((x) => x.floor()),
  'nn.functional.relu': activation(F.relu),
  'nn.functional.silu': activation(F.silu),
  'nn.functional.logsigmoid': unary(F.logSigmoid),
  'nn.functional.gelu': call<{ input: Tensor; approximate?: F.GeluApproximation }>(
    'input approximate',
    ({ input, approximate = 'none' }) => F.gelu(input, approximate),
  ),
  quickgelu: unary(F.quickGelu),
};

/** Choosing between values. */
const choices: Adapters = {
  clamp: clamp('input min max'),
  clamp_min: clamp('input min'),
  clamp_max: clamp('input max'),
  // PyTorch's test calls the method, x.where(condition, other).
  where: (args) =>
    args.length < 3 ? unsupported('where with one argument') : where(args[1], operand(args[0]), operand(args[2])),
  where_: (args) => where(args[0], operand(args[1]), operand(args[2])),
  masked_fill: (args) =>
    args[0].dtype === 'bool' ? unsupported('bool input') : where(args[1], numberOrTensor(args[2]), args[0]),
};

const numberOrTensor = (value: Operand): TensorLike => (isTensor(value) ? value : numberOf(value));

export const elementwise: Adapters = { ...arithmetic, ...comparisons, ...functions, ...choices };
