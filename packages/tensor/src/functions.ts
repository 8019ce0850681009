/** Functions that create, join and compute tensors. */

import { parseData, type TensorData } from './graph/data.ts';
import * as graph from './graph/graph.ts';
import { checkIndex, type IndexRange } from './graph/index-check.ts';
import { type Node, withGradients } from './graph/node.ts';
import { Storage, storeArray, type ValueSource } from './graph/storage.ts';
import { type Backend, getBackend } from './kernel/backend.ts';
import { castNumber, checkDType, type DType, isFloat, type TypedArray } from './kernel/dtype.ts';
import { isStarving } from './kernel/garbage.ts';
import { nth } from './kernel/nth.ts';
import { checkShape, formatShape, normalizeAxis, type Shape, sizeOf } from './kernel/shape.ts';
import { nodeOf, operand } from './methods/tensor-base.ts';
import { inSingle as inSingleNode } from './ops/autocast.ts';
import { type Axes, normalizeAxes } from './ops/axes.ts';
import * as ops from './ops/index.ts';
import { type Generator, randomBits } from './random/generator.ts';
import { realizeNodes, realizeNodesSync } from './runtime/realize.ts';
import { droppable } from './runtime/recording.ts';
import { trackStorage } from './runtime/scope.ts';
import { Tensor, type TensorLike } from './tensor.ts';

/** Options of functions that create tensors. */
export interface TensorOptions {
  readonly dtype?: DType;
  readonly requiresGrad?: boolean;
}

/** Options of functions that create tensors from data. */
export interface DataOptions extends TensorOptions {
  /** The shape of flat data; for nested arrays it is inferred. */
  readonly shape?: Shape;
  /** The backend of the tensor, or its name. Default: the default backend. */
  readonly backend?: string | Backend;
}

/** Options of functions that create random tensors. */
export interface RandomOptions extends TensorOptions {
  readonly generator?: Generator;
  readonly backend?: string | Backend;
}

const resolve = (backend?: string | Backend): Backend =>
  backend === undefined || typeof backend === 'string' ? getBackend(backend) : backend;

function finish(node: Node, requiresGrad = false): Tensor {
  const result = Tensor.fromNode(node);
  if (requiresGrad) result.requiresGrad = true;
  return result;
}

/**
 * A tensor of the given numbers. By default its dtype is f32 for numbers, bool for booleans, and the array's own for typed arrays; 64-bit
 * integers (BigInt64Array) become i32, and one that does not fit is an error. The data are copied.
 */
export function tensor(data: TensorData, options: DataOptions = {}): Tensor {
  const { values, shape, dtype } = parseData(data, options.shape, options.dtype);
  const backend = resolve(options.backend);
  const storage = isStarving()
    ? new Storage(backend, dtype, values.length, { source: sourceOf(values.slice()) })
    : storeArray(backend, dtype, values);
  if (dtype === 'i32' && values.length > 0 && values.length <= 65_536) storage.range = extremes(values);
  trackStorage(storage);
  return finish(graph.buffer(storage, shape), options.requiresGrad);
}

const sourceOf =
  (values: TypedArray): ValueSource =>
  () =>
    values;

/** The least and the greatest value: indices that are in range need no check when they are used. */
function extremes(values: TypedArray): readonly [least: number, greatest: number] {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  return [least, greatest];
}

/**
 * A tensor whose values `source` creates when they are first used, in an array of `computeDType(dtype)`, row-major. It must create the
 * same values at each call: state that is initialized from the tensor calls it again, so that nothing is stored twice. The array is
 * copied at once, so `source` may use it again.
 */
export function tensorFrom(
  source: ValueSource,
  { shape, dtype = 'f32', requiresGrad, backend }: DataOptions & { readonly shape: Shape },
): Tensor {
  const storage = new Storage(resolve(backend), dtype, sizeOf(shape), { source: () => checkedSize(source(), shape) });
  trackStorage(storage);
  return finish(graph.buffer(storage, shape), requiresGrad);
}

function checkedSize(values: TypedArray, shape: Shape): TypedArray {
  if (values.length === sizeOf(shape)) return values;
  throw new RangeError(`tensorFrom: ${values.length} elements do not fill the shape ${formatShape(shape)}`);
}

/** Throws an error that names `op` unless shape and dtype can be those of a tensor. */
function checkForm(op: string, shape: Shape, dtype: DType): void {
  checkShape(shape, op);
  checkDType(dtype, op);
}

function filled(op: string, shape: Shape, value: number, { dtype = 'f32', requiresGrad }: TensorOptions = {}): Tensor {
  checkForm(op, shape, dtype);
  if (typeof value !== 'number' && typeof value !== 'boolean')
    throw new TypeError(`${op}: the value must be a number, got a ${typeof value}`);
  return finish(graph.constant(castNumber[dtype](Number(value)), shape, dtype), requiresGrad);
}

