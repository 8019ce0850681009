/** tessera attention: draws where a trained model looks in an image, as one PNG. */
import { promises as fs } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { decodeImage, type Pixels } from '@tessera/data';
import { writeFileAtomic } from '@tessera/data/io';
import type { Tensor } from '@tessera/tensor';
import { findRun } from '@tessera/train';
import {
  attentionOfImage,
  attentionSections,
  attentiveTower,
  drawSheet,
  type ImageAttention,
  type SheetSection,
} from '@tessera/train/attention';
import { fromCaller, toCaller } from '../lib/call.ts';
import { backendOption, chooseBackend, commandLine, UsageError } from '../lib/command.ts';
import { type LoadedModel, loadModel } from '../lib/load-model.ts';

/** Side of a picture in the PNG. */
const panelSize = 192;

const readOptions = (args: readonly string[]) =>
  commandLine('attention', args)
    .command(
      '$0 <run> <image>',
      'Draws where a model looks in an image: the rollout through all layers, and the heads of a layer. For Vision Transformers, and for the attention pool of a ModifiedResNet.',
    )
    .positional('run', {
      type: 'string',
      demandOption: true,
      describe: "A run's folder, one of its checkpoints, or CLIP or a classifier from outside of a run",
    })
    .positional('image', { type: 'string', demandOption: true, describe: 'PNG, JPEG, WebP, GIF, AVIF, TIFF or SVG' })
    .options({
      layer: {
        type: 'string',
        array: true,
        default: ['-1'],
        describe: 'Number of a layer, from 0 or negative from the end, or all; may be repeated',
      },
      head: {
        type: 'string',
        default: 'all',
        describe: 'all (each head and their mean), mean, or the number of a head',
      },
      rollout: { type: 'boolean', describe: 'Attention rollout [default: if the model has several layers]' },
      text: {
        type: 'string',
        array: true,
        default: [],
        describe: 'CLIP: also the relevance of patches for this text; may be repeated',
      },
      out: { type: 'string', describe: "PNG to write [default: in the run's folder, samples/attention-IMAGE.png]" },
      backend: { ...backendOption, default: 'auto' },
      threads: { type: 'number', describe: 'Threads of the wasm backend [default: all cores]' },
    })
    .example('$0 runs/first cat.png', 'the rollout, and the heads of the last layer')
    .example('$0 runs/first cat.png --layer all --head mean', 'the mean of the heads, layer by layer')
    .example('$0 runs/first cat.png --text "a cat" --text "a dog"', 'the relevance of patches for each text')
    .parseAsync();

type Options = Awaited<ReturnType<typeof readOptions>>;

function headOf(head: string): 'all' | 'mean' | number {
  if (head === 'all' || head === 'mean') return head;
  if (!/^\d+$/.test(head)) throw new UsageError(`--head must be all, mean or the number of a head, got ${head}`);
  return Number(head);
}

/** The numbers of the chosen layers. */
function layersOf(layers: readonly string[], count: number): number[] {
  return layers.flatMap((layer) => {
    if (layer === 'all') return Array.from({ length: count }, (_, k) => k);
    if (!/^-?\d+$/.test(layer)) throw new UsageError(`--layer must be all or the number of a layer, got ${layer}`);
    return [Number(layer)];
  });
}

function textFeatures({ task, subject }: LoadedModel, texts: readonly string[]): Tensor | null {
  if (texts.length === 0) return null;
  if (subject.text === undefined)
    throw new UsageError(`--text needs a model with a text tower; this is a run of the task ${task.name}`);
  subject.model.eval();
  return subject.text.encode(texts);
}

async function decode(path: string, size: number) {
  const bytes = await fs.readFile(path).catch((cause: Error) => {
    throw new UsageError(`${toCaller(path)}: cannot be read: ${cause.message}`);
  });
  return decodeImage(bytes, { kind: 'square', size }).catch((cause: Error) => {
    throw new UsageError(`${toCaller(path)}: cannot be decoded as an image: ${cause.message}`);
  });
}

/** The chosen panels. @throws UsageError for a layer or head that does not exist */
function sectionsFor(attention: ImageAttention, options: Options, seen: Pixels): SheetSection[] {
  try {
    const choice = {
      layers: layersOf(options.layer, attention.layers.length),
      head: headOf(options.head),
      rollout: options.rollout ?? attention.rollout !== null,
      texts: options.text,
    };
    return attentionSections(attention, choice, seen);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

function checkOptions({ out, head, layer }: Options): void {
  headOf(head);
  layersOf(layer, 0);
  if (out !== undefined && extname(out).toLowerCase() !== '.png')
    throw new UsageError(`--out must end in .png, got ${out}`);
}

async function outputPath(out: string | undefined, source: string, image: string): Promise<string> {
  if (out !== undefined) return fromCaller(out);
  const folder = await findRun(source);
  if (folder === null)
    throw new UsageError('weights outside of a run have no folder for pictures: pass --out FILE.png');
  return join(folder.samples, `attention-${basename(image, extname(image))}.png`);
}

export async function main(args: readonly string[]): Promise<undefined> {
  const options = await readOptions(args);
  const [source, image] = [fromCaller(options.run as string), fromCaller(options.image as string)];
  checkOptions(options);
  await chooseBackend(options.backend, options.threads ?? null);
  const run = await loadModel(source);
  const path = await outputPath(options.out, source, image);
  if (run.subject.image === undefined)
    throw new UsageError(`${toCaller(source)}: a model of the task ${run.task.name} has no image tower`);
  const tower = attentiveTower(run.subject.image.tower);
  const seen = await decode(image, tower.inputResolution);
  const attention = await attentionOfImage(tower, seen.data, textFeatures(run, options.text));
  const png = await drawSheet({
    title: basename(image),
    subtitle: `${toCaller(run.checkpoint.path)} · ${tower.constructor.name}, ${tower.inputResolution} px`,
    image: await decode(image, panelSize),
    sections: sectionsFor(attention, options, seen),
  });
  await fs.mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, [png]);
  console.log(toCaller(path));
}
