/** tessera eval: evaluates a trained model on any data set. */
import type { Dataset, Split } from '@tessera/data';
import { type EvaluationResult, openRunData, openTaskData } from '@tessera/train';
import { interpolateStates, promptTemplates, summarizeResults } from '@tessera/train/evaluation';
import type { EvaluationOption, EvaluationRequest } from '@tessera/train/tasks';
import { fromCaller, toCaller } from '../lib/call.ts';
import { backendOption, checkpointOption, chooseBackend, commandLine, UsageError } from '../lib/command.ts';
import { locateData, locateDataset } from '../lib/datasets.ts';
import { type LoadedModel, loadModel } from '../lib/load-model.ts';
import { readClassNames, readTemplates } from '../lib/prompts.ts';
import { formatInterpolation, formatResults, type InterpolatedResults } from '../lib/results.ts';

const readOptions = (args: readonly string[]) =>
  commandLine('eval', args)
    .command(
      '$0 <run>',
      "Evaluates a run's model: zero-shot retrieval and classification for CLIP, the measures of its task for any other.",
    )
    .positional('run', {
      type: 'string',
      demandOption: true,
      describe: "A run's folder, one of its checkpoints, or CLIP or a classifier from outside of a run",
    })
    .options({
      checkpoint: checkpointOption,
      dataset: {
        type: 'string',
        describe: "A name (emoji, fashion-mnist, mnist) or a folder [default: the run's own]",
      },
      split: { type: 'string', array: true, describe: 'Split, may be repeated [default: all but the training split]' },
      label: { type: 'string', describe: 'Class label column for classification [default: found by its usual names]' },
      templates: {
        type: 'string',
        describe: `Prompts for zero-shot classification: ${Object.keys(promptTemplates).join(', ')}, or a file with one per line or a JSON list [default: photo]`,
      },
      classes: {
        type: 'string',
        describe:
          "A file with names of the classes for these prompts: one per line or a JSON list, in the data set's order, or a JSON object by its names",
      },
      template: {
        type: 'string',
        array: true,
        describe: 'A custom prompt, in which {} is replaced by the class; may be repeated',
      },
      interpolate: {
        type: 'string',
        describe:
          'A second run of the same model, such as one fine-tuned from the first: evaluates weights between the two (WiSE-FT)',
      },
      alpha: {
        type: 'number',
        array: true,
        default: [0, 0.25, 0.5, 0.75, 1],
        describe: 'With --interpolate: a position between 0 (the run) and 1 (the second run); may be repeated',
      },
      set: {
        type: 'string',
        array: true,
        default: [],
        describe: "One of the run's settings, for this evaluation: key.path=value; may be repeated",
      },
      limit: { type: 'number', describe: 'The largest number of examples of each split, evenly spread' },
      pixels: {
        type: 'boolean',
        describe: "Compare retrieval with the nearest neighbor in raw pixels, on the run's own data [default: true]",
      },
      backend: { ...backendOption, default: 'auto' },
      threads: { type: 'number', describe: 'Threads of the wasm backend [default: all cores]' },
      json: { type: 'boolean', default: false, describe: 'Print only one JSON document' },
    })
    .example('$0 runs/first', "retrieval on the held-out splits of the run's data set")
    .example('$0 runs/first --dataset fashion-mnist --split test --templates fashion', 'zero-shot classification')
    .example('$0 runs/first --label group --templates emoji', 'which of the ten groups an emoji belongs to')
    .example('$0 runs/first --template "a drawing of a {}" --template "{}" --label group', 'with custom prompts')
    .example(
      '$0 runs/first --dataset birds --templates prompts.txt --classes birds.txt',
      'with prompts and names in files',
    )
    .example('$0 ViT-B-32.pt --dataset fashion-mnist --split test --templates fashion', "OpenAI's model on a data set")
    .example('$0 runs/first --checkpoint best', 'its best checkpoint, by the main measure of its evaluations')
    .example('$0 runs/tags --set evaluation.threshold=0.3', 'with a lower threshold for tags')
    .example(
      '$0 runs/first --interpolate runs/tuned --alpha 0 --alpha 0.5',
      'between a model and its fine-tuned version',
    )
    .parseAsync();

type Options = Awaited<ReturnType<typeof readOptions>>;

function chooseSplits(dataset: Pick<Dataset, 'splits' | 'split'>, { split }: Options, trainSplit: string): Split[] {
  if (split !== undefined) return split.map((name) => dataset.split(name));
  const others = Object.values(dataset.splits).filter(({ name }) => name !== trainSplit);
  return others.length > 0 ? others : Object.values(dataset.splits);
}

/** The source of the model, and what was assumed about it. */
function describeSource(run: LoadedModel): string {
  if (!('assumptions' in run)) return `${toCaller(run.checkpoint.path)}, step ${run.checkpoint.state.step}`;
  const assumed =
    run.assumptions.length === 0 ? '' : ` (assumed, because no file specifies it: ${run.assumptions.join('; ')})`;
  const notes = run.notes.length === 0 ? '' : ` (${run.notes.join('; ')})`;
  return `${toCaller(run.checkpoint.path)}${notes}${assumed}`;
}

/** Options that only some tasks use, with functions that tell whether the caller has set them. */
const taskOptions: Readonly<Record<EvaluationOption, (options: Options) => boolean>> = {
  label: ({ label }) => label !== undefined,
  classes: ({ classes }) => classes !== undefined,
  templates: ({ templates, template }) => templates !== undefined || template !== undefined,
  pixels: ({ pixels }) => pixels !== undefined,
};

