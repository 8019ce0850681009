import { type Dataset, openDataset, type Split } from '@tessera/data';
import { writeFileAtomic } from '@tessera/data/io';
import { getBackend, manualSeed } from '@tessera/tensor';
import { weightMetadata, writeTensors } from '@tessera/weights';
import { type ClassifyConfig, formatConfig, type RunConfig } from '../config/index.ts';
import { type Checkpoint, type CheckpointState, restoreCheckpoint } from '../loop/checkpoint.ts';
import { CheckpointFolder } from '../loop/checkpoint-folder.ts';
import type { MixedPrecision } from '../loop/precision.ts';
import { measurePeak } from '../loop/throughput.ts';
import { startPosition, Trainer, type TrainerListener } from '../loop/trainer.ts';
import { AdamW, GradScaler, noDecay, type Optimizer, SGD } from '../optim/index.ts';
import { constant, type Schedule, warmupCosine, warmupLinear } from '../optim/schedule.ts';
import { writeReport } from '../report/index.ts';
import { describeEnvironment } from '../run/environment.ts';
import { MetricsWriter } from '../run/metrics-file.ts';
import type { RunFolder } from '../run/run-folder.ts';
import type { BatchTensors } from '../tasks/task.ts';
import { prepareClassify } from './classify.ts';
import { prepareContrastive } from './contrastive.ts';
import { type ImageTowerFile, readImageTower } from './image-tower-file.ts';
import type { FinalEvaluation, PreparedTask, Say } from './prepared.ts';
import { readStartingModel } from './starting-model.ts';
import { prepareVQ } from './vq.ts';

export interface TrainingListener extends TrainerListener {
  /** Something that a user should read. */
  say?: Say;
}

export interface TrainingRequest {
  readonly config: RunConfig;
  /** The folder of the built data set. */
  readonly dataset: string;
  readonly folder: RunFolder;
  /** Where to go on; null: a new run. */
  readonly resume: Checkpoint | null;
  /** Aborted: the step in hand is finished, a checkpoint written, and the run ends unfinished. */
  readonly signal?: AbortSignal;
  readonly listener?: TrainingListener;
}

export interface TrainingResult {
  readonly finished: boolean;
  readonly steps: number;
  readonly totalSteps: number;
  /** Null for a run that was stopped before its end. */
  readonly evaluation: FinalEvaluation | null;
  /** Path of the report; null for a run that was stopped. */
  readonly report: string | null;
  /** Different rows that could not be used. */
  readonly skippedRows: number;
}

/**
 * A whole run: data, model, training, evaluation, report. Everything it leaves is in the run's folder: config.yaml, environment.json,
 * tokenizer.json (CLIP), metrics.jsonl, checkpoints, samples, evaluation.json, model.safetensors, report.html.
 */
