/** Views: how the elements of a buffer are found through reshapes, permutations, padding and windows, without copying. */
import { nth } from './nth.ts';
import { contiguousStrides, type Shape, sizeOf } from './shape.ts';

/** The condition `low <= sum(coefficients[k] * index[k]) < high`, over the axes of its view. */
export interface Guard {
  readonly coefficients: readonly number[];
  readonly low: number;
  readonly high: number;
}

/**
 * How the element at an index tuple is found: at `offset + sum(strides[k] * index[k])`, in elements, if all guards hold; otherwise the
 * value is 0 (false). Every view operation is an affine substitution of the index tuple, so one function implements all of them.
 */
export interface View {
  readonly shape: Shape;
  readonly offset: number;
  readonly strides: readonly number[];
  readonly guards: readonly Guard[];
}

/** The row-major view. */
export function contiguousView(shape: Shape): View {
  return { shape, offset: 0, strides: contiguousStrides(shape), guards: [] };
}

/** A view without guards. */
export function stridedView(shape: Shape, strides: readonly number[], offset = 0): View {
  return { shape, offset, strides, guards: [] };
}

/** Row-major, without gaps, guards or offset. */
export function isContiguous(view: View): boolean {
  if (view.offset !== 0 || view.guards.length > 0) return false;
  const strides = contiguousStrides(view.shape);
  return view.shape.every((n, k) => n === 1 || view.strides[k] === strides[k]);
}

/**
 * Substitutes old index k by `constant[k] + sum_j matrix[k][j] * new index j`:
 *
 *     offset'     = offset + sum_k strides[k] * constant[k]
 *     strides'[j] = sum_k strides[k] * matrix[k][j]
 *
 * and the same for each guard, whose bounds absorb the constant part.
 */
function substitute(
  view: View,
  shape: Shape,
  matrix: readonly (readonly [axis: number, factor: number])[][],
  constant: readonly number[],
  extraGuards: readonly Guard[] = [],
): View {
  const transform = (coefficients: readonly number[]): number[] => {
    const result = new Array<number>(shape.length).fill(0);
    matrix.forEach((row, k) => {
      for (const [j, factor] of row) result[j] = nth(result, j) + nth(coefficients, k) * factor;
    });
    return result;
  };
  const shift = (coefficients: readonly number[]): number =>
    constant.reduce((sum, c, k) => sum + c * nth(coefficients, k), 0);
  const guards = view.guards.map((guard) => {
    const moved = shift(guard.coefficients);
    return { coefficients: transform(guard.coefficients), low: guard.low - moved, high: guard.high - moved };
  });
  return simplifyGuards({
    shape,
    offset: view.offset + shift(view.strides),
    strides: transform(view.strides).map((stride, j) => (shape[j] === 1 ? 0 : stride)),
    guards: [...guards, ...extraGuards],
  });
}

/** Drops guards that are true for every index of the shape, and merges guards on the same sum. */
function simplifyGuards(view: View): View {
  const joined = new Map<string, Guard>();
  for (const guard of view.guards) {
    const coefficients = guard.coefficients.map((c, k) => (view.shape[k] === 1 ? 0 : c));
    let smallest = 0;
    let largest = 0;
    coefficients.forEach((c, k) => {
      const reach = c * (nth(view.shape, k) - 1);
      if (reach < 0) smallest += reach;
      else largest += reach;
    });
    if (guard.low <= smallest && largest < guard.high) continue;
    const key = coefficients.join();
    const other = joined.get(key);
    joined.set(key, {
      coefficients,
      low: Math.max(guard.low, other?.low ?? guard.low),
      high: Math.min(guard.high, other?.high ?? guard.high),
    });
  }
  return { ...view, guards: [...joined.values()] };
}

const identityRows = (rank: number): [number, number][][] => Array.from({ length: rank }, (_, k) => [[k, 1]]);
const zeros = (rank: number): number[] => new Array<number>(rank).fill(0);

export function permuteView(view: View, axes: readonly number[]): View {
  const rows: [number, number][][] = axes.map(() => []);
  axes.forEach((old, j) => {
    rows[old] = [[j, 1]];
  });
  const shape = axes.map((axis) => nth(view.shape, axis));
  return substitute(view, shape, rows, zeros(axes.length));
}

/** Axes of size 1 are repeated to `shape`. */
export function expandView(view: View, shape: Shape): View {
  const rows = shape.map((n, k): [number, number][] => (view.shape[k] === n ? [[k, 1]] : []));
  return substitute(view, shape, rows, zeros(shape.length));
}

export function shrinkView(view: View, start: readonly number[], end: readonly number[]): View {
  const shape = start.map((from, k) => nth(end, k) - from);
  return substitute(view, shape, identityRows(shape.length), start);
}

export function padView(view: View, before: readonly number[], after: readonly number[]): View {
  const rank = view.shape.length;
  const shape = view.shape.map((n, k) => n + nth(before, k) + nth(after, k));
  const guards: Guard[] = [];
  view.shape.forEach((n, k) => {
    if (before[k] === 0 && after[k] === 0) return;
    const low = nth(before, k);
    guards.push({ coefficients: zeros(rank).map((_, j) => (j === k ? 1 : 0)), low, high: low + n });
  });
  const constant = before.map((n) => -n);
  return substitute(view, shape, identityRows(rank), constant, guards);
}

