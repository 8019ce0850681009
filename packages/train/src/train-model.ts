/** A whole run: data, model, training, evaluation and report. */
import { join } from 'node:path';
import { DataLoader, type Dataset, fingerprintDataset, type Split } from '@tessera/data';
import { exists, writeFileAtomic } from '@tessera/data/io';
import { manualSeed, tidy } from '@tessera/tensor';
import { checkSavedWeights, saveTrainedWeights } from './adapt/save-weights.ts';
import { checkTrainedParts, chooseTrainedParts, trainedFacts } from './adapt/trained-parts.ts';
import { checkAccumulation, checkPrecision, checkSameData, checkUnchanged } from './checks-before-training.ts';
import { formatConfig, resolveConfig } from './config/resolve.ts';
import type { RunConfig } from './config/schema.ts';
import type { Settings } from './config/tree.ts';
import type { Trial } from './dry-run/trial.ts';
import { type EvaluationResult, summarizeResults } from './evaluation/result.ts';
import { finalWeights } from './final-weights.ts';
import { limitSplit } from './limit-split.ts';
import { loadRun } from './load-run.ts';
import { averagedSchedule, checkAveragedEpochs, checkAveraging, createAveraging } from './loop/averaging.ts';
import { type Checkpoint, readCheckpoint, restoreCheckpoint } from './loop/checkpoint.ts';
import { CheckpointFolder } from './loop/checkpoint-folder.ts';
import { type HistogramOutput, openHistograms } from './loop/histograms.ts';
import type { TrainerListener } from './loop/listener.ts';
import { LoaderSource } from './loop/loader-source.ts';
import { MetricsWriter } from './loop/metrics-file.ts';
import type { BatchTensors } from './loop/objective.ts';
import type { MixedPrecision } from './loop/precision.ts';
import { hasAllSteps, runLength } from './loop/run-length.ts';
import { measurePeak } from './loop/throughput.ts';
import { startPosition, Trainer, type TrainerParts } from './loop/trainer.ts';
import { MixedSource } from './mixup/mixed-source.ts';
import { openTaskData } from './open-data.ts';
import { chosen, optimizers, schedules } from './optim/choices.ts';
import { GradScaler } from './optim/grad-scaler.ts';
import { parameterGroups } from './optim/parameter-groups.ts';
import { describeEnvironment } from './run-folder/environment.ts';
import { lockRun, type RunLock } from './run-folder/lock.ts';
import { RunFolder } from './run-folder/run-folder.ts';
import { writeTrainingSamples } from './run-folder/samples.ts';
import {
  describeBest,
  describeEnd,
  describePlan,
  describeSaved,
  type RunFacts,
  type RunProgress,
  writeRunReport,
} from './run-report.ts';
import { checkMeasures, checkPatience, createSelection } from './selection.ts';
import { taskNamed, tasks } from './tasks/index.ts';
import { shownPixels } from './tasks/model-input.ts';
import { trainingLoaderOptions } from './tasks/reading.ts';
import { samplingWeights } from './tasks/sampling.ts';
import type { AnyTaskModel, EvaluationRequest, Task, TrainedModel, TrainingSite } from './tasks/task.ts';
import { countUsableRows } from './usable-rows.ts';

export interface TrainingRequest {
  readonly config: RunConfig;
  /** The folder of the built data set. */
  readonly dataset: string;
  readonly folder: RunFolder;
  /** The checkpoint to continue from; null: from the first step. */
  readonly resume: Checkpoint | null;
  /** Whether the folder may contain a run that was interrupted before its first checkpoint. Default false: that is an error. */
  readonly restart?: boolean;
  /** When aborted, the current step is finished, a checkpoint written, and the run ends unfinished. */
  readonly signal?: AbortSignal;
  /** Stop after this epoch, with a checkpoint and an evaluation, so that the run can be continued. Default: after the last epoch. */
  readonly untilEpoch?: number | null;
  /** Whether a run may continue with other settings or other data than it began with. */
  readonly allowChanges?: boolean;
  /** Whether every row of the data set is compared with the beginning of the run, not a sample. */
  readonly verifyData?: boolean;
  /** Functions that are called during the run, and can end it. */
  readonly listener?: TrainerListener;
  /** Takes the place of the training loop, in a dry run. */
  readonly trial?: Trial;
  /** Receives the parts of the run before its first step, in place of training, evaluation and report: the run ends unfinished. */
  readonly inPlaceOfTraining?: (training: PreparedTraining<BatchTensors>) => Promise<void>;
}

/** The parts of a run that a step needs. */
export interface PreparedTraining<Batch extends BatchTensors>
  extends Pick<TrainerParts<Batch>, 'objective' | 'optimizer' | 'source' | 'training'> {
  readonly mixedPrecision: MixedPrecision;
}

