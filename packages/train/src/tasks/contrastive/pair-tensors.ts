/** Batches of images with captions as tensors. */
import type { Batch, EncodeBatchOptions, Tokenizer } from '@tessera/data';
import { tensor } from '@tessera/tensor';
import { firstCaptions, type PairColumns } from '../../evaluation/retrieval/encode-split.ts';
import type { PairTensors } from './objective.ts';

/** How pairs become tensors. */
export interface PairOptions {
  readonly tokenizer: Tokenizer;
  readonly contextLength: number;
  /** Tokens of the longest caption that is expected: what a batch has no use for beyond is left out. Default: `contextLength`. */
  readonly longestCaption?: number;
  readonly onTooLong: EncodeBatchOptions['onTooLong'];
}

/** A batch as tensors on the default backend. Without a column of concepts, equal captions are equal concepts. */
export function pairTensors(batch: Batch<PairColumns>, imageSize: number, options: PairOptions): PairTensors {
  const { tokenizer, contextLength, longestCaption = contextLength, onTooLong } = options;
  const { columns, size } = batch;
  const captions = columns.captions.flatMap(({ picked }) => picked);
  const padded = tokenizer.encodeBatch(captions, contextLength, { onTooLong });
  const { tokens, length } = withoutPadding(padded, contextLength, longestCaption);
  const concepts = columns.concept ?? numberEqual(firstCaptions(batch));
  return {
    images: tensor(columns.image, { shape: [size, imageSize, imageSize, 3] }),
    tokens: tensor(tokens, { shape: [captions.length, length] }),
    concepts: tensor(concepts),
  };
}

/**
 * Rows of `to` instead of `from` tokens where no row has a token beyond that: one shape for all batches of a data set, and a
 * text tower that does not compute what the causal mask hides. Rows as they are where one is longer.
 */
export function withoutPadding(
  tokens: Int32Array,
  from: number,
  to: number,
): { readonly tokens: Int32Array; readonly length: number } {
  const isLonger = tokens.some((id, i) => id !== 0 && i % from >= to);
  if (to >= from || isLonger) return { tokens, length: from };
  return { tokens: tokens.filter((_, i) => i % from < to), length: to };
}

/** A number for each text, the same for equal texts. */
function numberEqual(texts: readonly string[]): Int32Array {
  const numbers = new Map<string, number>();
  return Int32Array.from(texts, (text) => {
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  });
}
