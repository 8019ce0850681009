/** Tensors that are computed from a formula: no data are stored for them. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { type DType, isFloat } from '../kernel/dtype.ts';
import { formatShape } from '../kernel/shape.ts';
import { where } from './comparison.ts';
import { add, mul } from './elementwise.ts';

/** start, start + step, ... before `end`. i32 if all three are whole numbers, else f32. */
export function arange(
  start: number,
  end: number,
  step: number,
  dtype: DType = [start, end, step].every(Number.isInteger) ? 'i32' : 'f32',
): Node {
  if (!(Number.isFinite(start) && Number.isFinite(end) && Number.isFinite(step)) || step === 0)
    throw new RangeError(`arange: needs finite numbers and a step other than 0, got ${start}, ${end}, ${step}`);
  return progression(Math.max(0, Math.ceil((end - start) / step)), start, step, dtype);
}

/** `steps` numbers at equal distances, from `start` to `end`, both included. */
export function linspace(start: number, end: number, steps: number, dtype: DType): Node {
  if (!Number.isInteger(steps) || steps < 0)
    throw new RangeError(`linspace: steps must be an integer of at least 0, got ${steps}`);
  return progression(steps, start, steps > 1 ? (end - start) / (steps - 1) : 0, dtype);
}

function progression(count: number, start: number, step: number, dtype: DType): Node {
  const exact = isFloat(dtype) || (Number.isInteger(start) && Number.isInteger(step)) ? dtype : 'f32';
  const position = graph.cast(graph.iota([count], 0), exact);
  return graph.cast(add(mul(position, step), start), dtype);
}

/** Ones on the main diagonal. */
export const eye = (rows: number, columns: number, dtype: DType): Node =>
  graph.cast(graph.binary('eq', graph.iota([rows, columns], 0), graph.iota([rows, columns], 1)), dtype);

/** [rows, columns], bool: true at and below the diagonal, which is moved up by `diagonal`. */
export function lowerTriangle(rows: number, columns: number, diagonal: number): Node {
  const shape = [rows, columns];
  return graph.binary('lt', graph.iota(shape, 1), add(graph.iota(shape, 0), diagonal + 1));
}

function triangleOf(op: string, source: Node, diagonal: number): Node {
  const [rows, columns] = source.shape.slice(-2);
  if (rows === undefined || columns === undefined)
    throw new RangeError(`${op}: needs at least two dimensions, got ${formatShape(source.shape)}`);
  return lowerTriangle(rows, columns, diagonal);
}

/** The source at and below the diagonal of the last two axes, 0 above. */
export const tril = (source: Node, diagonal: number): Node =>
  where(triangleOf('tril', source, diagonal), source, 0, source.dtype);

/** The source at and above the diagonal of the last two axes, 0 below. */
export const triu = (source: Node, diagonal: number): Node =>
  where(triangleOf('triu', source, diagonal - 1), 0, source, source.dtype);
