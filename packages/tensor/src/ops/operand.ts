/** What the operations accept, and how operands are brought to one dtype and one shape. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { type DType, isFloat, promote } from '../kernel/dtype.ts';
import { broadcastShapes, formatShape, type Shape } from '../kernel/shape.ts';

export type Operand = Node | number;

/**
 * The dtype in which a number meets a tensor of `dtype`: the tensor's own, unless that cannot hold it. A fractional number beside
 * integers gives f32, a whole number beside bool (or one that u8 cannot hold) i32.
 */
function dtypeBeside(value: number, dtype: DType): DType {
  if (isFloat(dtype)) return dtype;
  if (!Number.isInteger(value)) return 'f32';
  if (dtype === 'bool') return 'i32';
  return dtype === 'u8' && (value < 0 || value > 255) ? 'i32' : dtype;
}

/** The dtype of a result of these operands; of numbers alone f32. */
export function commonDtype(operands: readonly Operand[]): DType {
  const nodes = operands.filter((operand) => typeof operand !== 'number');
  if (nodes.length === 0) return 'f32';
  const dtype = nodes.map((node) => node.dtype).reduce(promote);
  return operands.reduce<DType>((d, operand) => (typeof operand === 'number' ? dtypeBeside(operand, d) : d), dtype);
}

const shapeOf = (operand: Operand): Shape => (typeof operand === 'number' ? [] : operand.shape);

/** `source` repeated to `shape`: new axes in front, axes of size 1 grow. */
export function broadcastTo(source: Node, shape: Shape, op = 'broadcastTo'): Node {
  const extra = shape.length - source.shape.length;
  if (extra < 0)
    throw new RangeError(
      `${op}: ${formatShape(source.shape)} does not broadcast to ${formatShape(shape)}: it has more dimensions`,
    );
  source.shape.forEach((n, axis) => {
    if (n !== 1 && n !== shape[axis + extra])
      throw new RangeError(
        `${op}: ${formatShape(source.shape)} does not broadcast to ${formatShape(shape)}: sizes ${n} and ${shape[axis + extra]} differ`,
      );
  });
  return graph.expand(graph.reshape(source, [...new Array<number>(extra).fill(1), ...source.shape]), shape);
}

/** All operands in one dtype (the common one, if none is given) and, by NumPy's broadcasting, one shape. */
export function align(op: string, operands: readonly Operand[], dtype: DType = commonDtype(operands)): Node[] {
  const shape = operands.map(shapeOf).reduce((a, b) => broadcastShapes(a, b, op));
  return operands.map((operand) =>
    typeof operand === 'number'
      ? graph.constant(operand, shape, dtype)
      : broadcastTo(graph.cast(operand, dtype), shape, op),
  );
}

/** `source`, or its values as f32 where they are integers. */
export const floating = (source: Node): Node => (isFloat(source.dtype) ? source : graph.cast(source, 'f32'));

/** A constant of the shape and dtype of `like`. */
export const constantLike = (value: number, like: Node): Node => graph.constant(value, like.shape, like.dtype);
