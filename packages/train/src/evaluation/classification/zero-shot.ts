import { innerProducts, normalizeRows, rowCount } from '../retrieval/products.ts';

/** Where a template takes the name of the class. */
const PLACE = '{}';

/** Ways to say in words what an image shows; `{}` stands for the name. Averaging over several steadies the classifier. */
export const promptTemplates = {
  /** Nothing but the name. */
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
 * Each class name in each template, all templates of a class one after the other: [classes * templates] prompts. Throws where a
 * template lacks `{}`.
 */
export function fillTemplates(classNames: readonly string[], templates: readonly string[]): string[] {
  if (templates.length === 0) throw new Error('zero-shot: there is no prompt template');
  for (const template of templates) {
    if (!template.includes(PLACE))
      throw new Error(`zero-shot: template ${JSON.stringify(template)} has no {} for the name`);
  }
  return classNames.flatMap((name) => templates.map((template) => template.replaceAll(PLACE, () => name)));
}

/**
 * The weights of a zero-shot classifier: the features of a class's prompts are normalised, averaged and normalised again.
 *
 * @param promptFeatures row-major [classes * templates, dims], in the order of `fillTemplates`
 * @returns row-major [classes, dims]
 */
export function zeroShotWeights(promptFeatures: Float32Array, templates: number, dims: number): Float32Array {
  const prompts = rowCount(promptFeatures, dims);
  if (!Number.isInteger(templates) || templates < 1 || prompts % templates !== 0) {
    throw new RangeError(`zero-shot: ${prompts} prompts are not ${templates} for each class`);
  }
  const normal = normalizeRows(promptFeatures, dims, 'prompt features');
  const means = new Float32Array((prompts / templates) * dims);
  for (let prompt = 0; prompt < prompts; prompt++) {
    const start = Math.floor(prompt / templates) * dims;
    for (let d = 0; d < dims; d++) means[start + d] += normal[prompt * dims + d] / templates;
  }
  return normalizeRows(means, dims);
}

/**
 * 100 * cosine of each image with each class, as CLIP's logits: row-major [N, classes].
 *
 * @param imageFeatures row-major [N, dims], normalised here
 * @param weights row-major [classes, dims], from `zeroShotWeights`
 */
export function zeroShotLogits(imageFeatures: Float32Array, weights: Float32Array, dims: number): Float32Array {
  const cosines = innerProducts(normalizeRows(imageFeatures, dims, 'image features'), weights, dims);
  return Float32Array.from(cosines, (cosine) => 100 * cosine);
}
