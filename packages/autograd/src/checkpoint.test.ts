/** Checkpointing: the same bits as without, and less kept in memory. */
import { autocast, bernoulli, compile, manualSeed, noGrad, setDefaultBackend, Tensor } from '@tessera/tensor';
import { graph, topologicalOrder } from '@tessera/tensor/graph';
import { beforeAll, describe, expect, it } from 'vitest';
import { at } from './at.ts';
import { backward } from './backward.ts';
import { checkpoint } from './checkpoint.ts';
import { grad } from './grad.ts';
import { gradcheck, gradgradcheck } from './gradcheck.ts';
import { countNodes } from './testing/graphs.ts';
import { indices, normal, useTestBackend } from './testing/inputs.ts';

beforeAll(useTestBackend);

const values = async (x: Tensor): Promise<number[]> => [...(await x.data())];

/** A residual block with weights that it captures. */
function block(seed: number): { weights: Tensor[]; forward: (x: Tensor) => Tensor } {
  const [up, down] = [normal([3, 5], seed), normal([5, 3], seed + 1)];
  return { weights: [up, down], forward: (x) => x.add(x.matmul(up).tanh().matmul(down)) };
}

async function expectSameGradients(
  plain: (x: Tensor) => Tensor,
  checkpointed: (x: Tensor) => Tensor,
  x: Tensor,
  weights: readonly Tensor[],
): Promise<void> {
  const gradients = [plain, checkpointed].map((f) => grad(f(x).square().sum(), [x, ...weights]));
  const [wanted, got] = gradients as [Tensor[], Tensor[]];
  for (const [k, gradient] of got.entries()) expect(await values(gradient)).toEqual(await values(at(wanted, k)));
}

