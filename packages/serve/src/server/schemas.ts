/** What requests and answers contain. The same schemas check requests, are the types of the code, and are published as OpenAPI. */
import { promptTemplates } from '@tessera/train/evaluation';
import { z } from 'zod';
import type { Limits } from './limits.ts';

/** An image in JSON. */
const jsonImage = z
  .union([
    z.string().describe('an image file in base64, or a data: URI'),
    z
      .strictObject({
        name: z.string().max(255).optional().describe('what answers and errors call the image'),
        data: z.string().describe('the file in base64, or a data: URI'),
      })
      .describe('an image file with its name'),
  ])
  .describe('an image file: PNG, JPEG, WebP, GIF, AVIF, TIFF, BMP, PBM, PGM or PPM');

const templateNames = Object.keys(promptTemplates) as [keyof typeof promptTemplates];

/** The requests of a server, without images: those are read first, whatever form they come in. */
export function requestSchemas(limits: Limits) {
  const text = z.string().min(1).max(limits.textLength);
  const texts = z.array(text).min(1).max(limits.texts);
  const template = text.refine((value) => value.includes('{}'), { error: 'has no {} at the place of the name' });
  const share = z.number().min(0).max(1);
  const topK = z.int().min(1).max(limits.results);
  const asked = {
    classes: texts.optional().describe('CLIP: names of the classes to choose from'),
    templates: z
      .union([z.enum(templateNames), z.array(template).min(1).max(limits.texts)])
      .optional()
      .describe(`CLIP: prompts with {} at the place of the name, or one of the known lists; default: the name alone`),
  };
  return {
    embed: z.strictObject({
      texts: texts.optional().describe('texts to embed'),
      normalize: z.boolean().default(false).describe('whether each embedding is scaled to length 1'),
    }),
    classify: z.strictObject({
      ...asked,
      topK: topK.optional().describe('the number of classes for each image; default: all'),
    }),
    predict: z.strictObject({
      ...asked,
      texts: texts.optional().describe('CLIP: texts to compare with each image'),
      questions: texts
        .optional()
        .describe('questions about each image; default: those that the model learned to answer'),
      scoreThreshold: share.optional().describe('detection: objects that are less probable are left out; default 0.3'),
      iouThreshold: share
        .optional()
        .describe('detection: of two overlapping objects of one class, the less probable one is left out; default 0.5'),
      draw: z
        .boolean()
        .default(false)
        .describe('whether each answer has pictures: boxes, masks or reconstructions as PNG in data: addresses'),
    }),
    search: z.strictObject({
      texts: texts.optional().describe('texts to search for'),
      topK: topK.default(12).describe('the number of images to find for each query'),
    }),
  };
}

/** The same with images, as the body of a JSON request. */
export function jsonSchemas(limits: Limits) {
  const images = z.array(jsonImage).min(1).max(limits.images);
  const { embed, classify, predict, search } = requestSchemas(limits);
  return {
    embed: embed.extend({ images: images.optional().describe('images to embed') }),
    classify: classify.extend({ images: images.describe('images to classify') }),
    predict: predict.extend({ images: images.describe('images to answer about') }),
    search: search.extend({ images: images.optional().describe('images to search the most similar ones of') }),
  };
}

/** The part of a JSON body that has the images, checked before all else. */
export const imagesOfBody = (limits: Limits) =>
  z.looseObject({ images: z.array(jsonImage).min(1).max(limits.images).optional() });

const probability = z.number().min(0).max(1);
const named = z.object({ name: z.string(), probability });
const embedding = z.array(z.number());

export const answerSchemas = {
  embed: z.object({
    dims: z.int().describe('the length of each embedding'),
    normalized: z.boolean().describe('whether each embedding has length 1'),
    images: z.array(embedding).describe('an embedding for each image, in their order'),
    texts: z.array(embedding).describe('an embedding for each text, in their order'),
  }),
  classify: z.object({
    task: z.string(),
    kind: z.enum(['class', 'tags']).describe('class: the probabilities add up to 1; tags: each class by itself'),
    threshold: z.number().nullable().describe('tags: from which probability on an image has the class'),
    images: z.array(z.object({ name: z.string(), classes: z.array(named).describe('the most probable first') })),
  }),
  predict: z.object({
    task: z.string(),
    images: z.array(
      z
        .looseObject({
          name: z.string(),
          kind: z
            .string()
            .describe('what the model answers: class, tags, texts, caption, answers, objects, mask or tokens'),
        })
        .describe('the answer about an image; its other fields follow from its kind'),
    ),
  }),
  search: z.object({
    dataset: z.string().describe('the name of the data set that was searched'),
    queries: z.array(
      z.object({
        kind: z.enum(['text', 'image']),
        query: z.string().describe('the text, or the name of the image'),
        found: z
          .array(
            z.object({
              similarity: z.number().describe('the cosine of the embeddings'),
              split: z.string(),
              row: z.int().describe('the number of the row in the split'),
              path: z.string().nullable().describe('the name of the file, where the data set has one'),
              thumbnail: z.string().describe('the address of a small picture, relative to the server'),
            }),
          )
          .describe('the most similar first'),
      }),
    ),
  }),
  model: z.object({
    name: z.string(),
    task: z.string(),
    title: z.string(),
    can: z
      .object({
        embedImages: z.boolean(),
        embedTexts: z.boolean(),
        classify: z.enum(['own classes', 'given classes']).nullable(),
        predict: z.boolean(),
        search: z.array(z.enum(['texts', 'images'])),
      })
      .describe('what the model can do'),
    dims: z.int().nullable().describe('the length of an embedding'),
    classes: z.array(z.string()).nullable().describe('the classes that the model learned'),
    asks: z.array(z.string()).describe('what /predict can be asked besides images'),
    textTokens: z.int().nullable().describe('tokens of a text; longer ones are cut'),
    preprocessing: z.object({
      imageSize: z.int().describe('side of the square that the model sees, in pixels'),
      steps: z.array(z.string()).describe('what is done with an image file, in order'),
      mean: z.array(z.number()).describe('of red, green and blue, for values from 0 to 1'),
      std: z.array(z.number()),
    }),
    facts: z.record(z.string(), z.union([z.string(), z.number()])),
    search: z.object({ dataset: z.string(), images: z.int() }).nullable(),
    batchSize: z.int().describe('the largest number of images or texts that are computed together'),
    limits: z.record(z.string(), z.number()).describe('what a request may ask for'),
  }),
  health: z.object({
    status: z.literal('ok'),
    requests: z.int().describe('requests that are read, wait or are computed'),
    waiting: z.int().describe('images and texts that wait for the model'),
    uptimeSeconds: z.number(),
  }),
  error: z.object({ error: z.string().describe('what is wrong, and what to do') }),
};

export type Requests = {
  readonly [Name in keyof ReturnType<typeof requestSchemas>]: z.output<ReturnType<typeof requestSchemas>[Name]>;
};
/** The answers of each address, by its name. */
export type Answers = { readonly [Name in keyof typeof answerSchemas]: z.output<(typeof answerSchemas)[Name]> };
/** What GET /model answers: what a model can do. */
export type ModelCard = Answers['model'];
