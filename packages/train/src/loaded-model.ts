/** A trained model as programs use it: images and texts in, classes, captions and features out. */
import type { RunConfig } from './config/schema.ts';
import { disposeEncoders, encodeTexts, towerEncoder } from './predict/encoders.ts';
import type {
  ImageView,
  NamedProbability,
  Prediction,
  PredictionRequest,
  Predictor,
  PreparedPrediction,
} from './predict/prediction.ts';
import { type ImageSource, joinPixels, readImages, type SeenImage } from './predict/read-images.ts';
import type { AnyTaskModel, Task } from './tasks/task.ts';

/** Features of images or texts. */
export interface Features {
  /** Row-major [N, dims], not normalized. */
  readonly values: Float32Array;
  readonly dims: number;
}

/**
 * A trained model with the functions of its task.
 *
 * ```ts
 * const run = await loadRun('runs/first');
 * const [[best]] = await run.classify(['cat.jpg'], { classes: ['cat', 'dog'] });
 * run.dispose();
 * ```
 */
export class LoadedModel {
  readonly task: Task;
  readonly config: RunConfig;
  /** The model with the functions of its task. */
  readonly subject: AnyTaskModel;

  constructor({ task, config, subject }: { task: Task; config: RunConfig; subject: AnyTaskModel }) {
    this.task = task;
    this.config = config;
    this.subject = subject;
  }

  /**
   * What the model says of each image; see `Prediction` for its kinds.
   *
   * @throws where an image cannot be read, the task does not predict, or the request does not fit it
   */
  async predict(images: readonly ImageSource[], request: PredictionRequest = {}): Promise<Prediction[]> {
    const predict = await this.preparePrediction(request);
    return predictSeen(predict, valuesOf(await this.readForPrediction(images)));
  }

  /**
   * The same for images of which some may not be readable: these are rejected results, whose reasons name them, and the others cost what they
   * cost without them.
   *
   * @throws where the task does not predict, or the request does not fit it
   */
  async predictSettled(
    images: readonly ImageSource[],
    request: PredictionRequest = {},
  ): Promise<PromiseSettledResult<Prediction>[]> {
    const predict = await this.preparePrediction(request);
    const read = await this.readForPrediction(images);
    const seen = read.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const predictions = (await predictSeen(predict, seen)).values();
    return read.map((result) =>
      result.status === 'rejected' ? result : { status: 'fulfilled', value: predictions.next().value as Prediction },
    );
  }

  /**
   * `predict` for one request and any number of calls: what does not depend on the images, such as features of texts, is computed once. It
   * takes the pixels of images that `readForPrediction` returned, one after the other, and their places.
   *
   * @throws where the task does not predict, or the request does not fit it
   */
  async preparePrediction(request: PredictionRequest = {}): Promise<PreparedPrediction> {
    const { predictor } = this.subject;
    if ('reason' in predictor) throw new Error(`predict: ${predictor.reason}`);
    for (const [name, value] of Object.entries(request) as [keyof PredictionRequest, unknown][])
      if (value !== undefined && !predictor.asks.includes(name))
        throw new Error(
          `predict: the task ${this.task.name} does not use ${name}${predictor.asks.length > 0 ? `; it uses ${predictor.asks.join(', ')}` : ''}`,
        );
    return (await predictor.prepare?.(request)) ?? ((seen, places) => predictor.predict(seen, request, places));
  }

  /**
   * Images as the model sees them when it predicts: the square in their center, or the whole image where the task is about boxes, masks or
   * scenes. One that cannot be read is a rejected result, whose reason names it.
   */
  readForPrediction(images: readonly ImageSource[]): Promise<PromiseSettledResult<SeenImage>[]> {
    const { predictor } = this.subject;
    return readImages(images, this.#viewOf('reason' in predictor ? {} : predictor));
  }

  #viewOf({ view }: Pick<Predictor, 'view'>): ImageView {
    return view ?? { kind: 'square', size: this.subject.imageSize };
  }

  /**
   * The classes of each image, the most probable first.
   *
   * @param request names of classes, for a model that learned texts (CLIP)
   * @throws like `predict`, and where the model does not classify
   */
  async classify(
    images: readonly ImageSource[],
    request: Pick<PredictionRequest, 'classes' | 'templates'> = {},
  ): Promise<(readonly NamedProbability[])[]> {
    const predictions = await this.predict(images, request);
    return predictions.map((prediction) => {
      if (prediction.kind === 'class' || prediction.kind === 'tags') return prediction.classes;
      throw new Error(`classify: the task ${this.task.name} does not classify images; use predict`);
    });
  }

  /**
   * Images as the model's image tower sees them, u8 [N, S, S, 3], S its image size: upright, on white, the square in their center.
   *
   * @throws for the first image that cannot be read or decoded
   */
  async readImages(images: readonly ImageSource[]): Promise<Uint8Array> {
    return joinPixels(valuesOf(await readImages(images, this.#viewOf({}))));
  }

  /** The same for images of which some may not be readable: u8 [S, S, 3] each, or a rejected result whose reason names the image. */
  async readImagesSettled(images: readonly ImageSource[]): Promise<PromiseSettledResult<Uint8Array>[]> {
    const read = await readImages(images, this.#viewOf({}));
    return read.map((result) =>
      result.status === 'rejected' ? result : { status: 'fulfilled', value: result.value.pixels },
    );
  }

  /** Features of images by the model's image tower. @throws where an image cannot be read, or there is no image tower */
  async embedImages(images: readonly ImageSource[]): Promise<Features> {
    return this.embedPixels(await this.readImages(images));
  }

  /** The same for images that `readImages` returned. */
  async embedPixels(pixels: Uint8Array): Promise<Features> {
    const { model, image, imageSize } = this.subject;
    if (image === undefined)
      throw new Error(`the task ${this.task.name} has no image tower, so it has no features of images`);
    const { tower } = image;
    const values = await towerEncoder(model, tower).encode(pixels, [imageSize, imageSize, 3]);
    return { values, dims: tower.outputDim };
  }

  /** Features of texts by the model's text tower. A text that is too long is cut. @throws where there is no text tower */
  async embedTexts(texts: readonly string[]): Promise<Features> {
    const { model, text } = this.subject;
    if (text === undefined) throw new Error(`embedTexts: the task ${this.task.name} has no text tower`);
    const values = await encodeTexts(model, text, texts);
    return { values, dims: values.length / Math.max(1, texts.length) };
  }

  /** Frees what has been compiled for predictions and for the model's evaluation. */
  dispose(): void {
    const { predictor, image, text } = this.subject;
    if ('predict' in predictor) predictor.dispose?.();
    disposeEncoders(image?.tower, text);
    this.subject.dispose?.();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

const predictSeen = (predict: PreparedPrediction, seen: readonly SeenImage[]): Promise<Prediction[]> =>
  predict(
    joinPixels(seen),
    seen.map(({ place }) => place),
  );

/** The values of results. @throws the reason of the first that is rejected */
const valuesOf = <T>(results: readonly PromiseSettledResult<T>[]): T[] =>
  results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
