import { Buffer } from '@tessera/nn';
import { formatShape, noGrad, Tensor, tensor, where, zeros } from '@tessera/tensor';

export interface GradScalerOptions {
  /** The factor on the loss at the start. */
  readonly initScale?: number;
  /** What the scale is multiplied by after `growthInterval` steps in a row without overflow, and after an overflow. */
  readonly growthFactor?: number;
  readonly backoffFactor?: number;
  readonly growthInterval?: number;
}

/** The scale does not grow beyond this: twice as much a few times more, and it would be infinite for good. */
const largestScale = 2 ** 64;
/** Nor does it fall below this: gradients that overflow without any scale are no affair of scaling. */
const smallestScale = 1;

/**
 * Dynamic loss scaling (Micikevicius et al. 2018, section 3.2), with the rules and defaults of `torch.amp.GradScaler`. f16 loses
 * gradients below 2^-24: the loss is multiplied by a large factor, so that they come out larger, and the gradients of the f32
 * parameters are divided by it. Where one overflows the update is left out and the factor halved; after many steps without it is
 * doubled.
 *
 * The factor is state, like an optimiser's: all of it happens within a compiled step. Unlike PyTorch's it stops at 1.
 */
export class GradScaler {
  readonly growthFactor: number;
  readonly backoffFactor: number;
  readonly growthInterval: number;
  /** The factor on the loss. f32, a scalar. */
  readonly factor: Buffer;
  /** Steps in a row without overflow since the factor changed. i32, a scalar. */
  readonly growthTracker: Buffer;
  /** Updates that were left out so far. i32, a scalar. */
  readonly skippedSteps: Buffer;

  constructor(options: GradScalerOptions = {}) {
    const { initScale = 65536, growthFactor = 2, backoffFactor = 0.5, growthInterval = 2000 } = options;
    if (!(initScale >= smallestScale && initScale <= largestScale))
      throw new RangeError(`GradScaler: initScale must lie between 1 and 2^64, got ${initScale}`);
    if (!(growthFactor > 1 && growthFactor < Number.POSITIVE_INFINITY))
      throw new RangeError(`GradScaler: growthFactor must be above 1, got ${growthFactor}`);
    if (!(backoffFactor > 0 && backoffFactor < 1))
      throw new RangeError(`GradScaler: backoffFactor must lie between 0 and 1, got ${backoffFactor}`);
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

  /** Gradients of the scaled loss as those of the loss. Absent gradients (null) stay absent. */
  unscale<G extends Tensor | null>(gradients: readonly G[]): G[] {
    const inverse = this.factor.reciprocal();
    return gradients.map((gradient) =>
      gradient === null ? gradient : gradient.mul(inverse.cast(gradient.dtype)),
    ) as G[];
  }

  /** Follows a step. `finite`: bool, a scalar: whether its gradients were. If not, the caller leaves the update out. */
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

  /** Takes over another scaler's state. Nothing is changed unless all of it is there. */
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

/** Whether a step whose gradients were not finite is one that a smaller factor may save. */
export const mayRecover = (factor: number): boolean => factor > smallestScale;
