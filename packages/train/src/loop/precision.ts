import { grad } from '@tessera/autograd';
import { autocast, type Precision, type Tensor } from '@tessera/tensor';
import type { GradScaler } from '../optim/grad-scaler.ts';

/** How a step computes: in which precision, and with what factor on the loss. */
export interface MixedPrecision {
  /** What products are computed in; see `autocast`. Default f32. Parameters, their gradients and optimiser state stay f32. */
  readonly precision?: Precision;
  /** Scales the loss, for f16. Null, the default: no scaling. */
  readonly scaler?: GradScaler | null;
}

/** Records the forward pass in the step's precision. */
export const inPrecision = <T>({ precision = 'f32' }: MixedPrecision, forward: () => T): T =>
  autocast(precision, forward);

/** Derivatives of a loss, times the scaler's factor. */
export const scaledGradients = (loss: Tensor, inputs: readonly Tensor[], { scaler = null }: MixedPrecision): Tensor[] =>
  grad(scaler === null ? loss : scaler.scale(loss), inputs);
