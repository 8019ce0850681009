/** Resizes one axis: the weights with which output positions read input positions, and their product with the input. */
import { autocast, concat, type DType, einsum, type Tensor, tensor } from '@tessera/tensor';
import { gatherUnchecked } from '../unchecked.ts';

/** The modes by PyTorch's names. */
export const interpolationModes = [
  'nearest',
  'nearest-exact',
  'linear',
  'bilinear',
  'bicubic',
  'trilinear',
  'area',
] as const;

export type InterpolationMode = (typeof interpolationModes)[number];

/** Resizing of one axis from `from` positions to `to`. */
export interface Resizing {
  readonly from: number;
  readonly to: number;
  /** The distance of neighboring outputs on the input's axis, where corners are not aligned. */
  readonly step: number;
  readonly mode: InterpolationMode;
  readonly antialias: boolean;
  readonly alignCorners: boolean;
}

/** The number of output positions that one product computes. */
const blockRows = 256;

/** The axes of a batch with up to three spatial axes. */
const axisLetters = 'ncdhw';

/**
 * The input with another size along `axis`.
 *
 * @param x [N, C, ...spatial], f32 or f64
 */
export function resizeAxis(x: Tensor, axis: number, resizing: Resizing): Tensor {
  const { from, to, step, mode } = resizing;
  if (from === to && (step === 1 || keepsSize(resizing, x.ndim - 2))) return x;
  if (mode === 'nearest' || mode === 'nearest-exact')
    return takePositions(x, axis, nearestPositions(resizing, x.ndim - 2, x.dtype));
  // Each output reads few neighboring inputs: the matrix is a band. It is applied in blocks of rows, each to the inputs that it
  // reads, so that time and memory grow with the sizes and not with their product.
  const axes = axisLetters.slice(0, x.ndim);
  const equation = `${axes},q${axes[axis]}->${axes.replace(axes[axis] as string, 'q')}`;
  const blocks: Tensor[] = [];
  for (let start = 0; start < to; start += blockRows) {
    const { first, count, weights } = band(resizing, start, Math.min(to, start + blockRows));
    const matrix = tensor(weights, { shape: [weights.length / count, count], dtype: x.dtype });
    blocks.push(autocast('f32', () => einsum(equation, x.slice(axis, first, first + count), matrix)));
  }
  return concat(blocks, axis);
}

/**
 * Whether an axis of unchanged size stays as it is although a factor, such as 1.1, asks for other positions. PyTorch does so in most modes,
 * also in 'nearest' for images, but not for sequences and volumes.
 */
const keepsSize = ({ mode, antialias, alignCorners }: Resizing, dims: number): boolean =>
  antialias || alignCorners || (mode === 'nearest' ? dims === 2 : mode !== 'nearest-exact' && mode !== 'bicubic');

/**
 * The input that each output takes. Where positions fall on a whole number, the rounding decides, so it is PyTorch's: positions in images
 * are computed in f32; in sequences and volumes in the input's dtype, and rounded to f32 before they are rounded down.
 */
function nearestPositions({ from, to, step, mode }: Resizing, dims: number, dtype: DType): Int32Array {
  const round = dims !== 2 && dtype === 'f64' ? (x: number): number => x : Math.fround;
  const distance = round(step);
  const position = (i: number): number => {
    if (mode === 'nearest') return dims === 2 && to === 2 * from ? i / 2 : round(i * distance);
    const center = (i + 0.5) * distance;
    return dims === 2 ? round(center) : round(Math.max(0, round(center - 0.5)) + 0.5);
  };
  return Int32Array.from({ length: to }, (_, i) => Math.min(from - 1, Math.floor(Math.fround(position(i)))));
}

/** Slices of `x` along an axis. Each several times in a row, or every k-th once, are views, whose derivative is cheaper than that of others. */
function takePositions(x: Tensor, axis: number, positions: Int32Array): Tensor {
  const length = x.shape[axis] ?? 0;
  const times = positions.length / length;
  if (Number.isInteger(times) && positions.every((j, i) => j === Math.floor(i / times))) {
    const repeated = x.unsqueeze(axis + 1);
    return repeated.expand(repeated.shape.map((n, k) => (k === axis + 1 ? times : n))).flatten(axis, axis + 1);
  }
  const stride = length / positions.length;
  if (Number.isInteger(stride) && positions.every((j, i) => j === i * stride))
    return x.unflatten(axis, [positions.length, stride]).select(axis + 1, 0);
  return gatherUnchecked(x, axis, tensor(positions));
}

/** The rows `start` to before `end` of the matrix, without the columns left and right of all their weights: [rows, count]. */
function band(resizing: Resizing, start: number, end: number): { first: number; count: number; weights: Float64Array } {
  const { from, mode, antialias } = resizing;
  const [taps, kernel] = mode === 'bicubic' ? [cubicTaps, smoothCubic] : [linearTaps, triangle];
  const fill = antialias ? antialiasedTaps : taps;
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
 * The weights with which `to` output positions read `from` input positions, row by row: [to, from].
 *
 * With step = from / to, output i has its center at step (i + 1/2) on the input's axis, where input j covers [j, j + 1].
 */
export function resizeMatrix(resizing: Resizing): Float64Array {
  const { from, to, mode } = resizing;
  const matrix = new Float64Array(to * from);
  if (mode === 'nearest' || mode === 'nearest-exact') {
    for (const [i, j] of nearestPositions(resizing, 2, 'f32').entries()) matrix[i * from + j] = 1;
    return matrix;
  }
  const { first, count, weights } = band(resizing, 0, to);
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
const source = ({ i, from, to, step, alignCorners }: Output): number =>
  alignCorners ? (to > 1 ? (i * (from - 1)) / (to - 1) : 0) : (i + 0.5) * step - 0.5;

function linearTaps(output: Output, add: AddWeight): void {
  const x = Math.max(0, source(output));
  const low = Math.min(Math.floor(x), output.from - 1);
  const t = Math.min(1, x - low);
  add(low, 1 - t);
  add(Math.min(low + 1, output.from - 1), t);
}

/** Four neighbors; beyond the border the outermost value is repeated. */
function cubicTaps(output: Output, add: AddWeight): void {
  const x = source(output);
  const low = Math.floor(x);
  for (let j = low - 1; j <= low + 2; j++)
    add(Math.min(output.from - 1, Math.max(0, j)), cubicConvolution(-0.75, x - j));
}

/** The kernel stretched by the scale, cut off at the borders, and scaled so that its weights sum to 1. */
function antialiasedTaps({ i, from, step, kernel }: Output, add: AddWeight): void {
  const stretch = Math.max(step, 1);
  const support = kernel.support * stretch;
  const center = step * (i + 0.5);
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
