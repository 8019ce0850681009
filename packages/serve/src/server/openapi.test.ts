// The description of the server, and that requests and answers are what it says.
import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, it } from 'vitest';
import { defaultLimits } from './limits.ts';
import { openApiDocument } from './openapi.ts';
import { answerSchemas, type ModelCard } from './schemas.ts';

const card: ModelCard = {
  ...{ name: 'first', task: 'contrastive', title: 'CLIP', dims: 8, classes: null, textTokens: 10, batchSize: 32 },
  can: { embedImages: true, embedTexts: true, classify: 'given classes', predict: true, search: [] },
  ...{ asks: ['classes', 'templates', 'texts'], facts: { Parameters: 5 }, search: null, limits: { images: 2 } },
  preprocessing: { imageSize: 16, steps: ['as it is'], mean: [0, 0, 0], std: [1, 1, 1] },
};

it.each([false, true])('is OpenAPI 3.1, with a token: %s', async (hasToken) => {
  const document = JSON.parse(JSON.stringify(openApiDocument(card, defaultLimits, hasToken)));
  const validator = new Validator();
  expect(await validator.validate(document)).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
  expect(Object.keys(document.paths)).toEqual(
    ['embed', 'classify', 'predict', 'search', 'model', 'health', 'thumbnails/{hash}'].map((name) => `/${name}`),
  );
  // Every reference leads to a schema.
  const references = JSON.stringify(document).match(/#\/components\/schemas\/\w+/g) ?? [];
  const schemas = Object.keys(document.components.schemas);
  expect(new Set(references.map((reference) => reference.split('/').at(-1)))).toEqual(new Set(schemas));
  expect(document.security).toEqual(hasToken ? [{ token: [] }] : undefined);
});

it('describes a form with the fields that the server reads, and the limits', () => {
  const document = JSON.parse(JSON.stringify(openApiDocument(card, { ...defaultLimits, images: 3 }, false)));
  const { content } = document.paths['/classify'].post.requestBody;
  expect(content['application/json'].schema).toMatchObject({
    required: ['images'],
    additionalProperties: false,
    properties: { images: { maxItems: 3 }, topK: { maximum: 1000 } },
  });
  expect(Object.keys(content['multipart/form-data'].schema.properties)).toEqual(['class', 'template', 'topK', 'image']);
  expect(document.paths['/classify'].post.parameters.map(({ name }: { name: string }) => name)).toEqual([
    ...['class', 'template', 'topK'],
  ]);
});

it('a card of a model fits its schema', () => {
  expect(answerSchemas.model.parse(card)).toEqual(card);
});
