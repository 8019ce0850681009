/** Resizes images, by PyTorch's rules. */
import { autocast, concat, einsum, isFloat, type Tensor, tensor } from '@tessera/tensor';
import { sizesOf } from '../sizes.ts';

export type InterpolationMode = 'nearest' | 'bilinear' | 'bicubic';

export interface InterpolateOptions {
  readonly mode?: InterpolationMode;
  /**
   * Widens the kernel when an axis shrinks, so that every input value counts (as in Pillow). `bilinear` and `bicubic` only.
   * Bicubic then uses Keys' a = -0.5 instead of -0.75, also when an axis grows, as in PyTorch.
   */
  readonly antialias?: boolean;
  /** Aligns the centers of the corner pixels, instead of their outer corners. `bilinear` and `bicubic` only. */
  readonly alignCorners?: boolean;
}

/**
 * Resizes images, as PyTorch's `F.interpolate(input, size)`. Every mode is linear and separable, so with one matrix
 * [out, in] for each axis,
 *
 *     out[n, c, p, q] = sum_{h, w} rows[p, h] * columns[q, w] * input[n, c, h, w]
 *
 * from which the derivative follows.
 *
 * @param input [N, C, H, W], floating point
 * @param size [H', W']
 * @returns [N, C, H', W']
 * @throws RangeError if a size is not a positive whole number, or an option does not belong to the mode
 */
export function interpolate(
  input: Tensor,
  size: readonly [height: number, width: number],
  options: InterpolateOptions = {},
): Tensor {
  const [, , height, width] = sizesOf(input, 4, 'interpolate', 'images [N, C, H, W]');
  if (!isFloat(input.dtype))
    throw new TypeError(`interpolate: needs floating-point images, got ${input.dtype}; cast them first`);
  const down = checked({ from: height, to: size[0], ...options });
  const across = checked({ from: width, to: size[1], ...options });
  // Half precision is computed in f32, as in PyTorch.
  const precise = input.cast(input.dtype === 'f64' ? 'f64' : 'f32');
  return resizeAxis(resizeAxis(precise, 3, across), 2, down).cast(input.dtype);
}

/** Resizing of one axis from `from` positions to `to`. */
interface Resizing extends Required<InterpolateOptions> {
  readonly from: number;
  readonly to: number;
}

function checked(given: InterpolateOptions & { readonly from: number; readonly to: number }): Resizing {
  const { from, to, mode = 'bilinear', antialias = false, alignCorners = false } = given;
  for (const [what, n] of [
    ['input', from],
    ['output', to],
  ] as const)
    if (!Number.isInteger(n) || n < 1)
      throw new RangeError(`interpolate: the ${what}'s size must be a positive whole number, got ${n}`);
  if (mode === 'nearest' && (antialias || alignCorners))
    throw new RangeError("interpolate: antialias and alignCorners do not apply to mode 'nearest'");
  if (antialias && alignCorners) throw new RangeError('interpolate: antialias and alignCorners exclude each other');
  return { from, to, mode, antialias, alignCorners };
}

/** The number of output positions that one product computes. */
const blockRows = 256;

/**
 * Each output reads few neighboring inputs: the matrix is a band. It is applied in blocks of rows, each to the inputs that it
 * reads, so that time and memory grow with the sizes and not with their product.
 */
function resizeAxis(x: Tensor, axis: 2 | 3, resizing: Resizing): Tensor {
  const { from, to } = resizing;
  // At an unchanged size, every mode is the identity.
  if (from === to) return x;
  const equation = axis === 2 ? 'nchw,ph->ncpw' : 'nchw,qw->nchq';
  const blocks: Tensor[] = [];
  for (let start = 0; start < to; start += blockRows) {
    const { first, count, weights } = band(resizing, start, Math.min(to, start + blockRows));
    const matrix = tensor(weights, { shape: [weights.length / count, count], dtype: x.dtype });
    blocks.push(autocast('f32', () => einsum(equation, x.slice(axis, first, first + count), matrix)));
  }
  return concat(blocks, axis);
}

