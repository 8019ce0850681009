/** Forms with files: multipart/form-data (RFC 7578). */
import type { Limits } from './limits.ts';
import { RequestError } from './request-error.ts';

/** An image file of a request. */
export interface ImageFile {
  /** What errors and answers call it. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface Form {
  readonly images: readonly ImageFile[];
  /** The other fields, in their order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** @throws RequestError where the form is damaged, or has too many files or fields */
export async function readForm(body: Buffer, contentType: string, limits: Limits): Promise<Form> {
  let form: FormData;
  try {
    form = await new Response(new Uint8Array(body), { headers: { 'Content-Type': contentType } }).formData();
  } catch {
    throw new RequestError(400, 'the form cannot be read: it is damaged or cut off');
  }
  const fields: (readonly [string, string])[] = [];
  const files: File[] = [];
  for (const [name, value] of form) {
    if (typeof value === 'string') fields.push([name, value]);
    else files.push(value);
  }
  if (files.length > limits.images) throw new RequestError(400, `images: at most ${limits.images} in a request`);
  const images = files.map(async (file, k) => ({
    name: file.name === '' ? `image ${k}` : file.name,
    bytes: new Uint8Array(await file.arrayBuffer()),
  }));
  return { images: await Promise.all(images), fields };
}