/** A tensor with `value` everywhere. Default dtype: f32. */
export const full = (shape: Shape, value: number, options?: TensorOptions): Tensor =>
  filled('full', shape, value, options);

/** A tensor of zeros. */
export const zeros = (shape: Shape, options?: TensorOptions): Tensor => filled('zeros', shape, 0, options);
/** A tensor of ones. */
export const ones = (shape: Shape, options?: TensorOptions): Tensor => filled('ones', shape, 1, options);

/** A tensor of the shape and dtype of `like` with `value` everywhere. */
export const fullLike = (like: Tensor, value: number, options?: TensorOptions): Tensor =>
  full(like.shape, value, { dtype: like.dtype, ...options });

export const zerosLike = (like: Tensor, options?: TensorOptions): Tensor => fullLike(like, 0, options);
export const onesLike = (like: Tensor, options?: TensorOptions): Tensor => fullLike(like, 1, options);

/**
 * arange(end), or arange(start, end, step): start, start + step, ... before `end`. i32 if all are whole numbers, else f32. An integer dtype
 * drops the fractions of start and step first, as in PyTorch.
 *
 * @throws RangeError if a number is not finite, or if the step leads away from the end
 */
export function arange(start: number, end?: number, step = 1, { dtype, requiresGrad }: TensorOptions = {}): Tensor {
  if (dtype !== undefined) checkDType(dtype, 'arange');
  return finish(
    end === undefined ? ops.arange(0, start, step, dtype) : ops.arange(start, end, step, dtype),
    requiresGrad,
  );
}

/** `steps` numbers at equal distances from `start` to `end`, both included: exactly those two at the ends. */
export function linspace(
  start: number,
  end: number,
  steps: number,
  { dtype = 'f32', requiresGrad }: TensorOptions = {},
): Tensor {
  checkDType(dtype, 'linspace');
  if (!isFloat(dtype)) return tensor(ops.linspaceOfIntegers(start, end, steps), { dtype, shape: [steps] });
  return finish(ops.linspace(start, end, steps, dtype), requiresGrad);
}

/** [rows, columns] with ones on the main diagonal; square by default. */
export function eye(rows: number, columns = rows, { dtype = 'f32', requiresGrad }: TensorOptions = {}): Tensor {
  checkForm('eye', [rows, columns], dtype);
  return finish(ops.eye(rows, columns, dtype), requiresGrad);
}

/** 0, 1, 2, ... along `axis`, repeated over the other axes. i32. */
export function iota(shape: Shape, axis = 0): Tensor {
  checkShape(shape, 'iota');
  return Tensor.fromNode(graph.iota(shape, normalizeAxis(axis, shape.length, 'iota')));
}

/** The last two axes at and below the diagonal (moved up by `diagonal`), zeros above. */
export const tril = (source: Tensor, diagonal = 0): Tensor => Tensor.fromNode(ops.tril(source.node, diagonal));

/** The last two axes at and above the diagonal (moved up by `diagonal`), zeros below. */
export const triu = (source: Tensor, diagonal = 0): Tensor => Tensor.fromNode(ops.triu(source.node, diagonal));

/** [n, n], to be added to attention scores: 0 where key position <= query position, -infinity elsewhere. */
export const causalMask = (n: number, { dtype = 'f32' }: TensorOptions = {}): Tensor =>
  Tensor.fromNode(ops.where(ops.lowerTriangle(n, n, 0), 0, Number.NEGATIVE_INFINITY, dtype));

// Joining and choosing

function listOf(tensors: unknown, op: string): Node[] {
  if (!Array.isArray(tensors)) throw new TypeError(`${op}: expected an array of tensors`);
  return tensors.map((each, k) => nodeOf(each, `${op}: tensor ${k}`));
}

/** Tensors one after the other along `axis`. An empty vector joins tensors of any shape, and adds nothing. */
export const concat = (tensors: readonly Tensor[], axis = 0): Tensor =>
  Tensor.fromNode(ops.concat(listOf(tensors, 'concat'), axis));

/** Tensors of one shape along a new axis. */
export const stack = (tensors: readonly Tensor[], axis = 0): Tensor =>
  Tensor.fromNode(ops.stack(listOf(tensors, 'stack'), axis));

/** `yes` where `condition` is true (not 0), `no` elsewhere. */
export const where = (condition: Tensor, yes: TensorLike, no: TensorLike): Tensor =>
  Tensor.fromNode(ops.where(nodeOf(condition, 'where'), operand(yes, 'where'), operand(no, 'where')));

/** The matrix product: see `Tensor.matmul`. */
export const matmul = (a: Tensor, b: Tensor): Tensor =>
  Tensor.fromNode(ops.matmul(nodeOf(a, 'matmul'), nodeOf(b, 'matmul')));

