import { hashOrder } from '../hash.ts';
import type { Drawing } from './concepts.ts';

/**
 * Ways to say that a drawing shows something. None names a drawing style: a model that learnt to tell styles by their names
 * would have nothing to hold on to in a style that it has never seen.
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

/** Labels lose the marks that only sort them: `person: beard` is read as `person, beard`. */
export const readable = (label: string): string => label.replace(/: /g, ', ').replace(/[“”]/g, '"');

/**
 * The captions of a drawing. The first is the emoji's label, which is what retrieval is tested with. The others mix label,
 * tags and templates; drawings of one concept in different styles get different ones, so that a concept is trained with many.
 */
export function captionsOf({ emoji, style, concept }: Drawing): string[] {
  const label = readable(emoji.label);
  const key = `${concept}/${style}`;
  const said = label.toLowerCase();
  const tags = hashOrder(
    [...new Set(emoji.tags ?? [])].filter((tag) => tag.toLowerCase() !== said),
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

/** The words of a text, lower case. */
export const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
