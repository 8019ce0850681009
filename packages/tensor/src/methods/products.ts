/** Products of vectors and matrices under PyTorch's names. All take floating-point numbers, or integers only. */
import * as ops from '../ops/index.ts';
import type { AddProductOptions } from '../ops/products.ts';
import { ArrangedTensor } from './arranging.ts';
import { nodeOf, type TensorBase } from './tensor-base.ts';

export abstract class MultipliableTensor<T extends TensorBase<T>> extends ArrangedTensor<T> {
  /** [k] x [k] -> []: the sum of products. */
  dot(other: T): T {
    return this.wrap(ops.dot(this.node, nodeOf(other, 'dot')));
  }

  /** The same as `dot`: numbers here are real. */
  vdot(other: T): T {
    return this.wrap(ops.dot(this.node, nodeOf(other, 'vdot')));
  }

  /** [m, k] x [k] -> [m]. */
  mv(vector: T): T {
    return this.wrap(ops.mv(this.node, nodeOf(vector, 'mv')));
  }

  /** [m, k] x [k, n] -> [m, n]. */
  mm(other: T): T {
    return this.wrap(ops.mm(this.node, nodeOf(other, 'mm')));
  }

  /** [b, m, k] x [b, k, n] -> [b, m, n]. */
  bmm(other: T): T {
    return this.wrap(ops.bmm(this.node, nodeOf(other, 'bmm')));
  }

  /** [..., k] x [more..., k] -> [..., more...]: sums of products over the last axes. With a scalar, the product. */
  inner(other: T): T {
    return this.wrap(ops.inner(this.node, nodeOf(other, 'inner')));
  }

  /** beta * this + alpha * (a x b), for a [m, k] and b [k, n]. This tensor broadcasts; with beta = 0 it is ignored, NaN included. */
  addmm(a: T, b: T, options?: AddProductOptions): T {
    return this.wrap(ops.addmm(this.node, nodeOf(a, 'addmm'), nodeOf(b, 'addmm'), options));
  }

  /** beta * this + alpha * (a x b), for a [m, k] and b [k]. */
  addmv(a: T, b: T, options?: AddProductOptions): T {
    return this.wrap(ops.addmv(this.node, nodeOf(a, 'addmv'), nodeOf(b, 'addmv'), options));
  }

  /** beta * this + alpha * (a x b), for each pair of matrices of a [b, m, k] and b [b, k, n]. */
  baddbmm(a: T, b: T, options?: AddProductOptions): T {
    return this.wrap(ops.baddbmm(this.node, nodeOf(a, 'baddbmm'), nodeOf(b, 'baddbmm'), options));
  }

  /** beta * this + alpha * the sum of the products of all pairs of matrices of a [b, m, k] and b [b, k, n]. */
  addbmm(a: T, b: T, options?: AddProductOptions): T {
    return this.wrap(ops.addbmm(this.node, nodeOf(a, 'addbmm'), nodeOf(b, 'addbmm'), options));
  }

  /** beta * this + alpha * the outer product of two vectors. */
  addr(a: T, b: T, options?: AddProductOptions): T {
    return this.wrap(ops.addr(this.node, nodeOf(a, 'addr'), nodeOf(b, 'addr'), options));
  }

  /** Kronecker's product: each element of this tensor times the whole of the other. Missing axes are added in front. */
  kron(other: T): T {
    return this.wrap(ops.kron(this.node, nodeOf(other, 'kron')));
  }

  /** The cross product of vectors of three elements along `axis`, by default the first of size 3. Both broadcast. */
  cross(other: T, axis?: number): T {
    return this.wrap(ops.cross(this.node, nodeOf(other, 'cross'), axis));
  }
}
