/** tessera predict: what a trained model says of images. */
import { mkdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { errorMessage, writeFileAtomic } from '@tessera/data/io';
import { imagesBelow } from '@tessera/datasets';
import { drawPrediction, type LoadedModel, type Prediction, type PredictionRequest } from '@tessera/train';
import { fromCaller, toCaller } from '../lib/call.ts';
import { backendOption, checkpointOption, chooseBackend, commandLine, exitCodes, UsageError } from '../lib/command.ts';
import { loadModel } from '../lib/load-model.ts';
import { drawingNames, formatPrediction, withoutPixels } from '../lib/predictions.ts';
import { readNames, readTemplates } from '../lib/prompts.ts';

const readOptions = (args: readonly string[]) =>
  commandLine('predict', args)
    .command(
      '$0 <run> <image...>',
      'Says what a trained model sees in images: classes with their probabilities, tags, a caption, answers, objects with boxes, a class for each pixel; for CLIP, which of your classes or texts fits best.',
    )
    .positional('run', {
      type: 'string',
      demandOption: true,
      describe: "A run's folder, one of its checkpoints, or CLIP or a classifier from outside of a run",
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
      'score-threshold': {
        type: 'number',
        describe: 'Detection: objects that are less probable are left out, from 0 to 1 [default: 0.3]',
      },
      'iou-threshold': {
        type: 'number',
        describe:
          'Detection: of two boxes of one class whose overlap (IoU) is larger, the less probable one is left out [default: 0.5]',
      },
      out: {
        type: 'string',
        describe: 'A folder for pictures of what was found: boxes, masks with an overlay, or reconstructions',
      },
      top: { type: 'number', default: 5, describe: 'The number of classes or texts that are printed for an image' },
      checkpoint: checkpointOption,
      backend: { ...backendOption, default: 'auto' },
      threads: { type: 'number', describe: 'Threads of the wasm backend [default: all cores]' },
      json: { type: 'boolean', default: false, describe: 'Print one JSON document, with all classes' },
    })
    .example('$0 runs/fashion shoe.png', 'the five most probable classes')
    .example('$0 runs/detector photos --out found', 'objects, and pictures with their boxes')
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
  const { question, templates, scoreThreshold, iouThreshold } = options;
  const classes = await listOf('class', 'classes', options);
  const texts = await listOf('text', 'texts', options);
  if (classes !== undefined && texts !== undefined) throw new UsageError('pass either classes or texts');
  if (templates !== undefined && classes === undefined) throw new UsageError('--templates needs --class or --classes');
  return {
    ...(classes !== undefined && { classes }),
    ...(texts !== undefined && { texts }),
    ...(templates !== undefined && { templates: await readTemplates(templates) }),
    ...(question !== undefined && { questions: question }),
    ...(scoreThreshold !== undefined && { scoreThreshold }),
    ...(iouThreshold !== undefined && { iouThreshold }),
  };
}

/** The options that set a part of a request. */
const optionOf: Readonly<Record<keyof PredictionRequest, string>> = {
  classes: '--class',
  templates: '--templates',
  texts: '--text',
  questions: '--question',
  scoreThreshold: '--score-threshold',
  iouThreshold: '--iou-threshold',
};

/** @throws UsageError where the task does not predict, or does not use what the caller asks */
function checkRequest(
  { task, subject: { predictor } }: LoadedModel,
  request: PredictionRequest,
  out: string | undefined,
): void {
  if ('reason' in predictor) throw new UsageError(`${task.name}: ${predictor.reason}`);
  if (out !== undefined && predictor.draws !== true)
    throw new UsageError(`--out: the task ${task.name} answers in words, so there is nothing to draw`);
  for (const part of Object.keys(request) as (keyof PredictionRequest)[])
    if (!predictor.asks.includes(part))
      throw new UsageError(`${optionOf[part]}: the task ${task.name} does not use this option`);
  if (predictor.asks.includes('texts') && request.classes === undefined && request.texts === undefined)
    throw new UsageError(
      `the task ${task.name} learned no classes: pass names with --class or --classes, or texts with --text or --texts`,
    );
}

/** An image file. */
interface ImageFile {
  readonly path: string;
  /** Its path below the folder that an argument names; without a folder, the file's name. */
  readonly name: string;
}

