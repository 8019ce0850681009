/** npm run eval: retrieval and classification of a trained model on any dataset. */
import { existsSync } from 'node:fs';
import { DataLoader, type Dataset, openDataset, type Split } from '@tessera/data';
import {
  CLIPEncoder,
  type ClassificationEvaluation,
  classNamesOf,
  conceptNumbers,
  encodeSplit,
  evaluateClassifier,
  evaluateReconstruction,
  evaluateRetrieval,
  evaluateZeroShot,
  findRun,
  interpolateStates,
  type LoadedCLIP,
  type LoadedCLIPFile,
  type LoadedClassifier,
  type LoadedVQ,
  loadCLIPFile,
  loadRun,
  promptTemplates,
  type ReconstructionEvaluation,
  type RetrievalEvaluation,
  readPixelMemory,
  summarizeEvaluation,
} from '@tessera/train';
import {
  backendOption,
  chooseBackend,
  commandLine,
  fromCaller,
  runCommand,
  toCaller,
  UsageError,
} from './lib/command.ts';
import { locateDataset } from './lib/datasets.ts';
import {
  formatClassification,
  formatInterpolation,
  formatReconstruction,
  formatRetrieval,
  type InterpolatedEvaluation,
} from './lib/results.ts';

const readOptions = () =>
  commandLine('eval')
    .command(
      '$0 <run>',
      "Evaluates a run's model: zero-shot retrieval and classification for CLIP, accuracy for a classifier, reconstruction for a tokenizer.",
    )
    .positional('run', {
      type: 'string',
      demandOption: true,
      describe: "A run's folder, one of its checkpoints, or CLIP's weights from elsewhere",
    })
    .options({
      dataset: {
        type: 'string',
        describe: "A name (emoji, fashion-mnist, mnist) or a folder [default: the run's own]",
      },
      split: { type: 'string', array: true, describe: 'Split, may be repeated [default: all but the training split]' },
      label: { type: 'string', describe: 'Class label column for classification [default: found by its usual names]' },
      templates: {
        type: 'string',
        choices: Object.keys(promptTemplates),
        default: 'photo',
        describe: 'Prompts for zero-shot classification',
      },
      template: {
        type: 'string',
        array: true,
        describe: 'A prompt of your own, {} standing for the class; may be repeated',
      },
      interpolate: {
        type: 'string',
        describe:
          'A second run of the same model, such as one fine-tuned from the first: weights between the two (WiSE-FT)',
      },
      alpha: {
        type: 'number',
        array: true,
        default: [0, 0.25, 0.5, 0.75, 1],
        describe: 'With --interpolate: a place from 0 (the run) to 1 (the second); may be repeated',
      },
      limit: { type: 'number', describe: 'At most so many examples of each split, evenly spread' },
      pixels: {
        type: 'boolean',
        default: true,
        describe: "Raw-pixel nearest neighbour beside retrieval, on the run's own data",
      },
      backend: { ...backendOption, default: 'auto' },
      threads: { type: 'number', describe: 'Threads of the wasm backend [default: all cores]' },
      json: { type: 'boolean', default: false, describe: 'Print one JSON document and nothing else' },
    })
    .example('$0 runs/first', "retrieval on the held-out splits of the run's data set")
    .example('$0 runs/first --dataset fashion-mnist --split test --templates fashion', 'zero-shot classification')
    .example('$0 runs/first --label group --templates emoji', 'which of the ten groups an emoji belongs to')
    .example('$0 runs/first --template "a drawing of a {}" --template "{}" --label group', 'with prompts of your own')
    .example('$0 ViT-B-32.pt --dataset fashion-mnist --split test --templates fashion', "OpenAI's model on a data set")
    .example('$0 runs/first --interpolate runs/tuned --alpha 0 --alpha 0.5', 'between a model and what it was tuned to')
    .parseAsync();

type Options = Awaited<ReturnType<typeof readOptions>>;

interface Results {
  readonly retrieval: RetrievalEvaluation[];
  readonly classification: ClassificationEvaluation[];
  readonly reconstruction?: ReconstructionEvaluation[];
}

