/**
 * Checked constructors of graph nodes, one for each operation. They infer shape and dtype, throw an error that names the operation and
 * the shapes if the arguments do not fit, and drop operations that do nothing.
 */

import type { Collective } from '../kernel/collective.ts';
import { castNumber, checkDType, computeDType, type DType, isFloat } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { binaryResult, binaryTakes, kindOf, unaryTakes } from '../kernel/operators.ts';
import { checkShape, formatShape, type Shape, sameShape, sizeOf } from '../kernel/shape.ts';
import { windowCount } from '../kernel/view.ts';
import {
  type BinaryOp,
  type ContractSpec,
  type CustomGradient,
  makeNode,
  type Node,
  type ReduceOp,
  type UnaryOp,
  type WindowSpec,
} from './node.ts';
import type { Storage } from './storage.ts';

const size = (node: Node, axis: number): number => nth(node.shape, axis);

function fail(op: string, message: string): never {
  throw new RangeError(`${op}: ${message}`);
}

function checkAxes(op: string, node: Node, axes: readonly number[]): void {
  axes.forEach((axis, k) => {
    if (!Number.isInteger(axis) || axis < 0 || axis >= node.shape.length || axes.indexOf(axis) !== k)
      fail(op, `axes ${formatShape(axes)} do not name distinct axes of a tensor of shape ${formatShape(node.shape)}`);
  });
}

// Leaves

/** Values that live in a storage. */
export const buffer = (storage: Storage, shape: Shape): Node =>
  makeNode('buffer', [], { storage }, shape, storage.dtype);

/** An argument of a compiled function. */
export const input = (index: number, shape: Shape, dtype: DType): Node =>
  makeNode('input', [], { index }, shape, dtype);

/** One number, of any shape. Constants of f16 and bf16 are f32, like all values of theirs in computation: a factor 0.1 is not rounded to two bytes. */
export function constant(value: number, shape: Shape = [], dtype: DType = 'f32'): Node {
  checkShape(shape, 'full');
  return makeNode('const', [], { value: castNumber[computeDType(dtype)](value) }, shape, dtype);
}

/** 0, 1, 2, ... along `axis`, repeated over the other axes. i32. */
export function iota(shape: Shape, axis: number): Node {
  checkShape(shape, 'iota');
  return makeNode('iota', [], { axis }, shape, 'i32');
}

// Element-wise

/** An element-wise operation of one source, except `cast`. */
export function unary(kind: UnaryOp, source: Node): Node {
  if (kind === 'cast') fail('cast', 'use cast(source, dtype)');
  if (!unaryTakes(kind, kindOf(source.dtype))) {
    if (kind === 'neg') fail('neg', 'is not defined for bool; use logicalNot');
    fail(kind, `needs a floating-point tensor, got ${source.dtype} ${formatShape(source.shape)}; cast it first`);
  }
  if (kind === 'floor' && !isFloat(source.dtype)) return source;
  if (kind === 'neg' && source.op === 'const' && isFloat(source.dtype))
    return constant(-source.arg.value, source.shape, source.dtype);
  return makeNode('unary', [source], { kind }, source.shape, source.dtype);
}

/** The values in another dtype: see `UnaryOp`. */
export function cast(source: Node, dtype: DType): Node {
  if (source.dtype === dtype) return source;
  checkDType(dtype, 'cast');
  if (source.op === 'const') return constant(castNumber[dtype](source.arg.value), source.shape, dtype);
  return makeNode('unary', [source], { kind: 'cast' }, source.shape, dtype);
}

const isConst = (node: Node, value: number): boolean => node.op === 'const' && node.arg.value === value;

