/** Captions that a model writes. */
import type { Tokenizer } from '@tessera/data';
import { preprocess } from '@tessera/models';
import { compile, type Tensor, tensor } from '@tessera/tensor';
import { inBatches, inEvaluationMode } from '../../evaluation/encoder.ts';
import { predictionBatchSizes } from '../../predict/encoders.ts';
import type { Predictor } from '../../predict/prediction.ts';
import type { Captioner } from './captioner.ts';

/** Writes captions of images: two programs, compiled once for each number of images. */
export class CaptionWriter {
  readonly #tokenizer: Tokenizer;
  readonly #length: number;
  readonly #see;
  readonly #next;

  constructor(model: Captioner, tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.#length = model.positional_embedding.shape[0] ?? 0;
    this.#see = compile((images: Tensor) => inEvaluationMode(model, () => model.see(preprocess(images))));
    this.#next = compile((seen: Tensor, ids: Tensor) => inEvaluationMode(model, () => model.read(seen, ids).argmax(2)));
  }

  /**
   * The captions of images u8 [N, H, W, 3] by greedy decoding: from the start on, the most likely next token, up to the end token or the
   * length of the context. Each token takes a forward pass over the whole context.
   */
  async write(images: Tensor): Promise<string[]> {
    const [count = 0] = images.shape;
    const [length, tokenizer] = [this.#length, this.#tokenizer];
    const { startToken } = tokenizer;
    if (startToken === null) throw new Error('writing a caption needs a tokenizer with a start token');
    const seen = await this.#see(images);
    const captions = Array.from({ length: count }, () => [startToken]);
    const isComplete = (ids: readonly number[]): boolean => ids.length === length || ids.at(-1) === tokenizer.endToken;
    while (!captions.every(isComplete)) {
      const ids = new Int32Array(count * length);
      for (const [row, own] of captions.entries()) ids.set(own, row * length);
      const next = await (await this.#next(seen, tensor(ids, { shape: [count, length] }))).data();
      for (const [row, own] of captions.entries())
        if (!isComplete(own)) own.push(Number(next[row * length + own.length - 1]));
    }
    return captions.map((ids) => tokenizer.decode(ids));
  }

  dispose(): void {
    this.#see.dispose();
    this.#next.dispose();
  }
}

/** The predictor of a captioner. @param imageSize side of the square images in pixels */
export const captionPredictor = (writer: CaptionWriter, imageSize: number): Predictor => ({
  asks: [],
  async predict(images) {
    const shape = [imageSize, imageSize, 3];
    const captions = await inBatches(images, shape, predictionBatchSizes, async (batch, kept) =>
      (await writer.write(batch)).slice(0, kept),
    );
    return captions.flat().map((caption) => ({ kind: 'caption', caption }));
  },
  dispose: () => writer.dispose(),
});
