import type { Batch, EncodeBatchOptions, Tokenizer } from '@tessera/data';
import { type CLIP, preprocess } from '@tessera/models';
import { contrastiveLoss, type DuplicateRule, sigLipLoss } from '@tessera/nn';
import { type Tensor, tensor } from '@tessera/tensor';
import type { BatchTensors, SeparableTask, TaskLoss } from './task.ts';

/** A batch of pairs: u8 [B, H, W, 3]; i32 [B * K, L], K captions for each image; i32 [B]. */
export type PairTensors = { readonly images: Tensor; readonly tokens: Tensor; readonly concepts: Tensor };

export interface ContrastiveOptions {
  /** `clip`: softmax over the batch (Radford et al. 2021). `siglip`: one decision for each pair (Zhai et al. 2023). */
  readonly loss?: 'clip' | 'siglip';
  /** What an image and a text of equal concept are to each other where they are not of one pair. Default: `mask`. */
  readonly duplicates?: DuplicateRule;
  /** The image tower stays as it is and the text tower is trained to fit it: locked-image tuning (Zhai et al. 2022). */
  readonly freezeImageTower?: boolean;
}

/** Trains CLIP: an image's features are to point the same way as its caption's. */
export class ContrastiveTask implements SeparableTask<PairTensors> {
  readonly model: CLIP;
  readonly #options: Required<ContrastiveOptions>;

  constructor(model: CLIP, { loss = 'clip', duplicates = 'mask', freezeImageTower = false }: ContrastiveOptions = {}) {
    this.model = model;
    this.#options = { loss, duplicates, freezeImageTower };
    if (freezeImageTower) model.visual.freeze();
  }

  trainingMode(): void {
    this.model.train();
    // Otherwise batch normalisation would go on updating its statistics.
    if (this.#options.freezeImageTower) this.model.visual.eval();
  }

  /** Features of length 1: imageFeatures [B, E], textFeatures [B * K, E]. */
  encode({ images, tokens }: PairTensors): BatchTensors {
    const { imageFeatures, textFeatures } = this.model.forward(preprocess(images), tokens);
    return { imageFeatures, textFeatures };
  }

  lossOf({ imageFeatures, textFeatures }: BatchTensors, { concepts }: PairTensors): TaskLoss {
    const { loss: kind, duplicates } = this.#options;
    const { logit_scale, logit_bias: logitBias } = this.model;
    const logitScale = logit_scale.exp();
    const features = { imageFeatures, textFeatures, logitScale, logitBias };
    const loss = (kind === 'clip' ? contrastiveLoss : sigLipLoss)(features, { concepts, duplicates });
    return { loss, measures: { logitScale } };
  }

  loss(batch: PairTensors): TaskLoss {
    return this.lossOf(this.encode(batch), batch);
  }

  constrain(): void {
    this.model.clampLogitScale();
  }
}

/** How pairs become tensors. */
export interface PairOptions {
  readonly tokenizer: Tokenizer;
  readonly contextLength: number;
  /** Tokens of the longest caption that is expected: what a batch has no use for beyond is left out. Default: `contextLength`. */
  readonly longestCaption?: number;
  readonly onTooLong: EncodeBatchOptions['onTooLong'];
  /** Whether the loader's concepts mean anything; if not, equal captions are equal concepts. */
  readonly hasConcepts: boolean;
}

/** The loader's batch as tensors on the default backend. */
export function pairTensors(batch: Batch, imageSize: number, options: PairOptions): PairTensors {
  const { tokenizer, contextLength, longestCaption = contextLength, onTooLong, hasConcepts } = options;
  const { images, caption, picked, size } = batch;
  const captions = picked.flat();
  const padded = tokenizer.encodeBatch(captions, contextLength, { onTooLong });
  const { tokens, length } = withoutPadding(padded, contextLength, longestCaption);
  const concepts = hasConcepts ? batch.concepts : numberEqual(caption);
  return {
    images: tensor(images, { shape: [size, imageSize, imageSize, 3] }),
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