/** An element-wise operation. Both sources have the same shape and dtype: broadcasting and promotion happen in `ops`. */
export function binary(kind: BinaryOp, a: Node, b: Node): Node {
  if (!sameShape(a.shape, b.shape)) fail(kind, `shapes ${formatShape(a.shape)} and ${formatShape(b.shape)} differ`);
  if (a.dtype !== b.dtype) fail(kind, `dtypes ${a.dtype} and ${b.dtype} differ; cast one of them`);
  if (!binaryTakes(kind, kindOf(a.dtype)))
    fail(
      kind,
      a.dtype === 'bool'
        ? 'is not defined for bool; cast first'
        : `needs ${isFloat(a.dtype) ? 'integers' : 'floating-point numbers'}, got ${a.dtype}`,
    );
  // Gradients start from constants. Sums, products and quotients of f32 values in f64, rounded to f32, equal those of f32 arithmetic.
  if (a.op === 'const' && b.op === 'const' && isFloat(a.dtype)) {
    if (kind === 'add') return constant(a.arg.value + b.arg.value, a.shape, a.dtype);
    if (kind === 'mul') return constant(a.arg.value * b.arg.value, a.shape, a.dtype);
    if (kind === 'div') return constant(a.arg.value / b.arg.value, a.shape, a.dtype);
  }
  if (kind === 'add') {
    if (isConst(b, 0)) return a;
    if (isConst(a, 0)) return b;
  }
  if (kind === 'mul') {
    if (isConst(b, 1)) return a;
    if (isConst(a, 1)) return b;
  }
  if (kind === 'div' && b.op === 'const') {
    if (isConst(b, 1)) return a;
    // The reciprocal is exact, and so is the rounding of the product. That of 0 is infinite, with the same products as quotients, while
    // compilers of shaders may assume that nothing is divided by 0.
    if (isPowerOfTwo(b.arg.value) || b.arg.value === 0)
      return binary('mul', a, constant(1 / b.arg.value, b.shape, b.dtype));
  }
  return makeNode('binary', [a, b], { kind }, a.shape, binaryResult(kind, a.dtype));
}

/** Whether the number is a power of 2 that is far enough from the limits of f32 for its reciprocal to be a normal number. */
function isPowerOfTwo(x: number): boolean {
  const exponent = Math.log2(Math.abs(x));
  return Number.isInteger(exponent) && Math.abs(exponent) <= 126;
}

/** x^exponent for the exponents that PyTorch computes by few products, a division or a root; null for others. */
function simplePower(x: Node, exponent: number): Node | null {
  switch (exponent) {
    case 2:
      return binary('mul', x, x);
    case 3:
      return binary('mul', binary('mul', x, x), x);
    case 0.5:
      return unary('sqrt', x);
    case -0.5:
      return unary('recip', unary('sqrt', x));
    case -1:
      return unary('recip', x);
    case -2:
      return unary('recip', binary('mul', x, x));
    default:
      return null;
  }
}

/** x^exponent for floats. However it is computed, its derivative is exponent * x^(exponent - 1), at 0 and infinity too. */
export function power(x: Node, exponent: number): Node {
  if (exponent === 0) return constant(1, x.shape, x.dtype);
  if (exponent === 1) return x;
  const filled = (value: number): Node => constant(value, x.shape, x.dtype);
  const value = simplePower(x, exponent);
  if (value === null) return binary('pow', x, filled(exponent));
  return custom(value, [x], {
    name: 'pow',
    backward: (gradient) => [binary('mul', gradient, binary('mul', power(x, exponent - 1), filled(exponent)))],
  });
}

/** `yes` where the condition (bool) is true, `no` elsewhere; all of one shape. */
export function where(condition: Node, yes: Node, no: Node): Node {
  if (condition.dtype !== 'bool') fail('where', `the condition must be bool, got ${condition.dtype}`);
  if (!sameShape(condition.shape, yes.shape) || !sameShape(yes.shape, no.shape))
    fail('where', `shapes ${[condition, yes, no].map((node) => formatShape(node.shape)).join(', ')} differ`);
  if (yes.dtype !== no.dtype) fail('where', `dtypes ${yes.dtype} and ${no.dtype} differ; cast one of them`);
  return makeNode('where', [condition, yes, no], null, yes.shape, yes.dtype);
}

/** 32 random bits for each element. `key` is i32 [2]: seed and step. */
export function random(key: Node, site: number, shape: Shape): Node {
  checkShape(shape, 'random');
  if (key.dtype !== 'i32' || !sameShape(key.shape, [2])) fail('random', 'the key must be i32 [2]: seed and step');
  return makeNode('random', [key], { site }, shape, 'i32');
}

