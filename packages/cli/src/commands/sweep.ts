/** tessera sweep: trains a model many times with different settings and seeds, and compares the results. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { disposeBackends } from '@tessera/tensor';
import type { RunConfig } from '@tessera/train';
import {
  inChildProcesses,
  type Reached,
  runSweep,
  runTitle,
  type SweepPlan,
  sweepResults,
  type TrainRun,
  type Work,
} from '@tessera/train/sweep';
import { callOf, extension, toCaller } from '../lib/call.ts';
import { chooseBackend, commandLine, exitCodes, onInterrupt } from '../lib/command.ts';
import { locateData, withDataset } from '../lib/datasets.ts';
import { formatSeconds, ProgressBar } from '../lib/progress-bar.ts';
import { SweepMeter } from '../lib/sweep/meter.ts';
import { readSweepFile } from '../lib/sweep/read-file.ts';
import { formatFailures, formatPlan, formatSweep } from '../lib/sweep/show.ts';

const readOptions = (args: readonly string[]) =>
  commandLine('sweep', args)
    .command(
      '$0 <file>',
      'Trains a model with different settings and seeds, and compares the results: a grid, random search or successive halving.',
    )
    .positional('file', {
      type: 'string',
      demandOption: true,
      describe: 'YAML file that describes the sweep (docs/sweeps.md)',
    })
    .options({
      list: {
        type: 'boolean',
        alias: 'dry-run',
        default: false,
        describe: 'List the runs that would be trained, and stop',
      },
      parallel: { type: 'number', describe: 'Runs that are trained at the same time; replaces parallel of the file' },
      folder: { type: 'string', describe: 'Folder of the sweep; replaces folder of the file [default: runs/NAME]' },
      'allow-changes': {
        type: 'boolean',
        default: false,
        describe: 'Continue although the file has changed: runs with unchanged settings are kept, others are trained',
      },
      'retry-failed': { type: 'boolean', default: false, describe: 'Try runs again that have failed' },
    })
    .check(({ parallel }) => {
      if (parallel !== undefined && !(Number.isInteger(parallel) && parallel >= 1))
        throw new Error(`--parallel is ${parallel}, expected a whole number of at least 1`);
      return true;
    })
    .example('$0 lr.yaml', 'trains what has no result yet: run it again after an interruption')
    .example('$0 lr.yaml --list', 'which runs there would be')
    .example('$0 lr.yaml --parallel 4', 'four runs at a time, which share the threads')
    .epilogue('Ctrl-C ends all runs with checkpoints; the same command continues them, bit for bit.')
    .parseAsync();

/** How the runs of a plan are trained: each in a process of its own, after their data sets and backends have been found. */
async function childProcesses({ configurations }: SweepPlan, parallel: number): Promise<TrainRun> {
  const configs = configurations.flatMap(({ runs }) => runs.map(({ config }) => config));
  const locations = new Map<string, string | readonly string[]>();
  const keyOf = ({ data }: RunConfig): string => JSON.stringify([data.dataset, data.sources]);
  for (const config of configs)
    if (!locations.has(keyOf(config))) locations.set(keyOf(config), await locateData(config));
  for (const name of new Set(configs.map(({ runtime }) => runtime.backend))) await chooseBackend(name, 1);
  await disposeBackends();
  const threads = Math.max(1, Math.floor(availableParallelism() / parallel));
  const program = {
    module: fileURLToPath(new URL(`../lib/sweep/child.${extension}`, import.meta.url)),
    execArgv: process.execArgv,
  };
  return inChildProcesses(program, ({ run, epochs }, folder) => {
    const dataset = locations.get(keyOf(run.config)) ?? run.config.data.dataset;
    return { config: withDataset(run.config, dataset), dataset, folder, epochs, threads };
  });
}

/** Arguments as they can be typed again. */
const retyped = (args: readonly string[]): string =>
  args
    .map((argument) => (/^[\w./=:@-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`))
    .join(' ');

export async function main(args: readonly string[]): Promise<number | undefined> {
  const options = await readOptions(args);
  const { plan, name, folder } = await readSweepFile(options.file, options.folder);
  const where = toCaller(folder);
  if (options.list) {
    console.log(formatPlan(plan, await sweepResults(name, plan, folder)));
    return;
  }
  const started = performance.now();
  const parallel = options.parallel ?? plan.definition.parallel;
  const train = await childProcesses(plan, parallel);
  const bar = new ProgressBar();
  const valuesText = ({ evaluations: [first] }: Reached): string =>
    `${plan.metric} ${first?.values[plan.metric]?.toPrecision(4) ?? '–'}`;
  const titleOf = ({ run, number }: Work): string =>
    runTitle(plan.configurations[number - 1]?.assignment ?? {}, run.seed);
  const interruption = onInterrupt(() =>
    bar.message('finishing the steps of all runs and writing checkpoints; Ctrl-C again stops at once'),
  );
  bar.message(`sweep: ${where}, ${parallel} run${parallel === 1 ? '' : 's'} at a time`);
  let meter: SweepMeter | null = null;
  const results = await runSweep({
    plan,
    name,
    folder,
    train,
    parallel,
    signal: interruption.signal,
    allowChanges: options.allowChanges,
    retryFailed: options.retryFailed,
    listener: {
      onBegin(before) {
        meter = new SweepMeter(plan, before);
        const kept = before.configurations.flatMap(({ runs }) => runs).filter(({ epochs }) => epochs > 0).length;
        if (kept > 0) bar.message(`the results of ${kept} runs are kept`);
      },
      onProgress(work, progress) {
        meter?.progress(work, titleOf(work), progress);
        if (meter !== null) bar.update(meter.fraction, meter.facts);
      },
      onEnd(work, end) {
        meter?.end(work);
        const after = plan.rungs.length > 1 ? ` at epoch ${work.epochs}` : '';
        if (end.kind === 'reached') bar.message(`${titleOf(work)}: ${valuesText(end.reached)}${after}`);
        if (end.kind === 'failed') bar.message(`${titleOf(work)} failed: ${end.message}`);
      },
    },
  });
  bar.finish();
  console.log(`\n${formatSweep(results)}`);
  console.log(`\nreport: ${join(where, 'report.html')}`);
  console.log(`sweep:  ${where} (results.csv, results.json, a folder for each run)`);
  console.log(`took ${formatSeconds((performance.now() - started) / 1000)} in total`);
  if (interruption.signal.aborted) {
    console.log(`stopped; the same command continues:\n  ${callOf('sweep', retyped(args))}`);
    return interruption.exitCode();
  }
  const failures = formatFailures(results);
  for (const failure of failures) console.error(failure);
  if (failures.length > 0)
    console.error('what they printed is in output.log of their folders; --retry-failed tries them again');
  return failures.length > 0 ? exitCodes.failure : undefined;
}
