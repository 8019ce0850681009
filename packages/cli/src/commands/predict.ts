/** tessera predict: what a trained model says of images. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '@tessera/data/io';
import { imagesBelow } from '@tessera/datasets';
import type { LoadedModel, Prediction, PredictionRequest } from '@tessera/train';
import { fromCaller, toCaller } from '../lib/call.ts';
import { backendOption, chooseBackend, commandLine, exitCodes, UsageError } from '../lib/command.ts';
import { loadModel } from '../lib/load-model.ts';
import { formatPrediction } from '../lib/predictions.ts';
import { readNames, readTemplates } from '../lib/prompts.ts';

const readOptions = (args: readonly string[]) =>
  commandLine('predict', args)
    .command(
      '$0 <run> <image...>',
      'Says what a trained model sees in images: classes with their probabilities, tags, a caption, answers; for CLIP, which of your classes or texts fits best.',
    )
    .positional('run', {
      type: 'string',
      demandOption: true,
      describe: "A run's folder, one of its checkpoints, or CLIP weights from outside of a run",
    })
    .positional('image', {
      type: 'string',
      array: true,
      demandOption: true,
      describe: 'Image files, or folders whose images are taken',
    })
    .options({
      class: { type: 'string', array: true, describe: 'CLIP: the name of a class; to be repeated' },
      classes: { type: 'string', describe: 'CLIP: a file with names of classes, one per line or a JSON list' },
      templates: {
        type: 'string',
        describe: 'CLIP: prompts for these names: plain, photo, emoji, fashion, or a file [default: plain]',
      },
      text: { type: 'string', array: true, describe: 'CLIP: a text to compare with each image; to be repeated' },
      texts: { type: 'string', describe: 'CLIP: a file with texts, one per line or a JSON list' },
      question: { type: 'string', array: true, describe: 'A question about each image; may be repeated' },
      top: { type: 'number', default: 5, describe: 'The number of classes or texts that are printed for an image' },
      checkpoint: {
        type: 'string',
        choices: ['last', 'best'] as const,
        describe: "The run's latest or best checkpoint [default: the one that its setting checkpoints.model names]",
      },
      backend: { ...backendOption, default: 'auto' },
      threads: { type: 'number', describe: 'Threads of the wasm backend [default: all cores]' },
      json: { type: 'boolean', default: false, describe: 'Print one JSON document, with all classes' },
    })
    .example('$0 runs/fashion shoe.png', 'the five most probable classes')
    .example('$0 runs/first photos --class cat --class dog', 'zero-shot classification with CLIP')
    .example('$0 runs/first cat.png --text "a red cat" --text "a dog"', 'which text fits best')
    .parseAsync();

type Options = Awaited<ReturnType<typeof readOptions>>;

/** The values of an option that is repeated, or of the file of its plural; undefined: neither is there. */
async function listOf(
  name: 'class' | 'text',
  plural: 'classes' | 'texts',
  options: Options,
): Promise<readonly string[] | undefined> {
  const { [name]: own, [plural]: file } = options;
  if (own !== undefined && file !== undefined) throw new UsageError(`--${name} and --${plural}: pass one of the two`);
  return file === undefined ? own : readNames(plural, file);
}

async function requestOf(options: Options): Promise<PredictionRequest> {
  const { question, templates } = options;
  const classes = await listOf('class', 'classes', options);
  const texts = await listOf('text', 'texts', options);
  if (classes !== undefined && texts !== undefined) throw new UsageError('pass either classes or texts');
  if (templates !== undefined && classes === undefined) throw new UsageError('--templates needs --class or --classes');
  return {
    ...(classes !== undefined && { classes }),
    ...(texts !== undefined && { texts }),
    ...(templates !== undefined && { templates: await readTemplates(templates) }),
    ...(question !== undefined && { questions: question }),
  };
}

/** The options that set a part of a request. */
const optionOf: Readonly<Record<keyof PredictionRequest, string>> = {
  classes: '--class',
  templates: '--templates',
  texts: '--text',
  questions: '--question',
};

/** @throws UsageError where the task does not predict, or does not use what the caller asks */
function checkRequest({ task, subject: { predictor } }: LoadedModel, request: PredictionRequest): void {
  if (predictor === undefined) throw new UsageError(`a run of the task ${task.name} has no answer about an image`);
  for (const part of Object.keys(request) as (keyof PredictionRequest)[])
    if (!predictor.asks.includes(part))
      throw new UsageError(`${optionOf[part]}: the task ${task.name} does not use this option`);
  if (predictor.asks.includes('texts') && request.classes === undefined && request.texts === undefined)
    throw new UsageError(
      `the task ${task.name} learned no classes: pass names with --class or --classes, or texts with --text or --texts`,
    );
}

/** The files that the arguments name; of folders, the images below them. @throws where there is none */
async function imageFiles(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths.map(fromCaller)) {
    const isFolder = (await stat(path).catch(() => null))?.isDirectory() ?? false;
    const found = isFolder ? (await imagesBelow(path, '')).images.map((image) => join(path, image)) : [path];
    if (found.length === 0) throw new UsageError(`${toCaller(path)}: contains no images`);
    files.push(...found);
  }
  return files;
}

/** A file with what the model says of it, or why it cannot be read. */
type Answer = { readonly image: string } & (Prediction | { readonly error: string });

const chunk = 64;

/** The answers for some files at a time, so that memory does not grow with their number. An image that cannot be read is an answer too. */
async function* answersFor(
  model: LoadedModel,
  files: readonly string[],
  request: PredictionRequest,
): AsyncGenerator<Answer> {
  for (let first = 0; first < files.length; first += chunk) {
    const part = files.slice(first, first + chunk);
    const together = await model.predict(part, request).catch(() => null);
    for (const [k, file] of part.entries()) {
      const image = toCaller(file);
      const own = together?.[k];
      if (own !== undefined) yield { image, ...own };
      else
        yield await model.predict([file], request).then(
          ([alone]) => ({ image, ...(alone as Prediction) }),
          (error: unknown) => ({ image, error: errorMessage(error).replaceAll(file, image) }),
        );
    }
  }
}

export async function main(args: readonly string[]): Promise<number> {
  const options = await readOptions(args);
  if (!(Number.isInteger(options.top) && options.top >= 1)) throw new UsageError('--top: expected a number from 1 on');
  const request = await requestOf(options);
  const files = await imageFiles(options.image as string[]);
  await chooseBackend(options.backend, options.threads ?? null);
  const model = await loadModel(fromCaller(options.run as string), [], options.checkpoint ?? null);
  let failed = 0;
  try {
    checkRequest(model, request);
    const all: Answer[] = [];
    for await (const answer of answersFor(model, files, request)) {
      if ('error' in answer) {
        failed++;
        console.error(answer.error);
      } else if (!options.json) console.log(formatPrediction(answer.image, answer, options.top));
      if (options.json) all.push(answer);
    }
    if (options.json) console.log(JSON.stringify(all, null, 2));
  } finally {
    model.dispose();
  }
  if (failed > 0) console.error(`${failed} of ${files.length} images could not be read`);
  return failed > 0 ? exitCodes.failure : 0;
}