/** Reduced axes are kept, with size 1. The sum of no elements is 0; the maximum of none is an error. */
export function reduce(kind: ReduceOp, source: Node, axes: readonly number[]): Node {
  checkAxes(kind, source, axes);
  if (source.dtype === 'bool' || (source.dtype === 'u8' && kind === 'sum'))
    fail(kind, `does not reduce ${source.dtype}; cast to i32 or f32 first`);
  if (kind === 'max' && axes.some((axis) => size(source, axis) === 0))
    fail('max', `no elements to choose from: shape ${formatShape(source.shape)}, axes ${formatShape(axes)}`);
  if (axes.every((axis) => size(source, axis) === 1)) return source;
  const shape = source.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
  return makeNode('reduce', [source], { kind, axes: [...axes].sort((x, y) => x - y) }, shape, source.dtype);
}

// Views

/** The same elements in row-major order under another shape. */
export function reshape(source: Node, shape: Shape): Node {
  checkShape(shape, 'reshape');
  if (sameShape(source.shape, shape)) return source;
  if (sizeOf(source.shape) !== sizeOf(shape))
    fail(
      'reshape',
      `${formatShape(source.shape)} has ${sizeOf(source.shape)} elements, ${formatShape(shape)} would have ${sizeOf(shape)}`,
    );
  if (source.op === 'const') return constant(source.arg.value, shape, source.dtype);
  const [inner] = source.sources;
  if (source.op === 'reshape' && inner !== undefined) return reshape(inner, shape);
  return makeNode('reshape', [source], null, shape, source.dtype);
}

/** Axis k of the result is axis `axes[k]`. */
export function permute(source: Node, axes: readonly number[]): Node {
  checkAxes('permute', source, axes);
  if (axes.length !== source.shape.length)
    fail('permute', `${formatShape(axes)} names ${axes.length} axes of a tensor of shape ${formatShape(source.shape)}`);
  if (axes.every((axis, k) => axis === k)) return source;
  const shape = axes.map((axis) => size(source, axis));
  if (source.op === 'const') return constant(source.arg.value, shape, source.dtype);
  const [inner] = source.sources;
  if (source.op === 'permute' && inner !== undefined) {
    const { axes: before } = source.arg;
    return permute(
      inner,
      axes.map((axis) => nth(before, axis)),
    );
  }
  return makeNode('permute', [source], { axes }, shape, source.dtype);
}

/** Axes of size 1 are repeated; the rank does not change. */
export function expand(source: Node, shape: Shape): Node {
  checkShape(shape, 'expand');
  if (sameShape(source.shape, shape)) return source;
  if (source.shape.length !== shape.length || source.shape.some((n, axis) => n !== 1 && n !== shape[axis]))
    fail('expand', `${formatShape(source.shape)} does not expand to ${formatShape(shape)}: only sizes of 1 can grow`);
  if (source.op === 'const') return constant(source.arg.value, shape, source.dtype);
  const [inner] = source.sources;
  if (source.op === 'expand' && inner !== undefined) return expand(inner, shape);
  return makeNode('expand', [source], null, shape, source.dtype);
}

/** Zeros (false) around the source. Both lists have a count of at least 0 for every axis. */
export function pad(source: Node, before: readonly number[], after: readonly number[]): Node {
  if (before.length !== source.shape.length || after.length !== source.shape.length)
    fail('pad', `${formatShape(source.shape)} needs ${source.shape.length} counts before and after`);
  if ([...before, ...after].some((n) => !Number.isInteger(n) || n < 0))
    fail('pad', `counts must be integers of at least 0, got ${formatShape(before)} and ${formatShape(after)}`);
  if (before.every((n) => n === 0) && after.every((n) => n === 0)) return source;
  const shape = source.shape.map((n, axis) => n + nth(before, axis) + nth(after, axis));
  return makeNode('pad', [source], { before, after }, shape, source.dtype);
}

