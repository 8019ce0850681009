/** A model of your own: a small convolutional network with a linear head. */
import { BatchNorm2d, Conv2d, Linear, Module, ReLU, Sequential } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';

/** Halves the sides of the images: [N, inChannels, H, W] to [N, outChannels, H / 2, W / 2]. */
const stage = (inChannels: number, outChannels: number): Sequential =>
  new Sequential(
    ['conv', new Conv2d(inChannels, outChannels, 3, { stride: 2, padding: 1, bias: false })],
    ['norm', new BatchNorm2d(outChannels)],
    ['relu', new ReLU()],
  );

export class Classifier extends Module {
  readonly stages = new Sequential(['stage1', stage(3, 16)], ['stage2', stage(16, 32)], ['stage3', stage(32, 64)]);
  readonly head: Linear;

  constructor(classes: number) {
    super();
    this.head = new Linear(64, classes);
  }

  /** [N, 3, H, W] to logits [N, classes]. */
  forward(images: Tensor): Tensor {
    return this.head.forward(this.stages.forward(images).mean([2, 3]));
  }
}
