/** Decodes the images of a request to what the model sees, within the limits. */
import { imageFormat, imageSize } from '@tessera/data';
import { errorMessage } from '@tessera/data/io';
import type { LoadedModel } from '@tessera/train';
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
   * The pixels of each image, u8 [S, S, 3]. Either all images are decoded, or the request is refused.
   *
   * @throws RequestError that names the first image that cannot be decoded, and says why
   */
  async decode(images: readonly ImageFile[], signal: AbortSignal): Promise<Uint8Array[]> {
    const pixels: Uint8Array[] = [];
    let failed = false;
    await Promise.all(
      images.map(async (image, k) => {
        await this.#take();
        try {
          signal.throwIfAborted();
          if (!failed) pixels[k] = await this.#decode(image);
        } catch (error) {
          failed = true;
          throw error;
        } finally {
          this.#give();
        }
      }),
    );
    return pixels;
  }

  async #decode({ name, bytes }: ImageFile): Promise<Uint8Array> {
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
      return await this.#model.readImages([bytes]);
    } catch (error) {
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
