/** Checks of derivatives: against central differences, and of linear functions against their adjoints. */
import { formatShape, isFloat, sizeOf, Tensor, type TypedArray, tensor } from '@tessera/tensor';
import { at } from './at.ts';
import { describe, zerosFor } from './checks.ts';
import { freshInputs } from './functional.ts';
import { normalSequence } from './normal.ts';
import { gradientsOf } from './walk.ts';

export interface GradcheckOptions {
  /** Half of the distance between the two points of a central difference. Default 1e-5. */
  readonly eps?: number;
  /** Largest relative error of a directional derivative. Default 1e-6. */
  readonly tolerance?: number;
  /** The number of random directions for each input. Default 3. */
  readonly directions?: number;
  /** Seed of the directions and of the outputs' weights. Default 0. */
  readonly seed?: number;
}

export interface GradcheckReport {
  /** The largest relative error. */
  readonly worst: number;
  /** The number of directional derivatives that were compared. */
  readonly comparisons: number;
}

/** A function to check: it may return one tensor or several. */
export type CheckedFunction = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

export class GradcheckError extends Error {
  override name = 'GradcheckError';
}

const listOf = (result: Tensor | readonly Tensor[]): readonly Tensor[] =>
  result instanceof Tensor ? [result] : result;

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k] ?? Number.NaN) * (b[k] ?? Number.NaN);
  return sum;
}

/** The factor by which the distance is shortened if a function does not seem smooth. */
const narrowing = 32;

/** Derivatives that are 0 by symmetry are computed as rounding errors of this size, where the values themselves are exactly 0. */
const vanishing = 1e-14;

/** The relative difference of two numbers, beyond what `rounding` explains. */
function relativeError(a: number, b: number, rounding: number): number {
  const distance = Math.abs(a - b);
  return distance <= rounding ? 0 : (distance - rounding) / Math.max(Math.abs(a), Math.abs(b));
}

/** Random vectors of independent standard normal numbers, from a seed. */
type Normals = (length: number) => Float64Array;

const fromValues = (values: Float64Array, like: Tensor): Tensor => tensor(values, { shape: like.shape, dtype: 'f64' });

function format(numbers: ArrayLike<number>): string {
  const shown = Array.from(numbers).slice(0, 6);
  return `[${shown.map((x) => x.toPrecision(4)).join(', ')}${numbers.length > shown.length ? ', ...' : ''}]`;
}

function checkInputs(op: string, inputs: readonly Tensor[]): void {
  if (!inputs.some((input) => isFloat(input.dtype))) throw new TypeError(`${op}: no input is floating point`);
  for (const [k, input] of inputs.entries())
    if (isFloat(input.dtype) && input.dtype !== 'f64')
      throw new TypeError(`${op}: input ${k}, ${describe(input)}: differences need f64; cast it`);
}

/** The floating-point outputs, which must be f64: with fewer digits, differences mean nothing. */
function checkedOutputs(op: string, result: Tensor | readonly Tensor[]): Tensor[] {
  const outputs = listOf(result).filter((output) => isFloat(output.dtype));
  if (outputs.length === 0) throw new TypeError(`${op}: the function returns nothing that is floating point`);
  for (const [k, output] of outputs.entries())
    if (output.dtype !== 'f64')
      throw new TypeError(`${op}: output ${k} is ${describe(output)}: the function must compute in f64`);
  return outputs;
}

/**
 * Compares reverse-mode gradients with central differences, in f64. With random weights u for the outputs, F(x) = <f(x), u> is a
 * number, and for each input x and random direction v
 *
 *     <dF/dx, v>   must equal   (F(x + eps v) - F(x - eps v)) / (2 eps)
 *
 * up to `tolerance` of the larger, plus the effect of rounding errors of F on the difference. One direction checks all elements at once:
 * an error in any of them is found with probability 1. The function must be deterministic, and smooth within eps of the inputs; a kink
 * between the two points, such as a ReLU's, is recognized by a difference over a shorter distance, which then decides. Inputs that are
 * not floating point (indices, masks) are passed unchanged.
 *
 * @throws GradcheckError with the input, the direction and both numbers
 */
