/** What is computed for each address that takes images or texts. */
import type { NamedProbability, Prediction, PredictionRequest } from '@tessera/train';
import { promptTemplates } from '@tessera/train/evaluation';
import type { z } from 'zod';
import { preferredType } from './accept.ts';
import type { ImageDecoder } from './decode-images.ts';
import { type EmbeddingType, embeddingTypes, encodeEmbeddings } from './encode-embeddings.ts';
import type { Limits } from './limits.ts';
import { abilities } from './model-card.ts';
import type { ModelWorker } from './model-worker.ts';
import type { ImageFile } from './multipart.ts';
import { drawnPictures, predictionJson } from './prediction-json.ts';
import type { Input } from './read-input.ts';
import { jsonReply, type Reply } from './reply.ts';
import { RequestError } from './request-error.ts';
import { type Answers, type ModelCard, type Requests, requestSchemas } from './schemas.ts';
import { findImages, type SearchedImages } from './searched-images.ts';

/** What answers are made with. */
export interface Service {
  readonly card: ModelCard;
  readonly limits: Limits;
  readonly worker: ModelWorker;
  readonly decoder: ImageDecoder;
  readonly search: SearchedImages | null;
}

export type EndpointName = keyof Requests;

export interface Endpoint<Name extends EndpointName = EndpointName> {
  readonly schema: z.ZodType<Requests[Name]>;
  /** Why the model cannot do this, as the beginning of a sentence; null: it can. */
  readonly inability: string | null;
  /** The media types of its answers; the first is the usual one. */
  readonly types: readonly string[];
  answer(input: Input<Requests[Name]>, type: string, signal: AbortSignal): Promise<Reply>;
}

export type Endpoints = { readonly [Name in EndpointName]: Endpoint<Name> };

const jsonOnly = ['application/json'] as const;

function requireImages(images: readonly ImageFile[]): void {
  if (images.length === 0) throw new RequestError(400, 'images: the request has none');
}

const scaledToOne = (row: Float32Array): Float32Array => {
  const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? row : row.map((value) => value / length);
};

/** The request to the model that options of /classify or /predict mean. @throws RequestError where they do not fit the model */
function predictionRequest(
  { task, asks }: ModelCard,
  limits: Limits,
  { classes, templates, texts, questions, scoreThreshold, iouThreshold }: Omit<Requests['predict'], 'draw'>,
): PredictionRequest {
  const prompts = typeof templates === 'string' ? promptTemplates[templates] : templates;
  const request = {
    ...(classes !== undefined && { classes }),
    ...(prompts !== undefined && { templates: prompts }),
    ...(texts !== undefined && { texts }),
    ...(questions !== undefined && { questions }),
    ...(scoreThreshold !== undefined && { scoreThreshold }),
    ...(iouThreshold !== undefined && { iouThreshold }),
  };
  for (const part of Object.keys(request))
    if (!asks.includes(part))
      throw new RequestError(
        400,
        `${part}: a run of the task ${task} does not use this${asks.length > 0 ? `; it uses ${asks.join(', ')}` : ''}`,
      );
  if (asks.includes('classes') && (classes === undefined) === (texts === undefined))
    throw new RequestError(400, `a run of the task ${task} learned no classes: pass either classes or texts`);
  if (prompts !== undefined && classes === undefined) throw new RequestError(400, 'templates: they need classes');
  const count = (classes?.length ?? 0) * (prompts?.length ?? 1);
  if (count > limits.texts)
    throw new RequestError(400, `classes times templates: ${count} texts; at most ${limits.texts} in a request`);
  return request;
}

/** The classes of one image. */
function classesOf(prediction: Prediction): readonly NamedProbability[] {
  if (prediction.kind === 'class' || prediction.kind === 'tags') return prediction.classes;
  throw new Error(`a prediction of the kind ${prediction.kind} has no classes`);
}

