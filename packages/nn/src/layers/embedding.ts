import type { Tensor } from '@tessera/tensor';
import { embedding } from '../functional/embedding.ts';
import { normal } from '../init.ts';
import { Module } from '../module.ts';
import { Parameter } from '../parameter.ts';

/** A trained table: integers [...] to [..., embeddingDim]. The weight [numEmbeddings, embeddingDim] starts as N(0, 1). */
export class Embedding extends Module {
  readonly weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number) {
    super();
    this.weight = new Parameter(normal()([numEmbeddings, embeddingDim]));
  }

  forward(index: Tensor): Tensor {
    return embedding(index, this.weight);
  }
}
