import { type CLIP, preprocess } from '@tessera/models';
import { contrastiveLoss, sigLipLoss } from '@tessera/nn';
import { type Tensor, tensor } from '@tessera/tensor';
import type { Batch } from '../data/index.ts';
import type { EncodeBatchOptions, Tokenizer } from '../tokenizer/index.ts';
import type { Task, TaskLoss } from '../trainer/task.ts';

/** A batch of pairs: u8 [B, H, W, 3], i32 [B, L], i32 [B]. */
export type PairTensors = { readonly images: Tensor; readonly tokens: Tensor; readonly concepts: Tensor };

export interface ContrastiveOptions {
  /** `clip`: softmax over the batch (Radford et al. 2021). `siglip`: one decision for each pair (Zhai et al. 2023). */
  readonly loss?: 'clip' | 'siglip';
  /** Pairs of equal concept are no negatives of each other. Default true. */
  readonly maskEqualConcepts?: boolean;
}

/** Trains CLIP: an image's features are to point the same way as its caption's. */
export class ContrastiveTask implements Task<PairTensors> {
  readonly model: CLIP;
  readonly #options: Required<ContrastiveOptions>;

  constructor(model: CLIP, { loss = 'clip', maskEqualConcepts = true }: ContrastiveOptions = {}) {
    this.model = model;
    this.#options = { loss, maskEqualConcepts };
  }

  trainingMode(): void {
    this.model.train();
  }

  loss({ images, tokens, concepts }: PairTensors): TaskLoss {
    const features = this.model.forward(preprocess(images), tokens);
    const options = { concepts: this.#options.maskEqualConcepts ? concepts : null };
    const loss = this.#options.loss === 'clip' ? contrastiveLoss(features, options) : sigLipLoss(features, options);
    return { loss, measures: { logitScale: features.logitScale } };
  }

  constrain(): void {
    this.model.clampLogitScale();
  }
}

/** How pairs become tensors. */
export interface PairOptions {
  readonly tokenizer: Tokenizer;
  readonly contextLength: number;
  readonly onTooLong: EncodeBatchOptions['onTooLong'];
  /** Whether the loader's concepts mean anything; if not, equal captions are equal concepts. */
  readonly hasConcepts: boolean;
}

/** The loader's batch as tensors on the default backend. */
export function pairTensors(batch: Batch, imageSize: number, options: PairOptions): PairTensors {
  const { tokenizer, contextLength, onTooLong, hasConcepts } = options;
  const { images, caption, size } = batch;
  const tokens = tokenizer.encodeBatch(caption, contextLength, { onTooLong });
  const concepts = hasConcepts ? batch.concepts : numberEqual(caption);
  return {
    images: tensor(images, { shape: [size, imageSize, imageSize, 3] }),
    tokens: tensor(tokens, { shape: [size, contextLength] }),
    concepts: tensor(concepts),
  };
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
