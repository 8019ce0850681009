/** Shapes: sizes of axes, row-major strides, broadcasting, and axes counted from the end. */
import { nth } from './nth.ts';
export type Shape = readonly number[];

/** The number of elements. */
export const sizeOf = (shape: Shape): number => shape.reduce((product, n) => product * n, 1);

/** Row-major strides, in elements. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= nth(shape, axis);
  }
  return strides;
}

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i]);

export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`;

/** The axis counted from the front; negative axes count from the end. Throws a RangeError that names `op` if it is out of range. */
export function normalizeAxis(axis: number, rank: number, op: string): number {
  const normalized = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normalized < 0 || normalized >= rank)
    throw new RangeError(`${op}: axis ${axis} is out of range for a tensor of ${rank} dimensions`);
  return normalized;
}

/** The shape of two broadcast shapes, by NumPy's rules. Throws a RangeError that names both if they do not broadcast. */
export function broadcastShapes(a: Shape, b: Shape, op: string): number[] {
  const rank = Math.max(a.length, b.length);
  const result = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new RangeError(
        `${op}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: sizes ${x} and ${y} differ`,
      );
    result[i] = x === 1 ? y : x;
  }
  return result;
}

/** Throws unless the shape is an array whose sizes are whole numbers of at least 0. */
export function checkShape(shape: Shape, op: string): void {
  if (!Array.isArray(shape))
    throw new TypeError(`${op}: the shape must be an array of sizes, such as [2, 3], got ${String(shape)}`);
  for (const n of shape)
    if (!Number.isInteger(n) || n < 0)
      throw new RangeError(`${op}: ${formatShape(shape)} is not a valid shape: sizes must be integers of at least 0`);
}
