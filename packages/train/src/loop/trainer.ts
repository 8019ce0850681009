/** The training loop. */
import { getDefaultGenerator, releaseMemory, tidy } from '@tessera/tensor';
import type { AveragedModel } from '../optim/averaged-model.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { MeasuredSchedule, Schedule } from '../optim/settings.ts';
import { AccumulatedStep } from './accumulated-step.ts';
import { type Averaging, averageEpoch, averageStatistics, isAveraged } from './averaging.ts';
import type { BestRule, EvaluatedCheckpoint } from './best-checkpoints.ts';
import { type CheckpointState, type Position, writeCheckpoint } from './checkpoint.ts';
import type { CheckpointFolder } from './checkpoint-folder.ts';
import { type EarlyStoppingRule, observeEvaluation, reasonToStop } from './early-stopping.ts';
import { explainNonFinite } from './explain-non-finite.ts';
import { type HistogramOutput, type HistogramRecord, histogramsOf } from './histograms.ts';
import { keepBest } from './keep-best.ts';
import { Callbacks, type TrainerListener } from './listener.ts';
import type { Logger } from './logger.ts';
import { checkMeasure, type EvaluationValues, finiteValue, isBetter, type MainMeasure } from './measure.ts';
import type { MetricsWriter, TimingFields } from './metrics-file.ts';
import { type BatchTensors, isSeparable, type Objective } from './objective.ts';
import type { EpochEnd, PacedEvaluation } from './paced-evaluation.ts';
import type { MixedPrecision } from './precision.ts';
import { hasAllSteps, runLength } from './run-length.ts';
import {
  type GradientObserver,
  type Step,
  type StepOptions,
  type StepResult,
  TrainingStep,
  wasSkipped,
} from './step.ts';

/** Batches in the order of training. An epoch always has the same batches, wherever reading starts. */
export interface BatchSource<Batch extends BatchTensors> {
  readonly batchesPerEpoch: number;
  /** The batches of an epoch from number `first` on. `examples`: the number of images of a batch. */
  epoch(
    epoch: number,
    first: number,
  ): AsyncIterable<{ readonly examples: number; toTensors(): Batch | Promise<Batch> }>;
}

export interface TrainerParts<Batch extends BatchTensors> {
  readonly objective: Objective<Batch>;
  readonly optimizer: Optimizer;
  readonly source: BatchSource<Batch>;
  readonly schedule: Schedule | MeasuredSchedule;
  readonly training: {
    readonly epochs: number;
    /** The number of steps, in place of `epochs`; null: `epochs`. Default: null. */
    readonly maxSteps?: number | null;
    /** The epoch after which the run stops with a checkpoint and an evaluation, and can be continued; null: its end. Default: null. */
    readonly untilEpoch?: number | null;
    /** Null: no clipping. */
    readonly clipGradNorm: number | null;
    readonly clipGradNormType?: number | 'inf';
    /** Null: no clipping. */
    readonly clipGradValue?: number | null;
    /** Whether every step is checked: see `CompileOptions.check`. Default: false. */
    readonly check?: boolean;
    /** The number of parts that a batch is computed in, one after the other; see `AccumulatedStep`. */
    readonly accumulate: number;
  };
  /** Precision of the step's products, and scaling of its loss. Default: f32, without scaling. */
  readonly mixedPrecision?: MixedPrecision;
  /** Averages of the weights, which are evaluated and saved; null: none. */
  readonly averaging?: Averaging | null;
  readonly metrics: MetricsWriter;
  /** Where histograms of weights and gradients are written, and how often; null: nowhere. */
  readonly histograms?: HistogramOutput | null;
  readonly checkpoints: CheckpointFolder;
  /** When checkpoints are written: after every `everySteps` steps (null: not within an epoch), after every `everyEpochs` epochs. */
  readonly checkpointing: { readonly everySteps: number | null; readonly everyEpochs: number };
  /** Stored in checkpoints. */
  readonly describe: Pick<CheckpointState, 'config' | 'data' | 'dataset'>;
  /** Further entries of the checkpoints' metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Called when an evaluation is due, and after the last epoch (`final`). When `signal` is aborted, it throws the signal's reason. */
  readonly evaluate: (final: boolean, signal?: AbortSignal) => Promise<readonly EvaluationValues[]>;
  /** How often `evaluate` is called. `everyEpochs` null: only after the last epoch. */
  readonly evaluation: { readonly everyEpochs: number | null };
  /** Further evaluations, where they take little time. They decide nothing: training and checkpoints are those without them. Null: none. */
  readonly pacing?: PacedEvaluation | null;
  /** The value of the first result that decides which evaluation was the best. */
  readonly mainMeasure: MainMeasure;
  /** Which evaluated checkpoints are kept besides the latest; null: none. */
  readonly best?: BestRule | null;
  /** When the run ends before its last step; null: never. */
  readonly earlyStopping?: EarlyStoppingRule | null;
  /** The machine's peak rate in floating-point operations per second; null where it is not known. */
  readonly peakFlops: number | null;
  /** Called once the results of an evaluation are in the metrics file. */
  readonly report?: (step: number) => Promise<void>;
  /** Receives the numbers of steps and evaluations, and histograms. It must not throw. */
  readonly logger?: Logger;
  readonly listener?: TrainerListener;
}

