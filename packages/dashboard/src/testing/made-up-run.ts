/** Made-up runs, for tests and benchmarks: folders with the files that a run writes. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';

export interface MadeUpRun {
  readonly name: string;
  readonly steps: number;
  /** Steps of an epoch, each of which ends with an evaluation. */
  readonly stepsPerEpoch: number;
  readonly epochs: number;
  readonly lr?: number;
  /** When it began, in seconds since 1970. */
  readonly began?: number;
}

/** Numbers from 0 to 1 that look random and are always the same. */
function repeatable(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** The lines of a made-up metrics.jsonl. */
export function* madeUpLines({ name, steps, stepsPerEpoch, lr = 1e-3, began = 1.79e9 }: MadeUpRun): Generator<string> {
  const random = repeatable([...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7));
  const decay = 2 + 3 * random();
  let time = began;
  for (let step = 1; step <= steps; step++) {
    const seconds = 0.1 + 0.02 * random();
    time += seconds;
    const epoch = step / stepsPerEpoch;
    const loss = 4 * Math.exp((-decay * step) / steps) + 0.3 + 0.2 * random();
    const rates = { imagesPerSecond: 64 / seconds, mfu: 0.4 + 0.05 * random(), seconds, time, memory: 1.2e9 };
    yield JSON.stringify({
      kind: 'step',
      step,
      epoch,
      loss,
      lr: lr * Math.min(1, step / 100),
      gradNorm: 1 + random(),
      ...rates,
    });
    if (step % stepsPerEpoch !== 0) continue;
    const values = { loss: loss + 0.1, imageToTextR1: 0.8 * (1 - Math.exp((-decay * step) / steps)) };
    yield JSON.stringify({ kind: 'evaluation', step, epoch, split: 'test', values });
  }
}

/** Writes the folder of a run, finished if it has all its steps. */
export async function writeMadeUpRun(root: string, run: MadeUpRun): Promise<string> {
  const { name, steps, stepsPerEpoch, epochs, lr = 1e-3 } = run;
  const folder = join(root, name);
  await fs.mkdir(join(folder, 'samples'), { recursive: true });
  const settings = [
    `name: ${name}`,
    'task: contrastive',
    'data: { dataset: emoji }',
    `training: { batchSize: 64, epochs: ${epochs} }`,
    `optimizer: { kind: adamw, lr: ${lr} }`,
  ];
  await fs.writeFile(join(folder, 'config.yaml'), `${settings.join('\n')}\n`);
  await fs.writeFile(join(folder, 'metrics.jsonl'), `${[...madeUpLines(run)].join('\n')}\n`);
  if (steps === stepsPerEpoch * epochs) await fs.writeFile(join(folder, 'evaluation.json'), '{}\n');
  return folder;
}
