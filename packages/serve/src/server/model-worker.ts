/** The model behind its queue: all that is computed goes through it, in batches. */
import type {
  Features,
  LoadedModel,
  Prediction,
  PredictionRequest,
  PreparedPrediction,
  SeenImage,
} from '@tessera/train';
import { type BatchKind, BatchQueue } from '../queue/batch-queue.ts';

/** The number of prepared requests that are kept, with the features of their texts. */
const keptRequests = 16;

/** Predicts for some images together. */
const together =
  (predict: PreparedPrediction) =>
  (seen: readonly SeenImage[]): Promise<Prediction[]> =>
    predict(
      Buffer.concat(seen.map(({ pixels }) => pixels)),
      seen.map(({ place }) => place),
    );

const rowsOf = ({ values, dims }: Features, count: number): Float32Array[] =>
  Array.from({ length: count }, (_, k) => values.slice(k * dims, (k + 1) * dims));

export class ModelWorker {
  readonly queue: BatchQueue;
  readonly #model: LoadedModel;
  readonly #images: BatchKind<Uint8Array, Float32Array>;
  readonly #texts: BatchKind<string, Float32Array>;
  readonly #preparations: BatchKind<PredictionRequest, PreparedPrediction>;
  /** By the text of the request, the ones used last at the end. */
  readonly #predictions = new Map<string, Promise<BatchKind<SeenImage, Prediction>>>();

  constructor(model: LoadedModel, batchSize: number) {
    this.#model = model;
    this.queue = new BatchQueue(batchSize);
    this.#images = {
      run: async (pixels) => rowsOf(await model.embedPixels(Buffer.concat(pixels)), pixels.length),
    };
    this.#texts = { run: async (texts) => rowsOf(await model.embedTexts(texts), texts.length) };
    this.#preparations = {
      run: async (requests) => {
        const prepared: PreparedPrediction[] = [];
        for (const request of requests) prepared.push(await model.preparePrediction(request));
        return prepared;
      },
    };
  }

  /** The features of each image. @param pixels u8 [S, S, 3] each */
  embedImages(pixels: readonly Uint8Array[], signal: AbortSignal): Promise<Float32Array[]> {
    return this.queue.submit(this.#images, pixels, signal);
  }

  embedTexts(texts: readonly string[], signal: AbortSignal): Promise<Float32Array[]> {
    return this.queue.submit(this.#texts, texts, signal);
  }

  /** What the model says of each image. Images are computed together with those of other callers who ask the same. */
  async predict(images: readonly SeenImage[], request: PredictionRequest, signal: AbortSignal): Promise<Prediction[]> {
    const kind = await this.#prepared(request, signal);
    return this.queue.submit(kind, images, signal);
  }

  #prepared(request: PredictionRequest, signal: AbortSignal): Promise<BatchKind<SeenImage, Prediction>> {
    const key = JSON.stringify(request);
    const kind = this.#predictions.get(key) ?? this.#prepare(request);
    this.#predictions.delete(key);
    this.#predictions.set(key, kind);
    kind.catch(() => this.#predictions.delete(key));
    const [oldest] = this.#predictions.keys();
    if (this.#predictions.size > keptRequests && oldest !== undefined) this.#predictions.delete(oldest);
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      kind.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }

  /** Several callers may wait for it, so it is not given up with one of them. */
  async #prepare(request: PredictionRequest): Promise<BatchKind<SeenImage, Prediction>> {
    const { predictor } = this.#model.subject;
    if (!('prepare' in predictor)) return { run: together(await this.#model.preparePrediction(request)) };
    const [predict] = await this.queue.submit(this.#preparations, [request]);
    if (predict === undefined) throw new Error('the request was not prepared');
    return { run: together(predict) };
  }
}
