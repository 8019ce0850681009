/** Decodes the images of a request to what the model sees, within the limits. */
import { imageFormat, imageSize } from '@tessera/data';
import { errorMessage } from '@tessera/data/io';
import type { LoadedModel, SeenImage } from '@tessera/train';
import type { Limits } from './limits.ts';
import type { ImageFile } from './multipart.ts';
import { RequestError } from './request-error.ts';

/** Images that are decoded at the same time, of all requests together: as many as training decodes in a process. */
const decodesAtOnce = 2;

export class ImageDecoder {
  readonly #model: LoadedModel;
  readonly #limits: Limits;
  #free = decodesAtOnce;
  readonly #waiting: (() => void)[] = [];

  constructor(model: LoadedModel, limits: Limits) {
    this.#model = model;
    this.#limits = limits;
  }

  /**
   * What the model sees of each image when it embeds: u8 [S, S, 3]. Either all images are decoded, or the request is refused.
   *
   * @throws RequestError that names the first image that cannot be decoded, and says why
   */
  forEmbedding(images: readonly ImageFile[], signal: AbortSignal): Promise<Uint8Array[]> {
    return this.#all(images, signal, (bytes) => this.#model.readImages([bytes]));
  }

  /** The same for when the model answers about images. */
  forPrediction(images: readonly ImageFile[], signal: AbortSignal): Promise<SeenImage[]> {
    return this.#all(images, signal, async (bytes) => {
      const [seen] = await this.#model.readForPrediction([bytes]);
      if (seen?.status === 'fulfilled') return seen.value;
      throw seen?.reason;
    });
  }

  async #all<Seen>(
    images: readonly ImageFile[],
    signal: AbortSignal,
    read: (bytes: Uint8Array) => Promise<Seen>,
  ): Promise<Seen[]> {
    const seen: Seen[] = [];
    let failed = false;
    await Promise.all(
      images.map(async (image, k) => {
        await this.#take();
        try {
          signal.throwIfAborted();
          if (!failed) seen[k] = await this.#decode(image, read);
        } catch (error) {
          failed = true;
          throw error;
        } finally {
          this.#give();
        }
      }),
    );
    return seen;
  }

  async #decode<Seen>({ name, bytes }: ImageFile, read: (bytes: Uint8Array) => Promise<Seen>): Promise<Seen> {
    const format = imageFormat(bytes);
    if (format === 'svg')
      throw new RequestError(
        400,
        `${name}: SVG is not accepted, because a small file can take very long to draw; send it as PNG`,
      );
    try {
      const { width, height } = (await imageSize(bytes)).stored;
      if (width * height > this.#limits.pixels)
        throw new RangeError(`has ${width} x ${height} pixels; at most ${this.#limits.pixels} are accepted`);
      return await read(bytes);
    } catch (error) {
      // A mistake of the server itself.
      if (error instanceof TypeError || error instanceof ReferenceError) throw error;
      const reason = errorMessage(error).replace(/^image 0: /, '');
      throw new RequestError(400, `${name}: ${format === null ? 'is not an image file of a known format' : reason}`);
    }
  }

  async #take(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