/** The part from `start` to before `end` along each axis. */
export function shrink(source: Node, start: readonly number[], end: readonly number[]): Node {
  source.shape.forEach((n, axis) => {
    const from = nth(start, axis);
    const to = nth(end, axis);
    if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < from || to > n)
      fail('slice', `range ${from}..${to} is outside axis ${axis} of shape ${formatShape(source.shape)}`);
  });
  if (source.shape.every((n, axis) => start[axis] === 0 && end[axis] === n)) return source;
  const shape = source.shape.map((_, axis) => nth(end, axis) - nth(start, axis));
  if (source.op === 'const') return constant(source.arg.value, shape, source.dtype);
  return makeNode('shrink', [source], { start, end }, shape, source.dtype);
}

/** The elements in reverse order along `axes`. */
export function flip(source: Node, axes: readonly number[]): Node {
  checkAxes('flip', source, axes);
  if (axes.length === 0 || source.op === 'const') return source;
  return makeNode('flip', [source], { axes }, source.shape, source.dtype);
}

function checkWindows(op: string, rank: number, windows: readonly WindowSpec[]): void {
  windows.forEach((spec, k) => {
    const integers = [spec.size, spec.stride, spec.dilation];
    if (integers.some((n) => !Number.isInteger(n) || n < 1))
      fail(op, `size, stride and dilation must be integers of at least 1, got ${integers.join(', ')}`);
    if (spec.axis < 0 || spec.axis >= rank || windows.findIndex((other) => other.axis === spec.axis) !== k)
      fail(op, `axis ${spec.axis} is out of range or named twice`);
  });
}

function windowedShape(shape: Shape, windows: readonly WindowSpec[]): number[] {
  const result = [...shape];
  for (const spec of windows) result[spec.axis] = windowCount(nth(shape, spec.axis), spec);
  return [...result, ...windows.map((spec) => spec.size)];
}

/** Sliding windows: the windowed axes become positions, and the window axes are appended. */
export function window(source: Node, windows: readonly WindowSpec[]): Node {
  checkWindows('window', source.shape.length, windows);
  if (windows.length === 0) return source;
  return makeNode('window', [source], { windows }, windowedShape(source.shape, windows), source.dtype);
}

/** The adjoint of `window` on a tensor of `shape`: sums what overlaps. */
export function fold(source: Node, shape: Shape, windows: readonly WindowSpec[]): Node {
  checkWindows('fold', shape.length, windows);
  if (!sameShape(source.shape, windowedShape(shape, windows)))
    fail(
      'fold',
      `windows of ${formatShape(shape)} have shape ${formatShape(windowedShape(shape, windows))}, got ${formatShape(source.shape)}`,
    );
  if (windows.length === 0) return source;
  return makeNode('fold', [source], { windows }, shape, source.dtype);
}

// Contraction, indexing, joining

/** A sum of products in index notation: see `ContractSpec`. */
export function contract(a: Node, b: Node, spec: ContractSpec): Node {
  const sizes = new Map<number, number>();
  const seenIn = (labels: readonly number[], node: Node, name: string): void => {
    if (labels.length !== node.shape.length || new Set(labels).size !== labels.length)
      fail('contract', `labels [${labels}] do not name the axes of ${name} ${formatShape(node.shape)} once each`);
    labels.forEach((label, axis) => {
      const known = sizes.get(label);
      if (known !== undefined && known !== size(node, axis))
        fail(
          'contract',
          `${formatShape(a.shape)} x ${formatShape(b.shape)}: sizes ${known} and ${size(node, axis)} of a shared axis differ`,
        );
      sizes.set(label, size(node, axis));
    });
  };
  seenIn(spec.a, a, 'the first operand');
  seenIn(spec.b, b, 'the second operand');
  if (a.dtype !== b.dtype || !isFloat(a.dtype))
    fail('contract', `needs two floating-point operands of one dtype, got ${a.dtype} and ${b.dtype}`);
  for (const label of sizes.keys())
    if (!(spec.a.includes(label) && spec.b.includes(label)) && !spec.out.includes(label))
      fail('contract', `label ${label} is in one operand only and must be in the output: sum over it first`);
  const shape = spec.out.map((label) => sizes.get(label) ?? fail('contract', `output label ${label} is in no operand`));
  return makeNode('contract', [a, b], spec, shape, a.dtype);
}

