/** The worker that searches images by text with a model that was trained in Node. */
import { type Tokenizer, tokenizerFromJson } from '@tessera/data/browser';
import { CLIP } from '@tessera/models';
import { init } from '@tessera/nn';
import {
  CLIPEncoder,
  type ContrastiveConfig,
  clipConfigOf,
  contrastiveSettings,
  nearestNeighbors,
  parseConfig,
} from '@tessera/train/browser';
import { parseTensors } from '@tessera/weights/browser';
import type { RunMaterial, SplitFiles } from '../shared/material.ts';
import { useBackend } from './backends.ts';
import type { SearchCommand, SearchReport } from './messages.ts';
import { type Pictures, readPictures } from './pictures.ts';

const shownHits = 16;
const batchSize = 64;

/** The images to search, with their features. */
interface Gallery {
  readonly encoder: CLIPEncoder;
  readonly pictures: Pictures;
  /** [pictures.count, encoder.dims] */
  readonly features: Float32Array;
}

const report = (message: SearchReport): void => postMessage(message);
const progress = (what: string) => (done: number, total: number) => report({ kind: 'progress', what, done, total });

let gallery: Gallery | null = null;
let turn: Promise<void> = Promise.resolve();

addEventListener('message', ({ data }: MessageEvent<SearchCommand>) => {
  turn = turn
    .then(() => (data.kind === 'open' ? open(data) : search(data.text)))
    .catch((error: unknown) =>
      report({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }),
    );
});

async function get(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return response;
}

/** Loads the model of a run. */
async function loadModel(run: RunMaterial): Promise<{ model: CLIP; tokenizer: Tokenizer }> {
  const text = await (await get(run.config)).text();
  const config = parseConfig(text, run.config, [contrastiveSettings]) as ContrastiveConfig;
  const tokenizer = tokenizerFromJson(await (await get(run.tokenizer)).json());
  const model = init.skipInit(() => new CLIP(clipConfigOf(config, tokenizer.vocabSize)));
  model.loadStateDict(parseTensors(await (await get(run.model)).bytes(), run.model).select((name) => name));
  return { model, tokenizer };
}

async function open({ run, backend: choice, mostPictures }: Extract<SearchCommand, { kind: 'open' }>): Promise<void> {
  const backend = await useBackend(choice);
  progress('loading the model')(0, 1);
  const { model, tokenizer } = await loadModel(run);
  const encoder = new CLIPEncoder(model, tokenizer, { batchSize, onTooLong: 'truncate' });
  const size = encoder.imageSize;
  const pictures = await readPictures(run.data, heldOutOf(run.data.splits), {
    size,
    most: mostPictures,
    onProgress: progress('reading images'),
  });
  const features = new Float32Array(pictures.count * encoder.dims);
  const bytes = size * size * 3;
  for (let first = 0; first < pictures.count; first += batchSize) {
    progress('encoding images')(first, pictures.count);
    const part = pictures.pixels.subarray(first * bytes, (first + batchSize) * bytes);
    features.set(await encoder.encodeImages(part), first * encoder.dims);
  }
  gallery = { encoder, pictures, features };
  report({ kind: 'ready', backend, parameters: model.parameterCount(), pictures: pictures.count });
}

/** The splits that the model was not trained on; all splits if there are no others. */
function heldOutOf(splits: readonly SplitFiles[]): readonly SplitFiles[] {
  const heldOut = splits.filter(({ name, rows }) => name !== 'train' && rows > 0);
  return heldOut.length > 0 ? heldOut : splits;
}

async function search(text: string): Promise<void> {
  if (gallery === null) throw new Error('the model is not loaded yet');
  const { encoder, pictures, features } = gallery;
  const begin = performance.now();
  const query = await encoder.encodeTexts([text]);
  const { indices, scores } = nearestNeighbors(query, features, encoder.dims, shownHits);
  report({
    kind: 'hits',
    text,
    milliseconds: performance.now() - begin,
    hits: Array.from(indices).flatMap((index, k) => {
      const encoded = pictures.encoded[index];
      return encoded === undefined
        ? []
        : [{ encoded, caption: pictures.captions[index] ?? '', similarity: scores[k] ?? 0 }];
    }),
  });
}