describe('checkpoint', () => {
  it('computes the same value and gradients, bit for bit, for inputs and captured weights', async () => {
    const { weights, forward } = block(1);
    const x = normal([4, 3], 3);
    expect(await values(checkpoint(forward)(x))).toEqual(await values(forward(x)));
    await expectSameGradients(forward, checkpoint(forward), x, weights);
  });

  it.each(['f16', 'bf16'] as const)('has the same bits in mixed precision: %s', async (precision) => {
    const x = normal([4, 3], 5).cast('f32');
    const single = block(2).weights.map((weight) => weight.cast('f32'));
    // Without the residual, which is f32: what is checkpointed comes out in two bytes.
    const inner = (input: Tensor): Tensor => {
      const [up, down] = single as [Tensor, Tensor];
      return autocast(precision, () => input.matmul(up).tanh().matmul(down));
    };
    expect(checkpoint(inner)(x).dtype).toBe(precision);
    await expectSameGradients(inner, checkpoint(inner), x, single);
    const residual = (input: Tensor): Tensor => input.add(inner(input));
    await expectSameGradients(residual, checkpoint(residual), x, single);
  });

  it('computes again, from the inputs, what plain gradients keep', () => {
    const { weights, forward } = block(4);
    const x = normal([4, 3], 6);
    const tanhs = (f: (x: Tensor) => Tensor): number => {
      const loss = f(x).square().sum();
      return countNodes([loss, ...grad(loss, weights)], 'unary', 'tanh');
    };
    expect(tanhs(forward)).toBe(1);
    expect(tanhs(checkpoint(forward))).toBe(2);
  });

  it('makes every input of the recomputation wait for the gradient', () => {
    const { weights, forward } = block(7);
    const x = normal([4, 3], 9);
    const loss = checkpoint(forward)(x).square().sum();
    const forwardNodes = new Set(topologicalOrder([loss.node]));
    const all = topologicalOrder(grad(loss, weights).map((gradient) => gradient.node));
    const again = all.filter((node) => node.op === 'unary' && node.arg.kind === 'tanh' && !forwardNodes.has(node));
    expect(again.length).toBe(1);
    // The recomputation starts from barriers only, and each has the gradient as another source.
    const leaves = topologicalOrder(again, (node) => node.op === 'barrier').filter((node) => node.sources.length === 0);
    const barriers = topologicalOrder(again, (node) => node.op === 'barrier').filter((node) => node.op === 'barrier');
    expect(leaves).toEqual([]);
    expect(barriers.length).toBe(2);
    for (const barrier of barriers) expect(barrier.sources.length).toBe(2);
  });

  it('stacks and nests', async () => {
    const blocks = [block(10), block(12), block(14)];
    const weights = blocks.flatMap((b) => b.weights);
    const x = normal([2, 3], 16);
    const run = (layers: readonly ((x: Tensor) => Tensor)[]) => (input: Tensor) =>
      layers.reduce((h, layer) => layer(h), input);
    const plain = run(blocks.map((b) => b.forward));
    await expectSameGradients(plain, run(blocks.map((b) => checkpoint(b.forward))), x, weights);
    await expectSameGradients(plain, checkpoint(run(blocks.map((b) => checkpoint(b.forward)))), x, weights);
  });

  it('repeats the same random numbers', async () => {
    const dropout = (x: Tensor): Tensor => x.mul(bernoulli(x.shape, 0.5).cast('f64')).exp();
    const x = normal([50], 17);
    manualSeed(3);
    const wanted = await values(grad(dropout(x).sum(), x));
    manualSeed(3);
    const loss = checkpoint(dropout)(x);
    expect(await values(grad(loss.sum(), x))).toEqual(wanted);
    expect(wanted.filter((g) => g === 0).length).toBeGreaterThan(5);
  });

  it('calls the function once', async () => {
    let calls = 0;
    const x = normal([2], 18);
    const y = checkpoint((input: Tensor) => {
      calls++;
      return input.exp();
    })(x);
    await values(grad(y.sum(), x));
    expect(calls).toBe(1);
  });

  it('returns several tensors, which share one recomputation', async () => {
    const weight = normal([3, 3], 19);
    const x = normal([2, 3], 20);
    const two = (input: Tensor): [Tensor, Tensor] => {
      const h = input.matmul(weight).tanh();
      return [h.sum(1), h.exp()];
    };
    const lossOf = (f: typeof two): Tensor => {
      const [a, b] = f(x);
      return a.square().sum().add(b.sum());
    };
    const wanted = grad(lossOf(two), [x, weight]);
    const loss = lossOf(checkpoint(two));
    const got = grad(loss, [x, weight]);
    expect(countNodes([loss, ...got], 'unary', 'tanh')).toBe(2);
    for (const [k, gradient] of got.entries()) {
      const reference = await values(at(wanted, k));
      (await values(gradient)).forEach((g, i) => {
        expect(g).toBeCloseTo(at(reference, i), 12);
      });
    }
  });

  it('takes integers along, and passes on outputs that are inputs', async () => {
    const table = normal([5, 2], 21);
    const index = indices([4, 0, 4]);
    const lookUp = checkpoint((rows: Tensor, scale: Tensor): Tensor[] => [
      table.indexSelect(0, rows).mul(scale).exp(),
      scale,
      rows,
    ]);
    const scale = normal([], 22);
    const [looked, sameScale, sameRows] = lookUp(index, scale) as [Tensor, Tensor, Tensor];
    expect(sameScale.node).toBe(scale.node);
    expect(sameRows.node).toBe(index.node);
    const plain = table.indexSelect(0, index).mul(scale).exp();
    const wanted = await values(grad(plain.sum(), table));
    expect(await values(grad(looked.sum(), table))).toEqual(wanted);
  });

  it('respects detach and noGrad inside', async () => {
    const x = normal([3], 23);
    const f = (input: Tensor): Tensor => input.mul(noGrad(() => input.exp())).add(input.detach().square());
    expect(await values(grad(checkpoint(f)(x).sum(), x))).toEqual(await values(x.exp()));
    expect(noGrad(() => checkpoint(f)(x)).node.op).not.toBe('custom');
  });

  it('serves backward, whose gradients have no history', async () => {
    const { weights, forward } = block(24);
    for (const weight of weights) weight.requiresGrad = true;
    const x = normal([4, 3], 26);
    backward(checkpoint(forward)(x).sum());
    const wanted = grad(forward(x).sum(), weights);
    for (const [k, weight] of weights.entries())
      expect(await values(weight.grad as Tensor)).toEqual(await values(at(wanted, k)));
  });

  it('has second derivatives', async () => {
    const weight = normal([3, 3], 27);
    const f = (x: Tensor, w: Tensor): Tensor => checkpoint((input: Tensor) => input.matmul(w).tanh())(x);
    await gradcheck(f, [normal([2, 3], 28), weight]);
    await gradgradcheck(f, [normal([2, 3], 28), weight]);
  });

  it('needs less memory: of each block only the input is kept', async () => {
    setDefaultBackend('reference-kernels');
    const [rows, width, hidden, depth] = [64, 8, 64, 8];
    const blocks = Array.from({ length: depth }, (_, k) => {
      const weights = [normal([width, hidden], 40 + k), normal([hidden, width], 50 + k)] as const;
      const forward = (x: Tensor): Tensor => x.add(x.matmul(weights[0]).tanh().exp().matmul(weights[1]));
      return { weights, forward };
    });
    const x = normal([rows, width], 60);
    const arenaBytes = async (wrap: (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor): Promise<number> => {
      const step = compile(() => {
        const loss = blocks
          .reduce((h, { forward }) => wrap(forward)(h), x)
          .square()
          .mean();
        return grad(
          loss,
          blocks.flatMap(({ weights }) => weights),
        );
      });
      const { plan } = await step.program();
      step.dispose();
      return plan.arenaBytes;
    };
    const plain = await arenaBytes((f) => f);
    const checkpointed = await arenaBytes(checkpoint);
    useTestBackend();
    const activation = 8 * rows * hidden;
    expect(plain).toBeGreaterThan(depth * activation);
    // The blocks' inputs, and what one block needs at a time.
    expect(checkpointed).toBeLessThan(depth * 8 * rows * width + 5 * activation);
  });

  it('leaves a function of constants alone', () => {
    const constant = checkpoint(() => Tensor.fromNode(graph.constant(2, [3], 'f64')).exp())();
    expect(constant.node.op).toBe('unary');
  });
});
