/** A whole run, stage by stage: data and model, what a step needs, training, the final evaluation and the files that remain. */
import { exists } from '@tessera/data/io';
import { saveTrainedWeights } from './adapt/save-weights.ts';
import { checkTrainedParts, trainedFacts } from './adapt/trained-parts.ts';
import { summarizeResults } from './evaluation/result.ts';
import { loadRun } from './load-run.ts';
import { checkAveraging } from './loop/averaging.ts';
import { readCheckpoint } from './loop/checkpoint.ts';
import { CheckpointFolder } from './loop/checkpoint-folder.ts';
import { isPaced, plannedInterval } from './loop/evaluation-interval.ts';
import { openHistograms } from './loop/histograms.ts';
import { MetricsWriter } from './loop/metrics-file.ts';
import type { BatchTensors } from './loop/objective.ts';
import { PacedEvaluation } from './loop/paced-evaluation.ts';
import { hasAllSteps } from './loop/run-length.ts';
import { measurePeak } from './loop/throughput.ts';
import { startPosition, Trainer, type TrainerParts, type TrainingEnd } from './loop/trainer.ts';
import { checkAccumulation, checkPrecision } from './run/checks.ts';
import { Cleanup } from './run/cleanup.ts';
import { evaluationRequest, RunEvaluation, usesBaseline } from './run/evaluation.ts';
import { finalWeights } from './run/final-weights.ts';
import { type OpenRun, openRun } from './run/open.ts';
import { prepareRun, type ReadyRun } from './run/prepare.ts';
import { describeBest, describeEnd, describeSaved, type RunProgress, writeRunReport } from './run/report.ts';
import { type TrainingRequest, type TrainingResult, withoutSteps } from './run/request.ts';
import { RunLog } from './run/run-log.ts';
import { checkMeasures, createSelection, type Selection } from './run/selection.ts';
import { describeEnvironment } from './run-folder/environment.ts';
import { taskNamed } from './tasks/index.ts';
import type { Say, Task, TrainedModel } from './tasks/task.ts';

export type { PreparedTraining, TrainingRequest, TrainingResult } from './run/request.ts';

/**
 * Trains, evaluates and reports. All files are written to the run's folder: config.yaml, environment.json, tokenizer.json (CLIP),
 * metrics.jsonl, histograms.jsonl (if they are set), checkpoints, samples, evaluation.json, model.safetensors, report.html.
 */
export async function trainModel(request: TrainingRequest): Promise<TrainingResult> {
  const began = performance.now();
  checkAccumulation(request.config);
  checkPrecision(request.config);
  checkAveraging(request.config);
  checkTrainedParts(request.config);
  const say = (message: string): void => request.listener?.say?.(message);
  const task = taskNamed(request.config.task);
  const selection = createSelection(request.config, task.mainMeasure);
  const cleanup = new Cleanup();
  const { inPlaceOfTraining, loggers: _, ...common } = request;
  try {
    const run = await openRun(request, {
      task,
      say,
      cleanup,
      loadModel: loadRun,
      trainNested: (config, folder) =>
        trainNested({ ...common, config, folder, untilEpoch: null }, request.resume !== null),
    });
    if (run === null) return withoutSteps(0, 0);
    const ready = await prepareRun(request, run, { task, say, cleanup });
    if (inPlaceOfTraining !== undefined) {
      const { optimizer, source, mixedPrecision, loader, length } = ready;
      const { objective } = run.subject;
      await inPlaceOfTraining({ objective, optimizer, source, training: run.config.training, mixedPrecision });
      return withoutSteps(length.totalSteps, loader.stats.skipped);
    }
    return await trainAndReport(request, { run, ready, selection, task, say, cleanup, began });
  } finally {
    await cleanup.run();
  }
}

/** A run before its first step. */
interface Site {
  readonly run: OpenRun;
  readonly ready: ReadyRun;
  readonly selection: Selection;
  readonly task: Task;
  readonly say: Say;
  readonly cleanup: Cleanup;
  /** When the run began, of `performance.now()`. */
  readonly began: number;
}

