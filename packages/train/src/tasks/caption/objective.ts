/** The loss of a language model that describes images: the likelihood of each next token. */
import { preprocess } from '@tessera/models';
import { crossEntropy } from '@tessera/nn';
import { iota, type Tensor } from '@tessera/tensor';
import type { ObjectiveLoss, SeparableObjective } from '../../loop/objective.ts';
import type { Captioner } from './captioner.ts';

/** Images with the ids of their captions: u8 [B, H, W, 3]; i32 [B, L], start and end included, then zeros. */
export type CaptionTensors = { readonly images: Tensor; readonly ids: Tensor };

/** How well the tokens of each caption are predicted. */
export type CaptionLikelihood = {
  /** [B]: sum of -ln p over the caption's tokens that follow the start, the end included. */
  readonly nats: Tensor;
  /** f32 [B]: the number of these tokens. */
  readonly tokens: Tensor;
};

/** @param logits [B, L, vocabulary]: of the token that follows each place of `ids` [B, L] */
export function captionLikelihood(logits: Tensor, ids: Tensor): CaptionLikelihood {
  const [count = 0, length = 0, vocabulary = 0] = logits.shape;
  const next = ids.slice(1, 1);
  const predictions = logits.slice(1, 0, length - 1).reshape([-1, vocabulary]);
  const each = crossEntropy(predictions, next.reshape([-1]), { reduction: 'none' }).reshape([count, length - 1]);
  // The end is the largest id; what follows it is padding.
  const end = ids.argmax(1, true).cast('i32');
  const counted = iota([count, length - 1], 1)
    .lt(end)
    .cast('f32');
  return { nats: each.mul(counted).sum(1), tokens: counted.sum(1) };
}

/** Trains a captioner: the mean of -ln p over all tokens of a batch. */
export class CaptionObjective implements SeparableObjective<CaptionTensors> {
  readonly model: Captioner;

  constructor(model: Captioner) {
    this.model = model;
  }

  trainingMode(): void {
    this.model.train();
  }

  encode({ images, ids }: CaptionTensors): CaptionLikelihood {
    return captionLikelihood(this.model.forward(preprocess(images), ids), ids);
  }

  lossOf({ nats, tokens }: CaptionLikelihood): ObjectiveLoss {
    return { loss: nats.sum().div(tokens.sum()), measures: {} };
  }

  loss(batch: CaptionTensors): ObjectiveLoss {
    return this.lossOf(this.encode(batch));
  }
}
