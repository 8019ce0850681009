/** Attention: masks, layouts, and the computation of single tokens. */
import { manualSeed, type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../../testing/backends.ts';
import { distance, numbered } from '../../testing/numbers.ts';
import { tokenAt } from '../../tokens/token-at.ts';
import { MultiheadAttention, type MultiheadAttentionCall } from './multihead-attention.ts';
import { scaledDotProductAttention } from './scaled-dot-product-attention.ts';

describe.each(testedBackends)('attention on %s', (backend) => {
  beforeAll(() => {
    useBackend(backend);
    manualSeed(3);
  });
  const [length, batch, width, heads] = [5, 2, 8, 2];
  const x = (): Tensor => numbered([length, batch, width], 1).mul(0.25);
  const close = async (a: Tensor, b: Tensor): Promise<void> =>
    expect(distance(await a.data(), await b.data())).toBeLessThan(2e-6);

  test('equal keys share the weight', async () => {
    const key = tensor([
      [
        [
          [1, 0],
          [1, 0],
        ],
      ],
    ]);
    const output = scaledDotProductAttention(
      tensor([[[[3, 4]]]]),
      key,
      tensor([
        [
          [
            [2, 10],
            [4, 20],
          ],
        ],
      ]),
    );
    expect(await output.toArray()).toEqual([[[[3, 15]]]]);
  });

  test('batchFirst is the same with axes exchanged', async () => {
    const first = new MultiheadAttention(width, heads, { batchFirst: true });
    const second = new MultiheadAttention(width, heads);
    second.loadStateDict(first.stateDict());
    await close(first.forward(x().transpose(0, 1)).transpose(0, 1), second.forward(x()));
  });

  test('weights are distributions, and causal ones do not look ahead', async () => {
    const attention = new MultiheadAttention(width, heads);
    const { weights } = attention.attend(x(), x(), x(), { causal: true });
    expect(weights.shape).toEqual([batch, heads, length, length]);
    for (const head of ((await weights.toArray()) as number[][][][]).flat())
      for (const [query, row] of head.entries()) {
        expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
        expect(row.slice(query + 1).every((weight) => weight === 0)).toBe(true);
      }
  });

  test('causal is the mask that hides later keys, boolean or additive', async () => {
    const attention = new MultiheadAttention(width, heads);
    const later = tensor(Array.from({ length }, (_, l) => Array.from({ length }, (_, s) => s > l)));
    const additive = tensor(
      Array.from({ length }, (_, l) => Array.from({ length }, (_, s) => (s > l ? Number.NEGATIVE_INFINITY : 0))),
    );
    const input = x();
    const causal = attention.forward(input, input, input, { causal: true });
    await close(attention.forward(input, input, input, { attentionMask: later }), causal);
    await close(attention.forward(input, input, input, { attentionMask: additive }), causal);
  });

  test('padded keys are not seen, with or without another mask', async () => {
    const attention = new MultiheadAttention(width, heads);
    const [query, full] = [x(), x()];
    const short = full.slice(0, 0, 3);
    const keyPaddingMask = tensor(Array.from({ length: batch }, () => [false, false, false, true, true]));
    const expected = attention.forward(query, short, short);
    await close(attention.forward(query, full, full, { keyPaddingMask }), expected);
    const nothing = { boolean: numbered([length, length]).gt(100), additive: numbered([length, length]).mul(0) };
    for (const attentionMask of Object.values(nothing))
      await close(attention.forward(query, full, full, { keyPaddingMask, attentionMask }), expected);
  });

  describe.each([false, true])('attention of one token, batchFirst %s', (batchFirst) => {
    const layouts = { batchFirst };
    const later = (): Tensor => tensor(Array.from({ length }, (_, l) => Array.from({ length }, (_, s) => s > l)));
    const perHead = (): Tensor => numbered([batch, heads, length, length], 4);
    const padding = (): Tensor =>
      tensor([
        [false, false, true, false, true],
        [false, true, false, false, false],
      ]);
    const calls: readonly (readonly [name: string, call: () => MultiheadAttentionCall])[] = Object.entries({
      'no mask': () => ({}),
      causal: () => ({ causal: true }),
      'a boolean mask': () => ({ attentionMask: later() }),
      'a mask for each head': () => ({ attentionMask: perHead().gt(1).logicalAnd(later()) }),
      'an additive mask': () => ({ attentionMask: perHead() }),
      'an additive mask, causal, padding': () => ({
        attentionMask: perHead(),
        causal: true,
        keyPaddingMask: padding(),
      }),
      'one mask row for all': () => ({ attentionMask: tensor([[false, false, false, true, false]]), causal: true }),
      'padding and a mask': () => ({ attentionMask: later(), keyPaddingMask: padding() }),
    });
    test.each(calls)('is a row of the whole: %s', async (_, make) => {
      const attention = new MultiheadAttention(width, heads, layouts);
      const sequence = batchFirst ? x().transpose(0, 1) : x();
      const call = make();
      const whole = attention.attend(sequence, sequence, sequence, call);
      for (const position of [0, 3, tensor(Int32Array.of(4, 0)), tensor(Int32Array.of(2, 3))]) {
        const { output, weights } = attention.attendAt(sequence, position, call);
        await close(output, tokenAt(whole.output, position, layouts));
        await close(weights, tokenAt(whole.weights.transpose(1, 2), position, { batchFirst: true }).transpose(1, 2));
      }
    });
  });

  test('query, key and value may be three sequences', async () => {
    const attention = new MultiheadAttention(width, heads);
    const [key, value] = [x().mul(2), x().add(1)];
    const packed = attention.forward(x(), key, key.add(0));
    await close(packed, attention.forward(x(), key, key));
    expect(distance(await packed.data(), await attention.forward(x(), key, value).data())).toBeGreaterThan(1e-3);
  });

  test('dropout in training only', async () => {
    const attention = new MultiheadAttention(width, heads, { dropout: 0.5 });
    expect(distance(await attention.forward(x()).data(), await attention.forward(x()).data())).toBeGreaterThan(0);
    attention.eval();
    await close(attention.forward(x()), attention.forward(x()));
  });
});

describe('attention refuses', () => {
  beforeAll(() => useBackend('reference'));

  test('shapes that do not fit', () => {
    expect(() => new MultiheadAttention(10, 3)).toThrow('width 10 does not divide into 3 heads');
    expect(() => new MultiheadAttention(8, 2).forward(numbered([5, 1, 9]))).toThrow(
      'MultiheadAttention: needs sequences [L, N, 8], got [5, 1, 9]',
    );
    expect(() =>
      scaledDotProductAttention(numbered([1, 2, 3, 4]), numbered([1, 2, 3, 5]), numbered([1, 2, 3, 5])),
    ).toThrow('attention: query [1, 2, 3, 4] and key [1, 2, 3, 5]');
  });
});
