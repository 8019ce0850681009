/** Element by element: arithmetic, comparisons, bits, functions of one number, clamping and choosing. */
import { full, isFloat, outer, type Tensor, type TensorLike, where } from '@tessera/tensor';
import {
  type Adapter,
  type Adapters,
  call,
  flag,
  isTensor,
  numberOf,
  type Operand,
  operand,
  optionsOf,
  unsupported,
} from './call.ts';

interface Binary {
  readonly input: Operand;
  readonly other: Operand;
  readonly alpha?: number | boolean;
}

/** A number as the first operand becomes a tensor of the other's dtype, as far as that can hold it. */
function tensorOf(value: Operand, like: Operand): Tensor {
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
const withAlpha = (method: 'add' | 'sub' | 'rsub'): Adapter =>
  call<Binary>('input other alpha', ({ input, other, alpha = 1 }) =>
    tensorOf(input, other)[method](operand(other), { alpha: numberOf(alpha) }),
  );

const unary = (apply: (input: Tensor) => Tensor): Adapter =>
  call<{ input: Tensor }>('input', ({ input }) => apply(input));

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
  call<Clamp>(names, ({ input, min, max }) => tensorOf(input, min ?? max ?? 0).clamp(bound(min), bound(max)));

const arithmetic: Adapters = {
  add: withAlpha('add'),
  sub: withAlpha('sub'),
  rsub: withAlpha('rsub'),
  mul: binary(mul),
  'div:no_rounding_mode': withoutRounding(binary(div)),
  'div:floor_rounding': withoutRounding(binary((x, y) => x.div(y, { roundingMode: 'floor' }))),
  'div:trunc_rounding': withoutRounding(binary((x, y) => x.div(y, { roundingMode: 'trunc' }))),
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
  atan2: binary((x, y) => x.atan2(y)),
  copysign: binary((x, y) => x.copysign(y)),
  hypot: binary((x, y) => x.hypot(y)),
  fmod: binary((x, y) => x.fmod(y)),
  logaddexp: binary((x, y) => x.logaddexp(y)),
  logaddexp2: binary((x, y) => x.logaddexp2(y)),
  xlogy: binary((x, y) => x.xlogy(y)),
  heaviside: binary((x, y) => x.heaviside(y)),
  fmax: binary((x, y) => x.fmax(y)),
  fmin: binary((x, y) => x.fmin(y)),
  lerp: call('input end weight', ({ input, end, weight }) => input.lerp(end, weight)),
  addcmul: call('input tensor1 tensor2 value', (p) => p.input.addcmul(p.tensor1, p.tensor2, optionsOf(p, 'value'))),
  addcdiv: call('input tensor1 tensor2 value', (p) => p.input.addcdiv(p.tensor1, p.tensor2, optionsOf(p, 'value'))),
};

const tolerances = 'rtol atol equal_nan';

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
  isclose: call(`input other ${tolerances}`, (p) => p.input.isclose(p.other, optionsOf(p, tolerances))),
  allclose: call(`input other ${tolerances}`, (p) => flag(p.input.allcloseSync(p.other, optionsOf(p, tolerances)))),
  equal: (args) => flag(args[0].equalSync(args[1])),
};

const round: Adapter = call('input decimals', (p) => p.input.round(optionsOf(p, 'decimals')));

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
  ceil: unary((x) => x.ceil()),
  trunc: unary((x) => x.trunc()),
  frac: unary((x) => x.frac()),
  round,
  'round:decimals_0': round,
  'round:decimals_3': round,
  'round:decimals_neg_3': round,
  log1p: unary((x) => x.log1p()),
  expm1: unary((x) => x.expm1()),
  exp2: unary((x) => x.exp2()),
  log2: unary((x) => x.log2()),
  log10: unary((x) => x.log10()),
  asin: unary((x) => x.asin()),
  acos: unary((x) => x.acos()),
  atan: unary((x) => x.atan()),
  tan: unary((x) => x.tan()),
  sinh: unary((x) => x.sinh()),
  cosh: unary((x) => x.cosh()),
  asinh: unary((x) => x.asinh()),
  acosh: unary((x) => x.acosh()),
  atanh: unary((x) => x.atanh()),
  sinc: unary((x) => x.sinc()),
  erfc: unary((x) => x.erfc()),
  'special.erfc': unary((x) => x.erfc()),
  isnan: unary((x) => x.isnan()),
  isinf: unary((x) => x.isinf()),
  isfinite: unary((x) => x.isfinite()),
  isposinf: unary((x) => x.isposinf()),
  isneginf: unary((x) => x.isneginf()),
  sgn: unary((x) => x.sgn()),
  signbit: unary((x) => x.signbit()),
  deg2rad: unary((x) => x.deg2rad()),
  rad2deg: unary((x) => x.rad2deg()),
  logit: call('input eps', ({ input, eps }) => input.logit(eps ?? undefined)),
  nan_to_num: call('input nan posinf neginf', (p) => p.input.nanToNum(optionsOf(p, 'nan posinf neginf'))),
};

/** Choosing between values. */
const choices: Adapters = {
  clamp: clamp('input min max'),
  clamp_min: call('input min', ({ input, min }) => tensorOf(input, min).clampMin(operand(min))),
  clamp_max: call('input max', ({ input, max }) => tensorOf(input, max).clampMax(operand(max))),
  // PyTorch's test calls the method, x.where(condition, other).
  where: (args) =>
    args.length < 3 ? unsupported('where with one argument') : where(args[1], operand(args[0]), operand(args[2])),
  where_: (args) => where(args[0], operand(args[1]), operand(args[2])),
};

export const elementwise: Adapters = { ...arithmetic, ...comparisons, ...functions, ...choices };
