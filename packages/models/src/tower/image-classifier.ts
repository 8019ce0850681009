/** Classification of images by any image tower. */
import { Linear, Module } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import type { ImageTower } from './image-tower.ts';

/** An image tower with a linear head: [N, 3, R, R] to logits [N, classes]. */
export class ImageClassifier extends Module {
  readonly visual: ImageTower;
  readonly head: Linear;

  constructor(visual: ImageTower, classes: number) {
    super();
    this.visual = visual;
    this.head = new Linear(visual.outputDim, classes);
  }

  forward(images: Tensor): Tensor {
    return this.head.forward(this.visual.forward(images));
  }
}
