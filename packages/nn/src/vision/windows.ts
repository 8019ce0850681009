/** Sliding windows over images: the basis of convolution and pooling. */
import { formatShape, type Tensor } from '@tessera/tensor';
import { sizesOf } from '../sizes.ts';

/** A number for both axes, or one each: [height, width]. */
export type Pair = number | readonly [height: number, width: number];

export const pair = (value: Pair): readonly [number, number] => (typeof value === 'number' ? [value, value] : value);

export interface WindowOptions {
  readonly size: Pair;
  readonly stride: Pair;
  readonly dilation?: Pair;
  readonly padding?: Pair;
  /** The value of the padding around the image. */
  readonly padValue?: number;
}

/**
 * The sliding windows of images, as a view: nothing is copied.
 *
 * @param input [N, C, H, W]
 * @returns [N, C, H', W', h, w], with H' = floor((H + 2 padding - dilation (h - 1) - 1) / stride) + 1
 * @throws RangeError if the input is not four-dimensional, or smaller than one window
 */
export function windows2d(input: Tensor, options: WindowOptions, op: string): Tensor {
  const size = pair(options.size);
  const stride = pair(options.stride);
  const dilation = pair(options.dilation ?? 1);
  const padding = pair(options.padding ?? 0);
  const [, , height, width] = sizesOf(input, 4, op, 'images [N, C, H, W]');
  const requireWindow = (lines: string, side: number, pad: number, step: number, count: number): void => {
    const [length, reach] = [side + 2 * pad, step * (count - 1) + 1];
    if (length < reach)
      throw new RangeError(
        `${op}: input ${formatShape(input.shape)} with padding ${pad} has ${length} ${lines}; one window spans ${reach}`,
      );
  };
  requireWindow('rows', height, padding[0], dilation[0], size[0]);
  requireWindow('columns', width, padding[1], dilation[1], size[1]);
  const [ph, pw] = padding;
  const padded =
    ph === 0 && pw === 0
      ? input
      : input.pad(
          [
            [0, 0],
            [0, 0],
            [ph, ph],
            [pw, pw],
          ],
          options.padValue ?? 0,
        );
  return tiles(padded, size, stride, dilation) ?? slide(padded, size, stride, dilation);
}

const slide = (
  input: Tensor,
  size: readonly [number, number],
  stride: readonly [number, number],
  dilation: readonly [number, number],
): Tensor =>
  input.window([
    { axis: 2, size: size[0], stride: stride[0], dilation: dilation[0] },
    { axis: 3, size: size[1], stride: stride[1], dilation: dilation[1] },
  ]);

/**
 * Windows that neither overlap nor leave gaps, such as a ViT's patches, as a split of the axes: their gradient is a reshape again,
 * without sums. Null for other windows.
 */
function tiles(
  input: Tensor,
  [h, w]: readonly [number, number],
  stride: readonly [number, number],
  dilation: readonly [number, number],
): Tensor | null {
  if (stride[0] !== h || stride[1] !== w || (dilation[0] !== 1 && h > 1) || (dilation[1] !== 1 && w > 1)) return null;
  const [n, c, height, width] = sizesOf(input, 4, 'windows2d', 'images [N, C, H, W]');
  const rows = Math.floor(height / h);
  const columns = Math.floor(width / w);
  return input
    .slice(2, 0, rows * h)
    .slice(3, 0, columns * w)
    .reshape([n, c, rows, h, columns, w])
    .permute(0, 1, 2, 4, 3, 5);
}
