/** tessera train: trains a model, evaluates it and writes a report. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  dryRun,
  findCheckpoint,
  findRun,
  loadConfig,
  type RunConfig,
  RunFolder,
  readCheckpoint,
  type StepReport,
  type Task,
  taskNamed,
  tasks,
  trainModel,
} from '@tessera/train';
import { formatConfig, listSettings, presetsOf, type SettingInfo } from '@tessera/train/config';
import type { EvaluationValues } from '@tessera/train/loop';
import { taskFromCheckpoint } from '@tessera/train/tasks';
import { callOf, fromCaller, toCaller } from '../lib/call.ts';
import { chooseBackend, commandLine, onInterrupt, UsageError } from '../lib/command.ts';
import { locateData, withDataset } from '../lib/datasets.ts';
import { describeBackend } from '../lib/describe-backend.ts';
import { checkFindLr, findLr, findLrOptions } from '../lib/find-lr.ts';
import { formatBytes, formatDryRun } from '../lib/format-dry-run.ts';
import { importsOf } from '../lib/import-module.ts';
import { eventFolder, loggerOptions, loggersOf, repeatedOptions } from '../lib/loggers.ts';
import { formatSeconds, ProgressBar } from '../lib/progress-bar.ts';
import { formatResults } from '../lib/results.ts';
import { startDashboard } from '../lib/start-dashboard.ts';
import { percent } from '../lib/table.ts';

/** Settings that have an option of their own, by its name: `--data` is short for `--set data.dataset=`. */
const settingsByFlag = new Map(
  tasks
    .flatMap(({ schema }) => listSettings(schema))
    .flatMap((setting) => (setting.flag === null ? [] : [[setting.flag, setting] as const])),
);

const optionTypes = { boolean: 'boolean', number: 'number', 'whole number': 'number' } as const;

/** The option that sets a setting. A setting that can also be null has the type of its other values. */
const optionFor = ({ type, description, choices, default: value }: SettingInfo) => ({
  type: optionTypes[type.replace('|null', '') as keyof typeof optionTypes] ?? ('string' as const),
  requiresArg: type !== 'boolean',
  describe: `${sentence(description)}${value === null ? '' : ` [default: ${value.replaceAll('"', '')}]`}`,
  ...(choices === null ? {} : { choices }),
});

/** The first line of a description, with a capital letter. */
const sentence = (description: string): string => {
  const [line = ''] = description.split('\n', 1);
  return line.charAt(0).toUpperCase() + line.slice(1);
};

const settingOptions = Object.fromEntries([...settingsByFlag].map(([flag, setting]) => [flag, optionFor(setting)]));

/** A line for each task. */
const taskLines = tasks.map(({ name, description }) => `  ${name}: ${description}`).join('\n');

/** The settings of a project that `init` makes: those of `train` in its folder. */
const projectFile = 'tessera.yaml';

function projectSettings(): { readonly file?: string } {
  const file = fromCaller(projectFile);
  return existsSync(file) ? { file } : {};
}