/** How a run ended. */
export interface TrainingEnd {
  readonly position: Position;
  /** False for a run that was interrupted by its signal, or stopped at `untilEpoch`: it has a checkpoint to continue from. */
  readonly finished: boolean;
  /** Why a finished run ended before its last step: early stopping, or a callback; null: it did not. */
  readonly stopReason: string | null;
}

/** The step of a run, computed as a whole or in parts. */
export function createStep<Batch extends BatchTensors>(
  parts: Pick<TrainerParts<Batch>, 'objective' | 'optimizer' | 'training' | 'mixedPrecision' | 'averaging'>,
): Step<Batch> {
  const { objective, optimizer, training, mixedPrecision, averaging = null } = parts;
  const { accumulate, clipGradNorm, clipGradNormType = 2, clipGradValue = null, check = false } = training;
  const options: StepOptions = {
    ...mixedPrecision,
    clipGradNorm: clipGradNorm ?? Number.POSITIVE_INFINITY,
    clipGradNormType: clipGradNormType === 'inf' ? Number.POSITIVE_INFINITY : clipGradNormType,
    clipGradValue: clipGradValue ?? Number.POSITIVE_INFINITY,
    check,
    averages: averaging !== null && averaging.startEpoch === null ? averaging.averages : null,
  };
  if (accumulate === 1) return new TrainingStep(objective, optimizer, options);
  if (!isSeparable(objective))
    throw new Error(
      `${objective.constructor.name}: the loss cannot be computed in ${accumulate} parts; set training.accumulate=1`,
    );
  return new AccumulatedStep(objective, optimizer, accumulate, options);
}

const isMultiple = (count: number, interval: number | null): boolean => interval !== null && count % interval === 0;

/** The losses of the current epoch with one more. A loss that is not finite, of a step that was skipped, is not counted. */
function withLoss({ batch, epochLoss }: Position, loss: number): NonNullable<Position['epochLoss']> {
  const before = (batch === 0 ? undefined : epochLoss) ?? { sum: 0, count: 0 };
  return Number.isFinite(loss) ? { sum: before.sum + loss, count: before.count + 1 } : before;
}

/** The position of a new run. */
export const startPosition: Position = { step: 0, epoch: 0, batch: 0, best: null };

/**
 * Trains: one step and one line in the metrics file for each batch, and evaluations and checkpoints at intervals. The result depends only
 * on the start position, the state of model, optimizer and generator, and the batches.
 */
export class Trainer<Batch extends BatchTensors> {
  readonly #parts: TrainerParts<Batch>;
  readonly #step: Step<Batch>;
  readonly #callbacks: Callbacks;
  #flopsPerStep: number | null = null;
  /** The best known rate: the measured one, or that of a faster step if other programs disturbed the measurement. */
  #peakFlops: number | null;
  /** The resident size when it was last read, by `Date.now()`. */
  #memory = { bytes: 0, readAt: Number.NEGATIVE_INFINITY };
  /** Start time of the current step. It includes waiting for the batch, but not evaluations and checkpoints. */
  #clock = 0;
  /** The histograms of the current step; null: none. */
  #found: HistogramRecord['parameters'] | null = null;
  /** The steps of the current epoch that this process has made. */
  #epochSoFar = { seconds: 0, examples: 0 };
  /** The steps of this process, and the time of those after the first one, which compiles. */
  #stepTimes = { steps: 0, first: 0, others: 0 };
  /** The step of the last checkpoint that this process has written. */
  #savedStep: number | null = null;