export async function trainModel(request: TrainingRequest): Promise<TrainingResult> {
  const { folder, resume, listener } = request;
  const started = performance.now();
  checkAccumulation(request.config);
  checkPrecision(request.config);
  manualSeed(request.config.seed);
  const tower =
    request.config.task === 'classify' && request.config.initialize.checkpoint !== null && resume === null
      ? await readImageTower(request.config.initialize.checkpoint)
      : null;
  const config = withModel(request.config, tower?.model ?? null);
  const dataset = await openDataset(request.dataset);
  let prepared: PreparedTask | null = null;
  let metrics: MetricsWriter | null = null;
  try {
    const splits = evaluationSplits(dataset, config);
    if (resume === null) await folder.create();
    const say = listener?.say ?? (() => undefined);
    if (request.config.model === null)
      for (const assumption of tower?.assumptions ?? []) say(`${tower?.path}: taken for granted: ${assumption}`);
    prepared = await prepare(config, { dataset, splits, folder, tower, resumed: resume !== null, say });
    const { task, source } = prepared;
    const optimizer = createOptimizer(config, task.model.namedParameters());
    const mixedPrecision = createMixedPrecision(config);
    const totalSteps = config.training.epochs * source.batchesPerEpoch;
    const schedule = createSchedule(config, totalSteps);
    const data = {
      seed: config.seed,
      rows: prepared.trainingRows,
      batchSize: config.training.batchSize,
      batchesPerEpoch: source.batchesPerEpoch,
    };
    if (resume !== null) {
      checkSameData(resume, data);
      restoreCheckpoint(resume, task.model, optimizer, config, mixedPrecision.scaler);
    }
    const environment = describeEnvironment();
    await writeFileAtomic(folder.config, [formatConfig(config)]);
    await folder.writeJson(folder.environment, environment);
    const peakFlops = config.runtime.peakGflops === null ? await measurePeak() : config.runtime.peakGflops * 1e9;
    metrics = await MetricsWriter.open(folder.metrics, resume?.state.step ?? 0);
    const trainer = new Trainer<BatchTensors>({
      task,
      optimizer,
      source,
      schedule,
      epochs: config.training.epochs,
      clipGradNorm: config.training.clipGradNorm ?? Number.POSITIVE_INFINITY,
      accumulate: config.training.accumulate,
      mixedPrecision,
      metrics,
      checkpoints: new CheckpointFolder(folder.checkpoints, config.checkpoints.keep),
      checkpointEverySteps: config.checkpoints.everySteps,
      checkpointEveryEpochs: config.checkpoints.everyEpochs,
      describe: { config, data },
      evaluate: () => (prepared as PreparedTask).evaluate(),
      evaluateEveryEpochs: config.evaluation.everyEpochs,
      mainMeasure: prepared.mainMeasure,
      peakFlops,
      ...(listener === undefined ? {} : { listener }),
    });
    const { position, finished } = await trainer.run(resume?.state ?? startPosition, request.signal);
    const skippedRows = prepared.loaderStats().skipped;
    const ended = { finished, steps: position.step, totalSteps, skippedRows };
    if (!finished) return { ...ended, evaluation: null, report: null };

    await writeTensors(folder.model, task.model.stateDict(), weightMetadata(task.model));
    say('evaluating ...');
    const evaluation = await prepared.finalEvaluation();
    await folder.writeJson(folder.evaluation, summarizeEvaluation(evaluation));
    const seconds = Math.round((performance.now() - started) / 1000);
    const report = await writeReport(folder.path, {
      title: config.name,
      subtitle: `${titles[config.task]} trained on ${config.data.dataset}`,
      summary: {
        ...prepared.summary,
        Epochs: config.training.epochs,
        Steps: totalSteps,
        'Batch size': config.training.batchSize,
        ...(skippedRows === 0 ? {} : { 'Rows that could not be used': skippedRows }),
      },
      config,
      environment: { ...environment, 'Peak (GFLOP/s)': Math.round(peakFlops / 1e9), 'Duration (s)': seconds },
      ...evaluation.report,
    });
    return { ...ended, evaluation, report };
  } finally {
    metrics?.close();
    await prepared?.close();
    dataset.close();
  }
}

function checkAccumulation({ training: { batchSize, accumulate } }: RunConfig): void {
  if (batchSize % accumulate !== 0)
    throw new Error(
      `training.accumulate is ${accumulate}, which does not divide training.batchSize, ${batchSize}: the parts of a batch must be equal`,
    );
}

function checkPrecision({ training: { precision } }: RunConfig): void {
  const reason = getBackend().whyUnsupported?.(precision) ?? null;
  if (reason !== null)
    throw new Error(
      `training.precision is ${precision}, which this backend does not compute in: ${reason}. ` +
        `Choose ${precision === 'f16' ? 'bf16 (half the memory, where the backend has it) or ' : ''}f32`,
    );
}

/** f16 loses small gradients without a factor on the loss; bf16 has the range of f32. */
const createMixedPrecision = ({ training: { precision, lossScale } }: RunConfig): MixedPrecision => ({
  precision,
  scaler: precision === 'f16' ? new GradScaler({ initScale: lossScale }) : null,
});

interface Surroundings {
  readonly dataset: Dataset;
  readonly splits: readonly Split[];
  readonly folder: RunFolder;
  readonly tower: ImageTowerFile | null;
  readonly resumed: boolean;
  readonly say: Say;
}