export interface TrainingResult {
  /** False for a run that was interrupted by its signal, or stopped at `untilEpoch`. */
  readonly finished: boolean;
  /** Why a finished run ended before its last step: early stopping, or a callback; null: it did not. */
  readonly stopReason: string | null;
  readonly steps: number;
  readonly totalSteps: number;
  /** Results of the final evaluation, or of that after `untilEpoch`; null for a run that was interrupted. */
  readonly results: readonly EvaluationResult[] | null;
  /** Path of the report; null for a run that was interrupted. */
  readonly report: string | null;
  /** The number of different rows that could not be used. */
  readonly skippedRows: number;
}

/**
 * Trains, evaluates and reports. All files are written to the run's folder: config.yaml, environment.json, tokenizer.json (CLIP),
 * metrics.jsonl, histograms.jsonl (if they are set), checkpoints, samples, evaluation.json, model.safetensors, report.html.
 */
export async function trainModel(request: TrainingRequest): Promise<TrainingResult> {
  const { inPlaceOfTraining, ...common } = request;
  const { folder, resume, restart = false, allowChanges = false, verifyData = false, listener, signal } = common;
  const { untilEpoch = null, trial } = common;
  const started = performance.now();
  checkAccumulation(request.config);
  checkPrecision(request.config);
  checkAveraging(request.config);
  checkTrainedParts(request.config);
  const say = (message: string): void => listener?.say?.(message);
  const task = taskNamed(request.config.task);
  const selection = createSelection(request.config, task.mainMeasure);
  manualSeed(request.config.seed);
  const prepared = await task.prepare(request.config, resume !== null, say);
  const { config } = prepared;
  const dataset = await openTaskData(request.dataset, config.data.columns);
  let subject: AnyTaskModel | null = null;
  let loader: DataLoader | null = null;
  let mixed: MixedSource<BatchTensors> | null = null;
  let metrics: MetricsWriter | null = null;
  let histograms: HistogramOutput | null = null;
  let lock: RunLock | null = null;
  // A run that is refused before its first step leaves nothing behind.
  let isNew = false;
  try {
    const train = await limitSplit(dataset.split(config.data.trainSplit), config.data);
    const splits = evaluationSplits(dataset, config);
    const fingerprint = await fingerprintDataset(dataset, verifyData);
    if (resume === null) await folder.create({ restart });
    else if (!allowChanges) checkUnchanged(resume, config, fingerprint);
    lock = await lockRun(folder.path);
    isNew = resume === null && !restart;
    // From here on the run can be continued.
    await writeFileAtomic(folder.config, [formatConfig(config)]);
    const trainFirst = async (name: string, settings: Settings): Promise<TrainedModel | null> => {
      const first = { config: resolveConfig(settings, [], tasks), folder: new RunFolder(join(folder.path, name)) };
      const trained = await trainNested({ ...common, ...first, untilEpoch: null }, resume !== null);
      // This run's random numbers are those that it would have without the other.
      manualSeed(config.seed);
      return trained;
    };
    const site: TrainingSite = { config, train, evaluationSplits: splits, folder, say, trainFirst, loadModel: loadRun };
    subject = await prepared.create(site);
    if (subject === null) {
      isNew = false;
      return {
        ...{ finished: false, stopReason: null, steps: 0, totalSteps: 0 },
        ...{ results: null, report: null, skippedRows: 0 },
      };
    }
    const { model, objective, imageSize, columns, metadata = {}, mixing = null } = subject;
    chooseTrainedParts(subject, config, resume === null ? say : () => undefined);
    checkSavedWeights(model, config, say);
    const evaluated = await countUsableRows({
      train,
      evaluated: splits,
      named: config.evaluation.splits !== null,
      columns,
      strict: config.data.strict,
      say,
    });
    const rowWeights = await samplingWeights(config, train, columns);
    loader = new DataLoader(train, trainingLoaderOptions(config, columns, imageSize, rowWeights));
    const { toTensors } = subject;
    const unmixed = new LoaderSource(loader, toTensors, (batch, place) =>
      tidy(async () => {
        const tensors = toTensors(batch);
        const { images } = (await mixed?.mix(tensors, place)) ?? tensors;
        const describeRow = (row: number): object => ({
          ...subject?.describeRow?.(batch, row),
          ...mixed?.describeRow(tensors, place, batch.indices, row),
        });
        if (images !== undefined) await writeTrainingSamples(folder.samples, batch, shownPixels(images), describeRow);
      }),
    );
    mixed = mixing === null ? null : new MixedSource(unmixed, mixing, config.seed, config.training);
    const source = mixed ?? unmixed;
    const trained = model.namedParameters().filter(([, parameter]) => parameter.requiresGrad);
    const { groups, description } = parameterGroups(model, config.optimizer);
    const optimizer = chosen(optimizers, config.optimizer.kind).create(config.optimizer, trained, groups);
    const mixedPrecision = createMixedPrecision(config);
    const length = runLength(config.training, source.batchesPerEpoch);
    const { totalSteps } = length;
    checkAveragedEpochs(config, length);
    checkPatience(config, length);
    const plain = chosen(schedules, config.schedule.kind).create(config.schedule, {
      lr: config.optimizer.lr,
      totalSteps,
      stepsPerEpoch: source.batchesPerEpoch,
      epochs: length.epochs,
      length: length.setting,
      evaluatedEpochs: config.evaluation.everyEpochs,
      better: task.mainMeasure.better,
    });
    const schedule = averagedSchedule(plain, config.swa, source.batchesPerEpoch);
    const averaging = createAveraging(config, model);
    const data = {
      seed: config.seed,
      rows: train.length,
      batchSize: config.training.batchSize,
      batchesPerEpoch: source.batchesPerEpoch,
      ...(rowWeights === null ? {} : { balancedSampling: 1 }),
    };
    if (resume === null) say(describePlan(config, { train, imageSize, length, mixed: mixing !== null }));
    else {
      checkSameData(resume, data);
      restoreCheckpoint(resume, model, optimizer, config, mixedPrecision.scaler ?? null, averaging?.averages ?? null);
    }
    if (description !== null) say(description);
    if (inPlaceOfTraining !== undefined) {
      await inPlaceOfTraining({ objective, optimizer, source, training: config.training, mixedPrecision });
      const { skipped: skippedRows } = loader.stats;
      return { finished: false, stopReason: null, steps: 0, totalSteps, results: null, report: null, skippedRows };
    }
    const metric = typeof schedule === 'function' ? null : schedule.metric;
    const checked = evaluationRequest(config, { limit: config.evaluation.limit, baseline: null }, undefined);
    await checkMeasures(subject, evaluated, checked, config, metric);
    const environment = describeEnvironment();
    await folder.writeJson(folder.environment, environment);
    const peakFlops = config.runtime.peakGflops === null ? await measurePeak() : config.runtime.peakGflops * 1e9;
    metrics = await MetricsWriter.open(folder.metrics, resume?.state.step ?? 0);
    histograms = await openHistograms(folder.histograms, config.training.histograms, resume?.state.step ?? 0);
    // The results of the last evaluation also serve the report.
    let results: EvaluationResult[] | null = null;
    let hasBaselines = false;
    const evaluate = async (final: boolean, limit = config.evaluation.limit): Promise<EvaluationResult[]> => {
      const request = evaluationRequest(config, { limit, baseline: final ? train : null }, signal);
      const found = await (subject as AnyTaskModel).evaluate(evaluated, request);
      for (const result of found) await result.kind.writeSamples(result, folder.samples);
      results = found;
      hasBaselines = final;
      return found;
    };
    const facts: RunFacts = {
      config,
      taskTitle: task.title,
      facts: { ...subject.facts, ...trainedFacts(model, config) },
      train,
      length,
      environment,
      peakFlops,
    };
    const report = (
      evaluated: readonly EvaluationResult[],
      state: Pick<RunProgress, 'step' | 'weights' | 'stopReason' | 'best'>,
    ): Promise<string> =>
      writeRunReport(folder.path, facts, {
        ...state,
        skippedRows: (loader as DataLoader).stats.skipped,
        seconds: Math.round((performance.now() - started) / 1000),
        results: evaluated,
      });
    const start = resume?.state ?? startPosition;
    const parts: TrainerParts<BatchTensors> = {
      objective,
      optimizer,
      source,
      schedule,
      training: { ...config.training, untilEpoch },
      mixedPrecision,
      averaging,
      metrics,
      histograms,
      checkpoints: new CheckpointFolder(folder.checkpoints, config.checkpoints.keep),
      checkpointing: config.checkpoints,
      describe: { config, data, dataset: fingerprint },
      metadata,
      evaluate,
      evaluation: config.evaluation,
      mainMeasure: task.mainMeasure,
      ...selection,
      peakFlops,
      // The report of the last evaluation is written at the end.
      report: async (step) => {
        if (results !== null && step < totalSteps)
          await report(results, { step, weights: averaging?.description ?? null, stopReason: null, best: null });
      },
      ...(listener === undefined ? {} : { listener }),
    };
    isNew = false;
    const { position, finished, stopReason } = await (trial?.run(
      {
        ...{ config, subject, optimizer, trainSplit: train, splits: evaluated, loader, length, start, began: started },
        averages: averaging?.averages ?? null,
        train: (own, until) => new Trainer({ ...parts, ...withoutEvaluations, listener: own }).run(start, until),
        evaluate: ({ limit, baseline }) => evaluate(baseline, limit),
        evaluationCost: async ({ limit, baseline }) => {
          const request = evaluationRequest(config, { limit, baseline: baseline ? train : null }, signal);
          return (await subject?.evaluationCost?.(evaluated, request)) ?? { bytes: 0, seconds: 0 };
        },
      },
      signal,
    ) ?? new Trainer(parts).run(start, signal));
    const { step } = position;
    const ended = { finished, stopReason, steps: step, totalSteps, skippedRows: loader.stats.skipped };
    if (!finished) {
      const isReached = position.batch === 0 && position.epoch === untilEpoch && signal?.aborted !== true;
      return { ...ended, results: isReached ? results : null, report: null };
    }
    if (stopReason !== null) say(describeEnd(step, totalSteps, stopReason, step === resume?.state.step));

    const weights = await finalWeights(
      config,
      folder,
      subject,
      averaging,
      position,
      trial === undefined ? say : () => undefined,
    );
    // Early stopping is known only after an evaluation without baselines.
    const isEvaluated = trial !== undefined || (weights.step === step && (hasBaselines || !usesBaseline(config, task)));
    try {
      if (!isEvaluated) await weights.use(() => evaluate(true));
    } catch (error) {
      if (signal?.aborted) return { ...ended, finished: false, stopReason: null, results: null, report: null };
      throw error;
    }
    const final: readonly EvaluationResult[] = results ?? [];
    await weights.use(() => saveTrainedWeights(folder, model, config, { ...metadata, ...weights.metadata }));
    const best = describeBest(position, selection.best, config);
    if (best !== null) say(describeSaved(best, weights.step, position));
    const reportPath = await report(final, { step, weights: weights.description, stopReason, best });
    // Last of all: a run that has this file is complete.
    await folder.writeJson(folder.evaluation, summarizeResults(final));
    trial?.ended();
    return { ...ended, results: final, report: reportPath };
  } finally {
    metrics?.close();
    histograms?.writer.close();
    mixed?.dispose();
    subject?.dispose?.();
    await loader?.close();
    await lock?.release();
    dataset.close();
    if (isNew) await folder.discard();
  }
}

