/** Parts of products, which are computed alone. */
import { beforeAll, describe, expect, it } from 'vitest';
import { registerReferenceBackends } from '../backends/reference/backend.ts';
import { tensor } from '../functions.ts';
import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { setDefaultBackend } from '../kernel/backend.ts';
import { sizeOf } from '../kernel/shape.ts';
import { Tensor } from '../tensor.ts';
import { canonicalize } from './canonicalize.ts';
import { schedule } from './schedule.ts';

/** Sizes of the products that the values are computed by: [matrices, m, n, k], in order. */
function products(...values: Tensor[]): number[][] {
  const { kernels } = schedule(canonicalize(values.map(({ node }) => node)));
  return kernels.flatMap((kernel) =>
    kernel.kind === 'contract' ? [[kernel.batch, kernel.m, kernel.n, kernel.k].map(sizeOf)] : [],
  );
}

const counting = (...shape: number[]): Tensor =>
  tensor(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => (i % 17) - 8),
    { shape },
  );

/** The gradient of a 3 x 3 convolution with padding 1 for its input [2, 4, 8, 8], as automatic differentiation builds it. */
function inputGradient(gradient: Node, weight: Node): Node {
  const windows = [2, 3].map((axis) => ({ axis, size: 3, stride: 1, dilation: 1 }));
  const columns = graph.contract(gradient, weight, { a: [0, 1, 2, 3], b: [1, 4, 5, 6], out: [0, 4, 2, 3, 5, 6] });
  return graph.shrink(graph.fold(columns, [2, 4, 10, 10], windows), [0, 0, 1, 1], [2, 4, 9, 9]);
}

describe('a part of a product', () => {
  beforeAll(() => {
    registerReferenceBackends();
    setDefaultBackend('reference-kernels');
  });

  it('is the product of parts', async () => {
    const [a, b] = [counting(3, 6, 5), counting(3, 5, 7)];
    const part = a.matmul(b).slice(1, 2, 4).transpose(1, 2).select(0, 1).slice(0, 3, 7);
    expect(products(part)).toEqual([[1, 2, 4, 5]]);
    const whole = await a.matmul(b).data();
    const expected = Array.from({ length: 8 }, (_, i) => whole[42 + (2 + (i % 2)) * 7 + 3 + Math.floor(i / 2)]);
    expect([...(await part.data())]).toEqual(expected);
  });

  it('is cut from the whole if the whole is used too', () => {
    const product = counting(6, 5).matmul(counting(5, 7));
    expect(products(product, product.slice(0, 0, 2).exp())).toEqual([[1, 6, 7, 5]]);
    expect(products(product.slice(0, 0, 2).exp(), product.slice(0, 2, 6).exp())).toEqual([[1, 6, 7, 5]]);
  });

  it('omits the border that a convolution added', async () => {
    const [gradient, weight] = [counting(2, 6, 8, 8), counting(6, 4, 3, 3)];
    const result = Tensor.fromNode(inputGradient(gradient.node, weight.node));
    expect(products(result)).toEqual([[1, 2 * 8 * 8, 4, 6 * 3 * 3]]);
    setDefaultBackend('reference');
    const [plainGradient, plainWeight] = [counting(2, 6, 8, 8), counting(6, 4, 3, 3)];
    const plain = Tensor.fromNode(inputGradient(plainGradient.node, plainWeight.node));
    expect([...(await result.data())]).toEqual([...(await plain.data())]);
  });
});
