/** The worker that trains, so that the page stays responsive. */
import type { DataMaterial, SplitFiles } from '../shared/material.ts';
import { useBackend } from './backends.ts';
import type { ShownPicture, TrainCommand, TrainReport } from './messages.ts';
import { type Pictures, readPictures } from './pictures.ts';
import { imageSize, LiveTraining } from './training.ts';

const shownCount = 24;
const heldOutMost = 500;
const evaluateEvery = 25;
const evaluatedAtMost = 100;
const imageBytes = imageSize * imageSize * 3;

const report = (message: TrainReport): void => postMessage(message);
const progress = (what: string) => (done: number, total: number) => report({ kind: 'progress', what, done, total });

let training: LiveTraining | null = null;
let heldOut: Pictures | null = null;
let batchSize = 0;
let running = false;
let looping = false;
/** Resolves when all earlier commands and steps are done. */
let turn: Promise<void> = Promise.resolve();

/** Runs `body` after all earlier commands and steps. An error pauses training and is reported. */
function inTurn(body: () => Promise<void>): Promise<void> {
  turn = turn.then(body).catch((error: unknown) => {
    running = false;
    report({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  });
  return turn;
}

addEventListener('message', ({ data }: MessageEvent<TrainCommand>) => {
  // A pause takes effect at once, before everything that is queued.
  if (data.kind === 'pause') running = false;
  else void inTurn(() => obey(data));
});

async function obey(command: Exclude<TrainCommand, { kind: 'pause' }>): Promise<void> {
  switch (command.kind) {
    case 'start':
      await start(command);
      void runSteps();
      return;
    case 'resume':
      if (training !== null) void runSteps();
      return;
    case 'move': {
      const backend = await useBackend(command.backend);
      await training?.moveTo(command.backend);
      report({ kind: 'moved', backend });
      return;
    }
    default:
      command satisfies never;
  }
}

/** Runs steps until a pause. Messages are received between two steps. */
async function runSteps(): Promise<void> {
  running = true;
  if (looping) return;
  looping = true;
  while (running) {
    await inTurn(step);
    await new Promise((resolve) => setTimeout(resolve));
  }
  looping = false;
}

async function step(): Promise<void> {
  if (!running || training === null) return;
  const begin = performance.now();
  const { loss, measures } = await training.next();
  const imagesPerSecond = (1000 * batchSize) / (performance.now() - begin);
  report({ kind: 'step', step: training.done, loss, accuracy: measures.accuracy ?? 0, imagesPerSecond });
  if (training.done % evaluateEvery === 0) await evaluate();
}

async function start(command: Extract<TrainCommand, { kind: 'start' }>): Promise<void> {
  const { data, model, learningRate, mostPictures } = command;
  const backend = await useBackend(command.backend);
  const { trained, others } = chooseSplits(data);
  const pictures = await readPictures(data, [trained], {
    size: imageSize,
    most: mostPictures,
    onProgress: progress('reading images'),
  });
  heldOut = await readPictures(data, others, { size: imageSize, most: heldOutMost, onProgress: () => {} });
  const classes = data.label?.classNames.length ?? 0;
  batchSize = Math.min(command.batchSize, pictures.count);
  training = new LiveTraining(pictures, {
    ...{ model, classes, batchSize, learningRate },
    evaluatedAtOnce: Math.min(evaluatedAtMost, heldOut.count),
  });
  report({
    kind: 'ready',
    backend,
    parameters: training.parameters,
    trained: pictures.count,
    heldOut: heldOut.count,
    shown: shownPictures(heldOut),
  });
  await evaluate();
}

/** The split to train on, and the held-out splits. A dataset with a single split is evaluated on its training images. */
function chooseSplits({ name, splits }: DataMaterial): { trained: SplitFiles; others: readonly SplitFiles[] } {
  const trained = splits.find((split) => split.name === 'train') ?? splits[0];
  if (trained === undefined) throw new Error(`${name}: has no splits`);
  const others = splits.filter((split) => split !== trained);
  return { trained, others: others.length > 0 ? others : [trained] };
}

/** The rows of the shown images, spread evenly over the held-out images. */
const shownRows = ({ count }: Pictures): number[] =>
  Array.from({ length: Math.min(shownCount, count) }, (_, i) => Math.floor((i * count) / Math.min(shownCount, count)));

function shownPictures(pictures: Pictures): ShownPicture[] {
  return shownRows(pictures).flatMap((row) => {
    const encoded = pictures.encoded[row];
    return encoded === undefined ? [] : [{ encoded, label: pictures.labels[row] ?? -1 }];
  });
}

async function evaluate(): Promise<void> {
  if (training === null || heldOut === null) return;
  const { pixels, labels, count } = heldOut;
  const predictions = await training.predict(pixels.subarray(0, count * imageBytes));
  const right = predictions.filter(({ label }, k) => label === labels[k]).length;
  report({
    kind: 'evaluation',
    step: training.done,
    accuracy: right / count,
    predictions: shownRows(heldOut).map((row) => predictions[row] ?? { label: -1, confidence: 0 }),
  });
}