/**
 * Trains another model that this run needs first, in a separate folder. The other run is continued if it was interrupted, and only loaded if
 * it is complete. Null if it was stopped.
 *
 * @param hasBegun whether this run has taken steps: then the other run is complete, and stays so although it would be longer now
 */
async function trainNested(
  request: Omit<TrainingRequest, 'resume' | 'restart'>,
  hasBegun: boolean,
): Promise<TrainedModel | null> {
  const { folder } = request;
  const checkpoint = await folder.latestCheckpoint();
  const resume = checkpoint === null ? null : await readCheckpoint(checkpoint);
  // The last checkpoint is written before the last evaluation, its results after the report.
  const isTrained = resume !== null && (hasBegun || hasAllSteps(resume.state, request.config.training));
  if (!isTrained || !(await exists(folder.evaluation))) {
    const { finished } = await trainModel({ ...request, resume, restart: true });
    if (!finished) return null;
  }
  return loadRun(folder.path);
}

/** A training loop that neither evaluates nor writes checkpoints before it is stopped. */
const withoutEvaluations = {
  evaluation: { everyEpochs: null },
  checkpointing: { everySteps: null, everyEpochs: Number.MAX_SAFE_INTEGER },
} satisfies Partial<TrainerParts<BatchTensors>>;

/** How a run evaluates its own splits. `baseline`: the split that baselines search, if the configuration requests them. */
const evaluationRequest = (
  { data, evaluation: { batchSize, pixelBaseline } }: RunConfig,
  { limit, baseline }: { readonly limit: number | null; readonly baseline: Split | null },
  signal: AbortSignal | undefined,
): EvaluationRequest => ({
  batchSize,
  workers: data.workers,
  strict: data.strict,
  limit,
  columns: data.columns,
  baseline: baseline === null || !pixelBaseline ? null : { split: baseline, limit },
  templates: null,
  ...(signal === undefined ? {} : { signal }),
});

/** f16 would lose small gradients without a factor on the loss; bf16 has the range of f32. */
const createMixedPrecision = ({ training: { precision } }: RunConfig): MixedPrecision => ({
  precision: precision.kind,
  scaler: precision.kind === 'f16' ? new GradScaler({ initScale: precision.lossScale }) : null,
});

/** Whether the last evaluation of a run compares its model with baselines. */
const usesBaseline = ({ evaluation }: RunConfig, { evaluationOptions }: Task): boolean =>
  evaluation.pixelBaseline && evaluationOptions.includes('pixels');

function evaluationSplits(dataset: Dataset, { data, evaluation }: RunConfig): Split[] {
  dataset.split(data.trainSplit);
  const names = evaluation.splits ?? Object.keys(dataset.splits).filter((name) => name !== data.trainSplit);
  return names.map((name) => dataset.split(name));
}
