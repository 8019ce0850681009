/** A trained model as programs use it: images and texts in, classes, captions and features out. */
import { preprocess } from '@tessera/models';
import type { RunConfig } from './config/schema.ts';
import { valuesInBatches } from './predict/in-batches.ts';
import type { NamedProbability, Prediction, PredictionRequest, PreparedPrediction } from './predict/prediction.ts';
import { type ImageSource, readImages } from './predict/read-images.ts';
import { encodeTexts } from './predict/texts.ts';
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
    const prepared = await this.preparePrediction(request);
    return prepared(await this.readImages(images));
  }

  /**
   * `predict` for one request and any number of calls, with images that `readImages` returned: what does not depend on the images is
   * computed once.
   *
   * @throws where the task does not predict, or the request does not fit it
   */
  async preparePrediction(request: PredictionRequest = {}): Promise<PreparedPrediction> {
    const { predictor } = this.subject;
    if (predictor === undefined) throw new Error(`predict: the task ${this.task.name} has no answer about an image`);
    for (const [name, value] of Object.entries(request) as [keyof PredictionRequest, unknown][])
      if (value !== undefined && !predictor.asks.includes(name))
        throw new Error(
          `predict: the task ${this.task.name} does not use ${name}${predictor.asks.length > 0 ? `; it uses ${predictor.asks.join(', ')}` : ''}`,
        );
    return (await predictor.prepare?.(request)) ?? ((images) => predictor.predict(images, request));
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
   * Images as the model sees them, u8 [N, S, S, 3], S its image size: upright, on white, the square in their center.
   *
   * @throws for the first image that cannot be read or decoded
   */
  readImages(images: readonly ImageSource[]): Promise<Uint8Array> {
    return readImages(images, this.subject.imageSize);
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
    const values = await valuesInBatches(model, pixels, [imageSize, imageSize, 3], (batch) =>
      tower.forward(preprocess(batch)),
    );
    return { values, dims: tower.outputDim };
  }

  /** Features of texts by the model's text tower. A text that is too long is cut. @throws where there is no text tower */
  async embedTexts(texts: readonly string[]): Promise<Features> {
    const { model, text } = this.subject;
    if (text === undefined) throw new Error(`embedTexts: the task ${this.task.name} has no text tower`);
    const values = await encodeTexts(model, (part) => text.encode(part), texts);
    return { values, dims: values.length / Math.max(1, texts.length) };
  }

  /** Frees what the model's evaluation has compiled. */
  dispose(): void {
    this.subject.dispose?.();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
