/** Samples images and volumes at computed positions: PyTorch's `grid_sample` and `affine_grid`. */
import { formatShape, iota, isFloat, onesLike, sizeOf, type Tensor, where } from '@tessera/tensor';
import { gatherUnchecked } from '../unchecked.ts';

export type GridSampleMode = 'bilinear' | 'nearest' | 'bicubic';

/** What is outside of the input: zeros, its outermost values, or its mirror image. */
export type GridPaddingMode = 'zeros' | 'border' | 'reflection';

export interface GridSampleOptions {
  /** 'bilinear' (default), 'nearest' or 'bicubic'; of volumes, the first is trilinear and the last tricubic. */
  readonly mode?: GridSampleMode;
  readonly paddingMode?: GridPaddingMode;
  /** Whether -1 and 1 are the centers of the corner pixels (true), or the outer edges of the image (false, default). */
  readonly alignCorners?: boolean;
}

const modes: readonly GridSampleMode[] = ['bilinear', 'nearest', 'bicubic'];
const paddingModes: readonly GridPaddingMode[] = ['zeros', 'border', 'reflection'];

/** Where samples read along one axis: taps on a last axis of their own. */
interface Taps {
  /** Whole numbers in floating point, which may be outside of the input. */
  readonly position: Tensor;
  readonly weight: Tensor;
}

/** Positions from -1 to 1 as positions on an axis of n elements. */
const unnormalized = (grid: Tensor, n: number, alignCorners: boolean): Tensor =>
  alignCorners
    ? grid
        .add(1)
        .mul(0.5)
        .mul(n - 1)
    : grid.add(1).mul(n).sub(1).mul(0.5);

/** Positions within the axis. As in PyTorch, no gradient flows where they are clipped, at the first and last position included. */
const clipped = (position: Tensor, n: number): Tensor =>
  where(position.le(0), 0, where(position.ge(n - 1), n - 1, position));

/** Positions mirrored at the axis's ends: the centers of the outermost elements, or their outer edges. */
function reflected(position: Tensor, n: number, alignCorners: boolean): Tensor {
  const low = alignCorners ? 0 : -0.5;
  const span = alignCorners ? n - 1 : n;
  if (span === 0) return position.mul(0);
  const distance = position.sub(low);
  const magnitude = where(distance.lt(0), distance.neg(), distance);
  const flips = magnitude.div(span).floor();
  const extra = magnitude.sub(flips.mul(span));
  const isOdd = flips.ne(flips.mul(0.5).floor().mul(2));
  return where(isOdd, extra.neg().add(span), extra).add(low);
}

function padded(
  position: Tensor,
  n: number,
  { paddingMode = 'zeros', alignCorners = false }: GridSampleOptions,
): Tensor {
  if (paddingMode === 'zeros') return position;
  return clipped(paddingMode === 'border' ? position : reflected(position, n, alignCorners), n);
}

/** The nearest whole number; of two equally near ones the even one. */
function rounded(x: Tensor): Tensor {
  const low = x.floor();
  const rest = x.sub(low);
  const isOdd = low.ne(low.mul(0.5).floor().mul(2));
  return where(rest.gt(0.5), low.add(1), where(rest.eq(0.5), where(isOdd, low.add(1), low), low));
}

/** Cubic convolution (Keys 1981) with a = -0.75 at the distances of four taps: f + 1, f, 1 - f, 2 - f. */
function cubicWeights(distance: Tensor): Tensor {
  const a = -0.75;
  const near = distance
    .mul(a + 2)
    .sub(a + 3)
    .mul(distance.square())
    .add(1);
  const far = distance.sub(5).mul(distance).add(8).mul(distance).sub(4).mul(a);
  return where(distance.le(1), near, far);
}

function tapsOf(position: Tensor, n: number, options: GridSampleOptions): Taps {
  const { mode = 'bilinear' } = options;
  if (mode === 'nearest') {
    const at = rounded(padded(position, n, options)).unsqueeze(-1);
    return { position: at, weight: onesLike(at) };
  }
  if (mode === 'bilinear') {
    const inside = padded(position, n, options);
    const low = inside.floor();
    const rest = inside.sub(low).unsqueeze(-1);
    const tap = iota([2]).cast(position.dtype);
    return { position: low.unsqueeze(-1).add(tap), weight: where(tap.eq(0), rest.neg().add(1), rest) };
  }
  // Each of the four positions is padded for itself.
  const low = position.floor();
  const tap = iota([4]).cast(position.dtype).sub(1);
  const distance = position.sub(low).unsqueeze(-1).sub(tap);
  return {
    position: padded(low.unsqueeze(-1).add(tap), n, options),
    weight: cubicWeights(where(tap.gt(0), distance.neg(), distance)),
  };
}

/**
 * Samples an input at the positions of a grid (Jaderberg et al. 2015, section 3.3). Position (-1, -1) is the input's first corner and
 * (1, 1) its last.
 *
 * @param input [N, C, H, W] or [N, C, D, H, W], floating point
 * @param grid [N, H', W', 2] with (x, y), or [N, D', H', W', 3] with (x, y, z), of the input's dtype
 * @returns [N, C, H', W'] or [N, C, D', H', W']
 * @throws RangeError if the shapes do not fit, or a mode is not known
 */
