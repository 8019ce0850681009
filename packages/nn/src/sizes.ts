/** Reads the shape of a tensor that must have a known number of axes, and numbers that a layer takes for each spatial axis. */
import { formatShape, type Tensor } from '@tessera/tensor';
import { requireTensors } from './arguments.ts';

/** The number of spatial axes: sequences have 1, images 2, volumes 3. */
export type Dims = 1 | 2 | 3;

interface Sizes {
  readonly 2: readonly [number, number];
  readonly 3: readonly [number, number, number];
  readonly 4: readonly [number, number, number, number];
}

/**
 * The shape of `x` as a tuple of `count` sizes:
 *
 *     const [n, c, height, width] = sizesOf(images, 4, 'patchify', 'images [N, C, H, W]');
 *
 * @throws RangeError `OP: needs EXPECTED, got a tensor of shape [...]` if `x` has another number of axes
 */
export function sizesOf<Count extends keyof Sizes>(
  x: Tensor,
  count: Count,
  op: string,
  expected: string,
): Sizes[Count] {
  if (x.ndim !== count) throw new RangeError(`${op}: needs ${expected}, got a tensor of shape ${formatShape(x.shape)}`);
  return x.shape as readonly number[] as Sizes[Count];
}

interface OneEach<T> {
  readonly 1: readonly [length: T];
  readonly 2: readonly [height: T, width: T];
  readonly 3: readonly [depth: T, height: T, width: T];
}

/** A number for every spatial axis, or one each, in the order of the axes. */
export type PerAxis<D extends Dims, T = number> = T | OneEach<T>[D];

/** A number for every axis becomes a list. What is neither a number nor a list, which the types exclude, becomes an empty list. */
const spread = (value: unknown, dims: Dims): readonly number[] =>
  typeof value === 'number' ? new Array<number>(dims).fill(value) : Array.isArray(value) ? value : [];

/**
 * One number for each spatial axis.
 *
 * @throws RangeError that names `op` and `what` if one of them is not a whole number of at least `least`
 */
export function perAxis<D extends Dims>(
  value: PerAxis<D>,
  dims: D,
  op: string,
  what: string,
  least: number,
): readonly number[] {
  const values = spread(value, dims);
  if (values.length !== dims || values.some((n) => !Number.isInteger(n) || n < least))
    throw new RangeError(
      `${op}: ${what} must be ${dims === 1 ? 'a whole number' : `a whole number or ${dims} of them`}, of at least ${least}, ` +
        `got ${Array.isArray(value) ? formatShape(value) : String(value)}`,
    );
  return values;
}

/**
 * The same check for a layer that is made, whatever its number of axes: each of the arguments, by its name, has whole numbers of at least
 * `least`, or is left out.
 */
export function requireEach(op: string, values: Readonly<Record<string, unknown>>, least: number): void {
  for (const [name, value] of Object.entries(values))
    for (const n of Array.isArray(value) ? value : value === undefined ? [] : [value])
      if (!Number.isInteger(n) || n < least)
        throw new RangeError(
          `${op}: ${name} must be whole numbers of at least ${least}, got ${Array.isArray(value) ? formatShape(value) : String(value)}`,
        );
}

/** What the input of an operation over spatial axes is called in messages. */
const inputs: Readonly<Record<Dims, { readonly batched: string; readonly single: string }>> = {
  1: { batched: 'sequences [N, C, L]', single: '[C, L]' },
  2: { batched: 'images [N, C, H, W]', single: '[C, H, W]' },
  3: { batched: 'volumes [N, C, D, H, W]', single: '[C, D, H, W]' },
};

/**
 * Computes on batches what may also be given without the batch axis: the axis is added to the input, and removed from the result.
 *
 * @param input [N, C, ...spatial] or [C, ...spatial]
 * @throws RangeError `OP: needs images [N, C, H, W] or [C, H, W], got a tensor of shape [...]`
 */
export const withBatch = (input: Tensor, dims: Dims, op: string, compute: (batch: Tensor) => Tensor): Tensor =>
  withBatches(input, dims, op, (batch) => ({ output: compute(batch) })).output;

/** `withBatch` for several results, by their names. */
export function withBatches<Results extends Readonly<Record<keyof Results, Tensor>>>(
  input: Tensor,
  dims: Dims,
  op: string,
  compute: (batch: Tensor) => Results,
): Results {
  requireTensors(op, { input });
  if (input.ndim === dims + 2) return compute(input);
  if (input.ndim !== dims + 1) {
    const { batched, single } = inputs[dims];
    throw new RangeError(`${op}: needs ${batched} or ${single}, got a tensor of shape ${formatShape(input.shape)}`);
  }
  const results = compute(input.unsqueeze(0));
  return Object.fromEntries(
    Object.entries<Tensor>(results).map(([name, result]) => [name, result.reshape(result.shape.slice(1))]),
  ) as Results;
}

/** The input of an operation that needs the batch axis: @throws RangeError as `withBatch` does */
export function checkBatch(input: Tensor, dims: Dims, op: string): void {
  if (input.ndim !== dims + 2)
    throw new RangeError(`${op}: needs ${inputs[dims].batched}, got a tensor of shape ${formatShape(input.shape)}`);
}
