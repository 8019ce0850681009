/** Sliding windows over sequences, images and volumes: the basis of convolution, pooling and unfolding. */
import { formatShape, type Shape, Tensor } from '@tessera/tensor';
import { graph } from '@tessera/tensor/graph';
import { nth } from '../nth.ts';
import { type Dims, type PerAxis, perAxis } from '../sizes.ts';

/** A number for both axes, or one each: [height, width]. */
export type Pair = PerAxis<2>;

export const pair = (value: Pair): readonly [number, number] => (typeof value === 'number' ? [value, value] : value);

/** How windows are placed along one spatial axis. */
export interface WindowAxis {
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding in front of the axis and behind it. */
  readonly before: number;
  readonly after: number;
}

export interface WindowOptions<D extends Dims> {
  readonly size: PerAxis<D>;
  readonly stride: PerAxis<D>;
  readonly padding?: PerAxis<D>;
  readonly dilation?: PerAxis<D>;
}

/** The windows along each axis, from a layer's arguments. @throws RangeError that names the argument that makes no sense */
export function windowAxes<D extends Dims>(dims: D, op: string, options: WindowOptions<D>): WindowAxis[] {
  const sizes = perAxis(options.size, dims, op, "the window's size", 1);
  const strides = perAxis(options.stride, dims, op, 'the stride', 1);
  const dilations = perAxis(options.dilation ?? 1, dims, op, 'the dilation', 1);
  const paddings = perAxis(options.padding ?? 0, dims, op, 'the padding', 0);
  return sizes.map((size, k) => ({
    size,
    stride: nth(strides, k),
    dilation: nth(dilations, k),
    before: nth(paddings, k),
    after: nth(paddings, k),
  }));
}

/** From the first to the last element of a window, both included. */
export const reachOf = ({ size, dilation }: WindowAxis): number => dilation * (size - 1) + 1;

/** How many positions a window has on an axis of `length`: floor((length + padding - reach) / stride) + 1. */
export const positionsOf = (axis: WindowAxis, length: number): number =>
  Math.floor((length + axis.before + axis.after - reachOf(axis)) / axis.stride) + 1;

/** What the spatial axes consist of, for messages. */
const lines: Readonly<Record<number, readonly string[]>> = {
  1: ['positions'],
  2: ['rows', 'columns'],
  3: ['slices', 'rows', 'columns'],
};

/**
 * The sliding windows of a batch, as a view: nothing is copied.
 *
 * @param input [N, C, ...spatial]
 * @param padValue the value of the padding
 * @returns [N, C, ...positions, ...sizes]
 * @throws RangeError if the padded input is smaller than one window
 */
export function slidingWindows(input: Tensor, axes: readonly WindowAxis[], op: string, padValue = 0): Tensor {
  const spatial = input.shape.slice(2);
  for (const [k, axis] of axes.entries()) {
    const { before, after } = axis;
    const length = nth(spatial, k) + before + after;
    if (length < reachOf(axis))
      throw new RangeError(
        `${op}: input ${formatShape(input.shape)} with padding ${before === after ? before : `${before} and ${after}`} ` +
          `has ${length} ${lines[axes.length]?.[k]}; one window spans ${reachOf(axis)}`,
      );
  }
  const padded = axes.every(({ before, after }) => before === 0 && after === 0)
    ? input
    : input.pad([[0, 0], [0, 0], ...axes.map(({ before, after }) => [before, after] as const)], padValue);
  return tiles(padded, axes) ?? padded.window(specs(axes));
}

const specs = (axes: readonly WindowAxis[]): { axis: number; size: number; stride: number; dilation: number }[] =>
  axes.map(({ size, stride, dilation }, k) => ({ axis: k + 2, size, stride, dilation }));

/**
 * Windows that neither overlap nor leave gaps, such as a ViT's patches, as a split of the axes: their gradient is a reshape again,
 * without sums. Null for other windows.
 */
function tiles(input: Tensor, axes: readonly WindowAxis[]): Tensor | null {
  if (axes.some(({ size, stride, dilation }) => stride !== size || (dilation !== 1 && size > 1))) return null;
  const counts = axes.map(({ size }, k) => Math.floor(nth(input.shape, k + 2) / size));
  const whole = axes.reduce((x, { size }, k) => x.slice(k + 2, 0, nth(counts, k) * size), input);
  return whole
    .reshape([...input.shape.slice(0, 2), ...axes.flatMap(({ size }, k) => [nth(counts, k), size])])
    .permute([0, 1, ...axes.map((_, k) => 2 * k + 2), ...axes.map((_, k) => 2 * k + 3)]);
}

/**
 * The adjoint of `slidingWindows`: adds up what the windows have at each position of the input.
 *
 * @param windows [N, C, ...positions, ...sizes]
 * @param spatial the sizes of the spatial axes of the result, without the padding, which is cut off
 * @returns [N, C, ...spatial]
 */
export function foldWindows(windows: Tensor, spatial: Shape, axes: readonly WindowAxis[]): Tensor {
  const padded = axes.map(({ before, after }, k) => nth(spatial, k) + before + after);
  const node = graph.fold(windows.node, [...windows.shape.slice(0, 2), ...padded], specs(axes));
  return axes.reduce((x, { before }, k) => x.slice(k + 2, before, before + nth(spatial, k)), Tensor.fromNode(node));
}
