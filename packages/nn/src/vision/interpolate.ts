/** Resizes sequences, images and volumes, by PyTorch's rules. */
import { formatShape, isFloat, type Tensor } from '@tessera/tensor';
import { nth } from '../nth.ts';
import type { Dims } from '../sizes.ts';
import { adaptiveAverage } from './bins.ts';
import { type InterpolationMode, interpolationModes, type Resizing, resizeAxis, resizeMatrix } from './resize-axis.ts';

export type { InterpolationMode };

/** A number, or one for each spatial axis of the input. */
export type InterpolationSize = number | readonly number[];

export interface InterpolateOptions {
  /**
   * 'linear' is for sequences, 'bilinear' and 'bicubic' for images, 'trilinear' for volumes, the others for all. 'nearest', the default,
   * rounds positions down; 'nearest-exact' takes the input whose center is nearest; 'area' is adaptive average pooling.
   */
  readonly mode?: InterpolationMode;
  /**
   * Widens the kernel when an axis shrinks, so that every input value counts (as in Pillow). `bilinear` and `bicubic` only.
   * Bicubic then uses Keys' a = -0.5 instead of -0.75, also when an axis grows, as in PyTorch.
   */
  readonly antialias?: boolean;
  /** Aligns the centers of the corner pixels, instead of their outer corners. The linear modes and `bicubic` only. */
  readonly alignCorners?: boolean;
  /** Instead of a size: the output has floor(size * factor) positions. */
  readonly scaleFactor?: InterpolationSize;
  /** Whether positions are computed from the sizes (true) or from `scaleFactor` itself (false, default); they differ after rounding. */
  readonly recomputeScaleFactor?: boolean;
}

const linearMode = { 1: 'linear', 2: 'bilinear', 3: 'trilinear' } as const;

/** The number of spatial axes that a mode is for; those that are missing here are for any. */
const dimsOf: Partial<Record<InterpolationMode, Dims>> = { linear: 1, bilinear: 2, bicubic: 2, trilinear: 3 };

function fail(message: string): never {
  throw new RangeError(`interpolate: ${message}`);
}

/** One number for each spatial axis. */
function spread(given: InterpolationSize, dims: Dims, what: string): readonly number[] {
  const values = typeof given === 'number' ? new Array<number>(dims).fill(given) : given;
  if (values.length !== dims) fail(`${what} must be a number or ${dims} of them, got ${formatShape(values)}`);
  return values;
}

/**
 * Resizes sequences, images or volumes, as PyTorch's `F.interpolate(input, size)`. Every mode is linear and separable, so with one matrix
 * [out, in] for each axis,
 *
 *     out[n, c, p, q] = sum_{h, w} rows[p, h] * columns[q, w] * input[n, c, h, w]
 *
 * from which the derivative follows.
 *
 * @param input [N, C, L], [N, C, H, W] or [N, C, D, H, W], floating point
 * @param size of the spatial axes, or null for `scaleFactor`
 * @returns [N, C, ...size]
 * @throws RangeError if a size is not a positive whole number, or an option does not belong to the mode
 */
export function interpolate(input: Tensor, size: InterpolationSize | null, options: InterpolateOptions = {}): Tensor {
  const dims = (input.ndim - 2) as Dims;
  if (dims !== 1 && dims !== 2 && dims !== 3)
    fail(
      'needs images [N, C, H, W], sequences [N, C, L] or volumes [N, C, D, H, W], got a tensor of shape ' +
        formatShape(input.shape),
    );
  if (!isFloat(input.dtype))
    throw new TypeError(`interpolate: needs floating-point images, got ${input.dtype}; cast them first`);
  const { mode = 'nearest', antialias = false, alignCorners = false } = options;
  checkMode(mode, dims, antialias, alignCorners);
  const resizings = outputs(input.shape.slice(2), size, dims, options).map(
    (output): Resizing => ({ ...output, mode, antialias, alignCorners }),
  );
  if (mode === 'area')
    return adaptiveAverage(
      'interpolate',
      input,
      resizings.map(({ to }) => to),
    );
  // Half precision is computed in f32, as in PyTorch.
  const precise = input.cast(input.dtype === 'f64' ? 'f64' : 'f32');
  return resizings.reduceRight((x, resizing, k) => resizeAxis(x, k + 2, resizing), precise).cast(input.dtype);
}

function checkMode(mode: InterpolationMode, dims: Dims, antialias: boolean, alignCorners: boolean): void {
  if (!interpolationModes.includes(mode)) fail(`the mode must be ${interpolationModes.join(', ')}, got '${mode}'`);
  if (antialias && alignCorners) fail('antialias and alignCorners exclude each other');
  const expected = dimsOf[mode];
  if (expected !== undefined && expected !== dims)
    fail(`mode '${mode}' is for ${expected} spatial axes, got an input with ${dims}; use '${linearMode[dims]}'`);
  if (expected === undefined && (antialias || alignCorners))
    fail(`antialias and alignCorners do not apply to mode '${mode}'`);
  if (antialias && dims !== 2) fail("antialias is for the modes 'bilinear' and 'bicubic' only");
}

/** The sizes before and after, and how far apart neighboring outputs are on the input's axis. */
function outputs(
  spatial: readonly number[],
  size: InterpolationSize | null,
  dims: Dims,
  { scaleFactor, recomputeScaleFactor = false }: InterpolateOptions,
): Pick<Resizing, 'from' | 'to' | 'step'>[] {
  if ((size === null) === (scaleFactor === undefined)) fail('needs either a size or a scaleFactor');
  const sizes = size === null ? null : spread(size, dims, "the output's size");
  const factors = scaleFactor === undefined ? null : spread(scaleFactor, dims, 'the scaleFactor');
  if (recomputeScaleFactor && factors === null) fail('recomputeScaleFactor needs a scaleFactor');
  if (factors?.some((factor) => !(factor > 0 && factor < Number.POSITIVE_INFINITY)))
    fail(`the scaleFactor must be positive, got ${factors.join(', ')}`);
  return spatial.map((from, k) => {
    const factor = factors === null ? null : nth(factors, k);
    const to = factor === null ? nth(sizes ?? [], k) : Math.floor(from * factor);
    for (const [what, n] of Object.entries({ input: from, output: to }))
      if (!Number.isInteger(n) || n < 1) fail(`the ${what}'s size must be a positive whole number, got ${n}`);
    return { from, to, step: factor === null || recomputeScaleFactor ? from / to : 1 / factor };
  });
}

/**
 * The weights with which `to` output positions read `from` input positions, row by row: [to, from]. Each row sums to 1. The mode 'area' is
 * no such matrix.
 */
export function interpolationMatrix(
  from: number,
  to: number,
  { mode = 'nearest', antialias = false, alignCorners = false }: InterpolateOptions = {},
): Float64Array {
  checkMode(mode, dimsOf[mode] ?? 2, antialias, alignCorners);
  const [resizing] = outputs([from], to, 1, {});
  return resizeMatrix({ from, to, step: from / to, ...resizing, mode, antialias, alignCorners });
}
