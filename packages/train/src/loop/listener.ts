/** What a program learns from a run while it trains, and how it can end the run. */
import type { EvaluationValues } from './measure.ts';
import type { LossScaling } from './step.ts';

/** The numbers of a step, as they are written to the metrics file and shown to the user. */
export interface StepReport {
  /** Completed steps, including this one. */
  readonly step: number;
  readonly totalSteps: number;
  /** Completed epochs, with fractions. */
  readonly epoch: number;
  readonly lr: number;
  readonly loss: number;
  readonly gradNorm: number;
  /** Whether the update was skipped because gradients overflowed in f16; the factor on the loss is smaller from now on. */
  readonly skipped: boolean;
  /** Null without loss scaling. */
  readonly scaling: LossScaling | null;
  readonly measures: Readonly<Record<string, number>>;
  readonly imagesPerSecond: number;
  /** Share of the machine's peak rate; null where the peak is not known. */
  readonly mfu: number | null;
}

/** The numbers of a complete epoch. */
export interface EpochReport {
  /** Completed epochs, including this one. */
  readonly epoch: number;
  readonly epochs: number;
  /** Completed steps. */
  readonly step: number;
  /** Mean of the finite losses of the epoch's steps, also of those before the run was resumed; null where none is known. */
  readonly loss: number | null;
  /** Learning rate of the last step. */
  readonly lr: number;
  /** Duration of the epoch's steps, without evaluations and checkpoints. After a resume within the epoch: of those since then. */
  readonly seconds: number;
  readonly imagesPerSecond: number;
}

/** What a callback returns: 'stop' ends the run after this step. */
// biome-ignore lint/suspicious/noConfusingVoidType: a callback without a return statement is the usual one
type CallbackAnswer = void | 'stop';

type Answer = CallbackAnswer | Promise<CallbackAnswer>;

/**
 * Functions that are called during a run. Training waits for each. One that returns 'stop' ends the run after this step with a
 * checkpoint and an evaluation, as if it were complete. One that throws ends the run with a checkpoint and a `CallbackError`.
 */
export interface TrainerListener {
  /** Called after each step. */
  onStep?(report: StepReport): Answer;
  /** Called after the last step of each epoch, after `onStep` and before the epoch's checkpoint and evaluation. */
  onEpoch?(report: EpochReport): Answer;
  /** Called once the results are in the metrics file. Of a resumed run, the evaluation at its checkpoint is repeated, with this call. */
  onEvaluation?(step: number, values: readonly EvaluationValues[]): Answer;
  /** Called once a checkpoint is complete. */
  onCheckpoint?(path: string, step: number): Answer;
  /** Receives messages for the user. */
  say?(message: string): void;
}

type CallbackName = Exclude<keyof TrainerListener, 'say'>;

/** A function of a listener has thrown. The error that it threw is the `cause`. */
export class CallbackError extends Error {
  override readonly name = 'CallbackError';
}

/** Calls the functions of a listener, and remembers the first that threw and the first that asked to stop. */
export class Callbacks {
  readonly #listener: TrainerListener;
  #failure: { readonly name: CallbackName; readonly error: unknown } | null = null;
  #stoppedBy: CallbackName | null = null;

  constructor(listener: TrainerListener) {
    this.#listener = listener;
  }

  async call<Name extends CallbackName>(
    name: Name,
    ...parameters: Parameters<NonNullable<TrainerListener[Name]>>
  ): Promise<void> {
    // After a failure the run only has to be brought to its end.
    if (this.#failure !== null) return;
    try {
      const callback = this.#listener[name] as ((...parameters: unknown[]) => Answer) | undefined;
      if ((await callback?.apply(this.#listener, parameters)) === 'stop') this.#stoppedBy ??= name;
    } catch (error) {
      this.#failure = { name, error };
    }
  }

  /** Whether a function has thrown. */
  get haveFailed(): boolean {
    return this.#failure !== null;
  }

  /** Why the run ends after this step; null: no function has asked for it. */
  get reasonToStop(): string | null {
    return this.#stoppedBy === null ? null : `the callback ${this.#stoppedBy} returned 'stop'`;
  }

  /** @throws CallbackError if a function has thrown. `checkpoint`: the path of the latest one, for the message. */
  async check(step: number, checkpoint: () => Promise<string | null>): Promise<void> {
    if (this.#failure === null) return;
    const { name, error } = this.#failure;
    const path = await checkpoint();
    throw new CallbackError(
      `the callback ${name} threw after step ${step}: ${error instanceof Error ? error.message : String(error)}\n  ` +
        (path === null ? 'there is no checkpoint yet' : `the run can be continued from ${path}`),
      { cause: error },
    );
  }
}
