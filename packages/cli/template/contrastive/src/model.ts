/** A model of your own: features of images from convolutions, features of texts from the mean of their words. */
import {
  BatchNorm2d,
  Conv2d,
  Embedding,
  Linear,
  Module,
  normalize,
  type PairedFeatures,
  Parameter,
  ReLU,
  Sequential,
} from '@tessera/nn';
import { type Tensor, tensor } from '@tessera/tensor';

/** Halves the sides of the images: [N, inChannels, H, W] to [N, outChannels, H / 2, W / 2]. */
const stage = (inChannels: number, outChannels: number): Sequential =>
  new Sequential(
    ['conv', new Conv2d(inChannels, outChannels, 3, { stride: 2, padding: 1, bias: false })],
    ['norm', new BatchNorm2d(outChannels)],
    ['relu', new ReLU()],
  );

export class DualEncoder extends Module {
  readonly stages: Sequential;
  readonly imageHead: Linear;
  readonly words: Embedding;
  readonly textHead: Linear;
  readonly logitScale = new Parameter(tensor(Math.log(1 / 0.07)));

  constructor(vocabularySize: number, features = 64) {
    super();
    this.stages = new Sequential(['stage1', stage(3, 16)], ['stage2', stage(16, 32)], ['stage3', stage(32, 64)]);
    this.imageHead = new Linear(64, features);
    this.words = new Embedding(vocabularySize, features, { paddingIdx: 0 });
    this.textHead = new Linear(features, features);
  }

  /** [N, 3, H, W] to features of length 1, [N, features]. */
  encodeImages(images: Tensor): Tensor {
    return normalize(this.imageHead.forward(this.stages.forward(images).mean([2, 3])), { axis: 1 });
  }

  /** Tokens [N, L], padded with 0, to features of length 1, [N, features]. */
  encodeTexts(tokens: Tensor): Tensor {
    return normalize(this.textHead.forward(this.words.forward(tokens).sum(1)), { axis: 1 });
  }

  /** What the contrastive loss compares. */
  forward(images: Tensor, tokens: Tensor): PairedFeatures {
    return {
      imageFeatures: this.encodeImages(images),
      textFeatures: this.encodeTexts(tokens),
      logitScale: this.logitScale.exp(),
    };
  }
}
