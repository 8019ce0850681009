/** Products of tensors, and methods that choose elements by tensors of positions. */
import type { DType } from '../kernel/dtype.ts';
import * as ops from '../ops/index.ts';
import { ShapedTensor } from './shaping.ts';
import { nodeOf, type TensorBase } from './tensor-base.ts';

export abstract class IndexedTensor<T extends TensorBase<T>> extends ShapedTensor<T> {
  /**
   * [..., m, k] x [..., k, n] -> [..., m, n]. Leading axes broadcast; vectors [k] are allowed on either side. Both floating point, or both
   * integers.
   */
  matmul(other: T): T {
    return this.wrap(ops.matmul(this.node, nodeOf(other, 'matmul')));
  }

  /** Slices along `axis` at the positions `index` (integers), whose shape takes the axis's place. Positions out of range are an error. */
  indexSelect(axis: number, index: T): T {
    return this.wrap(ops.indexSelect(this.node, axis, nodeOf(index, 'indexSelect')));
  }

  /**
   * For every position of `index` (integers), the element at that position with its coordinate along `axis` replaced by the index. Both
   * have the same shape except along `axis`. Negative positions count from the end; those out of range are an error.
   */
  takeAlongAxis(axis: number, index: T): T {
    return this.wrap(ops.takeAlongAxis(this.node, axis, nodeOf(index, 'takeAlongAxis')));
  }

  /** PyTorch's `take_along_dim`: the same, where both broadcast except along `axis`. Without an axis, of the flat tensors. */
  takeAlongDim(index: T, axis?: number): T {
    return this.wrap(ops.takeAlongDim(this.node, nodeOf(index, 'takeAlongDim'), axis));
  }

  /**
   * PyTorch's `gather`: `takeAlongAxis`, where `index` may also be smaller than this tensor along the other axes. Negative positions are out
   * of range, which is an error.
   */
  gather(axis: number, index: T): T {
    return this.wrap(ops.gather(this.node, axis, nodeOf(index, 'gather')));
  }

  /** The elements of the flat tensor at the positions `index` (integers), whose shape the result has. Negative ones count from the end. */
  take(index: T): T {
    return this.wrap(ops.take(this.node, nodeOf(index, 'take')));
  }

  /** [...] of integers -> [..., classes]: 1 at the position that the integer names, 0 elsewhere. */
  oneHot(classes: number, dtype: DType = 'f32'): T {
    return this.wrap(ops.oneHot(this.node, classes, dtype));
  }
}