export function endpointsOf({ card, limits, worker, decoder, search }: Service): Endpoints {
  const schemas = requestSchemas(limits);
  const { can, task } = card;
  const embed = async (
    images: readonly ImageFile[],
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<{ readonly images: Float32Array[]; readonly texts: Float32Array[] }> => {
    if (images.length + texts.length === 0) throw new RequestError(400, 'the request has neither images nor texts');
    if (images.length > 0 && !can.embedImages)
      throw new RequestError(409, `a run of the task ${task} cannot embed images; it can ${abilities(card)}`);
    if (texts.length > 0 && !can.embedTexts)
      throw new RequestError(409, `a run of the task ${task} cannot embed texts; it can ${abilities(card)}`);
    const pixels = await decoder.forEmbedding(images, signal);
    const [ofImages, ofTexts] = await Promise.all([
      worker.embedImages(pixels, signal),
      worker.embedTexts(texts, signal),
    ]);
    return { images: ofImages, texts: ofTexts };
  };

  return {
    embed: {
      schema: schemas.embed,
      types: embeddingTypes,
      inability: can.embedImages || can.embedTexts ? null : 'cannot embed',
      async answer({ images, options: { texts = [], normalize } }, type, signal) {
        const rows = await embed(images, texts, signal);
        const finish = (list: readonly Float32Array[]): readonly Float32Array[] =>
          normalize ? list.map(scaledToOne) : list;
        const dims = (rows.images[0] ?? rows.texts[0])?.length ?? 0;
        const embeddings = { dims, normalized: normalize, images: finish(rows.images), texts: finish(rows.texts) };
        return encodeEmbeddings(embeddings, type as EmbeddingType);
      },
    },
    classify: {
      schema: schemas.classify,
      types: jsonOnly,
      inability: can.classify === null ? 'cannot classify images' : null,
      async answer({ images, options: { topK, ...asked } }, _, signal) {
        requireImages(images);
        const request = predictionRequest(card, limits, asked);
        const predictions = await worker.predict(await decoder.forPrediction(images, signal), request, signal);
        const [first] = predictions;
        return jsonReply({
          task,
          kind: first?.kind === 'tags' ? 'tags' : 'class',
          threshold: first?.kind === 'tags' ? first.threshold : null,
          images: predictions.map((prediction, k) => ({
            name: images[k]?.name ?? '',
            classes: [...classesOf(prediction)].slice(0, topK),
          })),
        } satisfies Answers['classify']);
      },
    },
    predict: {
      schema: schemas.predict,
      types: jsonOnly,
      inability: can.predict ? null : 'has no answer about an image',
      async answer({ images, options }, _, signal) {
        requireImages(images);
        const { draw, ...asked } = options;
        const request = predictionRequest(card, limits, asked);
        const predictions = await worker.predict(await decoder.forPrediction(images, signal), request, signal);
        const answers: Answers['predict']['images'] = [];
        for (const [k, prediction] of predictions.entries()) {
          const { name, bytes } = images[k] as ImageFile;
          signal.throwIfAborted();
          const pictures = draw ? { pictures: await drawnPictures(bytes, prediction) } : {};
          answers.push({ name, ...predictionJson(prediction), ...pictures });
        }
        return jsonReply({ task, images: answers } satisfies Answers['predict']);
      },
    },
    search: {
      schema: schemas.search,
      types: jsonOnly,
      inability: can.search.length > 0 ? null : 'was started without images to search in',
      async answer({ images, options: { texts = [], topK } }, _, signal) {
        if (search === null) throw new Error('there are no images to search in');
        const rows = await embed(images, texts, signal);
        return jsonReply({
          dataset: search.name,
          queries: [
            ...rows.texts.map((row, k) => ({
              kind: 'text' as const,
              query: texts[k] ?? '',
              found: findImages(search, row, topK),
            })),
            ...rows.images.map((row, k) => ({
              kind: 'image' as const,
              query: images[k]?.name ?? '',
              found: findImages(search, row, topK),
            })),
          ],
        } satisfies Answers['search']);
      },
    },
  };
}

/** The media type of an answer. @throws RequestError where the client accepts none */
export function answerType({ types }: Pick<Endpoint, 'types'>, accept: string | undefined): string {
  const type = preferredType(accept, types);
  if (type === null) throw new RequestError(406, `Accept: the answer is ${types.join(', or ')}`);
  return type;
}
