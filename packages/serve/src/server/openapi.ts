/** The description of the server in OpenAPI 3.1, from the schemas that check its requests. */
import { z } from 'zod';
import { embeddingTypes } from './encode-embeddings.ts';
import type { EndpointName } from './endpoints.ts';
import type { Limits } from './limits.ts';
import { type Answers, answerSchemas, jsonSchemas, type ModelCard } from './schemas.ts';

type Json = { readonly [key: string]: unknown };

const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: 'draft-2020-12' });
  return rest;
};

const answerRef = (name: keyof Answers): Json => ({ $ref: `#/components/schemas/${name}Answer` });
const jsonContent = (schema: Json): Json => ({ 'application/json': { schema } });

const summaries: Readonly<Record<EndpointName, string>> = {
  embed: 'Embeddings of images and texts',
  classify: 'The classes of images, with their probabilities',
  predict: 'What the model says of images: classes, tags, captions, answers, as its task is',
  search: 'The images that are most similar to texts or images',
};

const problems: Readonly<Record<string, string>> = {
  400: 'The request is wrong; the error names the field or the image. No image of the request was answered.',
  401: 'The token is missing or wrong',
  403: 'The request comes from a page of another site',
  406: 'The answer has none of the accepted types',
  408: 'The body has not arrived in time',
  409: 'The model cannot do this; the error says what it can',
  413: 'The body is too large',
  415: 'The body has a type that is not known',
  421: 'The server is not known under this name',
  429: 'Too many requests wait; Retry-After says in how many seconds to try again',
  500: 'The server failed',
  503: 'The model did not answer in time, or the server ends',
};

const errorAnswers = (statuses: readonly number[]): Json =>
  Object.fromEntries(
    statuses.map((status) => [
      String(status),
      { description: problems[status], content: jsonContent(answerRef('error')) },
    ]),
  );

/** The field of a form for a property of JSON: lists are repeated fields with the name of one item. */
const formNames: Readonly<Record<string, string>> = {
  images: 'image',
  texts: 'text',
  classes: 'class',
  templates: 'template',
  questions: 'question',
};

/** The same request as a form with files. */
function formSchema({ properties, required, ...rest }: Json): Json {
  const renamed = Object.entries(properties as Readonly<Record<string, Json>>).map(([name, schema]) => [
    formNames[name] ?? name,
    name === 'images'
      ? { type: 'array', items: { type: 'string', contentMediaType: 'application/octet-stream' } }
      : schema,
  ]);
  const needed = ((required ?? []) as readonly string[]).map((name) => formNames[name] ?? name);
  return { ...rest, properties: Object.fromEntries(renamed), ...(needed.length > 0 && { required: needed }) };
}

/** Options in the address, for a body that is one image file. */
const queryParameters = ({ properties }: Json): Json[] =>
  Object.entries(properties as Readonly<Record<string, Json>>)
    .filter(([name]) => name !== 'images')
    .map(([name, schema]) => ({
      ...{ name: formNames[name] ?? name, in: 'query', required: false },
      ...{ description: schema.description ?? name, schema },
    }));

function operation(name: EndpointName, limits: Limits): Json {
  const request = schemaOf(jsonSchemas(limits)[name], 'input');
  const content: Record<string, unknown> = { ...jsonContent(answerRef(name)) };
  if (name === 'embed')
    for (const type of embeddingTypes.slice(1)) content[type] = { schema: { type: 'string', contentMediaType: type } };
  return {
    operationId: name,
    summary: summaries[name],
    parameters: queryParameters(request),
    requestBody: {
      required: true,
      content: {
        'application/json': { schema: request },
        'multipart/form-data': { schema: formSchema(request) },
        'image/*': { schema: { type: 'string', contentMediaType: 'image/*' } },
      },
    },
    responses: {
      200: {
        description:
          name === 'embed'
            ? 'JSON; or float32 little-endian, row after row, images before texts (application/octet-stream); or safetensors with the tensors images and texts'
            : summaries[name],
        content,
      },
      ...errorAnswers([400, 401, 403, 406, 408, 409, 413, 415, 421, 429, 500, 503]),
    },
  };
}

const reading = (operationId: string, summary: string, content: Json, more: Json = {}): Json => ({
  get: {
    ...{ operationId, summary, ...more },
    responses: { 200: { description: summary, content }, ...errorAnswers([401, 421]) },
  },
});

/** @param hasToken whether requests need the server's token */
export function openApiDocument(card: ModelCard, limits: Limits, hasToken: boolean): Json {
  const names = Object.keys(summaries) as EndpointName[];
  return {
    openapi: '3.1.0',
    info: {
      title: `Tessera: ${card.name}`,
      version: '0.1.0',
      description: `A trained model of the task ${card.task}. Answers about images are all or nothing: where one image of a request is damaged, the request is refused with its name.`,
    },
    ...(hasToken && { security: [{ token: [] }] }),
    paths: {
      ...Object.fromEntries(names.map((name) => [`/${name}`, { post: operation(name, limits) }])),
      '/model': reading(
        'model',
        'What the model can do, and how its images are prepared',
        jsonContent(answerRef('model')),
      ),
      '/health': reading('health', 'Whether the server is there, and how busy it is', jsonContent(answerRef('health'))),
      '/thumbnails/{hash}': reading(
        'thumbnail',
        'A small picture of an image that was found',
        { 'image/webp': { schema: { type: 'string', contentMediaType: 'image/webp' } } },
        {
          parameters: [
            {
              name: 'hash',
              in: 'path',
              required: true,
              schema: { type: 'string' },
              description: 'SHA-256 of the image',
            },
          ],
        },
      ),
    },
    components: {
      schemas: Object.fromEntries(
        Object.entries(answerSchemas).map(([name, schema]) => [`${name}Answer`, schemaOf(schema, 'output')]),
      ),
      ...(hasToken && { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } }),
    },
  };
}
