/** Attention: masks, layouts, and the computation of single tokens. */
import { manualSeed, type Tensor, tensor, zeros } from '@tessera/tensor';
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

describe.each(testedBackends)('forms of attention on %s', (backend) => {
  beforeAll(() => {
    useBackend(backend);
    manualSeed(5);
  });
  const [length, batch, width, heads] = [4, 3, 6, 2];
  const x = (salt = 1): Tensor => numbered([length, batch, width], salt).mul(0.25);
  const close = async (a: Tensor, b: Tensor): Promise<void> => {
    expect(a.shape).toEqual(b.shape);
    expect(distance(await a.data(), await b.data())).toBeLessThan(2e-6);
  };

  test('a single sequence is a batch of one', async () => {
    for (const batchFirst of [false, true]) {
      const attention = new MultiheadAttention(width, heads, { batchFirst });
      const one = numbered([length, width], 2).mul(0.25);
      const keyPaddingMask = tensor([false, true, false, false]);
      const attentionMask = numbered([heads, length, length], 3);
      const alone = attention.attend(one, one, one, { keyPaddingMask, attentionMask });
      const axis = batchFirst ? 0 : 1;
      const batched = one.unsqueeze(axis);
      const whole = attention.attend(batched, batched, batched, {
        keyPaddingMask: keyPaddingMask.unsqueeze(0),
        attentionMask: attentionMask.unsqueeze(0),
      });
      await close(alone.output, whole.output.squeeze(axis));
      await close(alone.weights, whole.weights.squeeze(0));
    }
  });

  test('masks of all heads in one axis, as PyTorch has them', async () => {
    const attention = new MultiheadAttention(width, heads);
    const mask = numbered([batch, heads, length, length], 4);
    const call = { attentionMask: mask.flatten(0, 1) };
    await close(attention.forward(x(), x(), x(), call), attention.forward(x(), x(), x(), { attentionMask: mask }));
    const at = attention.attendAt(x(), 2, call).output;
    await close(at, attention.forward(x(), x(), x(), call).slice(0, 2, 3));
  });

  test('the mean of the weights', async () => {
    const attention = new MultiheadAttention(width, heads);
    const { weights } = attention.attend(x(), x(), x(), { averageAttentionWeights: true });
    await close(weights, attention.attend(x()).weights.mean(1));
  });

  test('a floating-point key padding mask is added', async () => {
    const attention = new MultiheadAttention(width, heads);
    const padding = tensor(Array.from({ length: batch }, () => [0, -2, 0, -Infinity]));
    const expected = padding.unsqueeze(1).unsqueeze(1).expand(batch, heads, length, length);
    const [added, direct] = [{ keyPaddingMask: padding }, { attentionMask: expected }];
    await close(attention.forward(x(), x(), x(), added), attention.forward(x(), x(), x(), direct));
    // Together with a mask of the other kind, both count.
    const later = tensor(Array.from({ length }, (_, l) => Array.from({ length }, (__, s) => s > l)));
    const both = attention.attend(x(), x(), x(), { attentionMask: later, keyPaddingMask: padding }).weights;
    const causal = attention.attend(x(), x(), x(), { causal: true, keyPaddingMask: padding }).weights;
    await close(both, causal);
    for (const hidden of await both.select(3, 3).data()) expect(hidden).toBe(0);
  });

  test('every query sees what is appended to the keys', async () => {
    const attention = new MultiheadAttention(width, heads, { addBiasKv: true, addZeroAttn: true });
    const later = tensor(Array.from({ length }, (_, l) => Array.from({ length }, (__, s) => s > l)));
    const padding = tensor(Array.from({ length: batch }, () => [true, true, true, true]));
    const { weights } = attention.attend(x(), x(), x(), { keyPaddingMask: padding });
    expect(weights.shape).toEqual([batch, heads, length, length + 2]);
    for (const weight of await weights.slice(3, 0, length).data()) expect(weight).toBe(0);
    for (const sum of await weights.sum(-1).data()) expect(sum).toBeCloseTo(1, 5);
    const causal = attention.attend(x(), x(), x(), { causal: true });
    await close(causal.weights, attention.attend(x(), x(), x(), { attentionMask: later }).weights);
    await close(attention.attendAt(x(), 1, { causal: true }).output, causal.output.slice(0, 1, 2));
  });
});

