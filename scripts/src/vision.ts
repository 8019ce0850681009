/** npm run vision: trains one of the vision models that the trainer has no task for, small, and says how good it became. */

import { openDataset } from '@tessera/data';
import { manualSeed } from '@tessera/tensor';
import {
  backendOption,
  chooseBackend,
  commandLine,
  exitCodes,
  onInterrupt,
  runCommand,
  UsageError,
} from './lib/command.ts';
import { locateDataset } from './lib/datasets.ts';
import { formatSeconds, ProgressBar } from './lib/progress-bar.ts';
import { formatTable } from './lib/table.ts';
import { runVisionTask, visionTasks } from './lib/vision/index.ts';

const readOptions = () =>
  commandLine('vision')
    .command('$0 <task>', 'Trains a small model of a family that npm run train has no task for, and measures it.')
    .positional('task', {
      type: 'string',
      choices: Object.keys(visionTasks),
      demandOption: true,
      describe: 'What to train',
    })
    .options({
      data: { type: 'string', describe: "Data set: a name, or a folder [default: the task's]" },
      'test-split': { type: 'string', describe: "Split that is measured on [default: the task's]" },
      classes: { type: 'number', default: 10, describe: 'Classes of its labels' },
      steps: { type: 'number', default: 1500, describe: 'Training steps' },
      'batch-size': { type: 'number', default: 64, describe: 'Pictures in a step' },
      lr: { type: 'number', default: 2e-3, describe: 'Highest learning rate' },
      'test-rows': { type: 'number', default: 2000, describe: 'Pictures of the test split that are looked at' },
      workers: { type: 'number', default: 1, describe: 'Threads that decode' },
      seed: { type: 'number', default: 0, describe: 'Of weights, order and masks' },
      backend: { ...backendOption, default: 'auto' },
      threads: { type: 'number', describe: 'Of the wasm backend [default: all cores]' },
      json: { type: 'boolean', default: false, describe: 'Print one JSON document on standard output, nothing else' },
    })
    .example('$0 mae', 'predict three quarters of the patches from the rest')
    .example('$0 deit', 'a small ResNet, then a Vision Transformer that it teaches')
    .example('$0 multimodal-gated-cross-attention', 'answer questions about pictures')
    .epilogue('Ctrl-C ends after the step in hand; nothing is kept.')
    .parseAsync();

async function main(): Promise<number | undefined> {
  const options = await readOptions();
  const { steps, lr, seed, workers } = options;
  const kind = visionTasks[options.task];
  if (kind === undefined) throw new UsageError(`there is no task ${options.task}`);
  if (!Number.isInteger(steps) || steps < 1)
    throw new UsageError(`--steps must be a positive whole number, got ${steps}`);
  const dataset = await openDataset(await locateDataset(options.data ?? kind.data));
  const [train, test] = [dataset.split('train'), dataset.split(options.testSplit ?? kind.testSplit)];
  await chooseBackend(options.backend, options.threads ?? null);
  manualSeed(seed);
  const task = kind.make({ classes: options.classes, train });
  const bar = new ProgressBar();
  const started = performance.now();
  const measures = await runVisionTask(task, train, test, {
    steps,
    lr,
    seed,
    workers,
    batchSize: options.batchSize,
    testRows: options.testRows,
    signal: onInterrupt(),
    onStep: (step, total, loss) => bar.update(step / total, [`step ${step} of ${total}`, `loss ${loss.toFixed(3)}`]),
  });
  bar.finish();
  if (measures === null) {
    console.error('stopped before the end: nothing was measured');
    return exitCodes.interrupted;
  }
  const parameters = task.model.parameterCount();
  const seconds = (performance.now() - started) / 1000;
  if (options.json) console.log(JSON.stringify({ task: options.task, parameters, steps, seconds, measures }, null, 2));
  else {
    const rows = Object.entries(measures).map(([name, value]) => [name, value.toFixed(4)]);
    console.log(formatTable([`${options.task}, ${parameters.toLocaleString('en')} parameters`, test.name], rows));
    console.log(`took ${formatSeconds(seconds)}`);
  }
  return;
}

await runCommand(main);
