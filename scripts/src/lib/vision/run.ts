import { grad } from '@tessera/autograd';
import { type Batch, DataLoader, permutation, type Split } from '@tessera/data';
import { compile, type Tensor, tensor } from '@tessera/tensor';
import { AdamW, clipGradNorm, noDecay, warmupCosine } from '@tessera/train';
import type { VisionTask } from './vision-task.ts';

export interface VisionRun {
  readonly steps: number;
  readonly batchSize: number;
  readonly lr: number;
  readonly seed: number;
  /** Rows of the test split that are looked at. */
  readonly testRows: number;
  /** Threads that decode. */
  readonly workers: number;
  /** Ends the run after the step in hand. */
  readonly signal?: AbortSignal;
  /** @param total steps of all, a teacher's included */
  onStep(step: number, total: number, loss: number): void;
}

/**
 * Trains a task, its teacher first, and gives the means of its measures over the test split. Null where the run was ended before.
 *
 * @throws where a loss is not finite
 */
export async function runVisionTask(
  task: VisionTask,
  train: Split,
  test: Split,
  run: VisionRun,
): Promise<Record<string, number> | null> {
  const { teacher } = task;
  const stages = teacher === undefined ? [task] : [teacher, task];
  const total = stages.length * run.steps;
  for (const [k, stage] of stages.entries()) {
    const onStep: VisionRun['onStep'] = (step, _, loss) => run.onStep(k * run.steps + step, total, loss);
    await trainTask(stage, train, { ...run, onStep });
    if (run.signal?.aborted) return null;
    stage.model.eval();
  }
  return measure(task, test, run);
}

async function trainTask(task: VisionTask, split: Split, run: VisionRun): Promise<void> {
  const { model, imageSize, loading } = task;
  const { steps, batchSize, seed, workers, signal } = run;
  const parameters = model.trainableParameters();
  const optimizer = new AdamW(model.namedParameters(), { weightDecay: 0.05, groups: [noDecay] });
  const rate = warmupCosine({ lr: run.lr, warmupSteps: Math.ceil(steps / 10), totalSteps: steps });
  const step = compile((lr: Tensor, ...inputs: Tensor[]) => {
    const loss = task.loss(...inputs);
    optimizer.step(clipGradNorm(grad(loss, parameters), 1).gradients, lr);
    return loss;
  });
  model.train();
  const loader = new DataLoader(split, { ...loading, batchSize, imageSize, seed, shuffle: true, workers });
  try {
    let done = 0;
    for await (const batch of forever(loader)) {
      if (done === steps || signal?.aborted) break;
      const loss = await (await step(tensor(rate(done)), ...task.inputs(batch))).item();
      if (!Number.isFinite(loss)) throw new Error(`step ${done + 1}: the loss is ${loss}; try a smaller --lr`);
      run.onStep(++done, steps, loss);
    }
  } finally {
    await loader.close();
  }
}

async function* forever(loader: DataLoader): AsyncGenerator<Batch> {
  for (let epoch = 0; ; epoch++) yield* loader.epoch(epoch);
}

async function measure(task: VisionTask, split: Split, run: VisionRun): Promise<Record<string, number>> {
  const { model, imageSize, loading } = task;
  const { batchSize, testRows, workers } = run;
  model.eval();
  const names: string[] = [];
  const evaluate = compile((...inputs: Tensor[]) => {
    const found = Object.entries(task.measures(...inputs));
    names.splice(0, names.length, ...found.map(([name]) => name));
    return found.map(([, value]) => value);
  });
  // In a fixed order that mixes what a split may have sorted.
  const rows = permutation(split.length, 0, 0).slice(0, testRows);
  if (rows.length < batchSize)
    throw new Error(`split ${split.name}: ${rows.length} rows are fewer than one batch of ${batchSize}`);
  const loader = new DataLoader(split, { ...loading, batchSize, imageSize, workers, rows, dropLast: true });
  const sums: number[] = [];
  let batches = 0;
  try {
    for await (const batch of loader.epoch(0)) {
      const values = await Promise.all((await evaluate(...task.inputs(batch))).map((value) => value.item()));
      for (const [k, value] of values.entries()) sums[k] = (sums[k] ?? 0) + value;
      batches++;
    }
  } finally {
    await loader.close();
  }
  return Object.fromEntries(names.map((name, k) => [name, (sums[k] as number) / batches]));
}