  constructor(parts: TrainerParts<Batch>) {
    this.#parts = parts;
    this.#peakFlops = parts.peakFlops;
    this.#step = createStep(parts);
    this.#callbacks = new Callbacks(parts.listener ?? {});
  }

  get totalSteps(): number {
    return runLength(this.#parts.training, this.#parts.source.batchesPerEpoch).totalSteps;
  }

  /**
   * Trains from a position to the end, or until early stopping or a callback ends the run, or to `untilEpoch`, or until `signal` is aborted:
   * then the current step is finished and a checkpoint is written. A run that goes on after `untilEpoch` has the bits of one that never
   * stopped: the checkpoint is older than the evaluation, and an evaluation that only the stop called for decides nothing and is not repeated.
   *
   * @throws NonFiniteError for a loss or gradient that is infinite or NaN (with loss scaling: only if it still is with a factor of 1). Model
   *   and optimizer keep their state from before the step, and the checkpoints are not changed.
   * @throws CallbackError where a function of the listener throws, after a checkpoint was written
   */
  async run(start: Position = startPosition, signal?: AbortSignal): Promise<TrainingEnd> {
    const { source, training, schedule } = this.#parts;
    const callbacks = this.#callbacks;
    const end = (position: Position, finished: boolean, stopReason: string | null = null): TrainingEnd => ({
      position,
      finished,
      stopReason,
    });
    let position = start;
    try {
      if (typeof schedule !== 'function') schedule.load(start.schedule ?? null);
      // The checkpoint was written before the evaluation that was due with it.
      if (this.#isEvaluationDue(position)) position = await this.#evaluate(position, signal);
      else await this.#evaluateInPassing(position, signal);
      if (signal?.aborted) return end(position, false);
      const reason = this.#reasonToStop(position);
      if (reason !== null) return end(position, true, reason);
      this.#clock = performance.now();
      while (!this.#isDone(position)) {
        const { epoch } = position;
        this.#epochSoFar = { seconds: 0, examples: 0 };
        for await (const batch of source.epoch(epoch, position.batch)) {
          position = await this.#advance(position, batch);
          await this.#evaluateInPassing(position, signal);
          if (signal?.aborted) {
            await this.#save(position);
            await this.#checkCallbacks(position);
            return end(position, false);
          }
          const isEvaluationDue = this.#isEvaluationDue(position);
          if (isEvaluationDue || callbacks.reasonToStop !== null) {
            if (!isEvaluationDue) await this.#prepareEvaluation(position);
            position = await this.#evaluate(position, signal);
            if (signal?.aborted) return end(position, false);
            const reason = this.#reasonToStop(position);
            if (reason !== null) return end(position, true, reason);
            this.#clock = performance.now();
          }
          if (this.#isDone(position)) break;
        }
        if (position.epoch === epoch && !this.#isDone(position))
          throw new Error(
            `epoch ${epoch + 1} ended after ${position.batch} of ${source.batchesPerEpoch} batches: ran out of readable rows`,
          );
      }
      return end(position, hasAllSteps(position, training));
    } finally {
      this.#step.dispose();
    }
  }

  /** Why the run ends at a position that is not its last; null: it goes on. */
  #reasonToStop(position: Position): string | null {
    const { training, earlyStopping: rule = null } = this.#parts;
    if (hasAllSteps(position, training)) return null;
    const { earlyStopping: state } = position;
    const early = rule === null || state === undefined ? null : reasonToStop(rule, state);
    return early ?? this.#callbacks.reasonToStop;
  }

  /** One step, and the evaluation and checkpoint that are due after it. */
  async #advance(
    before: Position,
    batch: { examples: number; toTensors(): Batch | Promise<Batch> },
  ): Promise<Position> {
    const { source, schedule, checkpointing } = this.#parts;
    const lr = typeof schedule === 'function' ? schedule(before.step) : schedule.rate(before.step);
    // The memory of the batch's tensors is released at once, instead of when the garbage collector finds them.
    const result = await tidy(async () => {
      const tensors = await batch.toTensors();
      const generator = getDefaultGenerator().state();
      const numbers = await this.#step.run(tensors, lr, this.#observerAt(before.step + 1));
      if (this.#flopsPerStep === null) {
        this.#flopsPerStep = await this.#step.flops(tensors);
        // Compiling makes many objects, whose memory the engine would keep for the whole run.
        releaseMemory();
      }
      if (!numbers.finite && !wasSkipped(numbers)) {
        getDefaultGenerator().setState(generator);
        throw await explainNonFinite(this.#parts, { step: before.step + 1, batch: tensors, numbers, lr });
      }
      return numbers;
    });
    const step = before.step + 1;
    const endsEpoch = before.batch + 1 === source.batchesPerEpoch;
    const position: Position = {
      ...before,
      step,
      epoch: endsEpoch ? before.epoch + 1 : before.epoch,
      batch: endsEpoch ? 0 : before.batch + 1,
      epochLoss: withLoss(before, result.loss),
    };
    await this.#writeHistograms(position);
    await this.#report(position, result, lr, batch.examples);
    if (endsEpoch) await this.#reportEpoch(position, lr);
    await this.#average(position, endsEpoch);
    // Before an evaluation, which may fail: the training up to here must not be lost.
    if (
      this.#isEvaluationDue(position) ||
      (endsEpoch && isMultiple(position.epoch, checkpointing.everyEpochs)) ||
      isMultiple(step, checkpointing.everySteps) ||
      this.#callbacks.haveFailed
    )
      await this.#save(position);
    await this.#checkCallbacks(position);
    this.#clock = performance.now();
    return position;
  }

  /** Updates the averages of the weights at the end of an epoch, and completes them if they are evaluated next. */
  async #average(position: Position, endsEpoch: boolean): Promise<void> {
    const { averaging = null } = this.#parts;
    if (averaging === null || averaging.startEpoch === null || !isAveraged(averaging, position.epoch)) return;
    if (endsEpoch) await averageEpoch(averaging);
    if (this.#isEvaluationDue(position)) await this.#averageStatistics(averaging, position);
  }

  #averageStatistics(averaging: Averaging, { epoch }: Position): Promise<void> {
    const { objective, source, mixedPrecision } = this.#parts;
    return averageStatistics(averaging, objective, () => source.epoch(epoch - 1, 0), mixedPrecision);
  }

  /** What comes before an evaluation that was not planned: complete averages and a checkpoint. */
  async #prepareEvaluation(position: Position): Promise<void> {
    const { averaging = null } = this.#parts;
    if (averaging !== null && averaging.startEpoch !== null && isAveraged(averaging, position.epoch))
      await this.#averageStatistics(averaging, position);
    await this.#save(position);
    await this.#checkCallbacks(position);
  }

  /** Makes the histograms of a step; undefined where none are due. */
  #observerAt(step: number): GradientObserver | undefined {
    const { histograms = null, optimizer } = this.#parts;
    if (histograms === null || !isMultiple(step, histograms.everySteps)) return undefined;
    return async (gradients) => {
      this.#found = await histogramsOf(optimizer.parameters, gradients);
    };
  }

