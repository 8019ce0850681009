/** Encodes images and texts with a CLIP model. */
import type { EncodeBatchOptions, Tokenizer } from '@tessera/data';
import { type CLIP, preprocess } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import { BatchEncoder } from './encoder.ts';

/** Encodes images and texts with a CLIP model, in batches. */
export class CLIPEncoder {
  readonly model: CLIP;
  readonly tokenizer: Tokenizer;
  readonly batchSize: number;
  readonly #images: BatchEncoder;
  readonly #texts: BatchEncoder;
  readonly #onTooLong: EncodeBatchOptions['onTooLong'];

  constructor(
    model: CLIP,
    tokenizer: Tokenizer,
    { batchSize, onTooLong }: { batchSize: number; onTooLong: EncodeBatchOptions['onTooLong'] },
  ) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.batchSize = batchSize;
    this.#onTooLong = onTooLong;
    this.#images = new BatchEncoder(model, batchSize, (images: Tensor) => model.encodeImage(preprocess(images)));
    this.#texts = new BatchEncoder(model, batchSize, (tokens: Tensor) => model.encodeText(tokens));
  }

  /** Side of the square images in pixels. */
  get imageSize(): number {
    return this.model.config.vision.imageSize;
  }

  /** Length of the features. */
  get dims(): number {
    return this.model.config.embedDim;
  }

  /** u8 [N, imageSize, imageSize, 3] to features [N, dims], not normalized. */
  encodeImages(images: Uint8Array): Promise<Float32Array> {
    return this.#images.encode(images, [this.imageSize, this.imageSize, 3]);
  }

  /** N texts to features [N, dims], not normalized. */
  encodeTexts(texts: readonly string[]): Promise<Float32Array> {
    const { contextLength } = this.model.config.text;
    const tokens = this.tokenizer.encodeBatch(texts, contextLength, { onTooLong: this.#onTooLong });
    return this.#texts.encode(tokens, [contextLength]);
  }

  dispose(): void {
    this.#images.dispose();
    this.#texts.dispose();
  }
}
