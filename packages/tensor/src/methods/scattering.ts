/**
 * Methods that return the tensor with elements at computed positions replaced, added to or combined. Nothing is written in place. Positions out
 * of range are an error.
 */
import * as ops from '../ops/index.ts';
import type { ScatterReduceOptions, ScatterReduction } from '../ops/scattering.ts';
import { SortableTensor } from './sorting.ts';
import { nodeOf, type Operand, operand, type TensorBase } from './tensor-base.ts';

export abstract class ScatterableTensor<T extends TensorBase<T>> extends SortableTensor<T> {
  /**
   * This tensor with `values` (of its dtype, or one number) at the positions that `index` (integers) names along `axis`: for a matrix and
   * axis 0, result[index[i][j]][j] = values[i][j]. `index` has the axes of the tensor, is nowhere larger than `values`, and nowhere larger
   * than the tensor except along `axis`. Of several values for one position the last one counts, and alone gets a gradient.
   */
  scatter(axis: number, index: T, values: Operand<T>): T {
    return this.wrap(ops.scatter(this.node, axis, nodeOf(index, 'scatter'), operand(values, 'scatter')));
  }

  /** The same, where `values` are added: result[index[i][j]][j] += values[i][j]. */
  scatterAdd(axis: number, index: T, values: T): T {
    return this.wrap(ops.scatterAdd(this.node, axis, nodeOf(index, 'scatterAdd'), nodeOf(values, 'scatterAdd')));
  }

  /**
   * The same, where the values for one position are combined: 'sum', 'prod', 'mean', 'amax' or 'amin'. Without `includeSelf` the elements
   * that are there are replaced where there is any value. The gradient of a maximum is shared by all elements that are equal to it.
   * 'prod', 'amax' and 'amin' compare each value with each position along the axis.
   */
  scatterReduce(axis: number, index: T, values: T, reduction: ScatterReduction, options?: ScatterReduceOptions): T {
    return this.wrap(
      ops.scatterReduce(
        this.node,
        axis,
        nodeOf(index, 'scatterReduce'),
        nodeOf(values, 'scatterReduce'),
        reduction,
        options,
      ),
    );
  }

  /** The slices of `values` along `axis`, times `alpha`, are added at the positions `index`, a vector of integers. */
  indexAdd(axis: number, index: T, values: T, options?: { readonly alpha?: number }): T {
    return this.wrap(ops.indexAdd(this.node, axis, nodeOf(index, 'indexAdd'), nodeOf(values, 'indexAdd'), options));
  }

  /** The slices of `values` along `axis` are put at the positions `index`, a vector of integers; of several for one position, the last. */
  indexCopy(axis: number, index: T, values: T): T {
    return this.wrap(ops.indexCopy(this.node, axis, nodeOf(index, 'indexCopy'), nodeOf(values, 'indexCopy')));
  }

  /** `value` (a number or a scalar) in all slices along `axis` at the positions `index`, a vector of integers. */
  indexFill(axis: number, index: T, value: Operand<T>): T {
    return this.wrap(ops.indexFill(this.node, axis, nodeOf(index, 'indexFill'), operand(value, 'indexFill')));
  }

  /**
   * `values`, which broadcast, at the positions that the tensors of integers name along the first axes: x.indexPut([i, j], v) is PyTorch's
   * x.index_put((i, j), v), or x[i, j] = v. null names all positions of an axis: x.indexPut([null, j], v) is x[:, j] = v. With `accumulate` they are added; otherwise the last of several for one position counts.
   */
  indexPut(indices: readonly (T | null)[], values: T, options?: { readonly accumulate?: boolean }): T {
    return this.wrap(
      ops.indexPut(
        this.node,
        indices.map((index) => (index === null ? null : nodeOf(index, 'indexPut'))),
        nodeOf(values, 'indexPut'),
        options,
      ),
    );
  }

  /** `value` (a number or a scalar) where the mask (bool, which broadcasts) is true. The dtype does not change. */
  maskedFill(mask: T, value: Operand<T>): T {
    return this.wrap(ops.maskedFill(this.node, nodeOf(mask, 'maskedFill'), operand(value, 'maskedFill')));
  }

  /** The elements of `values`, in order, where the mask (bool, which broadcasts) is true. It must have as many as the mask has true elements. */
  maskedScatter(mask: T, values: T): T {
    return this.wrap(ops.maskedScatter(this.node, nodeOf(mask, 'maskedScatter'), nodeOf(values, 'maskedScatter')));
  }
}
