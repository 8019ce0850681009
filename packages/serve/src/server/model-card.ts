/** What a model can do, as GET /model and the page say it; and the sentences for what it cannot. */
import { clipNormalization } from '@tessera/models';
import type { LoadedModel, Prediction } from '@tessera/train';
import { storedClassNames } from '@tessera/weights';
import type { Limits } from './limits.ts';
import type { ModelCard } from './schemas.ts';
import type { SearchedImages } from './searched-images.ts';

export interface CardSources {
  readonly model: LoadedModel;
  /** What the model is called, such as the name of its run. */
  readonly name: string;
  readonly search: SearchedImages | null;
  readonly batchSize: number;
  readonly limits: Limits;
}

/** What a model says of a gray image; null where it has no answers, or needs to be asked. */
async function trialPrediction({ subject: { predictor, imageSize } }: LoadedModel): Promise<Prediction | null> {
  if ('reason' in predictor || predictor.asks.includes('classes')) return null;
  const [height, width] =
    predictor.view === undefined || predictor.view.kind === 'square' ? [imageSize, imageSize] : predictor.view.size;
  const place = { width, height, box: { left: 0, top: 0, width, height } };
  return (await predictor.predict(new Uint8Array(height * width * 3).fill(128), {}, [place]))[0] ?? null;
}

/** Describes a model. It embeds and answers once, so that its first programs are ready for the first request. */
export async function describeModel({ model, name, search, batchSize, limits }: CardSources): Promise<ModelCard> {
  const { task, subject } = model;
  const trial = await trialPrediction(model);
  const ownClasses = trial?.kind === 'class' || trial?.kind === 'tags' ? trial.classes.map((one) => one.name) : null;
  const embedImages = subject.image !== undefined;
  const embedTexts = subject.text !== undefined;
  const features = embedImages ? await model.embedPixels(new Uint8Array(subject.imageSize ** 2 * 3).fill(128)) : null;
  if (embedTexts) await model.embedTexts(['a text']);
  const asks = 'reason' in subject.predictor ? [] : subject.predictor.asks;
  return {
    name,
    task: task.name,
    title: task.title,
    can: {
      embedImages,
      embedTexts,
      classify: asks.includes('classes') ? 'given classes' : ownClasses === null ? null : 'own classes',
      predict: !('reason' in subject.predictor),
      search: search === null ? [] : embedTexts ? ['texts', 'images'] : ['images'],
    },
    dims: features?.dims ?? null,
    classes: ownClasses === null ? null : [...(storedClassNames(subject.metadata ?? {}) ?? ownClasses)],
    asks: [...asks],
    textTokens: subject.text?.contextLength ?? null,
    preprocessing: {
      imageSize: subject.imageSize,
      steps: [
        'turned upright by the orientation tag of the camera',
        'transparent parts on white, RGB',
        `shorter side resized to ${subject.imageSize} pixels (bicubic, antialiased)`,
        `square of ${subject.imageSize} x ${subject.imageSize} pixels cut out of the center`,
        '(value / 255 - mean) / std for each channel',
      ],
      mean: [...clipNormalization.mean],
      std: [...clipNormalization.std],
    },
    facts: { ...subject.facts },
    search: search === null ? null : { dataset: search.name, images: search.index.images.length },
    batchSize,
    limits: { ...limits },
  };
}

/** What the model can do, as the end of a sentence. */
export function abilities({ can, asks }: ModelCard): string {
  const all = [
    can.embedImages && 'embed images',
    can.embedTexts && 'embed texts',
    can.classify === 'own classes' && 'classify images by the classes that it learned',
    can.classify === 'given classes' && 'classify images by the names of classes that you pass',
    can.predict && `answer about images at /predict${asks.length > 0 ? ` (it uses ${asks.join(', ')})` : ''}`,
    can.search.length > 0 && `search in images by ${can.search.join(' or ')}`,
  ].filter((ability) => ability !== false);
  return all.length === 0 ? 'nothing that this server offers' : all.join(', ');
}