const readOptions = (args: readonly string[]) =>
  commandLine('train', args)
    .usage(
      `$0 [options]\n\nTrains a model, evaluates it and writes a report. Without options: CLIP on emoji.\n\nTasks:\n${taskLines}`,
    )
    .options({
      preset: { type: 'string', describe: 'Settings to start from', choices: [...presetsOf(tasks).keys()] },
      task: { type: 'string', describe: 'What to train', choices: tasks.map(({ name }) => name) },
      config: {
        type: 'string',
        describe: `YAML file with settings that override the preset [default: ${projectFile}, if it is there and neither --preset nor --resume is given]`,
      },
      set: {
        type: 'string',
        array: true,
        describe: 'One setting, which overrides all others: key.path=value',
        default: [],
      },
      run: { type: 'string', describe: 'Folder for the run [default: runs/NAME-DATE]' },
      resume: { type: 'string', describe: 'Continue a run: its folder, or one of its checkpoints' },
      'allow-changes': {
        type: 'boolean',
        default: false,
        describe: 'With --resume: continue although settings or data have changed since the run began',
      },
      'verify-data': {
        type: 'boolean',
        default: false,
        describe: 'With --resume: compare every row of the data set with the beginning of the run, not only a sample',
      },
      from: {
        type: 'string',
        describe:
          'Start from this run or checkpoint: a classifier uses its image tower, CLIP (with --task contrastive) the part that initialize.parts names',
      },
      'linear-probe': { type: 'boolean', default: false, describe: 'With --from: train only the linear head' },
      dashboard: {
        type: 'boolean',
        default: false,
        describe: `Serve a page that follows the run, next to the other runs of its folder; see ${callOf('dashboard')}`,
      },
      ...loggerOptions,
      'dry-run': {
        type: 'boolean',
        default: false,
        describe: 'Try a little of everything that the run does, estimate its time and memory, and leave nothing',
      },
      ...settingOptions,
      ...findLrOptions,
      settings: { type: 'boolean', default: false, describe: 'List every setting with its default, and stop' },
      'print-config': { type: 'boolean', default: false, describe: 'Print the whole configuration as YAML, and stop' },
    })
    .example(
      '$0',
      'CLIP on emoji: builds the data set if it is missing, trains for some minutes, evaluates and writes a report',
    )
    .example('$0 --set training.epochs=5 --set optimizer.lr=5e-4', 'the same with other settings')
    .example('$0 --preset mae --max-steps 100 --limit-train 10%', 'a short trial: 100 steps on a tenth of the data')
    .example('$0 --preset deit --dry-run', 'how long it takes, how much memory it needs, and whether everything fits')
    .example('$0 --data my-pictures --set model=vit-tiny-64', `your own images (see ${callOf('build-dataset')})`)
    .example('$0 --data my-pictures --data drawings.parquet:2', 'two sources, the second twice as often as the first')
    .example('$0 --config my.yaml --run runs/second', 'settings from a file')
    .example('$0 --resume runs/second', 'continue after an interruption, bit for bit')
    .example('$0 --task classify --data fashion-mnist', 'a classifier from scratch')
    .example('$0 --preset emoji-vq', 'a tokenizer of emoji: 8 x 8 tokens for each picture')
    .example('$0 --preset mae', 'a masked autoencoder on pictures of clothes, without labels')
    .example('$0 --task classify --from runs/mae', 'a classifier on the encoder of that run')
    .example('$0 --preset deit', 'a small ResNet, then a Vision Transformer that it teaches')
    .example('$0 --task classify --data DIR --from runs/second --linear-probe', "a linear head on CLIP's image tower")
    .example('$0 --task contrastive --from runs/second --set initialize.parts=all', 'fine-tuning')
    .example('$0 --task contrastive --from runs/second --set initialize.tower=freeze', 'locked-image tuning')
    .example('$0 --task classify --data DIR --from runs/second --set lora.rank=8', 'low-rank adapters and a head')
    .example(
      '$0 --tensorboard --csv',
      'event files for TensorBoard and a table of the metrics in the folder of the run',
    )
    .example('$0 --find-lr', 'a suggestion for optimizer.lr, without a run')
    .epilogue(
      'Ctrl-C finishes the current step, writes a checkpoint and says how to continue; a second Ctrl-C stops at once.',
    )
    .parseAsync();

type Options = Awaited<ReturnType<typeof readOptions>>;

/** The settings that start a run from another model. */
function settingsFrom(from: string, name: string | undefined): string[] {
  const task = name === undefined ? taskFromCheckpoint : taskNamed(name);
  if (task.fromCheckpoint === null)
    throw new UsageError(`--from: the task ${task.name} cannot start from another model`);
  return [`task=${task.name}`, ...task.fromCheckpoint, `initialize.checkpoint=${JSON.stringify(fromCaller(from))}`];
}

/** One of several sources. A file whose name looks like one with a weight is a file. */
const namedSource = (text: string): unknown => (existsSync(fromCaller(text)) ? { url: text } : text);

/** The settings that the options set. */
function settingsOf({ task, from, linearProbe, set, ...options }: Options): string[] {
  if (linearProbe && from === undefined)
    throw new UsageError('--linear-probe needs --from, the model whose image tower is used');
  const flags: Readonly<Record<string, unknown>> = options;
  const sources: string[] | null = Array.isArray(flags.data) ? flags.data.map(String) : null;
  for (const flag of settingsByFlag.keys())
    if (Number.isNaN(flags[flag])) throw new UsageError(`--${flag}: expected a number`);
  return [
    ...(task === undefined ? [] : [`task=${task}`]),
    ...(from === undefined ? [] : settingsFrom(from, task)),
    ...(linearProbe ? ['initialize.tower=freeze'] : []),
    ...[...settingsByFlag].flatMap(([flag, { key }]) =>
      flags[flag] === undefined || (flags[flag] === flags.data && sources !== null)
        ? []
        : [`${key}=${JSON.stringify(flags[flag])}`],
    ),
    ...(sources === null ? [] : [`data.sources=${JSON.stringify(sources.map(namedSource))}`]),
    ...set,
  ];
}

