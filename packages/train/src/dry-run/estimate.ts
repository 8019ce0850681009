/** Estimates what a run needs, from measurements of its parts. */

import { isPaced, plannedInterval } from '../loop/evaluation-interval.ts';
import { fittingInterval, secondsFor } from '../loop/paced-evaluation.ts';
import type { MeasuredRun, Memory, StepTimes } from './measure.ts';

/** What a run does, and how often. */
export interface PlannedWork {
  /** Steps in the first epoch that is trained, whose images are decoded. */
  readonly firstEpochSteps: number;
  readonly laterSteps: number;
  /** Evaluations before the final one. */
  readonly evaluations: number;
  readonly checkpoints: number;
}

/** The seconds of an evaluation during the run, with its report; null: nothing is evaluated. */
const evaluationSeconds = ({ evaluation: times, endSeconds }: MeasuredRun): number | null =>
  times === null ? null : times.fixed + times.perExample * times.examples + endSeconds;

/** The interval in epochs of the evaluations that are made only because they take little time; null: there are none. */
function pacedInterval(measured: MeasuredRun): number | null {
  const { run, first, batchesPerEpoch } = measured;
  const seconds = evaluationSeconds(measured);
  if (!isPaced(run.config) || seconds === null || first === null) return null;
  const epochSeconds = first.step * batchesPerEpoch;
  return seconds > secondsFor(run.length.exactEpochs - 1, epochSeconds) ? null : fittingInterval(seconds, epochSeconds);
}

/** Counts what is left of a run. */
export function plannedWork(measured: MeasuredRun): PlannedWork {
  const { run, batchesPerEpoch, remainingSteps } = measured;
  const { config, length, start } = run;
  const { checkpoints } = config;
  const [planned, paced] = [plannedInterval(config), pacedInterval(measured)];
  const isDue = (count: number, interval: number | null): boolean => interval !== null && count % interval === 0;
  let [evaluations, written] = [0, 0];
  for (let step = start.step + 1; step <= length.totalSteps; step++) {
    const endsEpoch = step % batchesPerEpoch === 0;
    const epoch = step / batchesPerEpoch;
    const isPlanned = step === length.totalSteps || (endsEpoch && isDue(epoch, planned));
    // The first epoch is where the time of an evaluation is measured.
    const isEvaluated = isPlanned || (endsEpoch && paced !== null && (epoch === 1 || isDue(epoch, paced)));
    if (isEvaluated && step < length.totalSteps) evaluations++;
    if (isPlanned || (endsEpoch && isDue(epoch, checkpoints.everyEpochs)) || isDue(step, checkpoints.everySteps))
      written++;
  }
  const firstEpochSteps = Math.min(remainingSteps, batchesPerEpoch);
  return { firstEpochSteps, laterSteps: remainingSteps - firstEpochSteps, evaluations, checkpoints: written };
}

/** Seconds of the parts of a run. */
export interface TimeEstimate {
  /** To the end of the first step. */
  readonly start: number;
  readonly firstEpochStep: number;
  readonly laterStep: number;
  readonly firstEpoch: number;
  readonly laterEpoch: number;
  /** An evaluation during the run; null: there is none. */
  readonly evaluation: number | null;
  readonly finalEvaluation: number;
  readonly checkpoint: number;
  readonly end: number;
  readonly total: number;
}

/** The share of a run's images that the cache holds. */
function cachedShare({ cache, run }: MeasuredRun): number {
  return cache.images === 0
    ? 0
    : Math.min(1, cache.finalBytes / ((cache.bytes / cache.images) * run.trainSplit.length));
}

const noSteps: StepTimes = { step: 0, checkpoint: 0 };

export function estimateTime(measured: MeasuredRun): TimeEstimate {
  const { evaluation: times, startSeconds, endSeconds, batchesPerEpoch } = measured;
  const work = plannedWork(measured);
  const first = measured.first ?? noSteps;
  const cached = measured.cached ?? first;
  const share = cachedShare(measured);
  // Images that are cached cannot take longer than those that are not.
  const laterStep = share * Math.min(first.step, cached.step) + (1 - share) * first.step;
  const checkpoint = Math.max(first.checkpoint, cached.checkpoint);
  const pass = times === null ? 0 : times.fixed + times.perExample * times.examples;
  const finalEvaluation =
    times === null
      ? 0
      : pass +
        times.perBaselineExample * times.baselineExamples +
        times.cost.seconds +
        (work.evaluations === 0 ? times.first : 0);
  // An evaluation during the run writes a report too.
  const evaluations = work.evaluations === 0 ? 0 : (times?.first ?? 0) + work.evaluations * (pass + endSeconds);
  return {
    start: startSeconds,
    firstEpochStep: first.step,
    laterStep,
    firstEpoch: first.step * Math.min(batchesPerEpoch, work.firstEpochSteps),
    laterEpoch: laterStep * batchesPerEpoch,
    evaluation: work.evaluations === 0 ? null : pass + endSeconds,
    finalEvaluation,
    checkpoint,
    end: endSeconds,
    total:
      startSeconds +
      first.step * Math.max(0, work.firstEpochSteps - 1) +
      laterStep * work.laterSteps +
      evaluations +
      finalEvaluation +
      checkpoint * work.checkpoints +
      endSeconds,
  };
}

/** Bytes of memory that a whole run has at most in each of its phases. */
export interface MemoryEstimate {
  /** With the data set's index, the model and its optimizer, and while anything is trained before. */
  readonly prepared: number;
  /** While the step is compiled, and in the first steps. */
  readonly stepping: number;
  /** In later steps, with all images that will be cached. */
  readonly training: number;
  readonly evaluating: number;
  readonly ending: number;
  readonly peak: number;
  /** Bytes of decoded images in the loader's cache at the end. */
  readonly cache: number;
}

export function estimateMemory({ memory, cache, evaluation }: MeasuredRun): MemoryEstimate {
  /** A phase at the end of the run, when the cache is as full as it will be. */
  const atEnd = ({ bytes, cachedBytes }: Memory): number => bytes + Math.max(0, cache.finalBytes - cachedBytes);
  const compared = evaluation === null ? 0 : Math.max(0, evaluation.cost.bytes - evaluation.measuredBytes);
  const phases = {
    prepared: memory.prepared.bytes,
    stepping: memory.stepping.bytes,
    training: atEnd(memory.loading),
    evaluating: atEnd(memory.evaluating) + compared,
    ending: atEnd(memory.ending),
  };
  return { ...phases, peak: Math.max(...Object.values(phases)), cache: cache.finalBytes };
}

/** The estimates of a whole run: of the runs that it trains first, and of itself. */
export interface RunEstimate {
  readonly measured: MeasuredRun;
  readonly work: PlannedWork;
  readonly time: TimeEstimate;
  readonly memory: MemoryEstimate;
}

export const estimateRun = (measured: MeasuredRun): RunEstimate => ({
  measured,
  work: plannedWork(measured),
  time: estimateTime(measured),
  memory: estimateMemory(measured),
});
