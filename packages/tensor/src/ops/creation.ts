/** Tensors that are computed from a formula: no data are stored for them. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { type DType, isFloat } from '../kernel/dtype.ts';
import { formatShape } from '../kernel/shape.ts';
import { where } from './comparison.ts';
import { add, mul } from './elementwise.ts';

/** start, start + step, ... before `end`. i32 if all three are whole numbers, else f32. Integers are computed from truncated numbers. */
export function arange(
  start: number,
  end: number,
  step: number,
  dtype: DType = [start, end, step].every(Number.isInteger) ? 'i32' : 'f32',
): Node {
  if (![start, end, step].every(Number.isFinite) || step === 0)
    throw new RangeError(
      `arange: needs finite numbers and a step other than 0, got ${[start, end, step].map(String).join(', ')}`,
    );
  if ((end - start) * step < 0)
    throw new RangeError(`arange: from ${start} in steps of ${step} never reaches ${end}: the step has the wrong sign`);
  const count = Math.ceil((end - start) / step);
  if (isFloat(dtype)) return add(mul(graph.cast(graph.iota([count], 0), dtype), step), start);
  return graph.cast(add(mul(graph.iota([count], 0), Math.trunc(step)), Math.trunc(start)), dtype);
}

/** Throws unless `linspace` can make that many numbers between these. */
function checkLinspace(start: number, end: number, steps: number): void {
  if (![start, end].every(Number.isFinite))
    throw new RangeError(`linspace: start and end must be finite numbers, got ${String(start)} and ${String(end)}`);
  if (!Number.isInteger(steps) || steps < 0)
    throw new RangeError(`linspace: steps must be an integer of at least 0, got ${String(steps)}`);
}

/**
 * `steps` floats at equal distances, from `start` to `end`, both included. PyTorch's formula: the first half counts from the start, the
 * second from the end, so that both ends are exact.
 */
export function linspace(start: number, end: number, steps: number, dtype: DType): Node {
  checkLinspace(start, end, steps);
  if (steps < 2) return graph.constant(start, [steps], dtype);
  const step = (end - start) / (steps - 1);
  const index = graph.iota([steps], 0);
  const position = graph.cast(index, dtype);
  const isFirst = graph.binary('lt', index, graph.constant(Math.floor(steps / 2), [steps], 'i32'));
  const fromEnd = add(mul(add(position, 1 - steps), step), end);
  return graph.where(isFirst, add(mul(position, step), start), fromEnd);
}

/** The same for integers: start and end lose their fractions first, then the numbers theirs, as in PyTorch. */
export function linspaceOfIntegers(start: number, end: number, steps: number): number[] {
  checkLinspace(start, end, steps);
  const [from, to] = [Math.trunc(start), Math.trunc(end)];
  const step = steps > 1 ? (to - from) / (steps - 1) : 0;
  const half = Math.floor(steps / 2);
  return Array.from({ length: steps }, (_, k) =>
    Math.trunc(k < half || steps === 1 ? from + step * k : to - step * (steps - 1 - k)),
  );
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