function chooseSplits(dataset: Dataset, { split }: Options, trainSplit: string): Split[] {
  if (split !== undefined) return split.map((name) => dataset.split(name));
  const others = Object.values(dataset.splits).filter(({ name }) => name !== trainSplit);
  return others.length > 0 ? others : Object.values(dataset.splits);
}

/** The columns that a split has, by their usual names or as asked for. */
async function findColumns(split: Split, wanted: Readonly<Record<string, string | null>>, imageSize: number) {
  const named = Object.fromEntries(Object.entries(wanted).filter(([, name]) => name !== null));
  const loader = new DataLoader(split, { batchSize: 1, imageSize, workers: 0, columns: named });
  await loader.close();
  return loader.columns;
}

async function evaluateCLIP(
  run: LoadedCLIP | LoadedCLIPFile,
  dataset: Dataset,
  splits: Split[],
  options: Options,
  own: boolean,
): Promise<Results> {
  const { config, model, tokenizer } = run;
  const { batchSize } = config.evaluation;
  const encoder = new CLIPEncoder(model, tokenizer, { batchSize, onTooLong: 'truncate' });
  const results: Results = { retrieval: [], classification: [] };
  const columns = await findColumns(
    splits[0],
    { ...(own ? config.data.columns : {}), label: options.label ?? null },
    encoder.imageSize,
  );
  const reading = {
    batchSize,
    columns,
    strict: config.data.strict,
    workers: config.data.workers,
    limit: options.limit ?? null,
  };
  if (columns.captions !== null) {
    const concepts = conceptNumbers(columns.concept !== null);
    const trainSplit = dataset.splits[config.data.trainSplit];
    const memory =
      own && options.pixels && trainSplit !== undefined
        ? await readPixelMemory(trainSplit, { ...reading, limit: null, concepts, imageSize: encoder.imageSize })
        : null;
    for (const split of splits) {
      const encoded = await encodeSplit(encoder, split, { ...reading, concepts, withPixels: memory !== null });
      results.retrieval.push(evaluateRetrieval(encoded, memory));
    }
  }
  if (columns.label !== null) {
    const templates = options.template ?? promptTemplates[options.templates as keyof typeof promptTemplates];
    for (const split of splits)
      results.classification.push(
        await evaluateZeroShot(encoder, split, classNamesOf(split, columns.label), templates, {
          ...reading,
          columns: { ...columns, captions: null },
        }),
      );
  }
  if (columns.captions === null && columns.label === null)
    throw new Error(
      `${dataset.path}: holds neither captions nor class labels that could be evaluated (columns: ${splits[0].columns.join(', ')}); name a class label column with --label`,
    );
  encoder.dispose();
  return results;
}

async function evaluateClasses(
  run: LoadedClassifier,
  splits: Split[],
  options: Options,
  own: boolean,
): Promise<Results> {
  const { config, model } = run;
  const imageSize = model.visual.inputResolution;
  const wanted = {
    ...(own ? config.data.columns : {}),
    ...(options.label === undefined ? {} : { label: options.label }),
  };
  const columns = { ...(await findColumns(splits[0], wanted, imageSize)), captions: null, concept: null };
  const { batchSize } = config.evaluation;
  const reading = {
    batchSize,
    columns,
    strict: config.data.strict,
    workers: config.data.workers,
    limit: options.limit ?? null,
    imageSize,
  };
  const classification: ClassificationEvaluation[] = [];
  for (const split of splits) {
    const names = classNamesOf(split, columns.label);
    const [classes] = model.head.bias?.shape ?? [];
    if (names.length !== classes)
      throw new Error(`${split.path}: column ${columns.label} has ${names.length} classes, the classifier ${classes}`);
    classification.push(await evaluateClassifier(model, split, names, reading));
  }
  return { retrieval: [], classification };
}

async function evaluateTokenizer({ config, model }: LoadedVQ, splits: Split[], options: Options): Promise<Results> {
  const { imageSize } = model.config;
  const { captions: _, label: __, concept: ___, ...found } = await findColumns(splits[0], {}, imageSize);
  const { batchSize } = config.evaluation;
  const { strict, workers } = config.data;
  const columns = { ...found, captions: null, label: null, concept: null };
  const reading = { batchSize, columns, strict, workers, limit: options.limit ?? null, imageSize };
  const reconstruction: ReconstructionEvaluation[] = [];
  for (const split of splits) reconstruction.push(await evaluateReconstruction(model, split, reading));
  return { retrieval: [], classification: [], reconstruction };
}

