/** Sums of gradients: those of adjacent slices become a concatenation. */
import { Tensor } from '@tessera/tensor';
import { graph, type Node } from '@tessera/tensor/graph';
import { beforeAll, describe, expect, it } from 'vitest';
import { accumulate } from './accumulate.ts';
import { at } from './at.ts';
import { grad } from './grad.ts';
import { countNodes } from './testing/graphs.ts';
import { normal, useTestBackend } from './testing/inputs.ts';

beforeAll(useTestBackend);

/** The gradient of rows `start..end` of `[rows, 3]`. */
function slab(rows: number, start: number, end: number, seed: number): Node {
  return graph.pad(normal([end - start, 3], seed).node, [start, 0], [rows - end, 0]);
}

const valuesOf = async (node: Node): Promise<number[]> => [...(await Tensor.fromNode(node).data())];

async function expectPlainSum(terms: readonly Node[]): Promise<void> {
  const plain = terms.reduce((total, term) => graph.binary('add', total, term));
  const [got, wanted] = [await valuesOf(accumulate(terms)), await valuesOf(plain)];
  got.forEach((x, i) => {
    expect(x).toBeCloseTo(at(wanted, i), 12);
  });
}

describe('accumulate', () => {
  it('joins slices that cover the tensor, in whatever order they come', async () => {
    const terms = [slab(7, 4, 7, 1), slab(7, 0, 1, 2), slab(7, 1, 4, 3)];
    const sum = accumulate(terms);
    expect(sum.op).toBe('concat');
    await expectPlainSum(terms);
  });

  it('pads what is not covered', async () => {
    const terms = [slab(9, 1, 3, 4), slab(9, 3, 4, 5), slab(9, 6, 8, 6)];
    const sum = Tensor.fromNode(accumulate(terms));
    expect([countNodes([sum], 'concat'), countNodes([sum], 'pad')]).toEqual([1, 2]);
    await expectPlainSum(terms);
  });

  it('adds slices that overlap', async () => {
    await expectPlainSum([slab(5, 0, 3, 7), slab(5, 2, 5, 8), slab(5, 3, 4, 9), slab(5, 0, 5, 10)]);
  });

  it('mixes slices along several axes with whole gradients', async () => {
    const whole = normal([4, 3], 11).node;
    const columns = graph.pad(normal([4, 1], 12).node, [0, 2], [0, 0]);
    const corner = graph.pad(normal([1, 1], 13).node, [1, 1], [2, 1]);
    await expectPlainSum([slab(4, 0, 2, 14), columns, whole, slab(4, 2, 4, 15), corner]);
  });

  it('makes the gradient of a packed projection one concatenation of the gradients of its parts', async () => {
    const packed = normal([2, 5, 12], 16);
    const part = (k: number): Tensor => packed.slice(2, 4 * k, 4 * (k + 1));
    const scores = part(0).matmul(part(1).transpose(1, 2)).softmax(-1);
    const gradient = grad(scores.matmul(part(2)).square().sum(), packed);
    expect(gradient.node.op).toBe('concat');
    expect(gradient.node.sources.length).toBe(3);
    expect(countNodes([gradient], 'pad')).toBe(0);
  });
});
