/** npm run vision: trains one of the vision models that the trainer has no task for, small, and says how good it became. */
import { manualSeed } from '@tessera/tensor';
import { openDataset } from '@tessera/train';
import { backendOption, chooseBackend, commandLine, runCommand, UsageError } from './lib/command.ts';
import { locateDataset } from './lib/datasets.ts';
import { ProgressBar } from './lib/progress-bar.ts';
import { formatTable } from './lib/table.ts';
import { runVisionTask, visionTasks } from './lib/vision/index.ts';

const readOptions = () =>
  commandLine('vision')
    .command(
      '$0 <task>',
      'Trains a masked autoencoder, a segmenter, a detector or a packed model on labelled pictures.',
    )
    .positional('task', {
      type: 'string',
      choices: Object.keys(visionTasks),
      demandOption: true,
      describe: 'What to train',
    })
    .options({
      data: { type: 'string', default: 'fashion-mnist', describe: 'Data set with labels: a name, or a folder' },
      classes: { type: 'number', default: 10, describe: 'Classes of its labels' },
      steps: { type: 'number', default: 1500, describe: 'Training steps' },
      'batch-size': { type: 'number', default: 64, describe: 'Pictures in a step' },
      lr: { type: 'number', default: 2e-3, describe: 'Highest learning rate' },
      'test-rows': { type: 'number', default: 2000, describe: 'Pictures of the split test that are looked at' },
      workers: { type: 'number', default: 1, describe: 'Threads that decode' },
      seed: { type: 'number', default: 0, describe: 'Of weights, order and masks' },
      backend: { ...backendOption, default: 'auto' },
      threads: { type: 'number', describe: 'Of the wasm backend [default: all cores]' },
      json: { type: 'boolean', default: false, describe: 'Print one JSON document on standard output, nothing else' },
    })
    .example('$0 mae', 'predict three quarters of the patches from the rest')
    .parseAsync();

async function main(): Promise<undefined> {
  const options = await readOptions();
  const { steps, lr, seed, workers } = options;
  const make = visionTasks[options.task];
  if (make === undefined) throw new UsageError(`there is no task ${options.task}`);
  if (!Number.isInteger(steps) || steps < 1)
    throw new UsageError(`--steps must be a positive whole number, got ${steps}`);
  const dataset = await openDataset(await locateDataset(options.data));
  await chooseBackend(options.backend, options.threads ?? null);
  manualSeed(seed);
  const task = make({ classes: options.classes });
  const bar = new ProgressBar();
  const measures = await runVisionTask(task, dataset.split('train'), dataset.split('test'), {
    steps,
    lr,
    seed,
    workers,
    batchSize: options.batchSize,
    testRows: options.testRows,
    onStep: (step, loss) => bar.update(step / steps, [`step ${step} of ${steps}`, `loss ${loss.toFixed(3)}`]),
  });
  bar.finish();
  const parameters = task.model.parameterCount();
  if (options.json) console.log(JSON.stringify({ task: options.task, parameters, steps, measures }, null, 2));
  else {
    const rows = Object.entries(measures).map(([name, value]) => [name, value.toFixed(4)]);
    console.log(formatTable([`${options.task}, ${parameters.toLocaleString('en')} parameters`, 'test'], rows));
  }
  return undefined;
}

await runCommand(main);
