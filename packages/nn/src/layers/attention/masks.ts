/** Attention masks: their dtypes and shapes, and how two of them become one. */
import { type DType, formatShape, isFloat, type Shape, type Tensor, where } from '@tessera/tensor';

/** What a boolean mask means: in PyTorch's attention function true keeps a key, in its modules true hides one. */
type TrueMeans = 'true: may be seen' | 'true: must not be seen';

/** @throws TypeError if the mask is neither boolean nor floating point: 0 and 1 could mean both */
export function requireMaskDType(op: string, name: string, mask: Tensor | null, meaning: TrueMeans): void {
  if (mask === null || mask.dtype === 'bool' || isFloat(mask.dtype)) return;
  throw new TypeError(
    `${op}: ${name} must be bool (${meaning}) or floating point (added to the scores), ` +
      `got ${mask.dtype} ${formatShape(mask.shape)}; use cast('bool')`,
  );
}

/** @throws RangeError if the mask does not broadcast to the scores, or is larger than they are */
export function requireMaskShape(op: string, mask: Tensor, scores: Shape): void {
  const fits =
    mask.ndim <= scores.length &&
    mask.shape.every((n, axis) => n === 1 || n === scores[axis + scores.length - mask.ndim]);
  if (!fits)
    throw new RangeError(
      `${op}: the mask ${formatShape(mask.shape)} does not broadcast to the scores ${formatShape(scores)}`,
    );
}

/** What is added to the scores for a boolean mask: 0 where a key may be seen, -Infinity where not. */
const added = (visible: Tensor, dtype: DType): Tensor => where(visible, 0, -Infinity).cast(dtype);

/** The mask of what both masks let through: boolean if both are, otherwise what is added to the scores. */
function bothMasks(a: Tensor | null, b: Tensor | null, dtype: DType): Tensor | null {
  if (a === null || b === null) return a ?? b;
  if (a.dtype === 'bool' && b.dtype === 'bool') return a.logicalAnd(b);
  const [x, y] = [a, b].map((mask) => (mask.dtype === 'bool' ? added(mask, dtype) : mask)) as [Tensor, Tensor];
  return x.add(y);
}

/** A mask of PyTorch's modules as `attentionWeights` takes it: a boolean one is true where a key may be seen. */
export const visibleMask = (mask: Tensor | null): Tensor | null => (mask?.dtype === 'bool' ? mask.logicalNot() : mask);

/**
 * A mask for `attentionWeights` and a key padding mask as one mask for `attentionWeights`.
 *
 * @param op name in messages
 * @param mask broadcasts to [N, H, L, S]. bool: true where a query may see a key; floating point: added to the scores
 * @param keyPaddingMask [N, S]. bool: true where a key is padding and must not be seen; floating point: added to its scores
 * @param dtype of the scores
 * @throws TypeError for masks of integers; RangeError if the key padding mask is not [N, S]
 */
export function withKeyPadding(
  op: string,
  mask: Tensor | null,
  keyPaddingMask: Tensor | null,
  dtype: DType,
): Tensor | null {
  requireMaskDType(op, 'the mask', mask, 'true: may be seen');
  requireMaskDType(op, 'keyPaddingMask', keyPaddingMask, 'true: must not be seen');
  if (keyPaddingMask !== null && keyPaddingMask.ndim !== 2)
    throw new RangeError(`${op}: keyPaddingMask must be [N, S], got ${formatShape(keyPaddingMask.shape)}`);
  return bothMasks(mask, visibleMask(keyPaddingMask?.unsqueeze(1).unsqueeze(1) ?? null), dtype);
}
