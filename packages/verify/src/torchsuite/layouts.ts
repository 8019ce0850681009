/** Tensors of given values that are stored in various ways: as they are, or as a view of something else. */
import { type DType, isFloat, type Shape, type Tensor, type TypedArray, tensor } from '@tessera/tensor';

export const layouts = ['plain', 'permuted', 'sliced', 'flipped'] as const;

/** `permuted`: stored with its axes in reverse order; `sliced`: inside of a larger tensor; `flipped`: back to front. */
export type Layout = (typeof layouts)[number];

const sizeOf = (shape: Shape): number => shape.reduce((product, n) => product * n, 1);

/** The tensor with these values, stored in that layout. */
export function tensorIn(layout: Layout, values: TypedArray, shape: Shape, dtype: DType): Tensor {
  const store = (stored: TypedArray, sizes: Shape): Tensor => tensor(stored, { shape: sizes, dtype });
  if (layout === 'plain' || shape.length === 0 || values.length === 0) return store(values, shape);
  const axes = shape.map((_, axis) => axis);
  if (layout === 'flipped') return store(values.slice().reverse(), shape).flip(axes);
  if (layout === 'permuted') {
    const reversed = [...shape].reverse();
    return store(reorder(values, shape), reversed).permute([...axes].reverse());
  }
  const outer = shape.map((n) => n + 2);
  const stored = values.slice(0, 0).constructor as new (length: number) => TypedArray;
  const surrounded = new stored(sizeOf(outer)).fill(dtype === 'bool' ? 1 : isFloat(dtype) ? Number.NaN : 77);
  forEachPosition(shape, (position, k) => {
    surrounded[position.reduce((at, p, axis) => at * (outer[axis] ?? 0) + p + 1, 0)] = values[k] ?? 0;
  });
  return axes.reduce((view, axis) => view.slice(axis, 1, (shape[axis] ?? 0) + 1), store(surrounded, outer));
}

/** The values in the order of the reversed axes. */
function reorder(values: TypedArray, shape: Shape): TypedArray {
  const result = values.slice();
  forEachPosition(shape, (position, k) => {
    result[position.reduceRight((at, p, axis) => at * (shape[axis] ?? 0) + p, 0)] = values[k] ?? 0;
  });
  return result;
}

function forEachPosition(shape: Shape, visit: (position: readonly number[], k: number) => void): void {
  for (let k = 0; k < sizeOf(shape); k++) {
    let rest = k;
    const position = shape.map(() => 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const n = shape[axis] ?? 1;
      position[axis] = rest % n;
      rest = Math.floor(rest / n);
    }
    visit(position, k);
  }
}
