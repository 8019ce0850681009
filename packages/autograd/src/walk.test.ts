/** The reverse walk: which nodes it visits, and what it builds. */
import { Tensor } from '@tessera/tensor';
import { graph, type Node } from '@tessera/tensor/graph';
import { beforeAll, describe, expect, it } from 'vitest';
import { at } from './at.ts';
import { grad } from './grad.ts';
import { countNodes, describeGraph } from './testing/graphs.ts';
import { normal, useTestBackend } from './testing/inputs.ts';
import { gradientsOf } from './walk.ts';

beforeAll(useTestBackend);

describe('the walk', () => {
  it('adds what comes back along every path', async () => {
    const x = normal([4], 1);
    const a = x.mul(2);
    const b = x.mul(3);
    // a * b + a = 6 x^2 + 2 x
    const gradient = grad(a.mul(b).add(a).sum(), x);
    const values = await x.data();
    for (const [i, g] of (await gradient.data()).entries()) expect(g).toBeCloseTo(12 * at(values, i) + 2, 12);
  });

  it('visits a chain of diamonds once a node, not once a path', async () => {
    let y = normal([1], 2);
    const x = y;
    for (let i = 0; i < 60; i++) y = y.mul(0.5).add(y.mul(0.5));
    const gradient = grad(y.sum(), x);
    expect(countNodes([gradient], 'binary')).toBeLessThan(400);
    expect(await gradient.item()).toBeCloseTo(1, 12);
  });

  it('follows graphs that are deeper than the call stack', () => {
    let node: Node = graph.constant(1, [2], 'f64');
    const x = graph.barrier(node);
    node = x;
    for (let i = 0; i < 50_000; i++) node = graph.unary('neg', node);
    const [gradient] = gradientsOf([node], [graph.constant(1, [2], 'f64')], [x]);
    expect(gradient?.shape).toEqual([2]);
  });

  it('builds nothing for what does not lead to a target', () => {
    const w = normal([3, 3], 3);
    const images = normal([5, 3], 4);
    const gradient = grad(images.exp().matmul(w).sum(), w);
    // One product, of the images' exponentials with the gradient.
    expect(countNodes([gradient], 'unary', 'exp')).toBe(1);
    expect(countNodes([gradient], 'contract')).toBe(1);
  });

  it('returns gradients of inner tensors and of their sources together', async () => {
    const x = normal([3], 5);
    const h = x.mul(2);
    const [dh, dx] = grad(h.mul(h).sum(), [h, x]) as [Tensor, Tensor];
    const values = await h.data();
    for (const [i, g] of (await dh.data()).entries()) expect(g).toBeCloseTo(2 * at(values, i), 12);
    for (const [i, g] of (await dx.data()).entries()) expect(g).toBeCloseTo(4 * at(values, i), 12);
  });

  it('makes the same graph for the same program', () => {
    const program = (): string => {
      const x = normal([4, 6], 6);
      const w = normal([6, 6], 7);
      const h = x.matmul(w).tanh();
      const loss = h
        .mul(x)
        .add(h.slice(1, 0, 3).exp().sum())
        .sum();
      return describeGraph(grad(loss, [x, w]));
    };
    expect(program()).toBe(program());
  });

  it('refuses a gradient of another shape than its source', () => {
    const x = normal([3], 8);
    const wrong = graph.custom(graph.unary('exp', x.node), [x.node], {
      name: 'halved',
      backward: (gradient) => [graph.shrink(gradient, [0], [2])],
    });
    const loss = Tensor.fromNode(wrong).sum();
    expect(() => grad(loss, x)).toThrow(
      "custom gradient 'halved': the gradient of a f64 [3] input must have its dtype and shape, got f64 [2]",
    );
  });

  it('refuses a custom gradient with too few parts', () => {
    const x = normal([3], 9);
    const node = graph.custom(graph.unary('exp', x.node), [x.node], { name: 'empty', backward: () => [] });
    expect(() => grad(Tensor.fromNode(node).sum(), x)).toThrow(
      "custom gradient 'empty': expected 1 gradients, one for each input, got 0",
    );
  });
});
