/** Captions that a model writes. */
import type { Tokenizer } from '@tessera/data';
import { preprocess } from '@tessera/models';
import { type Tensor, tensor } from '@tessera/tensor';
import type { Captioner } from './captioner.ts';

/**
 * The captions of images u8 [N, H, W, 3] by greedy decoding: from the start on, the most likely next token, up to the end token or the
 * length of the context. Each token takes a forward pass over the whole context.
 */
export async function describeImages(model: Captioner, tokenizer: Tokenizer, images: Tensor): Promise<string[]> {
  const [count = 0] = images.shape;
  const [length = 0] = model.positional_embedding.shape;
  const seen = await model.see(preprocess(images)).realize();
  const { startToken } = tokenizer;
  if (startToken === null) throw new Error('describeImages: needs a tokenizer with a start token');
  const captions = Array.from({ length: count }, () => [startToken]);
  const isComplete = (ids: readonly number[]): boolean => ids.length === length || ids.at(-1) === tokenizer.endToken;
  while (!captions.every(isComplete)) {
    const ids = new Int32Array(count * length);
    for (const [row, own] of captions.entries()) ids.set(own, row * length);
    const next = await model
      .read(seen, tensor(ids, { shape: [count, length] }))
      .argmax(2)
      .data();
    for (const [row, own] of captions.entries())
      if (!isComplete(own)) own.push(Number(next[row * length + own.length - 1]));
  }
  return captions.map((ids) => tokenizer.decode(ids));
}
