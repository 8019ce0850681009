/** Rows of a trained table. */
import { formatShape, Tensor } from '@tessera/tensor';
import { indexSelect } from '@tessera/tensor/ops';
import { normal } from '../init/init.ts';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';

/**
 * Rows of a table.
 *
 * @param index i32 or u8, any shape; every value in [0, rows): others are an error when the rows are computed, except in compiled
 * functions without `check`
 * @param weight [rows, width]
 * @returns [...index's shape, width]
 */
export function embedding(index: Tensor, weight: Tensor): Tensor {
  if (index.dtype !== 'i32' && index.dtype !== 'u8')
    throw new TypeError(
      `embedding: the index must be an integer tensor, got ${index.dtype} ${formatShape(index.shape)}`,
    );
  return Tensor.fromNode(indexSelect(weight.node, 0, index.node, 'embedding'));
}

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