/** @throws UsageError for an option that the task does not use */
function checkOptions({ task }: LoadedModel, options: Options): void {
  for (const [name, isSet] of Object.entries(taskOptions) as [EvaluationOption, (options: Options) => boolean][])
    if (isSet(options) && !task.evaluationOptions.includes(name))
      throw new UsageError(`--${name}: the task ${task.name} does not use this option`);
}

/** The names of columns that the run and the caller have chosen. Those of the run belong to its own data set. */
const columnsOf = (
  { config: { data } }: Pick<LoadedModel, 'config'>,
  { label }: Options,
  own: boolean,
): Record<string, string | null> => ({
  ...(own ? data.columns : Object.fromEntries(Object.keys(data.columns).map((role) => [role, null]))),
  ...(label === undefined ? {} : { label }),
});

async function requestOf(
  { config }: LoadedModel,
  dataset: Pick<Dataset, 'splits'>,
  options: Options,
  own: boolean,
): Promise<EvaluationRequest> {
  const { data, evaluation } = config;
  const train = dataset.splits[data.trainSplit];
  const templates = options.template ?? (await readTemplates(options.templates ?? 'photo'));
  return {
    batchSize: evaluation.batchSize,
    workers: data.workers,
    strict: data.strict,
    limit: options.limit ?? null,
    columns: columnsOf({ config }, options, own),
    baseline: own && options.pixels !== false && train !== undefined ? { split: train, limit: null } : null,
    templates,
    ...(options.classes !== undefined && { classNames: await readClassNames(options.classes) }),
  };
}

/** Evaluates weights at several positions between those of a run and those of a second one. */
async function evaluateBetween(
  { checkpoint, subject }: LoadedModel,
  second: string,
  evaluate: () => Promise<EvaluationResult[]>,
  alphas: readonly number[],
): Promise<InterpolatedResults[]> {
  const other = await loadModel(fromCaller(second), []);
  const [from, to] = [checkpoint.modelState(), other.checkpoint.modelState()];
  const places: InterpolatedResults[] = [];
  for (const alpha of alphas) {
    subject.model.loadStateDict(interpolateStates(from, to, alpha));
    places.push({ alpha, results: await evaluate() });
  }
  return places;
}

/** What is evaluated: the splits of a data set, or of the sources of a run. */
type EvaluatedData = Pick<Dataset, 'path' | 'splits' | 'split' | 'close'>;

const tell = (line: string): void => console.error(line);

async function openOne(run: LoadedModel, options: Options): Promise<EvaluatedData> {
  const own = options.dataset === undefined;
  const { dataset, strict, captions } = run.config.data;
  return openTaskData(await locateDataset(options.dataset ?? dataset), columnsOf(run, options, own), {
    strict,
    captions: own ? captions : null,
    say: tell,
  });
}

/** The splits of a run's own sources: those that it evaluates, or that are named. */
async function openOwnSources({ config }: LoadedModel, { split }: Options): Promise<EvaluatedData> {
  const { data, evaluation } = config;
  const named = split?.filter((name) => name !== data.trainSplit) ?? evaluation.splits;
  const asked = { ...config, evaluation: { ...evaluation, splits: named } };
  const { train, evaluated, close } = await openRunData(await locateData(config), asked, tell);
  const splits = Object.fromEntries([train, ...evaluated].map((each) => [each.name, each]));
  return {
    path: data.dataset,
    splits,
    split(name) {
      const found = splits[name];
      if (found === undefined) throw new Error(`no split "${name}"; the splits are ${Object.keys(splits).join(', ')}`);
      return found;
    },
    close,
  };
}

const printJson = (value: unknown): void => console.log(JSON.stringify(value, null, 2));

export async function main(args: readonly string[]): Promise<number | undefined> {
  const options = await readOptions(args);
  if (options.template?.some((template) => !template.includes('{}')))
    throw new UsageError('--template: expected {} at the place of the class name');
  await chooseBackend(options.backend, options.threads ?? null);
  const run = await loadModel(fromCaller(options.run as string), options.set, options.checkpoint ?? null);
  checkOptions(run, options);
  const own = options.dataset === undefined;
  if (own && 'assumptions' in run)
    throw new UsageError('weights outside of a run have no data set: pass one with --dataset');
  const dataset =
    own && run.config.data.sources !== null ? await openOwnSources(run, options) : await openOne(run, options);
  try {
    const splits = chooseSplits(dataset, options, own ? run.config.data.trainSplit : 'train');
    const request = await requestOf(run, dataset, options, own);
    if (options.interpolate !== undefined) {
      const evaluate = () => run.subject.evaluate(splits, { ...request, baseline: null });
      const places = await evaluateBetween(run, options.interpolate, evaluate, options.alpha);
      if (options.json) printJson(places.map(({ alpha, results }) => ({ alpha, ...summarizeResults(results) })));
      else console.log(formatInterpolation(places));
      return;
    }
    const results = await run.subject.evaluate(splits, request);
    if (options.json) {
      printJson({ checkpoint: run.checkpoint.path, dataset: dataset.path, ...summarizeResults(results) });
      return;
    }
    console.log(`${describeSource(run)}, on ${toCaller(dataset.path)}`);
    console.log(`\n${formatResults(results)}`);
  } finally {
    run.subject.dispose?.();
    dataset.close();
  }
  return;
}
