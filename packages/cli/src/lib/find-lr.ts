/** tessera trainfind-lr: a learning-rate range test instead of a run. */
import { promises as fs } from 'node:fs';
import { dirname } from 'node:path';
import { writeFileAtomic } from '@tessera/data/io';
import { findLearningRate, type RangeTest, type RunConfig } from '@tessera/train';
import { defaultRangeTest } from '@tessera/train/loop';
import { formatRate, rangeTestEndings, renderRangeTest } from '@tessera/train/report';
import { toCaller } from './call.ts';
import { onInterrupt, UsageError } from './command.ts';
import { ProgressBar } from './progress-bar.ts';
import { formatTable } from './table.ts';

/** The options of the test, for the command line. */
export const findLrOptions = {
  'find-lr': {
    type: 'boolean',
    default: false,
    describe: 'Do not train, but try growing learning rates on a throw-away model, and suggest one',
  },
  'min-lr': {
    type: 'number',
    requiresArg: true,
    describe: `With --find-lr: the rate of the first step [default: ${defaultRangeTest.minLr}]`,
  },
  'max-lr': {
    type: 'number',
    requiresArg: true,
    describe: `With --find-lr: the rate of the last step [default: ${defaultRangeTest.maxLr}]`,
  },
  'lr-steps': {
    type: 'number',
    requiresArg: true,
    describe: `With --find-lr: the number of steps [default: ${defaultRangeTest.steps}]`,
  },
  plot: {
    type: 'string',
    requiresArg: true,
    describe: 'With --find-lr: the page with the curve [default: runs/find-lr-NAME-DATE.html]',
  },
} as const;

interface FindLrCall {
  readonly findLr: boolean;
  readonly minLr: number | undefined;
  readonly maxLr: number | undefined;
  readonly lrSteps: number | undefined;
  readonly plot: string | undefined;
  readonly run: string | undefined;
  readonly resume: string | undefined;
  readonly tensorboard: string | undefined;
  readonly csv: string | undefined;
}

/** @throws UsageError for options that do not go together */
export function checkFindLr({ findLr, minLr, maxLr, lrSteps, plot, ...call }: FindLrCall): void {
  const { run, resume, tensorboard, csv } = call;
  if (findLr) {
    for (const [name, value] of Object.entries({ run, resume, tensorboard, csv }))
      if (value !== undefined)
        throw new UsageError(`--find-lr trains a throw-away model, and writes no run: omit --${name}`);
    return;
  }
  for (const [name, value] of Object.entries({ 'min-lr': minLr, 'max-lr': maxLr, 'lr-steps': lrSteps, plot }))
    if (value !== undefined) throw new UsageError(`--${name} has an effect only with --find-lr`);
}

export interface FindLrRequest extends Pick<FindLrCall, 'minLr' | 'maxLr' | 'lrSteps'> {
  readonly config: RunConfig;
  /** The folder of the data set. */
  readonly dataset: string | readonly string[];
  /** The backend in words. */
  readonly backend: string;
  /** Path of the page. */
  readonly plot: string;
}

/** The number of lines of the table. */
const lines = 20;

/** Tests the rates, writes the page, and prints the curve and the suggestion. Returns the exit status. */
export async function findLr(request: FindLrRequest): Promise<number | undefined> {
  const { config, dataset, backend, plot, minLr, maxLr, lrSteps: steps } = request;
  const bar = new ProgressBar();
  bar.message(`backend: ${backend}`);
  bar.message('finding a learning rate: the model is thrown away, and no run is written');
  const interruption = onInterrupt((name) => bar.message(`${name}: finishing the step`));
  let test: RangeTest;
  try {
    test = await findLearningRate({
      config,
      dataset,
      signal: interruption.signal,
      options: {
        ...(minLr === undefined ? {} : { minLr }),
        ...(maxLr === undefined ? {} : { maxLr }),
        ...(steps === undefined ? {} : { steps }),
      },
      listener: {
        say: (message) => bar.message(message),
        onStep: ({ lr, loss }, done, total) =>
          bar.update(done / total, [`step ${done}/${total}`, `lr ${formatRate(lr)}`, `loss ${loss.toFixed(3)}`]),
      },
    });
  } catch (error) {
    if (error instanceof RangeError && error.message.startsWith('range test:')) throw new UsageError(error.message);
    throw error;
  }
  bar.finish();
  await fs.mkdir(dirname(plot), { recursive: true });
  const { kind } = config.optimizer;
  const subtitle = `${config.task} on ${config.data.dataset}, ${kind}, batches of ${config.training.batchSize}`;
  await writeFileAtomic(plot, [renderRangeTest(test, config.name, subtitle)]);
  console.log(`\n${formatCurve(test)}\n`);
  console.log(`${test.points.length} of ${test.options.steps} steps, ${rangeTestEndings[test.ended]}`);
  console.log(`plot: ${toCaller(plot)}`);
  console.log(describeSuggestion(test, config.optimizer.lr));
  return test.ended === 'stopped' ? interruption.exitCode() : undefined;
}

/** Points that are evenly spread, and the suggested one. */
function formatCurve({ points, suggestion, lowest }: RangeTest): string {
  const notes = new Map([
    [lowest?.index, 'lowest'],
    [suggestion?.index, 'steepest'],
  ]);
  const every = Math.max(1, Math.ceil(points.length / lines));
  const rows = points.flatMap(({ lr, loss, smoothed }, k) =>
    k % every === 0 || notes.has(k) || k === points.length - 1
      ? [[formatRate(lr), loss.toFixed(4), smoothed.toFixed(4), notes.get(k) ?? '']]
      : [],
  );
  return formatTable(['learning rate', 'loss', 'smoothed', ''], rows);
}

/** The suggestion in words. @param lr the rate of the settings */
export function describeSuggestion({ suggestion, lowest, points, options }: RangeTest, lr: number): string {
  if (suggestion === null)
    return points.length < options.steps / 2
      ? 'no suggestion: there are too few steps; try a smaller --max-lr, or more --lr-steps'
      : 'no suggestion: the smoothed loss falls nowhere; try other rates (--min-lr, --max-lr), or more --lr-steps';
  return (
    `suggested learning rate: ${formatRate(suggestion.lr)}, where the smoothed loss falls fastest (the settings have ${lr})\n` +
    (lowest === null ? '' : `another usual choice: ${formatRate(lowest.lr / 10)}, a tenth of where it is lowest\n`) +
    `to use it: --set optimizer.lr=${formatRate(suggestion.lr)}`
  );
}
