/** Reads the shape of a tensor that must have a known number of axes. */
import { formatShape, type Tensor } from '@tessera/tensor';

interface Sizes {
  readonly 2: readonly [number, number];
  readonly 3: readonly [number, number, number];
  readonly 4: readonly [number, number, number, number];
}

/**
 * The shape of `x` as a tuple of `count` sizes:
 *
 *     const [n, c, height, width] = sizesOf(images, 4, 'patchify', 'images [N, C, H, W]');
 *
 * @throws RangeError `OP: needs EXPECTED, got a tensor of shape [...]` if `x` has another number of axes
 */
export function sizesOf<Count extends keyof Sizes>(
  x: Tensor,
  count: Count,
  op: string,
  expected: string,
): Sizes[Count] {
  if (x.ndim !== count) throw new RangeError(`${op}: needs ${expected}, got a tensor of shape ${formatShape(x.shape)}`);
  return x.shape as readonly number[] as Sizes[Count];
}
