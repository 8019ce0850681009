/** Positions of tokens: sines and cosines that are added, and rotary angles that turn queries and keys. */
import { concat, formatShape, stack, type Tensor, tensor } from '@tessera/tensor';
import { inF32 } from '../precision.ts';

export interface SinusoidalOptions {
  /** The longest wave has length 2 pi base. */
  readonly base?: number;
  /** sin and cos of one frequency next to each other (Vaswani et al. 2017), or all sines before all cosines (MAE). */
  readonly layout?: 'interleaved' | 'halves';
  readonly dtype?: 'f32' | 'f64';
}

/** base^(-k / count) for k = 0 ... count - 1. */
const frequencies = (count: number, base: number): Float64Array =>
  Float64Array.from({ length: count }, (_, k) => base ** (-k / count));

function checkWidth(op: string, width: number, divisor: number): void {
  if (!Number.isInteger(width / divisor) || width <= 0)
    throw new RangeError(`${op}: the width must be a positive multiple of ${divisor}, got ${width}`);
}

/** sin and cos of the positions at each frequency: [positions, width]. */
function waves(op: string, positions: readonly number[], width: number, options: SinusoidalOptions): Float64Array {
  const { base = 10_000, layout = 'interleaved' } = options;
  checkWidth(op, width, 2);
  const half = width / 2;
  const rates = frequencies(half, base);
  const out = new Float64Array(positions.length * width);
  for (const [i, position] of positions.entries())
    for (const [k, rate] of rates.entries()) {
      const angle = position * rate;
      const [sine, cosine] = layout === 'interleaved' ? [2 * k, 2 * k + 1] : [k, half + k];
      out[i * width + sine] = Math.sin(angle);
      out[i * width + cosine] = Math.cos(angle);
    }
  return out;
}

/**
 * Fixed positions in a sequence (Vaswani et al. 2017, section 3.5): PE[p, 2k] = sin(p / base^(2k / D)), PE[p, 2k + 1] = cos of it.
 *
 * @returns [length, width]
 */
export function sinusoidalPositions(length: number, width: number, options: SinusoidalOptions = {}): Tensor {
  const places = Array.from({ length }, (_, p) => p);
  const values = waves('sinusoidalPositions', places, width, options);
  return tensor(values, { shape: [length, width], dtype: options.dtype ?? 'f32' });
}

/**
 * Fixed positions in a grid (He et al. 2022, MAE): the first half of the width encodes the column, the second the row, each with
 * all sines before all cosines unless `layout` is given.
 *
 * @returns [rows * columns, width], row by row
 */
export function sinusoidalPositions2d(
  rows: number,
  columns: number,
  width: number,
  options: SinusoidalOptions = {},
): Tensor {
  checkWidth('sinusoidalPositions2d', width, 4);
  const half = width / 2;
  const { dtype = 'f32' } = options;
  const encode = (length: number): Tensor => {
    const places = Array.from({ length }, (_, p) => p);
    const values = waves('sinusoidalPositions2d', places, half, { layout: 'halves', ...options });
    return tensor(values, { shape: [length, half], dtype });
  };
  const [across, down] = [encode(columns), encode(rows)];
  return concat(
    [across.unsqueeze(0).expand([rows, columns, half]), down.unsqueeze(1).expand([rows, columns, half])],
    2,
  ).reshape([rows * columns, width]);
}

export interface RotaryOptions {
  readonly base?: number;
}

/**
 * The angles of rotary positions (Su et al. 2021, section 3.2.2): position times base^(-2k / D).
 *
 * @param positions [..., L], of any dtype
 * @param dim D, the width that is rotated: even
 * @returns [..., L, D / 2], f64 for f64 positions, else f32
 */
export function rotaryAngles(positions: Tensor, dim: number, { base = 10_000 }: RotaryOptions = {}): Tensor {
  checkWidth('rotaryAngles', dim, 2);
  const dtype = positions.dtype === 'f64' ? 'f64' : 'f32';
  return positions
    .cast(dtype)
    .unsqueeze(-1)
    .mul(tensor(frequencies(dim / 2, base), { dtype }));
}

/**
 * Angles of rotary positions in a grid: half of the head's pairs turn with the row, the other half with the column.
 *
 * @param rows [..., L], the row of each token
 * @param columns [..., L]
 * @param dim the width of one head: a multiple of 4
 * @returns [..., L, dim / 2]
 */
export function rotaryAngles2d(rows: Tensor, columns: Tensor, dim: number, options: RotaryOptions = {}): Tensor {
  checkWidth('rotaryAngles2d', dim, 4);
  return concat([rotaryAngles(rows, dim / 2, options), rotaryAngles(columns, dim / 2, options)], -1);
}

/** Which two features are turned together: 2k and 2k + 1 (RoFormer), or k and k + D / 2 (GPT-NeoX). */
export type RotaryPairing = 'interleaved' | 'halves';

/**
 * Turns pairs of features by angles (Su et al. 2021, equation 34): (a, b) to (a cos - b sin, a sin + b cos). Applied to queries
 * and keys of each head, the scores then depend on differences of positions only.
 *
 * @param x [..., L, D]
 * @param angles broadcasts to [..., L, D / 2]
 */
export function applyRotary(x: Tensor, angles: Tensor, pairing: RotaryPairing = 'interleaved'): Tensor {
  const width = x.shape.at(-1) ?? 0;
  if (width !== 2 * (angles.shape.at(-1) ?? 0))
    throw new RangeError(
      `applyRotary: features ${formatShape(x.shape)} need angles [..., ${width / 2}], got ${formatShape(angles.shape)}`,
    );
  // Half precision is turned in f32: in two bytes, the angles' rounding errors exceed the difference between neighboring positions.
  const precise = inF32(x);
  const turned = angles.cast(precise.dtype);
  const [cos, sin] = [turned.cos(), turned.sin()];
  const interleaved = pairing === 'interleaved';
  const axis = interleaved ? -1 : -2;
  const pairs = precise.unflatten(-1, interleaved ? [width / 2, 2] : [2, width / 2]);
  const [a, b] = [pairs.select(axis, 0), pairs.select(axis, 1)];
  const [first, second] = [a.mul(cos).sub(b.mul(sin)), a.mul(sin).add(b.mul(cos))];
  const joined = interleaved ? stack([first, second], -1).flatten(-2) : concat([first, second], -1);
  return joined.cast(x.dtype);
}
