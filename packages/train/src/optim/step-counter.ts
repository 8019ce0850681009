/** Numbers of steps, on the graph: of the optimizer, and of each parameter. */
import type { Buffer } from '@tessera/nn';
import { concat, full, recordedWhile, type Tensor } from '@tessera/tensor';

/** A state tensor of zeros that belongs to the saved state only once it is used. */
export interface OptionalState {
  readonly buffer: Buffer;
  readonly isUsed: () => boolean;
  use(): void;
}

/** The number of the parameter at an index: a scalar. */
export type PerParameter = (index: number) => Tensor;

/** The counts of one step, that step included. */
export interface StepCounts {
  /** Whether every parameter had a gradient in all steps so far, so that they share one count. */
  readonly shared: boolean;
  /** The parameters without a gradient in this step: i32 [P], 1 for these. Null where all have one. */
  readonly absent: Tensor | null;
  /** The number of steps in which a parameter had a gradient: one for all, [], or one for each, [P]. */
  steps(dtype: 'f32' | 'f64'): Tensor;
  /** Splits what an element-wise function of `steps` returned. It is stored, so that kernels do not compute it for every element. */
  each(numbers: Tensor): PerParameter;
}

/**
 * Counts steps as PyTorch does: a step in which a parameter has no gradient does not count for it, so that the bias corrections of a
 * parameter that is trained from step 1000 on begin there. Nearly always all parameters have gradients in all steps. So one number counts
 * the optimizer's steps, and a vector of the steps that each parameter missed is only used, and only saved, once there is such a step.
 * Compiled steps are recorded again then.
 */
export class StepCounter {
  readonly #step: Buffer;
  readonly #missed: OptionalState;

  /**
   * @param step i32 [], state
   * @param missed i32 [P] for P parameters
   */
  constructor(step: Buffer, missed: OptionalState) {
    this.#step = step;
    this.#missed = missed;
  }

  /** Counts one step. */
  advance(gradients: readonly (Tensor | null)[]): StepCounts {
    const step = this.#step.add(1);
    this.#step.assign(step);
    const absent = gradients.includes(null) ? flags(gradients.map((gradient) => gradient === null)) : null;
    if (absent !== null) this.#missed.use();
    const shared = !this.#missed.isUsed();
    recordedWhile(() => this.#missed.isUsed() !== shared);
    const own = shared ? step : step.sub(this.#countMissed(absent));
    return {
      shared,
      absent,
      steps: (dtype) => own.cast(dtype),
      each(numbers) {
        const stored = numbers.contiguous();
        return (index) => (shared ? stored : stored.select(0, index));
      },
    };
  }

  /** The number of steps that each parameter missed, this one included. */
  #countMissed(absent: Tensor | null): Tensor {
    const { buffer } = this.#missed;
    if (absent === null) return buffer;
    const missed = buffer.add(absent);
    buffer.assign(missed);
    return missed;
  }
}

/** i32 [N]: 1 where a flag is set. Made of constants, which every backend has. */
function flags(values: readonly boolean[]): Tensor {
  const starts = values.flatMap((value, k) => (k === 0 || value !== values[k - 1] ? [k] : []));
  const runs = starts.map((start, k) =>
    full([(starts[k + 1] ?? values.length) - start], values[start] === true ? 1 : 0, { dtype: 'i32' }),
  );
  return concat(runs);
}

/** Counts a step. Returns whether it is the first of each parameter: bool, scalars. */
export function firstSteps(counter: StepCounter, gradients: readonly (Tensor | null)[]): PerParameter {
  const { steps, each } = counter.advance(gradients);
  return each(steps('f32').eq(1));
}
