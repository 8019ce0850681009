/** Batches of images with captions as tensors. */
import type { Batch, EncodeBatchOptions, Tokenizer } from '@tessera/data';
import { tensor } from '@tessera/tensor';
import { conceptNumbers, type PairColumns } from '../../evaluation/retrieval/encode-split.ts';
import type { PairTensors } from './objective.ts';

/** How pairs become tensors. */
export interface PairOptions {
  readonly tokenizer: Tokenizer;
  readonly contextLength: number;
  /** Expected length of the longest caption in tokens: padding beyond it is removed. Default: `contextLength`. */
  readonly longestCaption?: number;
  readonly onTooLong: EncodeBatchOptions['onTooLong'];
}

/** A batch as tensors on the default backend. Without a concept column, images with equal captions have the same concept. */
export function pairTensors(batch: Batch<PairColumns>, imageSize: number, options: PairOptions): PairTensors {
  const { tokenizer, contextLength, longestCaption = contextLength, onTooLong } = options;
  const { columns, size } = batch;
  const captions = columns.captions.flatMap(({ picked }) => picked);
  const padded = tokenizer.encodeBatch(captions, contextLength, { onTooLong });
  const { tokens, length } = withoutPadding(padded, contextLength, longestCaption, tokenizer);
  const concepts = Int32Array.from(conceptNumbers()(batch));
  return {
    images: tensor(columns.image, { shape: [size, imageSize, imageSize, 3] }),
    tokens: tensor(tokens, { shape: [captions.length, length] }),
    concepts: tensor(concepts),
  };
}

/**
 * Shortens rows from `from` to `to` tokens if the rest is only padding. So all batches of a data set have one shape, and the text tower does
 * not compute tokens that the causal mask hides. If a row is longer, all rows stay as they are.
 */
export function withoutPadding(
  tokens: Int32Array,
  from: number,
  to: number,
  { padToken, endToken }: Pick<Tokenizer, 'padToken' | 'endToken'>,
): { readonly tokens: Int32Array; readonly length: number } {
  // Where the end token is the padding, too, a row that fits has it in the last place that is kept.
  const padding = padToken === endToken ? to - 1 : to;
  const isLonger = tokens.some((id, i) => id !== padToken && i % from >= padding);
  if (to >= from || isLonger) return { tokens, length: from };
  return { tokens: tokens.filter((_, i) => i % from < to), length: to };
}
