/** Cuts images into the columns that a convolution multiplies (im2col), and adds such columns up (col2im). */
import { formatShape, sizeOf, type Tensor } from '@tessera/tensor';
import { Module } from '../module/module.ts';
import { settings } from '../module/print-module.ts';
import { nth } from '../nth.ts';
import { type PerAxis, perAxis, withBatch } from '../sizes.ts';
import { foldWindows, positionsOf, slidingWindows, type WindowAxis, windowAxes } from '../vision/windows.ts';

export interface FoldOptions {
  readonly dilation?: PerAxis<2>;
  readonly padding?: PerAxis<2>;
  readonly stride?: PerAxis<2>;
}

const axesOf = (op: string, kernelSize: PerAxis<2>, { dilation, padding, stride }: FoldOptions): WindowAxis[] =>
  windowAxes(2, op, { size: kernelSize, stride: stride ?? 1, padding: padding ?? 0, dilation: dilation ?? 1 });

/**
 * The windows of images as columns, as PyTorch's `F.unfold`. (`Tensor.window` is PyTorch's `Tensor.unfold`.)
 *
 * @param input [N, C, H, W] or [C, H, W]
 * @param kernelSize the window [h, w], or a number for both
 * @returns [N, C h w, L] or [C h w, L], with a column for each of the L positions, row by row
 */
export function unfold(input: Tensor, kernelSize: PerAxis<2>, options: FoldOptions = {}): Tensor {
  const axes = axesOf('unfold', kernelSize, options);
  return withBatch(input, 2, 'unfold', (x) =>
    slidingWindows(x, axes, 'unfold').permute(0, 1, 4, 5, 2, 3).flatten(4).flatten(1, 3),
  );
}

/**
 * Adds columns up to images: the adjoint of `unfold`. Where windows overlap, their values are summed.
 *
 * @param input [N, C h w, L] or [C h w, L]
 * @param outputSize [H, W], or a number for both
 * @param kernelSize the window [h, w], or a number for both
 * @returns [N, C, H, W] or [C, H, W]
 */
export function fold(input: Tensor, outputSize: PerAxis<2>, kernelSize: PerAxis<2>, options: FoldOptions = {}): Tensor {
  const axes = axesOf('fold', kernelSize, options);
  const spatial = perAxis(outputSize, 2, 'fold', "the output's size", 1);
  const window = axes.map(({ size }) => size);
  const positions = axes.map((axis, k) => positionsOf(axis, nth(spatial, k)));
  if (input.ndim !== 2 && input.ndim !== 3)
    throw new RangeError(
      `fold: needs columns [N, C h w, L] or [C h w, L], got a tensor of shape ${formatShape(input.shape)}`,
    );
  const [rows = 0, columns] = input.shape.slice(-2);
  if (rows % sizeOf(window) !== 0 || columns !== sizeOf(positions) || positions.some((count) => count < 1))
    throw new RangeError(
      `fold: windows of ${window.join(' x ')} have ${positions.join(' x ')} positions on an output of ${spatial.join(' x ')}: ` +
        `needs columns [N, a multiple of ${sizeOf(window)}, ${sizeOf(positions)}], got a tensor of shape ${formatShape(input.shape)}`,
    );
  const batch = input.ndim === 3 ? input : input.unsqueeze(0);
  const windows = batch.unflatten(2, positions).unflatten(1, [rows / sizeOf(window), ...window]);
  const output = foldWindows(windows.permute(0, 1, 4, 5, 2, 3), spatial, axes);
  return input.ndim === 3 ? output : output.reshape(output.shape.slice(1));
}

/** The windows of images as columns: [N, C, H, W] to [N, C h w, L], or without N. */
export class Unfold extends Module {
  readonly kernelSize: PerAxis<2>;
  readonly options: FoldOptions;

  constructor(kernelSize: PerAxis<2>, options: FoldOptions = {}) {
    super();
    axesOf('Unfold', kernelSize, options);
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(input: Tensor): Tensor {
    return unfold(input, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    const { kernelSize, options } = this;
    const { dilation = 1, padding = 0, stride = 1 } = options;
    return settings({ kernelSize, dilation, padding, stride });
  }
}

/** Adds columns up to images: [N, C h w, L] to [N, C, ...outputSize], or without N. */
export class Fold extends Module {
  readonly outputSize: PerAxis<2>;
  readonly kernelSize: PerAxis<2>;
  readonly options: FoldOptions;

  constructor(outputSize: PerAxis<2>, kernelSize: PerAxis<2>, options: FoldOptions = {}) {
    super();
    axesOf('Fold', kernelSize, options);
    perAxis(outputSize, 2, 'Fold', "the output's size", 1);
    this.outputSize = outputSize;
    this.kernelSize = kernelSize;
    this.options = options;
  }

  forward(input: Tensor): Tensor {
    return fold(input, this.outputSize, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    const { outputSize, kernelSize, options } = this;
    const { dilation = 1, padding = 0, stride = 1 } = options;
    return settings({ outputSize, kernelSize, dilation, padding, stride });
  }
}
