/** Zero-shot classification: prompts from class names, and classifiers from the features of prompts. */
import { innerProducts, normalizeRows, rowAt, rowCount } from '../retrieval/products.ts';

/** The place of the class name in a template. */
const PLACE = '{}';

/** Templates of descriptions of an image; `{}` is replaced by the class name. Averaging over several makes the classifier more robust. */
export const promptTemplates = {
  /** Only the name. */
  plain: ['{}'],
  /** Photographs of anything. */
  photo: [
    'a photo of a {}.',
    'a picture of a {}.',
    'a close photo of a {}.',
    'a blurry photo of a {}.',
    'a dark photo of a {}.',
    'a bright photo of a {}.',
    'a small photo of a {}.',
    'a large photo of a {}.',
    'a photo of one {}.',
    'a photo of many {}.',
    'a photo of the {}.',
    'a drawing of a {}.',
  ],
  /** Emoji and icons. */
  emoji: ['{}', 'an emoji of {}', 'a picture of {}', 'an icon of {}', 'a drawing of {}', 'the {} emoji'],
  /** Clothes in a shop, as in Fashion-MNIST. */
  fashion: [
    'a photo of a {}.',
    'a {} for sale.',
    'a grey photo of a {}.',
    'a piece of clothing: {}.',
    'the {} in a catalogue.',
  ],
} as const satisfies Record<string, readonly string[]>;

/**
 * Inserts each class name into each template: [classes * templates] prompts, all prompts of a class one after the other.
 *
 * @throws where a template has no `{}`
 */
export function fillTemplates(classNames: readonly string[], templates: readonly string[]): string[] {
  if (templates.length === 0) throw new Error('zero-shot: expected at least one prompt template');
  for (const template of templates) {
    if (!template.includes(PLACE))
      throw new Error(`zero-shot: template ${JSON.stringify(template)} has no {} for the class name`);
  }
  return classNames.flatMap((name) => templates.map((template) => template.replaceAll(PLACE, () => name)));
}

/**
 * The names of the classes for prompts.
 *
 * @param own the data set's names, in the order of its classes
 * @param given other names: one for each class in the same order, or by the data set's name; undefined: none
 * @throws where their number differs, or where a name is none of the data set's
 */
export function promptNames(
  own: readonly string[],
  given: readonly string[] | Readonly<Record<string, string>> | undefined,
): readonly string[] {
  if (given === undefined) return own;
  if (isList(given)) {
    if (given.length !== own.length)
      throw new Error(
        `zero-shot: ${given.length} names for ${own.length} classes; expected one for each, in the order ${own.slice(0, 5).join(', ')}${own.length > 5 ? ', ...' : ''}`,
      );
    return given;
  }
  const unknown = Object.keys(given).filter((name) => !own.includes(name));
  if (unknown.length > 0)
    throw new Error(`zero-shot: names for classes that the data set does not have: ${unknown.slice(0, 5).join(', ')}`);
  return own.map((name) => (Object.hasOwn(given, name) ? (given[name] as string) : name));
}

const isList = (names: readonly string[] | Readonly<Record<string, string>>): names is readonly string[] =>
  Array.isArray(names);

/**
 * The weights of a zero-shot classifier: the features of a class's prompts are normalized, averaged and normalized again.
 *
 * @param promptFeatures row-major [classes * templates, dims], in the order of `fillTemplates`
 * @returns row-major [classes, dims]
 */
export function zeroShotWeights(promptFeatures: Float32Array, templates: number, dims: number): Float32Array {
  const prompts = rowCount(promptFeatures, dims);
  if (!Number.isInteger(templates) || templates < 1 || prompts % templates !== 0) {
    throw new RangeError(`zero-shot: ${prompts} prompts is not a multiple of ${templates} templates`);
  }
  const normal = normalizeRows(promptFeatures, dims, 'prompt features');
  const means = new Float32Array((prompts / templates) * dims);
  for (let prompt = 0; prompt < prompts; prompt++) {
    const mean = rowAt(means, Math.floor(prompt / templates), dims);
    const own = rowAt(normal, prompt, dims);
    // Both rows have `dims` elements.
    for (let d = 0; d < dims; d++) mean[d] = (mean[d] as number) + (own[d] as number) / templates;
  }
  return normalizeRows(means, dims);
}

/**
 * The logits of a zero-shot classifier, as in CLIP: 100 * the cosine of each image with each class, row-major [N, classes].
 *
 * @param imageFeatures row-major [N, dims]; they need not be normalized
 * @param weights row-major [classes, dims], from `zeroShotWeights`
 */
export function zeroShotLogits(imageFeatures: Float32Array, weights: Float32Array, dims: number): Float32Array {
  const cosines = innerProducts(normalizeRows(imageFeatures, dims, 'image features'), weights, dims);
  return Float32Array.from(cosines, (cosine) => 100 * cosine);
}
