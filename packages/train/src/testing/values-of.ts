/** The values of tensors, for comparisons in tests. */
import type { Tensor } from '@tessera/tensor';

/** The numbers of named tensors, by name. */
export async function valuesOf(
  tensors: Iterable<readonly [name: string, tensor: Tensor]>,
): Promise<Record<string, readonly number[]>> {
  const entries = Array.from(tensors, async ([name, tensor]) => [name, [...(await tensor.data())]] as const);
  return Object.fromEntries(await Promise.all(entries));
}