export function flipView(view: View, axes: readonly number[]): View {
  const rows = view.shape.map((_, k): [number, number][] => [[k, axes.includes(k) ? -1 : 1]]);
  const constant = view.shape.map((n, k) => (axes.includes(k) ? n - 1 : 0));
  return substitute(view, view.shape, rows, constant);
}

export interface ViewWindow {
  readonly axis: number;
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
}

/** The number of positions of a window along an axis of `length`. */
export const windowCount = (length: number, { size, stride, dilation }: ViewWindow): number =>
  Math.max(0, Math.floor((length - dilation * (size - 1) - 1) / stride) + 1);

/** Windowed axes become positions; the window axes are appended. Old index = stride * position + dilation * window index. */
export function windowView(view: View, windows: readonly ViewWindow[]): View {
  const rank = view.shape.length;
  const shape = [...view.shape];
  const rows = identityRows(rank);
  windows.forEach((spec, w) => {
    shape[spec.axis] = windowCount(nth(view.shape, spec.axis), spec);
    shape.push(spec.size);
    rows[spec.axis] = [
      [spec.axis, spec.stride],
      [rank + w, spec.dilation],
    ];
  });
  return substitute(view, shape, rows, zeros(rank));
}

/**
 * The same elements in the same row-major order under another shape, or null where one view cannot express that. Splitting an axis
 * is affine and always possible: index = inner * i + j. Axes i and j can be joined where the strides and every guard depend on
 * `inner * i + j` only.
 */
export function reshapeView(view: View, shape: Shape): View | null {
  if (sizeOf(shape) === 0) return { shape, offset: 0, strides: zeros(shape.length), guards: [] };
  // Old axes, without those of size 1, joined where possible.
  const linear = [view.strides, ...view.guards.map((guard) => guard.coefficients)];
  const oldAxes = view.shape.map((_, k) => k).filter((k) => view.shape[k] !== 1);
  const newAxes = shape.map((_, k) => k).filter((k) => shape[k] !== 1);
  const result = linear.map(() => zeros(shape.length));
  let i = 0;
  let j = 0;
  while (i < oldAxes.length || j < newAxes.length) {
    // The smallest groups of old and of new axes with equal products.
    const oldGroup = [nth(oldAxes, i++)];
    const newGroup = [nth(newAxes, j++)];
    let oldSize = nth(view.shape, nth(oldGroup, 0));
    let newSize = nth(shape, nth(newGroup, 0));
    while (oldSize !== newSize) {
      if (oldSize < newSize) {
        const axis = nth(oldAxes, i++);
        oldGroup.push(axis);
        oldSize *= nth(view.shape, axis);
      } else {
        const axis = nth(newAxes, j++);
        newGroup.push(axis);
        newSize *= nth(shape, axis);
      }
    }
    for (let l = 0; l < linear.length; l++) {
      const coefficients = nth(linear, l);
      const last = nth(coefficients, nth(oldGroup, oldGroup.length - 1));
      let step = last;
      for (let g = oldGroup.length - 1; g >= 0; g--) {
        const axis = nth(oldGroup, g);
        if (coefficients[axis] !== step) return null;
        step *= nth(view.shape, axis);
      }
      step = last;
      for (let g = newGroup.length - 1; g >= 0; g--) {
        const axis = nth(newGroup, g);
        nth(result, l)[axis] = step;
        step *= nth(shape, axis);
      }
    }
  }
  return {
    shape,
    offset: view.offset,
    strides: nth(result, 0),
    guards: view.guards.map((guard, g) => ({ ...guard, coefficients: nth(result, 1 + g) })),
  };
}

/** The position of the element at `index`, or -1 where a guard fails. For interpreters and tests. */
export function locate(view: View, index: readonly number[]): number {
  for (const { coefficients, low, high } of view.guards) {
    const sum = coefficients.reduce((total, c, k) => total + c * nth(index, k), 0);
    if (sum < low || sum >= high) return -1;
  }
  return view.strides.reduce((total, stride, k) => total + stride * nth(index, k), view.offset);
}

/** Terms such as `3*i0 + i1` for the coefficients that are not 0. */
const formatTerms = (coefficients: readonly number[]): string[] =>
  coefficients.flatMap((c, k) => (c === 0 ? [] : [c === 1 ? `i${k}` : `${c}*i${k}`]));

/** A sum of indices: `5 + 3*i0 + i1`; 0 where nothing is added. */
export function formatAffine(coefficients: readonly number[], offset = 0): string {
  const terms = formatTerms(coefficients);
  return (offset === 0 ? terms : [`${offset}`, ...terms]).join(' + ') || '0';
}

/** A view as text, for people: its shape, and the position of the element at index (i0, i1, ...). */
export function formatView({ shape, offset, strides, guards }: View): string {
  const conditions = guards.map(
    ({ coefficients, low, high }) => ` if ${low} <= ${formatAffine(coefficients)} < ${high}`,
  );
  return `[${shape.join(', ')}] @ ${formatAffine(strides, offset)}${conditions.join('')}`;
}