/** The largest width of a column in the list of settings; longer cells are not padded. */
const widestColumn = 44;

/** The task whose settings `--settings` lists: that of `--task`, of the preset, or the default. */
function listedTask({ task, preset }: Options): Task {
  const named = task ?? (preset === undefined ? undefined : presetsOf(tasks).get(preset)?.name);
  return named === undefined ? (tasks[0] as Task) : taskNamed(named);
}

function printSettings(task: Task): void {
  console.log(
    `Settings of the task ${task.name}, for --set and YAML files. Settings below a line "with ..." exist only with that choice.\n`,
  );
  const settings = listSettings(task.schema);
  const groups = Map.groupBy(settings, ({ when }) => when);
  for (const [when, group] of groups) {
    const rows = group.map(({ key, type, default: value, description }) => [key, type, value ?? '', description]);
    if (when !== null) console.log(`\nwith ${when}`);
    console.log(formatLeft(when === null ? ['setting', 'values', 'default', ''] : null, rows));
  }
}

function formatLeft(headings: readonly string[] | null, rows: readonly (readonly string[])[]): string {
  const all = [...(headings === null ? [] : [headings]), ...rows];
  const columns = all[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.min(widestColumn, Math.max(...all.map((row) => row[column]?.length ?? 0))),
  );
  const indent = ' '.repeat(widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0));
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          column === columns - 1 ? cell.replaceAll('\n', `\n${indent}`) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const dateStamp = (): string =>
  new Date()
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replaceAll(/[-:]/g, '')
    .replace('T', '-');

/** One line about a step. */
const stepFacts = ({ step, totalSteps, epoch, loss, scaling, imagesPerSecond, mfu }: StepReport): string[] => [
  `step ${step}/${totalSteps}`,
  `epoch ${epoch.toFixed(1)}`,
  `loss ${loss.toFixed(3)}`,
  ...(scaling === null ? [] : [`scale ${scaling.scale}, ${scaling.skippedSteps} skipped`]),
  `${imagesPerSecond.toFixed(0)} images/s`,
  ...(mfu === null ? [] : [`MFU ${percent(mfu, 0)}`]),
];

/** A line for each split that was evaluated during the run. */
const evaluationLines = (step: number, evaluations: readonly EvaluationValues[]): string[] =>
  evaluations.map(({ split, values }) => {
    const numbers = Object.entries(values).map(
      ([name, value]) => `${name} ${value === null ? '-' : value.toPrecision(4)}`,
    );
    return `step ${step}, ${split}: ${numbers.join('  ')}`;
  });

/** The options `--import` of this call, to be typed again. */
const importsAgain = (args: readonly string[]): string =>
  importsOf(args)
    .map((file) => ` --import ${file}`)
    .join('');

interface Plan {
  readonly config: RunConfig;
  readonly folder: RunFolder;
  /** Path of the checkpoint to continue from; null: from the first step. */
  readonly checkpoint: string | null;
  /** Whether the folder may contain a run without a checkpoint, which then starts again. */
  readonly restart: boolean;
}

/** The configuration and the folder of the run, from the options. */
async function planRun(options: Options): Promise<Plan> {
  const set = settingsOf(options);
  const { preset, run, resume } = options;
  const file = options.config === undefined ? {} : { file: fromCaller(options.config) };
  if (resume !== undefined) {
    if (run !== undefined) throw new UsageError('--resume continues in the same folder: omit --run');
    if (preset !== undefined) throw new UsageError('--resume continues with the settings of the run: omit --preset');
    const path = fromCaller(resume);
    const folder = await findRun(path);
    // A run that was interrupted before its first checkpoint starts again.
    const checkpoint = folder?.path === path ? await folder.latestCheckpoint() : await findCheckpoint(path);
    if (folder === null) throw new UsageError(`${resume}: is not in the folder of a run: config.yaml is missing`);
    return { config: await loadConfig({ base: folder.config, ...file, set }), folder, checkpoint, restart: true };
  }
  const ofProject = preset === undefined && options.config === undefined ? projectSettings() : {};
  const config = await loadConfig({ ...(preset === undefined ? {} : { preset }), ...ofProject, ...file, set });
  const folder = new RunFolder(fromCaller(run ?? join('runs', `${config.name}-${dateStamp()}`)));
  return { config, folder, checkpoint: null, restart: false };
}

