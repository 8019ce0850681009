/** Attention as a function: queries that may see nothing, shapes, and heads that share keys. */
import { grad } from '@tessera/autograd';
import { manualSeed, type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../../testing/backends.ts';
import { distance, numbered } from '../../testing/numbers.ts';
import { MultiheadAttention } from './multihead-attention.ts';
import { attentionWeights, scaledDotProductAttention } from './scaled-dot-product-attention.ts';

describe.each(testedBackends)('a query that may see nothing on %s', (backend) => {
  beforeAll(() => {
    useBackend(backend);
    manualSeed(6);
  });
  const query = (): Tensor => numbered([1, 1, 2, 3], 1);
  /** The second of two queries sees no key. */
  const masks: readonly (readonly [name: string, make: () => Tensor])[] = [
    [
      'boolean',
      () =>
        tensor([
          [true, true],
          [false, false],
        ]),
    ],
    [
      'additive',
      () =>
        tensor([
          [0, -1],
          [-Infinity, -Infinity],
        ]),
    ],
  ];

  test.each(masks)('has the result 0 and finite gradients: %s mask', async (_, make) => {
    const [q, k, v] = [query(), query().add(1), query().mul(2)].map((t) => {
      t.requiresGrad = true;
      return t;
    }) as [Tensor, Tensor, Tensor];
    const output = scaledDotProductAttention(q, k, v, { mask: make() });
    const first = scaledDotProductAttention(q.slice(2, 0, 1), k, v, { mask: make().slice(0, 0, 1) });
    const values = [...(await output.data())];
    expect(values.slice(3)).toEqual([0, 0, 0]);
    expect(distance(values.slice(0, 3), await first.data())).toBeLessThan(1e-6);
    const gradients = grad(output.square().sum(), [q, k, v]);
    const expected = grad(first.square().sum(), [q, k, v]);
    for (const [n, gradient] of gradients.entries())
      expect(distance(await gradient.data(), (await expected[n]?.data()) ?? [])).toBeLessThan(1e-5);
  });

  test('in the layer: weights of 0, and finite gradients of all parameters', async () => {
    const attention = new MultiheadAttention(6, 2);
    const x = numbered([3, 2, 6]).mul(0.25);
    const keyPaddingMask = tensor([
      [true, true, true],
      [false, true, false],
    ]);
    const { output, weights } = attention.attend(x, x, x, { keyPaddingMask });
    for (const weight of await weights.select(0, 0).data()) expect(weight).toBe(0);
    for (const gradient of grad(output.sum(), attention.parameters()))
      expect([...(await gradient.data())].every(Number.isFinite)).toBe(true);
  });

  test('a row of very small scores is not empty', async () => {
    const weights = attentionWeights(query(), query(), { mask: tensor([[-1e30, -1e30]]) });
    for (const sum of await weights.sum(-1).data()) expect(sum).toBeCloseTo(1, 5);
  });
});

describe.each(testedBackends)('scaled dot-product attention on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  const close = async (a: Tensor, b: Tensor): Promise<void> => {
    expect(a.shape).toEqual(b.shape);
    expect(distance(await a.data(), await b.data())).toBeLessThan(2e-6);
  };
  const of = (...shape: number[]): Tensor => numbered(shape, shape.length).mul(0.25);

  test('has any number of leading axes, which broadcast', async () => {
    const [q, k, v] = [of(2, 3, 4, 5), of(2, 3, 6, 5), of(2, 3, 6, 2)];
    const whole = scaledDotProductAttention(q, k, v);
    await close(scaledDotProductAttention(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)), whole.flatten(0, 1));
    const one = (t: Tensor): Tensor => t.select(0, 1).select(0, 2);
    await close(scaledDotProductAttention(one(q), one(k), one(v)), one(whole));
    const deep = (t: Tensor): Tensor => t.unsqueeze(0);
    await close(scaledDotProductAttention(deep(q), deep(k), deep(v)), deep(whole));
    const shared = scaledDotProductAttention(q, k.select(0, 0), v.select(0, 0));
    await close(shared.select(0, 0), whole.select(0, 0));
  });

  test('groups of heads share keys and values', async () => {
    const [q, k, v] = [of(2, 6, 4, 5), of(2, 2, 3, 5), of(2, 2, 3, 2)];
    const mask = of(2, 6, 4, 3);
    const repeated = (t: Tensor): Tensor =>
      t
        .unsqueeze(2)
        .expand(2, 2, 3, ...t.shape.slice(2))
        .flatten(1, 2);
    const options = { mask, causal: true };
    await close(
      scaledDotProductAttention(q, k, v, { ...options, enableGqa: true }),
      scaledDotProductAttention(q, repeated(k), repeated(v), options),
    );
  });

  test('causal masks begin at the first key, whatever the number of keys', async () => {
    for (const keys of [2, 6]) {
      const weights = attentionWeights(of(1, 1, 4, 3), of(1, 1, keys, 3), { causal: true });
      const rows = (await weights.reshape(4, keys).toArray()) as number[][];
      for (const [l, row] of rows.entries()) for (const [s, weight] of row.entries()) expect(weight === 0).toBe(s > l);
    }
  });
});
