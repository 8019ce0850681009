/** How the windows of pooling are placed, for maxima and for means. */
import { formatShape, type Shape, type Tensor } from '@tessera/tensor';
import { nth } from '../nth.ts';
import { type Dims, type PerAxis, requireEach } from '../sizes.ts';
import { positionsOf, reachOf, type WindowAxis, windowAxes } from '../vision/windows.ts';

export interface PoolOptions<D extends Dims = 2> {
  /** Default: the window's size, so that windows do not overlap. */
  readonly stride?: PerAxis<D>;
  readonly padding?: PerAxis<D>;
  /** Rounds the number of positions up: a window may then reach beyond the padding. */
  readonly ceilMode?: boolean;
}

/** Refuses what no input fits, when a layer is made. */
export function requirePoolArguments(
  op: string,
  kernelSize: unknown,
  { stride, padding, dilation }: { readonly [name in 'stride' | 'padding' | 'dilation']?: unknown },
): void {
  requireEach(op, { kernelSize: kernelSize ?? Number.NaN, stride, dilation }, 1);
  requireEach(op, { padding }, 0);
}

/** The windows along each axis. @throws RangeError if an argument makes no sense, or a window could be all padding */
export function poolAxes<D extends Dims>(
  dims: D,
  op: string,
  size: PerAxis<D>,
  { stride, padding, dilation }: PoolOptions<D> & { readonly dilation?: PerAxis<D> },
): WindowAxis[] {
  const axes = windowAxes(dims, op, { size, stride: stride ?? size, padding: padding ?? 0, dilation: dilation ?? 1 });
  if (axes.some((axis) => 2 * axis.before > reachOf(axis)))
    throw new RangeError(
      `${op}: padding ${axes.map(({ before }) => before).join(' x ')} is more than half of the window ` +
        axes.map(reachOf).join(' x '),
    );
  return axes;
}

/** @throws RangeError if the input has no channels or no positions; the batch may be empty */
export function checkNotEmpty(op: string, input: Tensor): void {
  if (input.shape.slice(1).includes(0))
    throw new RangeError(`${op}: only the batch may be empty, got an input of shape ${formatShape(input.shape)}`);
}

/**
 * With `ceilMode`, the padding behind each axis grows to what the last window reaches. That window must start in the input or in the
 * padding in front of it, as in PyTorch.
 *
 * @param spatial the sizes of the spatial axes
 */
export function roundedUp(axes: readonly WindowAxis[], spatial: Shape, ceilMode: boolean): readonly WindowAxis[] {
  if (!ceilMode) return axes;
  return axes.map((axis, k) => {
    const { stride, before, after } = axis;
    const length = nth(spatial, k);
    const start = stride * positionsOf(axis, length);
    // The window after the last whole one: it counts if it has an element that the whole ones do not have.
    const starts = start < length + before && start - stride + reachOf(axis) < length + before + after;
    return starts ? { ...axis, after: start + reachOf(axis) - length - before } : axis;
  });
}