/** The stages from the first step to the last file. */
async function trainAndReport(request: TrainingRequest, site: Site): Promise<TrainingResult> {
  const { folder, resume, signal, listener, untilEpoch = null, trial } = request;
  const { run, ready, selection, task, say, cleanup, began } = site;
  const { config, train, evaluated, subject } = run;
  const { model, objective, metadata = {} } = subject;
  const { loader, length, schedule, averaging } = ready;
  const { totalSteps } = length;
  const metric = typeof schedule === 'function' ? null : schedule.metric;
  const checked = evaluationRequest(config, { limit: config.evaluation.limit, baseline: null });
  await checkMeasures(subject, evaluated, checked, config, metric);
  const environment = describeEnvironment();
  await folder.writeJson(folder.environment, environment);
  const peakFlops = config.runtime.peakGflops === null ? await measurePeak() : config.runtime.peakGflops * 1e9;
  const start = resume?.state ?? startPosition;
  const metrics = await MetricsWriter.open(folder.metrics, start.step);
  cleanup.add(() => metrics.close());
  const histograms = await openHistograms(folder.histograms, config.training.histograms, start.step);
  cleanup.add(() => histograms?.writer.close());
  const evaluation = new RunEvaluation(run, folder, signal);
  const facts = { ...subject.facts, ...trainedFacts(model, config) };
  const report = (state: Pick<RunProgress, 'step' | 'weights' | 'stopReason' | 'best'>): Promise<string> =>
    writeRunReport(
      folder.path,
      { config, taskTitle: task.title, facts, train, length, environment, peakFlops },
      {
        ...state,
        skippedRows: loader.stats.skipped,
        seconds: Math.round((performance.now() - began) / 1000),
        results: evaluation.results ?? [],
      },
    );
  const log = new RunLog(request.loggers ?? [], folder, say);
  cleanup.add(() => log.end());
  const parts: TrainerParts<BatchTensors> = {
    ...ready,
    objective,
    training: { ...config.training, untilEpoch },
    metrics,
    histograms,
    checkpoints: new CheckpointFolder(folder.checkpoints, config.checkpoints.keep),
    checkpointing: config.checkpoints,
    describe: { config, data: ready.data, dataset: run.fingerprint },
    metadata,
    evaluate: (final, limit) => evaluation.evaluateAll(final, limit),
    evaluation: { everyEpochs: plannedInterval(config) },
    pacing: isPaced(config) && evaluated.length > 0 ? await PacedEvaluation.open(folder.evaluationPace, say) : null,
    mainMeasure: task.mainMeasure,
    ...selection,
    peakFlops,
    // The report of the last evaluation is written at the end.
    report: async (step) => {
      if (evaluation.results !== null && step < totalSteps)
        await report({ step, weights: averaging?.description ?? null, stopReason: null, best: null });
      await log.samples(step);
    },
    ...(listener === undefined ? {} : { listener }),
  };
  run.keepFolder();
  await log.start({ config, facts: { ...environment, ...facts }, step: start.step });
  const trainHere = (): Promise<TrainingEnd> => new Trainer({ ...parts, logger: log }).run(start, signal);
  const { position, finished, stopReason } = await (trial?.run(
    {
      ...{
        config,
        subject,
        optimizer: ready.optimizer,
        trainSplit: train,
        splits: evaluated,
        loader,
        length,
        start,
        began,
      },
      averages: averaging?.averages ?? null,
      train: (own, until) => new Trainer({ ...parts, ...withoutEvaluations, listener: own }).run(start, until),
      evaluate: (part) => evaluation.evaluate(part),
      evaluationCost: (part) => evaluation.cost(part),
    },
    signal,
  ) ?? trainHere());
  const { step } = position;
  const ended = { finished, stopReason, steps: step, totalSteps, skippedRows: loader.stats.skipped };
  if (!finished) {
    log.outcome = 'interrupted';
    const isReached = position.batch === 0 && position.epoch === untilEpoch && signal?.aborted !== true;
    return { ...ended, results: isReached ? evaluation.results : null, report: null };
  }
  if (stopReason !== null) say(describeEnd(step, totalSteps, stopReason, step === start.step));

  const sayOfWeights = trial === undefined ? say : () => undefined;
  const weights = await finalWeights(config, folder, subject, averaging, position, sayOfWeights);
  // Early stopping is known only after an evaluation without baselines.
  const isEvaluated =
    trial !== undefined || (weights.step === step && (evaluation.hasBaselines || !usesBaseline(config, task)));
  try {
    if (!isEvaluated) await weights.use(() => evaluation.evaluateAll(true));
  } catch (error) {
    if (signal?.aborted) {
      log.outcome = 'interrupted';
      return { ...ended, finished: false, stopReason: null, results: null, report: null };
    }
    throw error;
  }
  await weights.use(() => saveTrainedWeights(folder, model, config, { ...metadata, ...weights.metadata }));
  const best = describeBest(position, selection.best, config);
  if (best !== null) say(describeSaved(best, weights.step, position));
  const reportPath = await report({ step, weights: weights.description, stopReason, best });
  const results = evaluation.results ?? [];
  // Last of all: a run that has this file is complete.
  await folder.writeJson(folder.evaluation, summarizeResults(results));
  trial?.ended();
  await log.finished(weights.step, results);
  return { ...ended, results, report: reportPath };
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
  pacing: null,
  checkpointing: { everySteps: null, everyEpochs: Number.MAX_SAFE_INTEGER },
} satisfies Partial<TrainerParts<BatchTensors>>;
