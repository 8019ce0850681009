/** Products of tensors, and methods that choose elements by tensors of positions. */
import type { DType } from '../kernel/dtype.ts';
import * as ops from '../ops/index.ts';
import { ShapedTensor } from './shaping.ts';
import { nodeOf, type TensorBase } from './tensor-base.ts';

export abstract class IndexedTensor<T extends TensorBase<T>> extends ShapedTensor<T> {
  /** [..., m, k] x [..., k, n] -> [..., m, n]. Leading axes broadcast; vectors [k] are allowed on either side. */
  matmul(other: T): T {
    return this.wrap(ops.matmul(this.node, nodeOf(other, 'matmul')));
  }

  /** Slices along `axis` at the positions `index` (integers), whose shape takes the axis's place. Positions outside are clamped. */
  indexSelect(axis: number, index: T): T {
    return this.wrap(ops.indexSelect(this.node, axis, nodeOf(index, 'indexSelect')));
  }

  /** For every position of `index`, the element at that position with its coordinate along `axis` replaced by the index. */
  takeAlongAxis(axis: number, index: T): T {
    return this.wrap(ops.takeAlongAxis(this.node, axis, nodeOf(index, 'takeAlongAxis')));
  }

  /** [...] of integers -> [..., classes]: 1 at the position that the integer names, 0 elsewhere. */
  oneHot(classes: number, dtype: DType = 'f32'): T {
    return this.wrap(ops.oneHot(this.node, classes, dtype));
  }
}
