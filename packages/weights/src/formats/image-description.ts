/** The settings of image models that do not follow from their tensors' shapes. */
import type { ActivationName } from '@tessera/nn';
import { activationNames } from './activation-names.ts';
import type { ModelHints } from './format.ts';
import { JsonReader } from './json-reader.ts';

/** The settings of these models that do not follow from shapes. */
export interface ImageDescription {
  readonly heads?: number;
  readonly activation?: ActivationName;
  readonly imageSize?: number;
  readonly noEmbedClass?: boolean;
}

export function describedBy({ description, activation }: ModelHints): ImageDescription {
  const json = new JsonReader(description ?? {}, 'description');
  return {
    ...(activation === undefined ? {} : { activation }),
    ...(json.has('activation') ? { activation: json.choice('activation', activationNames, '') } : {}),
    ...(json.has('heads') ? { heads: json.count('heads', 1) } : {}),
    ...(json.has('imageSize') ? { imageSize: json.count('imageSize', 1) } : {}),
    ...(json.has('noEmbedClass') ? { noEmbedClass: json.flag('noEmbedClass') } : {}),
  };
}

/** The assumptions, unless a description specifies the settings. */
export const assuming = ({ description }: ModelHints, ...assumptions: string[]): string[] =>
  description === undefined ? assumptions : [];