describe('attention refuses', () => {
  beforeAll(() => useBackend('reference'));
  const sequence = (): Tensor => numbered([4, 2, 6]);
  const whole = (...shape: number[]): Tensor => zeros(shape, { dtype: 'i32' });
  const attention = new MultiheadAttention(6, 2);
  const attend = (call: MultiheadAttentionCall) => () => attention.forward(sequence(), sequence(), sequence(), call);

  test.each<[string, () => unknown]>([
    ['width 10 does not divide into 3 heads', () => new MultiheadAttention(10, 3)],
    ['MultiheadAttention: numHeads must be a whole number', () => new MultiheadAttention(8, 0)],
    ['MultiheadAttention: embedDim must be a whole number of at least 1, got 0', () => new MultiheadAttention(0, 1)],
    ['the probability must be in [0, 1], got -0.1', () => new MultiheadAttention(8, 2, { dropout: -0.1 })],
    ['needs sequences [L, N, 6], got [5, 1, 9]', () => attention.forward(numbered([5, 1, 9]))],
    [
      'query [4, 2, 6] and sequences [4, 3, 6] must have one batch size',
      () => attention.forward(sequence(), numbered([4, 3, 6])),
    ],
    ['must have one length', () => attention.forward(sequence(), sequence(), numbered([3, 2, 6]))],
    [
      'attentionMask must be bool (true: must not be seen) or floating point (added to the scores), got i32 [4, 4]',
      attend({ attentionMask: whole(4, 4) }),
    ],
    ['keyPaddingMask must be bool (true: must not be seen)', attend({ keyPaddingMask: whole(2, 4) })],
    ['keyPaddingMask must be [N, 4], got [4, 2]', attend({ keyPaddingMask: numbered([4, 2]) })],
    ['the mask [3, 4] does not broadcast to the scores [2, 2, 4, 4]', attend({ attentionMask: numbered([3, 4]) })],
    [
      'attentionMask [3, 4, 4] must be [L, S], [N * 2, L, S] or [N, 2, L, S]',
      attend({ attentionMask: numbered([3, 4, 4]) }),
    ],
    [
      'the mask must be bool (true: may be seen) or floating point',
      () => scaledDotProductAttention(sequence(), sequence(), sequence(), { mask: whole(2, 2) }),
    ],
    [
      'the mask [3, 4, 2, 2] does not broadcast to the scores [4, 2, 2]',
      () => scaledDotProductAttention(sequence(), sequence(), sequence(), { mask: numbered([3, 4, 2, 2]) }),
    ],
    [
      'attention: query [1, 2, 3, 4] and key [1, 2, 3, 5]',
      () => scaledDotProductAttention(numbered([1, 2, 3, 4]), numbered([1, 2, 3, 5]), numbered([1, 2, 3, 5])),
    ],
    [
      'attention: leading axes: shapes [4] and [3] do not broadcast',
      () => scaledDotProductAttention(sequence(), numbered([3, 2, 6]), numbered([3, 2, 6])),
    ],
    [
      'attention: key [4, 2, 6] and value [4, 3, 6]',
      () => scaledDotProductAttention(sequence(), sequence(), numbered([4, 3, 6])),
    ],
    [
      'must be a multiple of those',
      () =>
        scaledDotProductAttention(numbered([1, 3, 2, 4]), numbered([1, 2, 2, 4]), numbered([1, 2, 2, 4]), {
          enableGqa: true,
        }),
    ],
  ])('%s', (message, call) => {
    expect(call).toThrow(message);
  });
});