/** The files that the arguments name; of folders, the images below them. @throws where there is none */
async function imageFiles(paths: readonly string[]): Promise<ImageFile[]> {
  const files: ImageFile[] = [];
  for (const path of paths.map(fromCaller)) {
    const isFolder = (await stat(path).catch(() => null))?.isDirectory() ?? false;
    const found = isFolder
      ? (await imagesBelow(path, '')).images.map((name) => ({ path: join(path, name), name }))
      : [{ path, name: basename(path) }];
    if (found.length === 0) throw new UsageError(`${toCaller(path)}: contains no images`);
    files.push(...found);
  }
  return files;
}

/** @throws UsageError where drawings could replace an image */
function checkOut(out: string, files: readonly ImageFile[]): void {
  const inside = files.find(({ path }) => path.startsWith(out.endsWith(sep) ? out : `${out}${sep}`));
  if (inside !== undefined)
    throw new UsageError(`--out: ${toCaller(out)} contains the image ${toCaller(inside.path)}: choose another folder`);
}

/** A file with what the model says of it, or why it cannot be read. */
type Answer = { readonly image: string } & (
  | { readonly prediction: Prediction; readonly drawn: readonly string[] }
  | { readonly error: string }
);

const chunk = 64;

/** Draws what the model says of an image. @returns the files */
async function draw(path: string, prediction: Prediction, target: string): Promise<string[]> {
  const drawn: string[] = [];
  await mkdir(dirname(target), { recursive: true });
  for (const { ending, png } of await drawPrediction(await readFile(path), prediction)) {
    await writeFileAtomic(`${target}${ending}`, [png]);
    drawn.push(`${target}${ending}`);
  }
  return drawn;
}

/**
 * The answers for some files at a time, so that memory does not grow with their number. An image that cannot be read is an answer too.
 *
 * @param out the folder for drawings; null: none
 */
async function* answersFor(
  model: LoadedModel,
  files: readonly ImageFile[],
  request: PredictionRequest,
  out: string | null,
): AsyncGenerator<Answer> {
  const names = drawingNames(files.map(({ name }) => name));
  for (let first = 0; first < files.length; first += chunk) {
    const part = files.slice(first, first + chunk);
    const results = await model.predictSettled(
      part.map(({ path }) => path),
      request,
    );
    for (const [k, result] of results.entries()) {
      const { path } = part[k] as ImageFile;
      const image = toCaller(path);
      if (result.status === 'rejected') yield { image, error: errorMessage(result.reason).replaceAll(path, image) };
      else {
        const target = out === null ? null : join(out, names[first + k] as string);
        const drawn = target === null ? [] : await draw(path, result.value, target);
        yield { image, prediction: result.value, drawn: drawn.map(toCaller) };
      }
    }
  }
}

export async function main(args: readonly string[]): Promise<number> {
  const options = await readOptions(args);
  if (!(Number.isInteger(options.top) && options.top >= 1)) throw new UsageError('--top: expected a number from 1 on');
  for (const [name, value] of Object.entries({
    '--score-threshold': options.scoreThreshold,
    '--iou-threshold': options.iouThreshold,
  }))
    if (value !== undefined && !(value >= 0 && value <= 1))
      throw new UsageError(`${name}: expected a number from 0 to 1`);
  const request = await requestOf(options);
  const files = await imageFiles(options.image as string[]);
  const out = options.out === undefined ? null : fromCaller(options.out);
  if (out !== null) checkOut(out, files);
  await chooseBackend(options.backend, options.threads ?? null);
  const model = await loadModel(fromCaller(options.run as string), [], options.checkpoint ?? null);
  let failed = 0;
  try {
    checkRequest(model, request, options.out);
    const all: object[] = [];
    for await (const answer of answersFor(model, files, request, out)) {
      const { image } = answer;
      if ('error' in answer) {
        failed++;
        console.error(answer.error);
        if (options.json) all.push(answer);
      } else if (options.json) {
        const { prediction, drawn } = answer;
        all.push({ image, ...withoutPixels(prediction), ...(drawn.length > 0 && { drawn }) });
      } else {
        console.log(formatPrediction(image, answer.prediction, options.top));
        for (const file of answer.drawn) console.log(`  ${file}`);
      }
    }
    if (options.json) console.log(JSON.stringify(all, null, 2));
  } finally {
    model.dispose();
  }
  if (failed > 0) console.error(`${failed} of ${files.length} images could not be read`);
  return failed > 0 ? exitCodes.failure : 0;
}