type LoadedRun = LoadedCLIP | LoadedCLIPFile | LoadedClassifier | LoadedVQ;

/** A run's model, or weights that lie in no run. */
async function loadModel(path: string): Promise<LoadedRun> {
  const isRun = (await findRun(path)) !== null || !existsSync(path);
  return isRun ? loadRun(path) : loadCLIPFile(path);
}

/** Where the model comes from, and what had to be guessed about it. */
function describeSource(run: LoadedRun): string {
  if (!('assumptions' in run)) return `${toCaller(run.checkpoint.path)}, step ${run.checkpoint.state.step}`;
  const guessed =
    run.assumptions.length === 0 ? '' : ` (no file says it, taken for granted: ${run.assumptions.join('; ')})`;
  return `${toCaller(run.checkpoint.path)}${guessed}`;
}

function evaluateRun(run: LoadedRun, dataset: Dataset, splits: Split[], options: Options): Promise<Results> {
  const own = options.dataset === undefined;
  switch (run.task) {
    case 'contrastive':
      return evaluateCLIP(run, dataset, splits, options, own);
    case 'classify':
      return evaluateClasses(run, splits, options, own);
    case 'vq':
      return evaluateTokenizer(run, splits, options);
    default:
      return run satisfies never;
  }
}

/** Evaluates weights at several places between a run and a second one. */
async function evaluateBetween(
  run: LoadedRun,
  second: string,
  evaluate: () => Promise<Results>,
  alphas: readonly number[],
): Promise<InterpolatedEvaluation[]> {
  const other = await loadModel(fromCaller(second));
  const [from, to] = [run.checkpoint.modelState(), other.checkpoint.modelState()];
  const places: InterpolatedEvaluation[] = [];
  for (const alpha of alphas) {
    run.model.loadStateDict(interpolateStates(from, to, alpha));
    places.push({ alpha, ...(await evaluate()) });
  }
  return places;
}

async function main(): Promise<number | undefined> {
  const options = await readOptions();
  if (options.template?.some((template) => !template.includes('{}')))
    throw new UsageError('a --template needs {} where the name of the class goes');
  await chooseBackend(options.backend, options.threads ?? null);
  const run = await loadModel(fromCaller(options.run));
  const own = options.dataset === undefined;
  if (own && 'assumptions' in run)
    throw new UsageError('weights outside of a run have no data set: name one with --dataset');
  const dataset = await openDataset(await locateDataset(options.dataset ?? run.config.data.dataset));
  try {
    const splits = chooseSplits(dataset, options, own ? run.config.data.trainSplit : 'train');
    if (options.interpolate !== undefined) {
      const evaluate = () => evaluateRun(run, dataset, splits, { ...options, pixels: false });
      const places = await evaluateBetween(run, options.interpolate, evaluate, options.alpha);
      if (options.json)
        console.log(
          JSON.stringify(
            places.map(({ alpha, ...results }) => ({ alpha, ...(summarizeEvaluation(results) as object) })),
            null,
            2,
          ),
        );
      else console.log(formatInterpolation(places));
      return;
    }
    const results = await evaluateRun(run, dataset, splits, options);
    if (options.json) {
      console.log(
        JSON.stringify(
          { checkpoint: run.checkpoint.path, dataset: dataset.path, ...(summarizeEvaluation(results) as object) },
          null,
          2,
        ),
      );
      return;
    }
    console.log(`${describeSource(run)}, on ${toCaller(dataset.path)}`);
    if (results.retrieval.length > 0) console.log(`\n${formatRetrieval(results.retrieval)}`);
    if (results.classification.length > 0) console.log(`\n${formatClassification(results.classification)}`);
    if (results.reconstruction !== undefined) console.log(`\n${formatReconstruction(results.reconstruction)}`);
  } finally {
    dataset.close();
  }
  return;
}

await runCommand(main);
