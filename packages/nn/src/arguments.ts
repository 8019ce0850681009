/** Checks of arguments: one for each kind. Their errors name the layer or function, what was given and what was expected. */
import { type DType, formatShape, isFloat, isTensor, type Shape, sameShape, type Tensor } from '@tessera/tensor';

/** A value that an argument should not have, in a few words. */
export function shown(value: unknown): string {
  if (isTensor(value)) return `${value.dtype} ${formatShape(value.shape)}`;
  if (typeof value === 'function') return `the function ${value.name}`;
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return `an object of ${value.constructor?.name ?? 'no class'}`;
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** Tensors by their names, instead of arrays, numbers, or nothing. */
export function requireTensors(op: string, values: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(values))
    if (!isTensor(value)) throw new TypeError(`${op}: ${name} must be a tensor, got ${shown(value)}`);
}

/** Sizes and counts by their names: whole numbers of at least `least`. */
export function requireWhole(op: string, sizes: Readonly<Record<string, number>>, least = 1): void {
  for (const [name, value] of Object.entries(sizes))
    if (!Number.isInteger(value) || value < least)
      throw new RangeError(`${op}: ${name} must be a whole number of at least ${least}, got ${shown(value)}`);
}

/** Numbers by their names that may be 0 or more: margins, the `eps` of a division. */
export function requireNotNegative(op: string, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values))
    if (!(typeof value === 'number' && value >= 0))
      throw new RangeError(`${op}: ${name} must be a number of at least 0, got ${shown(value)}`);
}

/** Numbers by their names that must be greater than 0. */
export function requirePositive(op: string, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values))
    if (!(typeof value === 'number' && value > 0))
      throw new RangeError(`${op}: ${name} must be greater than 0, got ${shown(value)}`);
}

/** A probability, from 0 to 1. */
export function requireProbability(op: string, p: number): void {
  if (!(typeof p === 'number' && p >= 0 && p <= 1))
    throw new RangeError(`${op}: the probability must be in [0, 1], got ${shown(p)}`);
}

/** Tensors by their names, each of exactly this shape, or null. */
export function requireShapes(op: string, tensors: Readonly<Record<string, Tensor | null>>, expected: Shape): void {
  for (const [name, tensor] of Object.entries(tensors))
    if (tensor !== null && !sameShape(tensor.shape, expected))
      throw new RangeError(
        `${op}: the ${name} has shape ${formatShape(tensor.shape)}, ${formatShape(expected)} is expected`,
      );
}

/** Two tensors of one shape. */
export function requireSameShape(op: string, names: readonly [string, string], a: Tensor, b: Tensor): void {
  if (!sameShape(a.shape, b.shape))
    throw new RangeError(
      `${op}: ${names[0]} ${formatShape(a.shape)} and ${names[1]} ${formatShape(b.shape)} must have one shape`,
    );
}

/** A tensor of integers, as class labels and indices are. */
export function requireIntegers(op: string, name: string, tensor: Tensor, expected = 'integers, i32 or u8'): void {
  requireTensors(op, { [name]: tensor });
  const dtype: DType = tensor.dtype;
  if (isFloat(dtype) || dtype === 'bool')
    throw new TypeError(`${op}: ${name} must be ${expected}, got ${dtype} ${formatShape(tensor.shape)}`);
}

/** Floating-point tensors by their names. */
export function requireFloats(op: string, tensors: Readonly<Record<string, Tensor>>): void {
  requireTensors(op, tensors);
  for (const [name, tensor] of Object.entries(tensors))
    if (!isFloat(tensor.dtype))
      throw new TypeError(
        `${op}: ${name} must be floating point, got ${tensor.dtype} ${formatShape(tensor.shape)}; cast it`,
      );
}

/** One of several names. */
export function requireOneOf(op: string, what: string, value: string, names: readonly string[]): void {
  if (!names.includes(value))
    throw new RangeError(
      `${op}: ${what} must be ${names.slice(0, -1).join(', ')} or ${names.at(-1)}, got ${shown(value)}`,
    );
}