  /** Writes the histograms of the step before a position, if there are any. */
  async #writeHistograms({ step }: Position): Promise<void> {
    const { histograms = null, source, logger } = this.#parts;
    if (histograms === null || this.#found === null) return;
    const epoch = step / source.batchesPerEpoch;
    const record: HistogramRecord = { kind: 'histogram', step, epoch, parameters: this.#found };
    histograms.writer.append({ ...record });
    this.#found = null;
    await logger?.log({ ...record, kind: 'histograms', time: Date.now() / 1000 });
  }

  /** The averages that take the place of the weights at a position; null: none. */
  #averagesAt({ epoch }: Position): AveragedModel | null {
    const { averaging = null } = this.#parts;
    return averaging !== null && isAveraged(averaging, epoch) ? averaging.averages : null;
  }

  /** Whether training ends at a position: that of the last step, or of `untilEpoch`. */
  #isDone(position: Position): boolean {
    const { training } = this.#parts;
    const { untilEpoch = null } = training;
    return (
      hasAllSteps(position, training) || (untilEpoch !== null && position.batch === 0 && position.epoch >= untilEpoch)
    );
  }

  /** Whether a position is followed by an evaluation in every run, wherever it stops: the end, or that of some epochs. */
  #isEvaluationPlanned(position: Position): boolean {
    const { training, evaluation } = this.#parts;
    if (hasAllSteps(position, training)) return true;
    const { epoch, batch } = position;
    return batch === 0 && epoch > 0 && isMultiple(epoch, evaluation.everyEpochs);
  }

  #isEvaluationDue(position: Position): boolean {
    return this.#isEvaluationPlanned(position) || this.#isDone(position);
  }

  async #report(position: Position, result: StepResult, lr: number, examples: number): Promise<void> {
    const { loss, gradNorm, measures, scaling } = result;
    const { metrics, source, logger } = this.#parts;
    const seconds = (performance.now() - this.#clock) / 1000;
    this.#epochSoFar.seconds += seconds;
    this.#epochSoFar.examples += examples;
    if (this.#stepTimes.steps++ === 0) this.#stepTimes.first = seconds;
    else this.#stepTimes.others += seconds;
    const imagesPerSecond = examples / seconds;
    const rate = (this.#flopsPerStep ?? 0) / seconds;
    if (this.#peakFlops !== null) this.#peakFlops = Math.max(this.#peakFlops, rate);
    const mfu = this.#peakFlops === null ? null : rate / this.#peakFlops;
    const { step } = position;
    const epoch = step / source.batchesPerEpoch;
    const scaled = scaling === null ? null : { lossScale: scaling.scale, skippedSteps: scaling.skippedSteps };
    const timing: TimingFields = { imagesPerSecond, mfu, ...this.#clockFields(seconds) };
    metrics.append({ kind: 'step', step, epoch, loss, lr, gradNorm, ...scaled, ...measures, ...timing });
    await logger?.log({ kind: 'step', step, epoch, loss, lr, gradNorm, scaling: scaled, measures, ...timing });
    await this.#callbacks.call('onStep', {
      step,
      totalSteps: this.totalSteps,
      epoch,
      lr,
      loss,
      gradNorm,
      skipped: wasSkipped(result),
      scaling,
      measures,
      imagesPerSecond,
      mfu,
    });
  }

  /** When a step ended, how long it took, and the memory of the process. */
  #clockFields(seconds: number): Pick<TimingFields, 'seconds' | 'time' | 'memory'> {
    const time = Date.now();
    // Reading the resident size costs some 20 µs, which would be noticed in each of many short steps.
    if (time - this.#memory.readAt >= 1000) this.#memory = { bytes: process.memoryUsage.rss(), readAt: time };
    return { seconds: Number(seconds.toPrecision(6)), time: time / 1000, memory: this.#memory.bytes };
  }

  #reportEpoch({ epoch, step, epochLoss }: Position, lr: number): Promise<void> {
    const { seconds, examples } = this.#epochSoFar;
    return this.#callbacks.call('onEpoch', {
      epoch,
      epochs: this.#parts.training.epochs,
      step,
      loss: epochLoss === undefined || epochLoss.count === 0 ? null : epochLoss.sum / epochLoss.count,
      lr,
      seconds,
      imagesPerSecond: examples / seconds,
    });
  }

  #checkCallbacks({ step }: Position): Promise<void> {
    return this.#callbacks.check(step, () => this.#parts.checkpoints.latest());
  }

  /** The position with the best value so far. If `signal` is aborted, the evaluation is dropped: it is done again on resume. */
  async #evaluate(position: Position, signal: AbortSignal | undefined): Promise<Position> {
    const { training } = this.#parts;
    const isLast = hasAllSteps(position, training) || this.#callbacks.reasonToStop !== null;
    let evaluations: readonly EvaluationValues[];
    try {
      evaluations = await this.#measure(position, isLast, signal);
    } catch (error) {
      if (signal?.aborted) return position;
      throw error;
    }
    const [first] = evaluations;
    const isDecisive = this.#isEvaluationPlanned(position) || this.#callbacks.reasonToStop !== null;
    const next = first === undefined || !isDecisive ? position : await this.#decide(position, first);
    await this.#publish(position, evaluations);
    await this.#checkCallbacks(position);
    return next;
  }

  /**
   * An evaluation that decides nothing, if one is due: random numbers, position and checkpoints are as without it. If `signal` is aborted, it
   * is dropped.
   */
  async #evaluateInPassing(position: Position, signal: AbortSignal | undefined): Promise<void> {
    const { pacing = null } = this.#parts;
    const { epoch, batch, step } = position;
    if (pacing === null || batch !== 0 || epoch === 0 || this.#isEvaluationDue(position)) return;
    if (signal?.aborted || this.#callbacks.reasonToStop !== null) return;
    const end = this.#epochEnd(position);
    if (!pacing.isDue(end)) return;
    const generator = getDefaultGenerator().state();
    try {
      await pacing.run(end, signal, async (limit) =>
        this.#publish(position, await this.#measure(position, false, limit)),
      );
    } catch (error) {
      if (!signal?.aborted) throw error;
    } finally {
      getDefaultGenerator().setState(generator);
    }
    if (this.#callbacks.haveFailed && this.#savedStep !== step) await this.#save(position);
    await this.#checkCallbacks(position);
    this.#clock = performance.now();
  }

  #epochEnd({ epoch }: Position): EpochEnd {
    const { training, source } = this.#parts;
    const { steps, first, others } = this.#stepTimes;
    const { batchesPerEpoch } = source;
    const stepSeconds = steps > 1 ? others / (steps - 1) : steps === 1 ? first : null;
    return {
      epoch,
      epochSeconds: stepSeconds === null ? null : stepSeconds * batchesPerEpoch,
      epochsLeft: runLength(training, batchesPerEpoch).exactEpochs - epoch,
    };
  }

  /** Evaluates the weights of a position, or their averages. */
  async #measure(
    position: Position,
    isLast: boolean,
    signal: AbortSignal | undefined,
  ): Promise<readonly EvaluationValues[]> {
    signal?.throwIfAborted();
    const run = (): Promise<readonly EvaluationValues[]> => this.#parts.evaluate(isLast, signal);
    const evaluations = await (this.#averagesAt(position)?.use(run) ?? run());
    releaseMemory();
    return evaluations;
  }

  /** Tells the results of an evaluation to the metrics file, the logger, the report and the listener. */
  async #publish({ step }: Position, evaluations: readonly EvaluationValues[]): Promise<void> {
    const { metrics, source, report, logger } = this.#parts;
    const epoch = step / source.batchesPerEpoch;
    for (const { split, values } of evaluations) {
      metrics.append({ kind: 'evaluation', step, epoch, split, values });
      await logger?.log({ kind: 'evaluation', step, epoch, split, values, time: Date.now() / 1000 });
    }
    await report?.(step);
    await this.#callbacks.call('onEvaluation', step, evaluations);
  }

  /** What the evaluation of the first split decides: the best value and checkpoints, early stopping, a schedule that follows a measure. */
  async #decide(position: Position, first: EvaluationValues): Promise<Position> {
    const { mainMeasure, schedule, earlyStopping = null, best = null } = this.#parts;
    const { step } = position;
    const { split, values } = first;
    const { earlyStopping: stopping = null, ...others } = position;
    const value = finiteValue(first, mainMeasure.name);
    const isBest = value !== null && (position.best === null || isBetter(mainMeasure, value, position.best.value));
    return {
      ...others,
      ...(isBest ? { best: { measure: `${split} ${mainMeasure.name}`, value, step } } : {}),
      ...(typeof schedule === 'function' ? {} : { schedule: this.#observe(schedule, first) }),
      ...(earlyStopping === null ? {} : { earlyStopping: observeEvaluation(earlyStopping, stopping, first, step) }),
      ...(best === null ? {} : { bestCheckpoints: await this.#keepBest(best, position, { step, split, values }) }),
    };
  }

  #keepBest(
    rule: BestRule,
    { bestCheckpoints = [] }: Position,
    evaluated: EvaluatedCheckpoint,
  ): Promise<readonly EvaluatedCheckpoint[]> {
    const { checkpoints, listener } = this.#parts;
    return keepBest(checkpoints, rule, [...bestCheckpoints, evaluated], (message) => listener?.say?.(message));
  }

  /** Shows an evaluation to the schedule. Returns the schedule's state. */
  #observe(schedule: MeasuredSchedule, evaluation: EvaluationValues): unknown {
    const name = schedule.metric ?? this.#parts.mainMeasure.name;
    checkMeasure('schedule.metric', name, evaluation);
    const value = evaluation.values[name];
    if (typeof value === 'number') schedule.observe(value);
    return schedule.state();
  }

  async #save(position: Position): Promise<void> {
    const { objective, optimizer, metrics, histograms, checkpoints, describe, metadata, mixedPrecision } = this.#parts;
    // The metrics of the steps before the checkpoint must be on the disk before it.
    metrics.sync();
    histograms?.writer.sync();
    const path = await checkpoints.add(position.step, (file) =>
      writeCheckpoint(
        file,
        objective.model,
        optimizer,
        { ...position, ...describe },
        mixedPrecision?.scaler,
        metadata,
        this.#averagesAt(position),
      ),
    );
    this.#savedStep = position.step;
    await this.#callbacks.call('onCheckpoint', path, position.step);
  }
}
