/** Comparison of tensors with the numbers of a reference case. */
import { relativeError } from '@tessera/autograd';
import { formatShape, sameShape, type Tensor } from '@tessera/tensor';
import type { SafetensorsTensor } from '@tessera/tensor/safetensors';

/** The worst result of several comparisons. */
export interface Worst {
  readonly error: number;
  readonly tolerance: number;
  /** The tensor with that error; null if nothing was compared. */
  readonly at: string | null;
  readonly holds: boolean;
}

export interface Comparison {
  readonly name: string;
  readonly own: Tensor;
  readonly reference: SafetensorsTensor;
}

/**
 * Compares every pair and returns the worst result.
 *
 * @throws Error if shapes differ
 */
export async function worstOf(
  comparisons: readonly Comparison[],
  tolerance: number,
  measure: typeof relativeError = relativeError,
): Promise<Worst> {
  let error = 0;
  let at: string | null = null;
  for (const { name, own, reference } of comparisons) {
    if (!sameShape(own.shape, reference.shape))
      throw new Error(`${name} has shape ${formatShape(own.shape)}, the reference ${formatShape(reference.shape)}`);
    const found = measure(await own.data(), reference.data as ArrayLike<number>);
    if (at !== null && found <= error) continue;
    error = found;
    at = name;
  }
  return { error, tolerance, at, holds: error <= tolerance };
}
