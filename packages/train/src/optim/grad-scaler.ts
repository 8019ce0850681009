/** Dynamic loss scaling for training in f16. */
import { Buffer } from '@tessera/nn';
import { formatShape, noGrad, Tensor, tensor, where, zeros } from '@tessera/tensor';

export interface GradScalerOptions {
  /** The initial factor on the loss. */
  readonly initScale?: number;
  /** The scale is multiplied by this after `growthInterval` consecutive steps without overflow. */
  readonly growthFactor?: number;
  /** The scale is multiplied by this after an overflow. */
  readonly backoffFactor?: number;
  readonly growthInterval?: number;
}

/** The scale does not grow beyond this, so that it cannot become infinite. */
const largestScale = 2 ** 64;
/** The scale does not fall below this: if gradients overflow at scale 1, loss scaling cannot help. */
const smallestScale = 1;

/**
 * Dynamic loss scaling (Micikevicius et al. 2018, section 3.2), with the rules and defaults of `torch.amp.GradScaler`. Gradients below
 * 2^-24 are lost in f16. So the loss is multiplied by a large factor, which makes them larger, and the gradients of the f32 parameters are
 * divided by it. If a gradient overflows, the update is skipped and the factor is halved; after many steps without overflow it is doubled.
 *
 * The factor is state, like that of an optimizer, so everything happens within a compiled step. Unlike PyTorch's factor it stops at 1.
 */
export class GradScaler {
  readonly growthFactor: number;
  readonly backoffFactor: number;
  readonly growthInterval: number;
  /** The factor on the loss. f32, a scalar. */
  readonly factor: Buffer;
  /** Consecutive steps without overflow since the factor changed. i32, a scalar. */
  readonly growthTracker: Buffer;
  /** Number of skipped updates so far. i32, a scalar. */
  readonly skippedSteps: Buffer;

  constructor(options: GradScalerOptions = {}) {
    const { initScale = 65536, growthFactor = 2, backoffFactor = 0.5, growthInterval = 2000 } = options;
    if (!(initScale >= smallestScale && initScale <= largestScale))
      throw new RangeError(`GradScaler: initScale must be between 1 and 2^64, got ${initScale}`);
    if (!(growthFactor > 1 && growthFactor < Number.POSITIVE_INFINITY))
      throw new RangeError(`GradScaler: growthFactor must be above 1, got ${growthFactor}`);
    if (!(backoffFactor > 0 && backoffFactor < 1))
      throw new RangeError(`GradScaler: backoffFactor must be between 0 and 1, got ${backoffFactor}`);
    if (!Number.isInteger(growthInterval) || growthInterval < 1)
      throw new RangeError(`GradScaler: growthInterval must be a whole number of at least 1, got ${growthInterval}`);
    this.growthFactor = growthFactor;
    this.backoffFactor = backoffFactor;
    this.growthInterval = growthInterval;
    this.factor = new Buffer(tensor(initScale));
    this.growthTracker = new Buffer(zeros([], { dtype: 'i32' }));
    this.skippedSteps = new Buffer(zeros([], { dtype: 'i32' }));
  }

  /** The loss times the factor. */
  scale(loss: Tensor): Tensor {
    return loss.mul(Tensor.fromNode(this.factor.node));
  }

  /** The gradients of the loss, from those of the scaled loss. Missing gradients (null) stay null. */
  unscale<G extends Tensor | null>(gradients: readonly G[]): G[] {
    const inverse = this.factor.reciprocal();
    return gradients.map((gradient) =>
      gradient === null ? gradient : gradient.mul(inverse.cast(gradient.dtype)),
    ) as G[];
  }

  /** Adapts the factor after a step. `finite`: bool, a scalar: whether the gradients were finite. If not, the caller skips the update. */
  update(finite: Tensor): void {
    noGrad(() => {
      const { factor, growthTracker, skippedSteps } = this;
      const streak = where(finite, growthTracker.add(1), 0);
      const grows = streak.ge(this.growthInterval);
      const grown = where(grows, factor.mul(this.growthFactor).minimum(largestScale), factor);
      const next = where(finite, grown, factor.mul(this.backoffFactor).maximum(smallestScale));
      skippedSteps.assign(skippedSteps.add(where(finite, 0, 1).cast('i32')));
      growthTracker.assign(where(grows, 0, streak).cast('i32'));
      factor.assign(next);
    });
  }

  /** The state by name, for a checkpoint. */
  namedState(): [name: string, buffer: Buffer][] {
    return [
      ['scale', this.factor],
      ['growth_tracker', this.growthTracker],
      ['skipped_steps', this.skippedSteps],
    ];
  }

  /** Loads the state of another scaler. Nothing is changed unless the state is complete. */
  loadStateDict(state: ReadonlyMap<string, Tensor>): void {
    const given = this.namedState().map(([name, own]) => {
      const value = state.get(name);
      if (value === undefined || value.size !== 1 || value.dtype !== own.dtype)
        throw new Error(
          `GradScaler.loadStateDict: ${name} must be ${own.dtype} [], ` +
            (value === undefined ? 'but is missing' : `got ${value.dtype} ${formatShape(value.shape)}`),
        );
      return { own, value };
    });
    for (const { own, value } of given) own.assign(value.detach().reshape([]));
  }
}

/** Whether a smaller factor may prevent the next overflow. */
export const mayRecover = (factor: number): boolean => factor > smallestScale;
