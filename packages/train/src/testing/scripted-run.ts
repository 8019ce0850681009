/** Training runs of a tiny model whose evaluations have given values, for tests of what a run decides by them. */
import { join } from 'node:path';
import { BatchNorm1d, crossEntropy, Linear, type Module, Sequential } from '@tessera/nn';
import { manualSeed, type Tensor, tensor } from '@tessera/tensor';
import type { BestRule } from '../loop/best-checkpoints.ts';
import { type Checkpoint, type CheckpointState, restoreCheckpoint } from '../loop/checkpoint.ts';
import { CheckpointFolder } from '../loop/checkpoint-folder.ts';
import type { EarlyStoppingRule } from '../loop/early-stopping.ts';
import type { TrainerListener } from '../loop/listener.ts';
import { MetricsWriter } from '../loop/metrics-file.ts';
import type { PacedEvaluation } from '../loop/paced-evaluation.ts';
import { type BatchSource, startPosition, Trainer, type TrainingEnd } from '../loop/trainer.ts';
import { AveragedModel, SGD } from '../optim/index.ts';

type Rows = Readonly<Record<'inputs' | 'labels', Tensor>>;

export const stepsPerEpoch = 3;

/** The inputs of a step from 0, [4, 2]. */
export const inputsOf = (step: number): Float32Array =>
  Float32Array.from({ length: 8 }, (_, k) => Math.sin(step * 8 + k));

/** Batches that depend only on their number. `onEpoch` is told which epoch is read. */
const sourceOf = (onEpoch: (epoch: number) => void): BatchSource<Rows> => ({
  batchesPerEpoch: stepsPerEpoch,
  async *epoch(epoch, first) {
    onEpoch(epoch);
    for (let batch = first; batch < stepsPerEpoch; batch++) {
      const at = epoch * stepsPerEpoch + batch;
      yield {
        examples: 4,
        toTensors: () => ({
          inputs: tensor(inputsOf(at), { shape: [4, 2] }),
          labels: tensor(Int32Array.of(0, 1, at % 2, 1)),
        }),
      };
    }
  },
});

export interface ScriptedRun {
  /** The run's folder. */
  readonly folder: string;
  /** The value of the measure `m` in the evaluation after each epoch; their number is that of the epochs. */
  readonly values: readonly number[];
  readonly best?: BestRule | null;
  readonly earlyStopping?: EarlyStoppingRule | null;
  /** Averages of the weights from the end of this epoch on, of a model whose first layer is batch normalization; null: neither. */
  readonly swaStartEpoch?: number | null;
  /** Called with the model as it is evaluated. */
  readonly seen?: (model: Module) => Promise<void>;
  /** Default: 1. */
  readonly everyEpochs?: number | null;
  readonly pacing?: PacedEvaluation | null;
  readonly keep?: number;
  readonly everySteps?: number | null;
  readonly resume?: Checkpoint | null;
  readonly listener?: TrainerListener;
  readonly signal?: AbortSignal;
}

/** Trains with SGD, 3 steps an epoch. Returns the end and the weights. */
export async function runScripted({
  folder,
  values,
  best = null,
  earlyStopping = null,
  swaStartEpoch = null,
  seen,
  everyEpochs = 1,
  pacing = null,
  keep = 1,
  everySteps = null,
  resume = null,
  listener = {},
  signal,
}: ScriptedRun): Promise<TrainingEnd & { readonly weights: readonly number[] }> {
  manualSeed(0);
  const linear = new Linear(2, 2);
  const model = swaStartEpoch === null ? new Sequential(linear) : new Sequential(new BatchNorm1d(2), linear);
  const averages = swaStartEpoch === null ? null : new AveragedModel(model);
  const optimizer = new SGD(model.namedParameters(), { momentum: 0.9 });
  const checkpoints = new CheckpointFolder(join(folder, 'checkpoints'), keep);
  if (resume !== null) restoreCheckpoint(resume, model, optimizer, {}, null, averages);
  let completed = resume?.state.epoch ?? 0;
  const metrics = await MetricsWriter.open(join(folder, 'metrics.jsonl'), resume?.state.step ?? 0);
  try {
    const trainer = new Trainer({
      objective: {
        model,
        trainingMode: () => model.train(),
        loss: ({ inputs, labels }: Rows) => ({ loss: crossEntropy(model.forward(inputs), labels), measures: {} }),
      },
      optimizer,
      source: sourceOf((epoch) => {
        completed = epoch + 1;
      }),
      schedule: () => 0.1,
      training: { epochs: values.length, clipGradNorm: null, accumulate: 1 },
      averaging: averages === null ? null : { averages, startEpoch: swaStartEpoch, description: 'mean' },
      metrics,
      checkpoints,
      checkpointing: { everySteps, everyEpochs: 1 },
      describe: { config: {}, data: {} },
      evaluate: async () => {
        await seen?.(model);
        return [{ split: 'test', values: { m: values[completed - 1] ?? null } }];
      },
      evaluation: { everyEpochs },
      pacing,
      mainMeasure: { name: 'm', better: 'higher' },
      best,
      earlyStopping,
      peakFlops: null,
      listener,
    });
    const end = await trainer.run(resume?.state ?? startPosition, signal);
    // The position of a resumed run also has what its checkpoint has.
    const { config, data, generator, ...position } = end.position as CheckpointState;
    return { ...end, position, weights: [...(await linear.weight.data())] };
  } finally {
    metrics.close();
  }
}
