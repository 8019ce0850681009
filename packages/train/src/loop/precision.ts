/** Mixed precision of a training step. */
import { grad } from '@tessera/autograd';
import { autocast, type Precision, type Tensor } from '@tessera/tensor';
import type { GradScaler } from '../optim/grad-scaler.ts';

/** The precision of a step, and the scaling of its loss. */
export interface MixedPrecision {
  /** Precision of products; see `autocast`. Default f32. Parameters, their gradients and optimizer state are always f32. */
  readonly precision?: Precision;
  /** Scales the loss, for f16. Null, the default: no scaling. */
  readonly scaler?: GradScaler | null;
}

/** Records the forward pass in the step's precision. */
export const inPrecision = <T>({ precision = 'f32' }: MixedPrecision, forward: () => T): T =>
  autocast(precision, forward);

/** Derivatives of a loss, multiplied by the scaler's factor. */
export const scaledGradients = (loss: Tensor, inputs: readonly Tensor[], { scaler = null }: MixedPrecision): Tensor[] =>
  grad(scaler === null ? loss : scaler.scale(loss), inputs);
