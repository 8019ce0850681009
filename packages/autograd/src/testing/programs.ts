/** Random differentiable programs: lists of instructions that are valid tensor operations for any numbers. */
import { concat, iota, Tensor, where } from '@tessera/tensor';
import { graph } from '@tessera/tensor/graph';
import fc from 'fast-check';
import { at } from '../at.ts';

/** `op` chooses the operation, `a`, `b`, `c` its operands and settings; all are taken modulo the number of choices. */
interface Instruction {
  readonly op: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

export interface Program {
  readonly shapes: readonly (readonly number[])[];
  readonly instructions: readonly Instruction[];
  readonly seed: number;
}

const largestSize = 120;

const axisOf = (x: Tensor, k: number): number => k % x.ndim;
const sizeAt = (x: Tensor, axis: number): number => at(x.shape, axis);

/** `y` in the shape of `x`: repeated or cut along each axis, so that any two tensors can meet. */
function fitted(y: Tensor, x: Tensor): Tensor {
  const flat = y.reshape(-1);
  const copies = Math.ceil(x.size / flat.size);
  return flat.unsqueeze(0).expand(copies, flat.size).reshape(-1).slice(0, 0, x.size).reshape(x.shape);
}

type Operation = (x: Tensor, y: Tensor, b: number, c: number) => Tensor | null;

/** Smooth at almost every point, and bounded enough for finite differences. Null: the operation does not fit the operands. */
const operations: Readonly<Record<string, Operation>> = {
  tanh: (x) => x.tanh(),
  sin: (x) => x.sin(),
  exp: (x) => x.tanh().exp(),
  log: (x) => x.square().add(1).log(),
  sqrt: (x) => x.square().add(0.5).sqrt(),
  reciprocal: (x) => x.square().add(1).reciprocal(),
  erf: (x) => x.erf(),
  sigmoid: (x) => x.sigmoid(),
  neg: (x) => x.neg(),
  add: (x, y) => x.add(fitted(y, x)),
  mul: (x, y) => x.tanh().mul(fitted(y, x).sin()),
  div: (x, y) => x.div(fitted(y, x).square().add(1)),
  maximum: (x, y) => x.maximum(fitted(y, x)),
  square: (x) => x.tanh().mul(x.tanh()),
  where: (x, y, b, c) => {
    const mask = iota(x.shape, axisOf(x, b)).lt(c % 3);
    return where(mask, x, fitted(y, x));
  },
  sum: (x, _, b, c) => (c % 3 === 0 ? x.mean() : x.mean(axisOf(x, b), c % 3 === 1)),
  max: (x, _, b, c) => x.max(axisOf(x, b), c % 2 === 0),
  softmax: (x, _, b) => x.softmax(axisOf(x, b)),
  reshape: (x, _, b) => (b % 2 === 0 ? x.reshape(-1) : x.reshape(1, x.size)),
  permute: (x, _, b, c) => x.transpose(axisOf(x, b), axisOf(x, c)),
  expand: (x, _, b) => x.unsqueeze(0).expand(2 + (b % 2), ...x.shape),
  pad: (x, _, b, c) => x.pad(x.shape.map((_n, axis) => [(b + axis) % 2, (c + axis) % 3])),
  shrink: (x, _, b) => {
    const axis = axisOf(x, b);
    return sizeAt(x, axis) > 1 ? x.slice(axis, b % sizeAt(x, axis)) : null;
  },
  // Adjacent slices, whose gradients are joined again.
  split: (x, _, b, c) => {
    const axis = axisOf(x, b);
    const parts = x.split(1 + (c % 2), axis).map((part, k) => part.mul(k + 0.5));
    return concat(parts.reverse(), axis);
  },
  flip: (x, _, b) => x.flip([axisOf(x, b)]),
  window: (x, _, b, c) => {
    const spec = { axis: axisOf(x, b), size: 2, stride: 1 + (c % 2), dilation: 1 + (c % 3) };
    return sizeAt(x, spec.axis) > spec.dilation ? Tensor.fromNode(graph.window(x.node, [spec])) : null;
  },
  fold: (x, _, b, c) => {
    const spec = { axis: 0, size: 2, stride: 1 + (b % 2), dilation: 1 + (c % 2) };
    const positions = Math.floor(x.size / 2);
    if (positions === 0) return null;
    const blocks = x
      .reshape(-1)
      .slice(0, 0, 2 * positions)
      .reshape(positions, 2);
    const length = spec.stride * (positions - 1) + spec.dilation + 1;
    return Tensor.fromNode(graph.fold(blocks.node, [length], [spec]));
  },
  matmul: (x, y, b) => {
    const a = x.reshape(-1, sizeAt(x, x.ndim - 1));
    const inner = sizeAt(a, 1);
    const columns = 1 + (b % 3);
    const other = fitted(y, Tensor.fromNode(graph.constant(0, [inner, columns], 'f64')));
    return a.matmul(other.tanh()).div(inner);
  },
  gather: (x, _, b, c) => {
    const axis = axisOf(x, b);
    const index = iota([3], 0)
      .mul(1 + (c % 3))
      .remainder(sizeAt(x, axis));
    return x.indexSelect(axis, index);
  },
  scatterAdd: (x, _, b) => {
    const rows = 1 + (b % 4);
    const index = iota([sizeAt(x, 0)], 0)
      .mul(3)
      .remainder(rows);
    return Tensor.fromNode(graph.scatterAdd(x.node, index.node, 0, rows));
  },
  concat: (x, y, b) => concat([x, fitted(y, x), x], axisOf(x, b)),
  contiguous: (x) => x.contiguous(),
};

export const operationNames = Object.keys(operations);

const operationList = Object.values(operations);

/** Runs the program and returns the tensors that no instruction used, which together depend on all others. */
export function runProgram({ instructions }: Program, inputs: readonly Tensor[]): Tensor[] {
  const made: Tensor[] = [...inputs];
  const used = new Set<Tensor>();
  const pick = (k: number): Tensor => at(made, made.length - 1 - (k % made.length));
  for (const { op, a, b, c } of instructions) {
    const [x, y] = [pick(a), pick(b)];
    if (x.ndim === 0 || x.ndim > 4) continue;
    const result = at(operationList, op % operationList.length)(x, y, b, c);
    if (result === null || result.size > largestSize || result.size === 0) continue;
    used.add(x).add(y);
    made.push(result);
  }
  return made.filter((x) => !used.has(x));
}

const number = fc.nat({ max: 1000 });
const shape = fc.array(fc.constantFrom(1, 2, 3, 4, 5), { minLength: 1, maxLength: 3 });

export const programs: fc.Arbitrary<Program> = fc.record({
  shapes: fc.array(shape, { minLength: 1, maxLength: 3 }),
  instructions: fc.array(fc.record({ op: number, a: fc.nat({ max: 6 }), b: number, c: number }), {
    minLength: 1,
    maxLength: 14,
  }),
  seed: fc.nat({ max: 2 ** 30 }),
});
