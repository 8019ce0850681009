import type { Tensor } from '@tessera/tensor';
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
