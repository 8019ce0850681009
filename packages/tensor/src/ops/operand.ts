/** The operands of operations, and how they are brought to one dtype and one shape. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { type DType, isFloat, promote } from '../kernel/dtype.ts';
import { broadcastShapes, formatShape, type Shape } from '../kernel/shape.ts';

/** A number takes its dtype from the other operands. */
export type Operand = Node | number;

/**
 * The dtype of an operation on a number and a tensor of `dtype`: the tensor's own, unless it cannot represent the number. A fractional
 * number with integers becomes f32, a whole number and bool (or one outside of u8's range and u8) i32.
 */
function dtypeWithNumber(value: number, dtype: DType): DType {
  if (isFloat(dtype)) return dtype;
  if (!Number.isInteger(value)) return 'f32';
  if (dtype === 'bool') return 'i32';
  return dtype === 'u8' && (value < 0 || value > 255) ? 'i32' : dtype;
}

/** The dtype of the result of an operation on these operands; f32 if all are numbers. */
export function commonDtype(operands: readonly Operand[]): DType {
  const nodes = operands.filter((operand) => typeof operand !== 'number');
  if (nodes.length === 0) return 'f32';
  const dtype = nodes.map((node) => node.dtype).reduce(promote);
  return operands.reduce<DType>((d, operand) => (typeof operand === 'number' ? dtypeWithNumber(operand, d) : d), dtype);
}

const shapeOf = (operand: Operand): Shape => (typeof operand === 'number' ? [] : operand.shape);

/** Repeats `source` to `shape`: axes may be added in front, and axes of size 1 grow. Throws an error that names `op` otherwise. */
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

/** All operands in one dtype (by default the common one) and, by NumPy's broadcasting, one shape. */
export function align<const Operands extends readonly Operand[]>(
  op: string,
  operands: Operands,
  dtype: DType = commonDtype(operands),
): { -readonly [K in keyof Operands]: Node } {
  const shape = operands.map(shapeOf).reduce((a, b) => broadcastShapes(a, b, op));
  const aligned = operands.map((operand) =>
    typeof operand === 'number'
      ? graph.constant(operand, shape, dtype)
      : broadcastTo(graph.cast(operand, dtype), shape, op),
  );
  return aligned as { -readonly [K in keyof Operands]: Node };
}

/** The same in the common dtype if that is floating point, else in f32. */
export function alignFloating<const Operands extends readonly Operand[]>(
  op: string,
  operands: Operands,
): { -readonly [K in keyof Operands]: Node } {
  const dtype = commonDtype(operands);
  return align(op, operands, isFloat(dtype) ? dtype : 'f32');
}

/** `source` itself, or its values as f32 if they are integers. */
export const floating = (source: Node): Node => (isFloat(source.dtype) ? source : graph.cast(source, 'f32'));

/** A constant of the shape and dtype of `like`. */
export const constantLike = (value: number, like: Node): Node => graph.constant(value, like.shape, like.dtype);