export async function gradcheck(
  fn: CheckedFunction,
  inputs: readonly Tensor[],
  { eps = 1e-5, tolerance = 1e-6, directions = 3, seed = 0 }: GradcheckOptions = {},
): Promise<GradcheckReport> {
  checkInputs('gradcheck', inputs);
  const normals: Normals = normalSequence(seed);
  const values = await Promise.all(inputs.map((input) => input.data()));

  const fresh = freshInputs(inputs);
  const weighted = checkedOutputs('gradcheck', fn(...fresh)).map((output) => ({
    output,
    weights: normals(sizeOf(output.shape)),
  }));
  const gradients = gradientsOf(
    weighted.map(({ output }) => output.node),
    weighted.map(({ output, weights }) => fromValues(weights, output).node),
    fresh.map((input) => input.node),
  );

  const evaluateAt = async (which: number, direction: Float64Array, step: number): Promise<TypedArray[]> => {
    const moved = inputs.map((input, k) => {
      if (k !== which) return input;
      const shifted = Float64Array.from(at(values, k), (x, i) => x + step * (direction[i] ?? Number.NaN));
      return fromValues(shifted, input);
    });
    return Promise.all(checkedOutputs('gradcheck', fn(...moved)).map((output) => output.data()));
  };

  let worst = 0;
  let comparisons = 0;
  for (const [k, input] of inputs.entries()) {
    if (!isFloat(input.dtype)) continue;
    const gradient = await Tensor.fromNode(gradients[k] ?? zerosFor(input.node)).data();
    for (let d = 0; d < directions; d++) {
      const direction = normals(sizeOf(input.shape));
      const analytic = dot(gradient, direction);
      const compare = async (step: number): Promise<{ numeric: number; rounding: number; error: number }> => {
        const above = await evaluateAt(k, direction, step);
        const below = await evaluateAt(k, direction, -step);
        let difference = 0;
        let magnitude = 0;
        for (const [o, { weights }] of weighted.entries()) {
          const [highs, lows] = [at(above, o), at(below, o)];
          for (const [i, weight] of weights.entries()) {
            const [high = Number.NaN, low = Number.NaN] = [highs[i], lows[i]];
            difference += weight * (high - low);
            magnitude += Math.abs(weight) * (Math.abs(high) + Math.abs(low));
          }
        }
        const numeric = difference / (2 * step);
        // Each output has about ten rounding errors, which the division by the distance enlarges.
        const rounding = (10 * Number.EPSILON * magnitude) / (2 * step) + vanishing;
        return { numeric, rounding, error: relativeError(numeric, analytic, rounding) };
      };
      const wide = await compare(eps);
      let { error } = wide;
      if (error > tolerance) {
        // The difference over h is off by c h^2 where the function bends much: (4 d(h / 2) - d(h)) / 3 is not (Richardson 1911).
        const half = await compare(eps / 2);
        const extrapolated = (4 * half.numeric - wide.numeric) / 3;
        error = Math.min(error, relativeError(extrapolated, analytic, 2 * half.rounding));
      }
      if (error > tolerance) {
        const narrow = await compare(eps / narrowing);
        if (relativeError(wide.numeric, narrow.numeric, 0) > tolerance) error = narrow.error;
      }
      comparisons++;
      if (!(error <= tolerance))
        throw new GradcheckError(
          `gradcheck: input ${k}, ${describe(input)}, direction ${d} ${format(direction)}: ` +
            `the central difference is ${wide.numeric}, by the reverse gradient it is ${analytic}: ` +
            `relative error ${error.toExponential(2)} > ${tolerance} (eps ${eps}, seed ${seed})`,
        );
      worst = Math.max(worst, error);
    }
  }
  return { worst, comparisons };
}

/**
 * Checks second derivatives: `gradcheck` of the function that maps the inputs and the outputs' weights u to the reverse-mode gradients
 * of <f(x), u>.
 */
export async function gradgradcheck(
  fn: CheckedFunction,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): Promise<GradcheckReport> {
  checkInputs('gradgradcheck', inputs);
  const normals: Normals = normalSequence(-1 - (options.seed ?? 0));
  const outputs = checkedOutputs('gradgradcheck', fn(...inputs));
  const weights = outputs.map((output) => fromValues(normals(sizeOf(output.shape)), output));
  const gradientOf: CheckedFunction = (...all) => {
    const primal = freshInputs(all.slice(0, inputs.length));
    const seeds = all.slice(inputs.length);
    const results = gradientsOf(
      checkedOutputs('gradgradcheck', fn(...primal)).map((output) => output.node),
      seeds.map((u) => u.node),
      primal.map((input) => input.node),
    );
    return primal
      .map((input, k) => Tensor.fromNode(results[k] ?? zerosFor(input.node)))
      .filter((gradient) => isFloat(gradient.dtype));
  };
  return gradcheck(gradientOf, [...inputs, ...weights], options);
}

/**
 * The adjoint test of a linear function A, at full precision because it needs no differences: <A v, u> must equal <v, A'u> for random v
 * (of `input`'s shape) and u, where A' is the pullback. Only shape and dtype (f64) of `input` matter. Returns the relative error.
 *
 * @throws GradcheckError with both numbers
 */
export async function adjointCheck(
  linearFn: (input: Tensor) => Tensor,
  input: Tensor,
  { tolerance = 1e-12, seed = 0 }: { readonly tolerance?: number; readonly seed?: number } = {},
): Promise<number> {
  checkInputs('adjointCheck', [input]);
  const normals: Normals = normalSequence(seed);
  const v = normals(sizeOf(input.shape));
  const fresh = at(freshInputs([fromValues(v, input)]), 0);
  const image = at(checkedOutputs('adjointCheck', linearFn(fresh)), 0);
  const u = normals(sizeOf(image.shape));
  const [gradient] = gradientsOf([image.node], [fromValues(u, image).node], [fresh.node]);
  const pulledBack = await Tensor.fromNode(gradient ?? zerosFor(input.node)).data();
  const forward = await image.data();
  const left = dot(forward, u);
  const right = dot(v, pulledBack);
  // The scalar products may be close to 0: their rounding errors are relative to the norms.
  const scale = Math.max(
    Math.sqrt(dot(forward, forward) * dot(u, u)),
    Math.sqrt(dot(v, v) * dot(pulledBack, pulledBack)),
  );
  const error = left === right ? 0 : Math.abs(left - right) / scale;
  if (!(error <= tolerance))
    throw new GradcheckError(
      `adjointCheck: ${formatShape(input.shape)} -> ${formatShape(image.shape)}: <Av, u> is ${left}, <v, A'u> is ${right}: ` +
        `relative error ${error.toExponential(2)} > ${tolerance} (seed ${seed}); is the function linear?`,
    );
  return error;
}
