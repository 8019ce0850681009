/** How a training step clips its gradients. */
import type { Tensor } from '@tessera/tensor';
import { clipGradNorm } from '../optim/clip-grad-norm.ts';
import { clipGradValue } from '../optim/clip-grad-value.ts';

export interface ClipOptions {
  /** Gradients are scaled down to this norm over all parameters; Infinity, the default, leaves them as they are. */
  readonly clipGradNorm?: number;
  /** The order of the norm; see `clipGradNorm`. Default 2. */
  readonly clipGradNormType?: number;
  /** Then each element is limited to this absolute value; Infinity, the default, leaves them as they are. */
  readonly clipGradValue?: number;
}

/** Clips gradients by their norm, then by value. The norm is that of the gradients before. */
export function clipGradients<G extends Tensor | null>(
  gradients: readonly G[],
  options: ClipOptions,
): { gradients: G[]; norm: Tensor } {
  const { clipGradNorm: maxNorm, clipGradNormType: normType = 2, clipGradValue: largest } = options;
  const scaled = clipGradNorm(gradients, maxNorm ?? Number.POSITIVE_INFINITY, { normType });
  return { gradients: clipGradValue(scaled.gradients, largest ?? Number.POSITIVE_INFINITY), norm: scaled.norm };
}