/** Einstein's summation over one or two tensors: einsum('bhld,bhsd->bhls', q, k). */
export const einsum = (equation: string, ...tensors: readonly Tensor[]): Tensor =>
  Tensor.fromNode(ops.einsum(equation, ...listOf(tensors, 'einsum')));

/** The product of every element of `a` with every element of `b`. */
export const outer = (a: Tensor, b: Tensor): Tensor =>
  Tensor.fromNode(ops.outer(nodeOf(a, 'outer'), nodeOf(b, 'outer')));

// Random numbers: from `generator`, or the default one (see `manualSeed`)

/** A random tensor of `dtype` from 32 random bits for each element, which `compute` turns into numbers. */
function drawn(
  op: string,
  shape: Shape,
  { generator, backend, dtype, requiresGrad }: RandomOptions,
  usual: DType,
  compute: (bits: () => Node, dtype: DType) => Node,
): Tensor {
  const chosen = dtype ?? usual;
  checkForm(op, shape, chosen);
  const bits = (): Node => randomBits(shape, generator, backend === undefined ? undefined : resolve(backend));
  return finish(graph.cast(compute(bits, chosen), chosen), requiresGrad);
}

/** Uniform in [0, 1). */
export const rand = (shape: Shape, options: RandomOptions = {}): Tensor =>
  drawn('rand', shape, options, 'f32', ops.random.uniform);

/** Uniform in [low, high). */
export const uniform = (shape: Shape, low: number, high: number, options: RandomOptions = {}): Tensor =>
  drawn('uniform', shape, options, 'f32', (bits, dtype) =>
    ops.add(ops.mul(ops.random.uniform(bits, dtype), high - low), low),
  );

/** Normally distributed with mean 0 and variance 1. */
export const randn = (shape: Shape, options: RandomOptions = {}): Tensor =>
  drawn('randn', shape, options, 'f32', ops.random.normal);

/** Whole numbers from `low` to before `high`. i32. */
export const randint = (shape: Shape, low: number, high: number, options: RandomOptions = {}): Tensor =>
  drawn('randint', shape, options, 'i32', (bits) => ops.random.integers(bits, low, high));

/** True with probability `p`. bool. */
export const bernoulli = (shape: Shape, p: TensorLike, options: RandomOptions = {}): Tensor =>
  drawn('bernoulli', shape, options, 'bool', (bits) => ops.random.bernoulli(bits, operand(p, 'bernoulli')));

/** What `moments` returns. Reduced axes have size 1. */
export interface TensorMoments {
  readonly mean: Tensor;
  /** The values less the mean. */
  readonly deviation: Tensor;
  /** The mean square of the deviations. */
  readonly variance: Tensor;
}

/**
 * Mean, deviations and biased variance of floats along `axes`, which are kept: the statistics of a normalization, in two passes over the
 * values (the corrected algorithm of Chan, Golub and LeVeque 1983). Deviations of equal values are exactly 0.
 */
export function moments(source: Tensor, axes: Axes): TensorMoments {
  const list = normalizeAxes(axes, source.ndim, 'moments');
  const { mean, deviation, squares } = ops.moments(source.node, list);
  const count = sizeOf(list.map((axis) => nth(source.shape, axis)));
  return {
    mean: Tensor.fromNode(mean),
    deviation: Tensor.fromNode(deviation),
    variance: Tensor.fromNode(ops.div(squares, count)),
  };
}

/**
 * `result`, which was just computed from the integers `index`, with a check of them: when `result` is computed outside of compiled
 * functions, or in a compiled function with `check: true`, an index out of range is an error that names `op`, the first such index, its
 * position, the range and the line that called the operation. For authors of operations with indices.
 */
export function checkIndices(result: Tensor, index: Tensor, range: IndexRange): Tensor {
  checkIndex(result.node, index.node, range);
  return result;
}

// Running

/** Runs `body` without recording derivatives: `grad` and `backward` treat what is created inside as constant. */
export function noGrad<T>(body: () => T): T {
  const result = withGradients(false, body);
  if (result instanceof Promise)
    throw new TypeError('noGrad: the function must not be asynchronous; await values after it');
  return result;
}

/** Computes and stores the values of several tensors together: shared parts are computed once. */
export const realize = (...tensors: readonly Tensor[]): Promise<void> =>
  droppable(realizeNodes(tensors.map((t) => t.node)));

/** The same, blocking. Throws where the backend cannot block. */
export const realizeSync = (...tensors: readonly Tensor[]): void => realizeNodesSync(tensors.map((t) => t.node));

/**
 * Computes in f32 what would lose precision in f16 or bf16, such as statistics of many values; other dtypes do not change. The result has
 * the dtype of `source`, but stays f32 within `autocast`.
 */
export const inSingle = (source: Tensor, compute: (source: Tensor) => Tensor): Tensor =>
  finish(inSingleNode(source.node, (node) => compute(Tensor.fromNode(node)).node));