export async function main(args: readonly string[]): Promise<number | undefined> {
  const options = await readOptions(args);
  if (options.settings) {
    printSettings(listedTask(options));
    return;
  }
  checkFindLr(options);
  const { config: asked, folder, checkpoint, restart } = await planRun(options);
  if (options.printConfig) {
    process.stdout.write(formatConfig(asked));
    return;
  }
  const started = performance.now();
  const backend = await chooseBackend(asked.runtime.backend, asked.runtime.threads);
  const dataset = await locateData(asked);
  const config = withDataset(asked, dataset);
  if (options.findLr && options.dryRun) throw new UsageError('--find-lr leaves no run either: omit --dry-run');
  if (options.findLr) {
    const plot = fromCaller(options.plot ?? join('runs', `find-lr-${config.name}-${dateStamp()}.html`));
    return findLr({ ...options, config, dataset, backend: describeBackend(backend), plot });
  }
  const resume = checkpoint === null ? null : await readCheckpoint(checkpoint);
  const where = toCaller(folder.path);
  const bar = new ProgressBar();
  bar.message(`backend: ${describeBackend(backend)}`);
  if (options.dryRun) bar.message(`dry run: nothing is left in ${where}`);
  else bar.message(resume === null ? `run: ${where}` : `continuing ${where} after step ${resume.state.step}`);
  if (restart && resume === null) bar.message('the run has no checkpoint yet: starting at the first step');
  const interruption = onInterrupt((name) =>
    bar.message(
      options.dryRun
        ? `${name === 'SIGINT' ? '' : `${name}: `}ending the dry run`
        : name === 'SIGINT'
          ? 'finishing the step and writing a checkpoint; Ctrl-C again stops at once'
          : `${name}: finishing the step and writing a checkpoint`,
    ),
  );
  const request = {
    config,
    dataset,
    folder,
    resume,
    restart,
    signal: interruption.signal,
    allowChanges: options.allowChanges,
    verifyData: options.verifyData,
  };
  if (options.dryRun) {
    const found = await dryRun({ ...request, listener: { say: (message) => bar.message(message) } });
    if (found === null) return interruption.exitCode();
    console.log(`\n${formatDryRun(found)}`);
    return;
  }
  const dashboard = options.dashboard ? startDashboard(folder.path) : null;
  void dashboard?.url.then((url) =>
    bar.message(
      url === null ? `the dashboard could not be started: ${callOf('dashboard')} says why` : `dashboard: ${url}`,
    ),
  );
  const events = eventFolder(options, folder);
  if (events !== null) bar.message(`TensorBoard: tensorboard --logdir ${toCaller(events)}`);
  const result = await trainModel({
    ...request,
    loggers: loggersOf(options, folder),
    listener: {
      say: (message) => bar.message(message),
      onStep: (report) => bar.update(report.step / report.totalSteps, stepFacts(report)),
      onEvaluation: (step, evaluations) => {
        for (const line of evaluationLines(step, evaluations)) bar.message(line);
      },
    },
  });
  bar.finish();
  dashboard?.stop();
  if (result.skippedRows > 0)
    console.log(
      `${result.skippedRows} rows could not be used and were replaced by others (with --strict that is an error)`,
    );
  if (!result.finished) {
    console.log(
      `stopped ${result.steps === 0 ? 'before the first step' : `after step ${result.steps} of ${result.totalSteps}`}; to continue:\n  ${callOf('train', `--resume ${where}${repeatedOptions(options)}${importsAgain(args)}`)}`,
    );
    return interruption.exitCode();
  }
  if (result.results !== null && result.results.length > 0) console.log(`\n${formatResults(result.results)}`);
  console.log(`\nreport: ${toCaller(result.report as string)}`);
  console.log(
    `run:    ${where} (config.yaml, metrics.jsonl, checkpoints, ${config.lora?.save === 'adapters' ? 'adapters' : 'model.safetensors'})`,
  );
  const peak = formatBytes(process.resourceUsage().maxRSS * 1024);
  console.log(`took ${formatSeconds((performance.now() - started) / 1000)} in total, and at most ${peak} of memory`);
  return;
}