async function prepare(
  config: CompleteConfig,
  { dataset, splits, folder, tower, resumed, say }: Surroundings,
): Promise<PreparedTask> {
  switch (config.task) {
    case 'contrastive': {
      const start = resumed ? null : await readStartingModel(config);
      return (await prepareContrastive(config, dataset, splits, folder, start, say)) as PreparedTask;
    }
    case 'classify':
      return (await prepareClassify(config, dataset, splits, folder, tower)) as PreparedTask;
    case 'vq':
      return (await prepareVQ(config, dataset, splits, folder)) as PreparedTask;
    default:
      return config satisfies never;
  }
}

/** What is trained, for the report's title. */
const titles = { contrastive: 'CLIP', classify: 'Classifier', vq: 'VQ tokenizer' } as const satisfies Record<
  RunConfig['task'],
  string
>;

type CompleteConfig =
  | Exclude<RunConfig, ClassifyConfig>
  | (ClassifyConfig & { model: NonNullable<ClassifyConfig['model']> });

/** The configuration with the model that its checkpoint says. */
function withModel(config: RunConfig, found: ClassifyConfig['model']): CompleteConfig {
  if (config.task !== 'classify') return config;
  const model = config.model ?? found;
  if (model !== null) return { ...config, model };
  throw new Error(
    config.initialize.checkpoint === null
      ? 'model is null, which stands for the image tower of a checkpoint: set initialize.checkpoint, or a model'
      : `${config.initialize.checkpoint}: does not say how its model is built: set model to it`,
  );
}

function evaluationSplits(dataset: Dataset, { data, evaluation }: RunConfig): Split[] {
  dataset.split(data.trainSplit);
  const names = evaluation.splits ?? Object.keys(dataset.splits).filter((name) => name !== data.trainSplit);
  return names.map((name) => dataset.split(name));
}

type NamedParameters = ConstructorParameters<typeof AdamW>[0];

function createOptimizer(
  { optimizer }: RunConfig,
  parameters: ReturnType<PreparedTask['task']['model']['namedParameters']>,
): Optimizer {
  const { kind, lr, weightDecay, betas, eps, momentum, nesterov } = optimizer;
  const trained: NamedParameters = parameters.filter(([, parameter]) => parameter.requiresGrad);
  const common = { lr, weightDecay, groups: [noDecay] };
  switch (kind) {
    case 'adamw':
      return new AdamW(trained, { ...common, betas, eps });
    case 'sgd':
      return new SGD(trained, { ...common, momentum, nesterov });
    default:
      return kind satisfies never;
  }
}

function createSchedule({ optimizer: { lr }, schedule }: RunConfig, totalSteps: number): Schedule {
  const { kind, warmupSteps, minLr } = schedule;
  switch (kind) {
    case 'cosine':
      return warmupCosine({ lr, warmupSteps, totalSteps, minLr });
    case 'linear':
      return warmupLinear({ lr, warmupSteps, totalSteps, minLr });
    case 'constant':
      return constant({ lr });
    default:
      return kind satisfies never;
  }
}

/** A position in an epoch means something only where the epoch is the same. */
function checkSameData({ path, state }: Checkpoint, data: CheckpointState['data']): void {
  if (state.batch === 0) return;
  const changed = Object.keys(data).filter((key) => state.data[key] !== data[key]);
  if (changed.length === 0) return;
  throw new Error(
    [
      `${path}: was written within an epoch of other batches, so the epoch cannot be continued`,
      ...changed.map((key) => `${key} was ${state.data[key]}, is ${data[key]}`),
    ].join('\n  '),
  );
}

/** The numbers of an evaluation, without pictures and features: what evaluation.json holds. */
export const summarizeEvaluation = ({
  retrieval,
  classification,
  reconstruction = [],
}: Omit<FinalEvaluation, 'report'>): unknown => ({
  retrieval,
  classification: classification.map(({ split, classNames, metrics, skipped }) => ({
    split: split.name,
    classNames,
    metrics,
    skipped,
  })),
  reconstruction: reconstruction.map(({ split, metrics, skipped }) => ({ split, metrics, skipped })),
});
