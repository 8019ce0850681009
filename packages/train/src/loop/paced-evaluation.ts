/** Evaluations between epochs that nothing depends on, as often as they cost little: how often is measured once, and kept in a file of the run. */
import { promises as fs } from 'node:fs';
import { errorCode, errorMessage, writeFileAtomic } from '@tessera/data/io';

/** The largest share of the training time that these evaluations take. */
const largestShare = 0.05;

/** What was measured and decided. */
export interface EvaluationPace {
  /** Epochs from one evaluation to the next; null: none before the end. */
  readonly everyEpochs: number | null;
  /** The number of complete epochs after which it was measured. */
  readonly measuredAfter: number;
  /** Without the first step of the process, which compiles. */
  readonly epochSeconds: number;
  /** With its report. Null: it was stopped, because it took longer than all evaluations of the run may take. */
  readonly evaluationSeconds: number | null;
}

/** The smallest number of epochs in which an evaluation takes at most `largestShare` of the time. */
export const fittingInterval = (evaluationSeconds: number, epochSeconds: number): number =>
  Math.max(1, Math.ceil(evaluationSeconds / (largestShare * epochSeconds)));

/** The time that the evaluations of some epochs may take, in seconds. */
export const secondsFor = (epochs: number, epochSeconds: number): number => largestShare * epochSeconds * epochs;

/** Where a run is when it may evaluate. */
export interface EpochEnd {
  /** Complete epochs. */
  readonly epoch: number;
  /** Null: not known, because this process has made no step. */
  readonly epochSeconds: number | null;
  /** Epochs until the end of the run, with fractions. */
  readonly epochsLeft: number;
}

const isPace = (value: unknown): value is EvaluationPace => {
  const { everyEpochs, measuredAfter } = (value ?? {}) as Partial<EvaluationPace>;
  const isCount = (number: unknown): boolean => Number.isInteger(number) && Number(number) >= 1;
  return isCount(measuredAfter) && (everyEpochs === null || isCount(everyEpochs));
};

export class PacedEvaluation {
  readonly #path: string;
  readonly #say: (message: string) => void;
  #pace: EvaluationPace | null;
  /** Whether an evaluation has failed: the next is the one at the end, whose failure ends the run. */
  #hasFailed = false;

  private constructor(path: string, pace: EvaluationPace | null, say: (message: string) => void) {
    this.#path = path;
    this.#pace = pace;
    this.#say = say;
  }

  /** @param path the file with what was decided; it need not exist, and is measured again if it is damaged */
  static async open(path: string, say: (message: string) => void = () => undefined): Promise<PacedEvaluation> {
    let pace: unknown = null;
    try {
      pace = JSON.parse(await fs.readFile(path, 'utf8'));
      if (!isPace(pace)) throw new Error('expected everyEpochs and measuredAfter, whole numbers from 1 on');
    } catch (error) {
      pace = null;
      if (errorCode(error) !== 'ENOENT')
        say(`${path}: ${errorMessage(error)}; how long an evaluation takes is measured again`);
    }
    return new PacedEvaluation(path, pace as EvaluationPace | null, say);
  }

  /** What was decided; null: nothing yet. */
  get pace(): EvaluationPace | null {
    return this.#pace;
  }

  /** Whether an evaluation follows an epoch: the one that is measured, and then those that are often enough. */
  isDue({ epoch, epochSeconds }: EpochEnd): boolean {
    if (this.#hasFailed) return false;
    if (this.#pace === null) return epochSeconds !== null;
    const { everyEpochs, measuredAfter } = this.#pace;
    return everyEpochs !== null && (epoch === measuredAfter || epoch % everyEpochs === 0);
  }

  /**
   * Evaluates. The first time, it is stopped when it takes longer than all evaluations of the run may take; then it is decided how often it
   * is done. An evaluation that fails does not end the run: it would be done at the end anyway.
   *
   * @throws the reason of `signal` where that is aborted
   */
  async run(
    end: EpochEnd,
    signal: AbortSignal | undefined,
    evaluate: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const { epoch, epochSeconds, epochsLeft } = end;
    const isMeasured = this.#pace === null && epochSeconds !== null;
    const limit = isMeasured ? AbortSignal.timeout(Math.ceil(1000 * secondsFor(epochsLeft, epochSeconds))) : null;
    const both = AbortSignal.any([signal, limit].filter((one) => one != null));
    const began = performance.now();
    try {
      await evaluate(both);
    } catch (error) {
      signal?.throwIfAborted();
      if (isMeasured && limit?.aborted)
        return this.#decide({ everyEpochs: null, measuredAfter: epoch, epochSeconds, evaluationSeconds: null });
      this.#hasFailed = true;
      this.#say(
        `the evaluation after epoch ${epoch} failed; training goes on, and the next evaluation is the one at the end: ${errorMessage(error)}`,
      );
      return;
    }
    if (!isMeasured) return;
    const evaluationSeconds = (performance.now() - began) / 1000;
    const interval = fittingInterval(evaluationSeconds, epochSeconds);
    const everyEpochs = interval < epoch + epochsLeft ? interval : null;
    await this.#decide({ everyEpochs, measuredAfter: epoch, epochSeconds, evaluationSeconds });
  }

  async #decide(pace: EvaluationPace): Promise<void> {
    this.#pace = pace;
    await writeFileAtomic(this.#path, [`${JSON.stringify(pace)}\n`]);
    const { everyEpochs, epochSeconds, evaluationSeconds } = pace;
    const often =
      everyEpochs === null ? 'only at the end' : everyEpochs === 1 ? 'after each epoch' : `every ${everyEpochs} epochs`;
    const text = (seconds: number): string => `${seconds.toPrecision(2)} s`;
    this.#say(
      `evaluating ${often}: an evaluation takes ${evaluationSeconds === null ? `more than ${largestShare * 100} % of the run` : text(evaluationSeconds)}, ` +
        `an epoch ${text(epochSeconds)} (evaluation.everyEpochs=auto)`,
    );
  }
}
