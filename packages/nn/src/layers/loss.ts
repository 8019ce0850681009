import type { Tensor } from '@tessera/tensor';
import { contrastiveLoss, type PairOptions, sigLipLoss } from '../functional/contrastive.ts';
import { type CrossEntropyOptions, crossEntropy } from '../functional/loss.ts';
import { Module } from '../module.ts';

/** `crossEntropy` as a module: logits [N, C] and i32 targets [N] to a scalar. */
export class CrossEntropyLoss extends Module {
  readonly options: CrossEntropyOptions;

  constructor(options: CrossEntropyOptions = {}) {
    super();
    this.options = options;
  }

  forward(logits: Tensor, target: Tensor): Tensor {
    return crossEntropy(logits, target, this.options);
  }
}

/** `contrastiveLoss` as a module. Features [B, E] and [B * K, E] of length 1, the factor on the cosines, i32 concepts [B]. */
export class ContrastiveLoss extends Module {
  readonly options: Pick<PairOptions, 'duplicates'>;

  constructor(options: Pick<PairOptions, 'duplicates'> = {}) {
    super();
    this.options = options;
  }

  forward(imageFeatures: Tensor, textFeatures: Tensor, logitScale: Tensor, concepts: Tensor | null = null): Tensor {
    return contrastiveLoss({ imageFeatures, textFeatures, logitScale }, { ...this.options, concepts });
  }
}

/** `sigLipLoss` as a module: as ContrastiveLoss, with the bias that is added to the scaled cosines. */
export class SigLipLoss extends Module {
  readonly options: Pick<PairOptions, 'duplicates'>;

  constructor(options: Pick<PairOptions, 'duplicates'> = {}) {
    super();
    this.options = options;
  }

  forward(
    imageFeatures: Tensor,
    textFeatures: Tensor,
    logitScale: Tensor,
    logitBias: Tensor | null = null,
    concepts: Tensor | null = null,
  ): Tensor {
    return sigLipLoss({ imageFeatures, textFeatures, logitScale, logitBias }, { ...this.options, concepts });
  }
}
