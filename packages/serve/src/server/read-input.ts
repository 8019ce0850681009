/** Reads images and options of a request, in any of the forms in which they can be sent. */
import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import type { Limits } from './limits.ts';
import { type Form, type ImageFile, readForm } from './multipart.ts';
import { readBody } from './read-body.ts';
import { RequestError } from './request-error.ts';
import { imagesOfBody } from './schemas.ts';

/** The images and options of a request. */
export interface Input<Options> {
  readonly images: readonly ImageFile[];
  readonly options: Options;
}

type Fields = Record<string, unknown>;

/** Fields of forms and addresses that are lists, by their names: one item each, or in JSON's plural. */
const lists: Readonly<Record<string, string>> = {
  text: 'texts',
  texts: 'texts',
  class: 'classes',
  classes: 'classes',
  template: 'templates',
  templates: 'templates',
  question: 'questions',
  questions: 'questions',
};

const booleans: Readonly<Record<string, boolean>> = { true: true, '1': true, false: false, '0': false };

/** Fields of a form or an address as those of JSON: repeated ones are lists, and numbers are numbers. */
function fieldsOf(pairs: Iterable<readonly [string, string]>): Fields {
  const fields: Fields = {};
  for (const [name, value] of pairs) {
    const list = Object.hasOwn(lists, name) ? lists[name] : undefined;
    if (list !== undefined) fields[list] = [...((fields[list] as string[] | undefined) ?? []), value];
    else if (name === 'normalize' || name === 'draw')
      fields[name] = Object.hasOwn(booleans, value) ? booleans[value] : value;
    else if (name === 'topK' || name === 'scoreThreshold' || name === 'iouThreshold')
      fields[name] = /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
    else if (name === 'image' || name === 'images')
      throw new RequestError(400, `${name}: send an image as a file (curl -F ${name}=@FILE)`);
    else Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
  }
  // The name of a known list of templates.
  if (Array.isArray(fields.templates) && fields.templates.length === 1 && !String(fields.templates[0]).includes('{}'))
    [fields.templates] = fields.templates;
  return fields;
}

/** What is wrong with a value, in words: the path and the reason. */
function explain({ issues: [issue] }: z.ZodError): string {
  if (issue === undefined) return 'the request is wrong';
  const [first, ...rest] = issue.path.map(String);
  const path = first === undefined ? '' : `${[first, ...rest].join('.')}: `;
  return `${path}${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`;
}

/** @throws RequestError where the value does not fit the schema */
function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new RequestError(400, explain(result.error));
}

/** The bytes of a file in base64. Node skips what is not base64, so then there are fewer bytes than there should be. */
function decodeBase64(data: string, name: string): Uint8Array {
  const text = data.startsWith('data:') ? data.slice(data.indexOf(',') + 1) : data;
  const bytes = Buffer.from(text, 'base64');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if (bytes.byteLength !== Math.floor(((text.length - padding) * 3) / 4))
    throw new RequestError(400, `${name}: is not base64`);
  return bytes;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new RequestError(400, 'the body is not JSON in UTF-8');
  }
}

/** A JSON body: its images as files, and its other fields. */
function readJson(body: Buffer, limits: Limits): { readonly images: ImageFile[]; readonly fields: Fields } {
  const value = parseJson(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RequestError(400, 'the body is not a JSON object');
  const { images = [], ...fields } = check(imagesOfBody(limits), value);
  return {
    images: images.map((image, k) => {
      const { name = `image ${k}`, data } = typeof image === 'string' ? { data: image } : image;
      return { name, bytes: decodeBase64(data, name) };
    }),
    fields,
  };
}

/** The types of a body that is one image file. */
const isImageType = (type: string): boolean => type.startsWith('image/') || type === 'application/octet-stream';

const known =
  'send JSON (Content-Type: application/json), a form with files (multipart/form-data), or one image file (image/*)';

/**
 * @param query of the address: options for every form; those of the body count first
 * @throws RequestError where the body has a form that is not known, is damaged or too large, or does not fit the schema
 */
export async function readInput<Schema extends z.ZodType>(
  request: IncomingMessage,
  query: URLSearchParams,
  schema: Schema,
  limits: Limits,
  signal: AbortSignal,
): Promise<Input<z.output<Schema>>> {
  const contentType = request.headers['content-type'] ?? '';
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  const isForm = type === 'multipart/form-data';
  if (!(isForm || type === 'application/json' || isImageType(type)))
    throw new RequestError(415, type === '' ? `the request has no Content-Type: ${known}` : `${type}: ${known}`);
  const body = await readBody(request, limits.bodyBytes, signal);
  query.delete('token');
  const own = fieldsOf(query);
  if (isForm) {
    const { images, fields }: Form = await readForm(body, contentType, limits);
    return { images, options: check(schema, { ...own, ...fieldsOf(fields) }) };
  }
  if (isImageType(type)) return { images: [{ name: 'the image', bytes: body }], options: check(schema, own) };
  const { images, fields } = readJson(body, limits);
  return { images, options: check(schema, { ...own, ...fields }) };
}
