/** Where a model looks in an image, in a notebook. */
import { type Pixels, resizeToSquare } from '@tessera/data';
import type { ImageTower } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import {
  type AttentionChoice,
  attentionOfImage,
  attentionSections,
  attentiveTower,
  drawSheet,
} from '../evaluation/attention/index.ts';
import type { AnyTaskModel } from '../tasks/task.ts';
import { type PixelOptions, pictureOf, type ShownImage } from './pictures.ts';
import { Shown } from './shown.ts';

/** A model whose attention is drawn: an image tower, a model with one as its `visual` (CLIP), or what `loadRun` returns. */
export type AttentiveModel = ImageTower | { readonly visual: ImageTower } | { readonly subject: AnyTaskModel };

export interface AttentionOptions extends Partial<Pick<AttentionChoice, 'layers' | 'head' | 'rollout'>>, PixelOptions {
  /** Also the parts of the image that are evidence for each of these texts: needs what `loadRun` returns, or `textFeatures`. */
  readonly texts?: readonly string[];
  /** Features of the texts, [T, E], from the model's text tower. */
  readonly textFeatures?: Tensor;
  /** Side of each picture in pixels. Default 192. */
  readonly size?: number;
}

/**
 * The image, and maps over it of what the model attends to: the rollout through all layers, and the heads of some layers.
 *
 *     displayAttention(model, image);
 *     displayAttention(await loadRun('runs/clip'), bytes, { layers: [-1, -2], head: 'mean', texts: ['a red bar'] });
 *
 * @param model a model with a Vision Transformer, or with the attention pool of a ModifiedResNet
 * @param image as `displayImage` takes it; the model sees the square in its center
 */
export function displayAttention(model: AttentiveModel, image: ShownImage, options: AttentionOptions = {}): Shown {
  const { texts = [], size = 192, layers = [-1], head = 'all' } = options;
  if (!Number.isInteger(size) || size < 16)
    throw new RangeError(`displayAttention: size must be a whole number of at least 16, got ${size}`);
  const tower = attentiveTower(towerOf(model));
  const features = texts.length === 0 ? null : (options.textFeatures ?? encode(model, texts));
  if (features !== null && features.shape[0] !== texts.length)
    throw new RangeError(`displayAttention: features of ${features.shape[0]} texts do not fit ${texts.length} texts`);
  return new Shown(async () => {
    const { picture, remarks } = await pictureOf(image, options);
    const whole: Pixels = { data: picture.pixels, width: picture.width, height: picture.height };
    const seen = resizeToSquare(whole, tower.inputResolution);
    const attention = await attentionOfImage(tower, seen.data, features);
    const rollout = options.rollout ?? attention.rollout !== null;
    const sections = attentionSections(attention, { layers, head, rollout, texts }, seen);
    const subtitle = `${tower.constructor.name}, ${tower.inputResolution} px`;
    const png = await drawSheet({
      title: 'Attention',
      subtitle: [subtitle, ...remarks].join('; '),
      image: resizeToSquare(whole, size),
      sections,
    });
    const words = sections.flatMap(({ title, panels }) => [
      title,
      ...panels.map(({ label, note }) => `  ${label}${note === undefined ? '' : `: ${note}`}`),
    ]);
    return {
      'text/plain': [`attention of a ${subtitle}`, ...remarks, ...words].join('\n'),
      'image/png': png.toString('base64'),
    };
  });
}

function towerOf(model: AttentiveModel): ImageTower {
  if ('visual' in model) return model.visual;
  if (!('subject' in model)) return model;
  const { image } = model.subject;
  if (image === undefined) throw new Error('displayAttention: a model of this task has no image tower');
  return image.tower;
}

function encode(model: AttentiveModel, texts: readonly string[]): Tensor {
  const text = 'subject' in model ? model.subject.text : undefined;
  if (text === undefined)
    throw new Error('displayAttention: texts need a model from loadRun with a text tower, or the option textFeatures');
  return text.encode(texts);
}
