/**
 * Initial values of parameters: each initializer is a function from a shape to a tensor. Random ones depend on the seed
 * (`manualSeed`) and on the order in which they are called, not on the backend. They are drawn when they are first used: a parameter
 * that is initialized again or loaded before that costs nothing.
 */

import { type DType, formatShape, full, type Shape, sizeOf, type Tensor, tensorFrom, zeros } from '@tessera/tensor';
import { requireNotNegative } from '../arguments.ts';
import { HostRandom, takeSite } from './random.ts';

export type Initializer = (shape: Shape) => Tensor;

let skipping = false;

/**
 * Runs `body` without computing initial values: random ones are zeros that take no memory until they are used. For modules that are
 * loaded right after, or whose parameters are only counted.
 */
export function skipInit<T>(body: () => T): T {
  const previous = skipping;
  skipping = true;
  try {
    return body();
  } finally {
    skipping = previous;
  }
}

const filled =
  (fill: (random: HostRandom, out: Float32Array, shape: Shape) => void): Initializer =>
  (shape) => {
    if (skipping) return zeros(shape);
    const site = takeSite();
    const draw = (): Float32Array => {
      const values = new Float32Array(sizeOf(shape));
      fill(new HostRandom(site), values, shape);
      return values;
    };
    return tensorFrom(draw, { shape });
  };

/** `value` in every element. */
export const constant =
  (value: number, dtype: DType = 'f32'): Initializer =>
  (shape) =>
    full(shape, value, { dtype });

/** Evenly distributed between `low` and `high`; `uniform(bound)` means between -bound and bound. */
export function uniform(bound: number): Initializer;
export function uniform(low: number, high: number): Initializer;
export function uniform(first: number, second?: number): Initializer {
  const [low, high] = second === undefined ? [-first, first] : [first, second];
  if (!(low <= high))
    throw new RangeError(
      `init.uniform: the interval must be from a number to one that is not smaller, got [${low}, ${high}]`,
    );
  return filled((random, out) => random.fillUniform(out, low, high));
}

export interface NormalOptions {
  readonly mean?: number;
  readonly std?: number;
}

export function normal({ mean = 0, std = 1 }: NormalOptions = {}): Initializer {
  requireNotNegative('init.normal', { std });
  return filled((random, out) => random.fillNormal(out, mean, std));
}

export interface TruncatedNormalOptions extends NormalOptions {
  readonly low?: number;
  readonly high?: number;
}

/** Normally distributed within [low, high], by default [-2, 2] (not in units of `std`), as PyTorch's `trunc_normal_`. */
export function truncNormal({ mean = 0, std = 1, low = -2, high = 2 }: TruncatedNormalOptions = {}): Initializer {
  if (!(low < high) || mean < low - 2 * std || mean > high + 2 * std)
    throw new RangeError(
      `truncNormal: the interval [${low}, ${high}] must not be more than two standard deviations (${std}) away from the mean ${mean}`,
    );
  return filled((random, out) => random.fillTruncatedNormal(out, mean, std, low, high));
}

/**
 * The number of inputs that one output sees, and of outputs that one input reaches, for a weight [out, in, ...window].
 */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  const [outputs, inputs, ...window] = shape;
  if (outputs === undefined || inputs === undefined)
    throw new RangeError(`initializer: fans need a shape of at least 2 dimensions, got ${formatShape(shape)}`);
  return { fanIn: inputs * sizeOf(window), fanOut: outputs * sizeOf(window) };
}

export type FanMode = 'fanIn' | 'fanOut';

export interface KaimingOptions {
  /** Slope, below 0, of the leaky ReLU that follows. */
  readonly a?: number;
  readonly mode?: FanMode;
}

/** sqrt(2 / (1 + a^2)) / sqrt(fan) (He et al. 2015). */
const kaimingStd = (shape: Shape, { a = 0, mode = 'fanIn' }: KaimingOptions): number =>
  Math.sqrt(2 / (1 + a * a) / fans(shape)[mode]);

/** U(+-sqrt 3 std): the default of PyTorch's Linear and Conv2d is a = sqrt 5, that is, U(+-1 / sqrt(fan in)). */
export const kaimingUniform =
  (options: KaimingOptions = {}): Initializer =>
  (shape) =>
    uniform(Math.sqrt(3) * kaimingStd(shape, options))(shape);

export const kaimingNormal =
  (options: KaimingOptions = {}): Initializer =>
  (shape) =>
    normal({ std: kaimingStd(shape, options) })(shape);

export interface XavierOptions {
  readonly gain?: number;
}

/** gain * sqrt(2 / (fan in + fan out)) (Glorot and Bengio 2010). */
function xavierStd(shape: Shape, { gain = 1 }: XavierOptions): number {
  const { fanIn, fanOut } = fans(shape);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

export const xavierUniform =
  (options: XavierOptions = {}): Initializer =>
  (shape) =>
    uniform(Math.sqrt(3) * xavierStd(shape, options))(shape);

export const xavierNormal =
  (options: XavierOptions = {}): Initializer =>
  (shape) =>
    normal({ std: xavierStd(shape, options) })(shape);
