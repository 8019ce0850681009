/** Clipping of gradients element by element. */
import type { Tensor } from '@tessera/tensor';

/**
 * Limits each element of the gradients to [-clipValue, clipValue], as PyTorch's `clip_grad_value_`. Missing gradients (null) stay null.
 *
 * @param clipValue at least 0; Infinity leaves the gradients as they are
 * @throws RangeError for a negative `clipValue`
 */
export function clipGradValue<G extends Tensor | null>(gradients: readonly G[], clipValue: number): G[] {
  if (!(clipValue >= 0)) throw new RangeError(`clipGradValue: clipValue must be at least 0, got ${clipValue}`);
  if (clipValue === Number.POSITIVE_INFINITY) return [...gradients];
  return gradients.map((gradient) => (gradient === null ? gradient : gradient.clamp(-clipValue, clipValue))) as G[];
}
