/** The second stage of a run: what a step needs, in the state in which the run begins or continues. */
import { DataLoader, describeReading } from '@tessera/data';
import { tidy } from '@tessera/tensor';
import type { RunConfig } from '../config/schema.ts';
import { type Averaging, averagedSchedule, checkAveragedEpochs, createAveraging } from '../loop/averaging.ts';
import { type CheckpointState, restoreCheckpoint } from '../loop/checkpoint.ts';
import { plannedInterval } from '../loop/evaluation-interval.ts';
import { LoaderSource } from '../loop/loader-source.ts';
import type { BatchTensors } from '../loop/objective.ts';
import type { MixedPrecision } from '../loop/precision.ts';
import { type RunLength, runLength } from '../loop/run-length.ts';
import type { BatchSource } from '../loop/trainer.ts';
import { MixedSource } from '../mixup/mixed-source.ts';
import { chosen, optimizers, schedules } from '../optim/choices.ts';
import { GradScaler } from '../optim/grad-scaler.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { parameterGroups } from '../optim/parameter-groups.ts';
import type { MeasuredSchedule, Schedule } from '../optim/settings.ts';
import { writeTrainingSamples } from '../run-folder/samples.ts';
import { shownPixels } from '../tasks/model-input.ts';
import { trainingLoaderOptions } from '../tasks/reading.ts';
import { samplingWeights } from '../tasks/sampling.ts';
import type { Say, Task } from '../tasks/task.ts';
import { checkSameData } from './checks.ts';
import type { Cleanup } from './cleanup.ts';
import type { OpenRun } from './open.ts';
import { describePlan } from './report.ts';
import type { TrainingRequest } from './request.ts';
import { checkPatience } from './selection.ts';

/** A run that is ready for its first step. */
export interface ReadyRun {
  readonly loader: DataLoader;
  readonly source: BatchSource<BatchTensors>;
  readonly optimizer: Optimizer;
  readonly mixedPrecision: MixedPrecision;
  readonly length: RunLength;
  readonly schedule: Schedule | MeasuredSchedule;
  readonly averaging: Averaging | null;
  /** What a position within an epoch depends on. */
  readonly data: CheckpointState['data'];
}

/** @throws where the settings do not fit the length of the run, or the checkpoint does not fit them */
export async function prepareRun(
  { folder, resume }: TrainingRequest,
  { config, train, subject, columnMemory }: OpenRun,
  { task, say, cleanup }: { readonly task: Task; readonly say: Say; readonly cleanup: Cleanup },
): Promise<ReadyRun> {
  const { model, imageSize, columns, mixing = null, toTensors } = subject;
  const rowWeights = await samplingWeights(config, train, columns);
  columnMemory.close();
  const loader = new DataLoader(train, trainingLoaderOptions(config, columns, imageSize, rowWeights));
  cleanup.add(() => loader.close());
  const unmixed = new LoaderSource(loader, toTensors, (batch, place) =>
    tidy(async () => {
      const tensors = toTensors(batch);
      const { images } = (await mixed?.mix(tensors, place)) ?? tensors;
      const describeRow = (row: number): object => ({
        ...subject.describeRow?.(batch, row),
        ...mixed?.describeRow(tensors, place, batch.indices, row),
      });
      if (images !== undefined) await writeTrainingSamples(folder.samples, batch, shownPixels(images), describeRow);
    }),
  );
  const mixed = mixing === null ? null : new MixedSource(unmixed, mixing, config.seed, config.training);
  cleanup.add(() => mixed?.dispose());
  const source = mixed ?? unmixed;
  const trained = model.namedParameters().filter(([, parameter]) => parameter.requiresGrad);
  const { groups, description } = parameterGroups(model, config.optimizer);
  const optimizer = chosen(optimizers, config.optimizer.kind).create(config.optimizer, trained, groups);
  const mixedPrecision = createMixedPrecision(config);
  const length = runLength(config.training, source.batchesPerEpoch);
  checkAveragedEpochs(config, length);
  checkPatience(config, length);
  const plain = chosen(schedules, config.schedule.kind).create(config.schedule, {
    lr: config.optimizer.lr,
    totalSteps: length.totalSteps,
    stepsPerEpoch: source.batchesPerEpoch,
    epochs: length.epochs,
    length: length.setting,
    evaluatedEpochs: plannedInterval(config),
    better: task.mainMeasure.better,
  });
  const schedule = averagedSchedule(plain, config.swa, source.batchesPerEpoch);
  const averaging = createAveraging(config, model);
  const data = {
    seed: config.seed,
    rows: train.length,
    batchSize: config.training.batchSize,
    batchesPerEpoch: source.batchesPerEpoch,
    ...loader.order.facts,
  };
  if (resume === null) say(describePlan(config, { train, imageSize, length, mixed: mixing !== null }));
  else {
    checkSameData(resume, data);
    restoreCheckpoint(resume, model, optimizer, config, mixedPrecision.scaler ?? null, averaging?.averages ?? null);
  }
  if (description !== null) say(description);
  const reading = describeReading(loader.reading, loader.order);
  if (reading !== null) say(reading);
  return { loader, source, optimizer, mixedPrecision, length, schedule, averaging, data };
}

/** f16 would lose small gradients without a factor on the loss; bf16 has the range of f32. */
const createMixedPrecision = ({ training: { precision } }: RunConfig): MixedPrecision => ({
  precision: precision.kind,
  scaler: precision.kind === 'f16' ? new GradScaler({ initScale: precision.lossScale }) : null,
});