/** Rows of `table` along `axis`, at the positions `index`, whose shape takes the place of the axis. */
export function gather(table: Node, index: Node, axis: number): Node {
  if (index.dtype !== 'i32') fail('gather', `the index must be i32, got ${index.dtype}`);
  checkAxes('gather', table, [axis]);
  const shape = [...table.shape.slice(0, axis), ...index.shape, ...table.shape.slice(axis + 1)];
  return makeNode('gather', [table, index], { axis }, shape, table.dtype);
}

/** The adjoint of `gather`: `values` has the shape of its result along `axis`, and this result has `rows` rows there. */
export function scatterAdd(values: Node, index: Node, axis: number, rows: number): Node {
  if (index.dtype !== 'i32') fail('scatterAdd', `the index must be i32, got ${index.dtype}`);
  if (!sameShape(values.shape.slice(axis, axis + index.shape.length), index.shape))
    fail(
      'scatterAdd',
      `values ${formatShape(values.shape)} do not match index ${formatShape(index.shape)} at axis ${axis}`,
    );
  const shape = [...values.shape.slice(0, axis), rows, ...values.shape.slice(axis + index.shape.length)];
  return makeNode('scatterAdd', [values, index], { axis, size: rows }, shape, values.dtype);
}

/** The sources one after the other along `axis`. */
export function concat(sources: readonly Node[], axis: number): Node {
  const [first] = sources;
  if (first === undefined) return fail('concat', 'needs at least one tensor');
  checkAxes('concat', first, [axis]);
  for (const other of sources) {
    const fits =
      other.shape.length === first.shape.length && other.shape.every((n, k) => k === axis || n === first.shape[k]);
    if (!fits || other.dtype !== first.dtype)
      fail(
        'concat',
        `${first.dtype} ${formatShape(first.shape)} and ${other.dtype} ${formatShape(other.shape)} differ in more than axis ${axis}`,
      );
  }
  const parts = sources.filter((node) => size(node, axis) > 0);
  if (parts.length <= 1) return parts[0] ?? first;
  const shape = [...first.shape];
  shape[axis] = parts.reduce((total, node) => total + size(node, axis), 0);
  return makeNode('concat', parts, { axis }, shape, first.dtype);
}

/**
 * The value exchanged with other ranks, along axis 0: allGather has `ranks` times as many rows, reduceScatter one part of them. Reductions of
 * f16 and bf16 are computed in f32.
 */
export function collective(source: Node, arg: Collective): Node {
  const { kind, reduction, communicator } = arg;
  const { ranks } = communicator;
  const [rows, ...rest] = source.shape;
  const reduces = kind === 'allReduce' || kind === 'reduceScatter';
  if (reduces && source.dtype === 'bool' && reduction === 'sum') fail(kind, 'cannot sum bool: cast to i32 first');
  if (kind === 'allReduce')
    return ranks === 1 ? source : makeNode('collective', [source], arg, source.shape, source.dtype);
  if (rows === undefined) return fail(kind, 'needs a tensor of at least one axis, got a number: reshape it to [1]');
  if (kind !== 'allGather' && rows % ranks !== 0)
    fail(kind, `axis 0 of ${formatShape(source.shape)} cannot be shared equally by ${ranks} ranks`);
  if (ranks === 1) return source;
  const shapes = { allGather: [rows * ranks, ...rest], reduceScatter: [rows / ranks, ...rest], allToAll: source.shape };
  return makeNode('collective', [source], arg, shapes[kind], source.dtype);
}

// Identities that mean something to derivatives or to the scheduler

/** Stops gradients. */
export const detach = (source: Node): Node => makeNode('detach', [source], null, source.shape, source.dtype);

/** Stores the value: nothing is fused across it. */
export const materialize = (source: Node): Node => makeNode('materialize', [source], null, source.shape, source.dtype);

let nextBarrier = 0;

/** The value of `source`, computed after the values of `after`, and never merged with an equal computation. */
export const barrier = (source: Node, after: readonly Node[] = []): Node =>
  makeNode('barrier', [source, ...after], { id: nextBarrier++ }, source.shape, source.dtype);

/** A value with a derivative of its own with respect to `inputs`. */
export const custom = (value: Node, inputs: readonly Node[], gradient: CustomGradient): Node =>
  makeNode('custom', [value, ...inputs], gradient, value.shape, value.dtype);
