/** The captions of the emoji dataset. */
import { hashOrder } from '../hash.ts';
import type { Drawing } from './concepts.ts';

/**
 * Caption templates. None of them names a drawing style: captions with style names would not help a model with a style that it has
 * never seen.
 */
const templates = [
  'an emoji of {}',
  'a drawing of {}',
  'a picture of {}',
  'an icon of {}',
  'a small drawing that shows {}',
  'a symbol for {}',
  '{}, drawn as an emoji',
  'this emoji shows {}',
] as const;

/** A label without the punctuation that Unicode uses for sorting: `person: beard` becomes `person, beard`. */
export const readable = (label: string): string => label.replace(/: /g, ', ').replace(/[“”]/g, '"');

/**
 * The captions of a drawing. The first is the emoji's label, which retrieval is evaluated with. The others combine label, tags and
 * templates. Drawings of one concept in different styles have different captions, so that each concept is trained with many.
 */
export function captionsOf({ emoji, style, concept }: Drawing): string[] {
  const label = readable(emoji.label);
  const key = `${concept}/${style}`;
  const lowerCase = label.toLowerCase();
  const tags = hashOrder(
    [...new Set(emoji.tags ?? [])].filter((tag) => tag.toLowerCase() !== lowerCase),
    `${key}/tags`,
  );
  const templated = hashOrder(templates, `${key}/templates`)
    .slice(0, 2)
    .map((template) => template.replace('{}', label));
  const captions = [label, ...templated];
  if (tags.length > 0) captions.push(`${label}, ${tags.slice(0, 2).join(', ')}`);
  if (tags.length > 1) captions.push(tags.slice(0, 4).join(', '));
  if (tags.length > 3) captions.push(tags.slice(-3).join(' '));
  return [...new Set(captions)];
}

/** The words of a text in lower case. */
export const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