/** The rows `start` to before `end` of the matrix, without the columns left and right of all their weights: [rows, count]. */
function band(resizing: Resizing, start: number, end: number): { first: number; count: number; weights: Float64Array } {
  const { from, mode, antialias } = resizing;
  const fill = antialias ? antialiasedTaps : taps[mode];
  const kernel = mode === 'bicubic' ? smoothCubic : triangle;
  const entries: { row: number; j: number; weight: number }[] = [];
  for (let i = start; i < end; i++)
    fill({ ...resizing, i, kernel }, (j, weight) => entries.push({ row: i - start, j, weight }));
  const first = entries.reduce((least, { j }) => Math.min(least, j), from);
  const count = entries.reduce((most, { j }) => Math.max(most, j), 0) + 1 - first;
  const weights = new Float64Array((end - start) * count);
  // Positions beyond the border count for the outermost input: an input may occur several times.
  for (const { row, j, weight } of entries) {
    const at = row * count + j - first;
    weights[at] = (weights[at] ?? 0) + weight;
  }
  return { first, count, weights };
}

/**
 * The weights with which `to` output positions read `from` input positions, row by row: [to, from]. Each row sums to 1.
 *
 * With scale = from / to, output i has its center at scale (i + 1/2) on the input's axis, where input j covers [j, j + 1].
 */
export function interpolationMatrix(from: number, to: number, options: InterpolateOptions = {}): Float64Array {
  const { first, count, weights } = band(checked({ from, to, ...options }), 0, to);
  const matrix = new Float64Array(to * from);
  for (let i = 0; i < to; i++) matrix.set(weights.subarray(i * count, (i + 1) * count), i * from + first);
  return matrix;
}

/** The output position i. */
interface Output extends Resizing {
  readonly i: number;
  readonly kernel: Kernel;
}

/** `support`: the distance beyond which the weight is 0. */
interface Kernel {
  readonly support: number;
  readonly weight: (distance: number) => number;
}

type AddWeight = (j: number, weight: number) => void;

/** The position of output i, in units in which input j is at j. */
const source = ({ i, from, to, alignCorners }: Output): number =>
  alignCorners ? (to > 1 ? (i * (from - 1)) / (to - 1) : 0) : ((i + 0.5) * from) / to - 0.5;

const taps: Readonly<Record<InterpolationMode, (output: Output, add: AddWeight) => void>> = {
  nearest: ({ i, from, to }, add) => add(Math.min(from - 1, Math.floor((i * from) / to)), 1),
  bilinear: (output, add) => {
    const x = Math.max(0, source(output));
    const low = Math.min(Math.floor(x), output.from - 1);
    const t = x - low;
    add(low, 1 - t);
    add(Math.min(low + 1, output.from - 1), t);
  },
  // Four neighbors; beyond the border the outermost value is repeated.
  bicubic: (output, add) => {
    const x = source(output);
    const low = Math.floor(x);
    for (let j = low - 1; j <= low + 2; j++)
      add(Math.min(output.from - 1, Math.max(0, j)), cubicConvolution(-0.75, x - j));
  },
};

/** The kernel stretched by the scale, cut off at the borders, and scaled so that its weights sum to 1. */
function antialiasedTaps({ i, from, to, kernel }: Output, add: AddWeight): void {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = kernel.support * stretch;
  const center = scale * (i + 0.5);
  const first = Math.max(0, Math.trunc(center - support + 0.5));
  const end = Math.min(from, Math.trunc(center + support + 0.5));
  const weights = Array.from({ length: end - first }, (_, k) => kernel.weight((first + k + 0.5 - center) / stretch));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (const [k, weight] of weights.entries()) add(first + k, weight / total);
}

/** Cubic convolution (Keys 1981, equation 15 for a = -0.5). */
function cubicConvolution(a: number, x: number): number {
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  if (t < 2) return (((t - 5) * t + 8) * t - 4) * a;
  return 0;
}

const triangle: Kernel = { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) };
const smoothCubic: Kernel = { support: 2, weight: (x) => cubicConvolution(-0.5, x) };
