/** Training runs of a tiny model whose evaluations have given values, for tests of what a run decides by them. */
import { join } from 'node:path';
import { crossEntropy, Linear } from '@tessera/nn';
import { manualSeed, type Tensor, tensor } from '@tessera/tensor';
import type { BestRule } from '../loop/best-checkpoints.ts';
import { type Checkpoint, type CheckpointState, restoreCheckpoint } from '../loop/checkpoint.ts';
import { CheckpointFolder } from '../loop/checkpoint-folder.ts';
import type { EarlyStoppingRule } from '../loop/early-stopping.ts';
import type { TrainerListener } from '../loop/listener.ts';
import { MetricsWriter } from '../loop/metrics-file.ts';
import { type BatchSource, startPosition, Trainer, type TrainingEnd } from '../loop/trainer.ts';
import { SGD } from '../optim/index.ts';

type Rows = Readonly<Record<'inputs' | 'labels', Tensor>>;

export const stepsPerEpoch = 3;

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
          inputs: tensor(
            Float32Array.from({ length: 8 }, (_, k) => Math.sin(at * 8 + k)),
            { shape: [4, 2] },
          ),
          labels: tensor(Int32Array.of(0, 1, at % 2, 1)),
        }),
      };
    }
  },
});

export interface ScriptedRun {
  /** The run's folder. */
  readonly folder: string;
  /** The value of the measure `m` after each epoch; their number is that of the epochs. */
  readonly values: readonly number[];
  readonly best?: BestRule | null;
  readonly earlyStopping?: EarlyStoppingRule | null;
  readonly keep?: number;
  readonly everySteps?: number | null;
  readonly resume?: Checkpoint | null;
  readonly listener?: TrainerListener;
  readonly signal?: AbortSignal;
}

/** Trains with SGD, 3 steps an epoch, an evaluation after each epoch. Returns the end and the weights. */
export async function runScripted({
  folder,
  values,
  best = null,
  earlyStopping = null,
  keep = 1,
  everySteps = null,
  resume = null,
  listener = {},
  signal,
}: ScriptedRun): Promise<TrainingEnd & { readonly weights: readonly number[] }> {
  manualSeed(0);
  const model = new Linear(2, 2);
  const optimizer = new SGD(model.namedParameters(), { momentum: 0.9 });
  const checkpoints = new CheckpointFolder(join(folder, 'checkpoints'), keep);
  if (resume !== null) restoreCheckpoint(resume, model, optimizer, {});
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
      metrics,
      checkpoints,
      checkpointing: { everySteps, everyEpochs: 1 },
      describe: { config: {}, data: {} },
      evaluate: async () => [{ split: 'test', values: { m: values[completed - 1] ?? null } }],
      evaluation: { everyEpochs: 1 },
      mainMeasure: { name: 'm', better: 'higher' },
      best,
      earlyStopping,
      peakFlops: null,
      listener,
    });
    const end = await trainer.run(resume?.state ?? startPosition, signal);
    // The position of a resumed run also has what its checkpoint has.
    const { config, data, generator, ...position } = end.position as CheckpointState;
    return { ...end, position, weights: [...(await model.weight.data())] };
  } finally {
    metrics.close();
  }
}