export function gridSample(input: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  const { mode = 'bilinear', paddingMode = 'zeros', alignCorners = false } = options;
  const dims = input.ndim - 2;
  const shapes = `input ${formatShape(input.shape)} and grid ${formatShape(grid.shape)}`;
  if (dims !== 2 && dims !== 3)
    throw new RangeError(`gridSample: needs an input [N, C, H, W] or [N, C, D, H, W], got ${shapes}`);
  if (grid.ndim !== input.ndim || grid.shape[0] !== input.shape[0] || grid.shape.at(-1) !== dims)
    throw new RangeError(
      `gridSample: needs a grid ${dims === 2 ? '[N, H, W, 2]' : '[N, D, H, W, 3]'} with the input's N, got ${shapes}`,
    );
  if (!isFloat(input.dtype) || input.dtype !== grid.dtype)
    throw new TypeError(
      `gridSample: needs an input and a grid of one floating-point dtype, got ${input.dtype} and ${grid.dtype}`,
    );
  if (!modes.includes(mode) || !paddingModes.includes(paddingMode))
    throw new RangeError(
      `gridSample: the mode must be ${modes.join(', ')}, and the paddingMode ${paddingModes.join(', ')}, ` +
        `got '${mode}' and '${paddingMode}'`,
    );
  const [batch = 0, channels = 0, ...spatial] = input.shape;
  if (spatial.includes(0)) throw new RangeError(`gridSample: there is nothing to sample: ${shapes}`);
  const points = grid.shape.slice(0, -1);

  // Taps of all axes are combined: [N, ...out, K].
  const rank = points.length;
  let index = iota([...points, 1], 0);
  let weight: Tensor | null = null;
  let inside: Tensor | null = null;
  for (const [k, n] of spatial.entries()) {
    const position = unnormalized(grid.select(-1, dims - 1 - k), n, alignCorners);
    const taps = tapsOf(position, n, options);
    const within = taps.position.ge(0).logicalAnd(taps.position.le(n - 1));
    const at = where(within, taps.position, 0).detach().cast('i32');
    // The taps so far become rows, those of this axis columns.
    const rows = (x: Tensor): Tensor => x.unsqueeze(-1);
    const columns = (x: Tensor): Tensor => x.unsqueeze(-2);
    index = rows(index).mul(n).add(columns(at)).flatten(rank);
    weight = weight === null ? taps.weight : rows(weight).mul(columns(taps.weight)).flatten(rank);
    inside = inside === null ? within : rows(inside).logicalAnd(columns(within)).flatten(rank);
  }
  if (weight === null || inside === null) throw new Error('gridSample: an input without spatial axes');
  const table = input.permute(0, ...spatial.map((_, k) => k + 2), 1).reshape([batch * sizeOf(spatial), channels]);
  const values = gatherUnchecked(table, 0, index);
  const sampled = where(inside.unsqueeze(-1), values, 0).mul(weight.unsqueeze(-1)).sum(rank);
  return sampled.permute(0, sampled.ndim - 1, ...points.slice(1).map((_, k) => k + 1));
}

export interface AffineGridOptions {
  /** As in `gridSample`. */
  readonly alignCorners?: boolean;
}

/**
 * The grid of an affine map (Jaderberg et al. 2015, equation 1): the positions at which `gridSample` reads.
 *
 * @param theta [N, 2, 3], or [N, 3, 4] for volumes
 * @param size of the output: [N, C, H, W] or [N, C, D, H, W]
 * @returns [N, H, W, 2] with (x, y), or [N, D, H, W, 3] with (x, y, z)
 * @throws RangeError if theta does not fit the size
 */
export function affineGrid(
  theta: Tensor,
  size: readonly number[],
  { alignCorners = false }: AffineGridOptions = {},
): Tensor {
  const dims = size.length - 2;
  const [batch = 0] = size;
  if ((dims !== 2 && dims !== 3) || !size.every((n) => Number.isInteger(n) && n > 0))
    throw new RangeError(`affineGrid: needs a size [N, C, H, W] or [N, C, D, H, W], got ${formatShape(size)}`);
  if (formatShape(theta.shape) !== formatShape([batch, dims, dims + 1]))
    throw new RangeError(
      `affineGrid: size ${formatShape(size)} needs theta ${formatShape([batch, dims, dims + 1])}, got ${formatShape(theta.shape)}`,
    );
  if (!isFloat(theta.dtype)) throw new TypeError(`affineGrid: needs floating-point theta, got ${theta.dtype}`);
  const spatial = size.slice(2);
  const ones = spatial.map(() => 1);
  /** A column of theta, for every position. */
  const column = (k: number): Tensor => theta.select(2, k).reshape([batch, ...ones, dims]);
  return spatial.reduce(
    (sum, n, k) => {
      // The last axis is x, the first component.
      const shape = [1, ...spatial.map((_, at) => (at === k ? n : 1)), 1];
      const steps = alignCorners ? n - 1 : n;
      const position = iota(shape, k + 1)
        .mul(2)
        .sub(n - 1)
        .cast(theta.dtype)
        .div(Math.max(1, steps));
      return sum.add(column(dims - 1 - k).mul(position));
    },
    column(dims).expand([batch, ...spatial, dims]),
  );
}
