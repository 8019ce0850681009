/** Random permutations and draws, 64-bit integers, and the messages of functions that refuse their arguments. */
import { beforeAll, describe, expect, it, test } from 'vitest';
import { cdist, cov, hstack, logspace, meshgrid, multinomial, randLike, randperm, tensordot } from './combining.ts';
import { concat, einsum, full, tensor } from './functions.ts';
import { setDefaultBackend } from './kernel/backend.ts';
import * as linalg from './linalg.ts';
import { Generator } from './random/generator.ts';
import type { Tensor } from './tensor.ts';
import { registerTestedBackends } from './testing/backends.ts';

registerTestedBackends();
beforeAll(() => setDefaultBackend('wasm'));

const x = (): Tensor => tensor([3, -1, 2, 2, 0, 5, -4, 1, 2.5, -0.5, 4, -1], { shape: [3, 4] });
const k = (...positions: number[]): Tensor => tensor(Int32Array.from(positions));

describe('random permutations and draws', () => {
  it('randperm has every number once, and follows its generator', () => {
    const order = [...randperm(100, { generator: new Generator(3) }).dataSync()];
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect([...randperm(100, { generator: new Generator(3) }).dataSync()]).toEqual(order);
    expect([...randperm(100, { generator: new Generator(4) }).dataSync()]).not.toEqual(order);
  });

  it.each([true, false])('multinomial draws in proportion to the weights (replacement: %s)', (replacement) => {
    const weights = tensor([0, 1, 3, 0, 6]);
    const generator = new Generator(1);
    const rows = weights.expand(2000, 5);
    const first = multinomial(rows, replacement ? 4 : 3, { replacement, generator })
      .select(1, 0)
      .dataSync();
    const share = (position: number): number => first.filter((drawn) => drawn === position).length / first.length;
    expect(share(0) + share(3)).toBe(0);
    // Four standard deviations of a share of 2,000 draws.
    for (const [position, p] of [
      [1, 0.1],
      [2, 0.3],
      [4, 0.6],
    ] as const)
      expect(Math.abs(share(position) - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / 2000));
  });

  it('multinomial without replacement draws nothing twice', () => {
    const drawn = multinomial(tensor([1, 1, 2, 5]), 4, { generator: new Generator(2) }).dataSync();
    expect([...drawn].sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
  });

  it('randLike has the shape and dtype of its model', () => {
    const like = randLike(tensor([[1, 2]], { dtype: 'f64' }));
    expect([like.dtype, like.shape]).toEqual(['f64', [1, 2]]);
    expect(randLike(k(1, 2)).dtype).toBe('f32');
  });
});

test('a computed value does not hold the positions that it was read at', () => {
  const chosen = x().index(x().sum(1).argsort());
  expect(chosen.node.checks).toHaveLength(1);
  chosen.realizeSync();
  expect(chosen.node.checks).toHaveLength(0);
  expect(chosen.node.sources).toHaveLength(0);
});

test('an empty vector joins tensors of any shape', () => {
  expect(concat([tensor([]), x(), tensor([])], 1).toArraySync()).toEqual(x().toArraySync());
  expect(concat([tensor([]), tensor([])]).shape).toEqual([0]);
  expect(concat([tensor(new Float64Array(0)), x()]).dtype).toBe('f64');
});

describe('64-bit integers', () => {
  it('become i32', () => {
    const labels = tensor(BigInt64Array.of(3n, -7n, 2147483647n));
    expect(labels.dtype).toBe('i32');
    expect([...labels.dataSync()]).toEqual([3, -7, 2147483647]);
    expect([...tensor(BigUint64Array.of(9n), { shape: [1, 1] }).dataSync()]).toEqual([9]);
  });

  it('keep 53 bits as f64', () => {
    expect([...tensor(BigInt64Array.of(9007199254740991n), { dtype: 'f64' }).dataSync()]).toEqual([9007199254740991]);
  });

  it('that do not fit are refused, and the first is named', () => {
    expect(() => tensor(BigInt64Array.of(1n, 2147483648n, 99999999999n))).toThrow(
      'tensor: the 64-bit integer 2147483648 at position 1 does not fit i32 (from -2^31 to 2^31 - 1)',
    );
  });
});

describe('arguments that do not fit are refused', () => {
  test.each<[string, () => unknown]>([
    ['topk: k = 5 is not between 0 and 4, the size of axis -1 of [3, 4]', () => x().topk(5)],
    ['kthvalue: k = 0 is not between 1 and 3, the size of axis 0 of [3, 4]', () => x().kthvalue(0, 0)],
    ['quantile: q must be between 0 and 1, got 1.5', () => x().quantile(1.5)],
    [
      "quantile: interpolation must be linear, lower, higher, nearest, midpoint, got 'cubic'",
      () => x().quantile(0.5, 0, { interpolation: 'cubic' as 'linear' }),
    ],
    ['quantile: needs floating-point numbers, got i32 [2]; cast first', () => k(1, 2).quantile(0.5)],
    [
      'scatter: index [4, 4] must have the axes of [3, 4], and be nowhere larger except on axis 1',
      () => x().scatter(1, k(1).expand(4, 4), x()),
    ],
    [
      'scatterAdd: index [3, 4] must be nowhere larger than the values [2, 4]',
      () => x().scatterAdd(0, k(0).expand(3, 4), x().slice(0, 0, 2)),
    ],
    [
      'scatter: the values are i32, the tensor is f32; cast one of them',
      () => x().scatter(0, k(0).expand(3, 4), k(0).expand(3, 4)),
    ],
    [
      "scatterReduce: the reduction must be sum, prod, mean, amax, amin, got 'median'",
      () => x().scatterReduce(0, k(0).expand(3, 4), x(), 'median' as 'sum'),
    ],
    [
      'gather: index [2] must have the axes of [3, 4], and be nowhere larger except on axis 0',
      () => x().gather(0, k(0, 1)),
    ],
    [
      'indexAdd: 2 positions along axis 0 of [3, 4] need values of shape [2, 4], got [3, 4]',
      () => x().indexAdd(0, k(0, 1), x()),
    ],
    ['maskedFill: the mask must be bool, got f32 [3, 4]', () => x().maskedFill(x(), 0)],
    ['narrow: start 3 and length 2 are outside of axis 1 of [3, 4]', () => x().narrow(1, 3, 2)],
    [
      'slice: step must be a whole number greater than 0, got -1; for the reverse order, flip the axis first',
      () => x().slice(0, 0, 3, -1),
    ],
    ['roll: shifts [1, 2] and axes [0] must have the same length', () => x().roll([1, 2], [0])],
    ['hsplit: axis 1 of [3, 4] does not divide into 3 equal pieces', () => x().hsplit(3)],
    ['repeatInterleave: 2 counts for 3 elements along axis 0 of [3, 4]', () => x().repeatInterleave([1, 2], 0)],
    ['mm: [3, 4] x [3, 4]: inner sizes 4 and 3 differ', () => x().mm(x())],
    ['dot: [3, 4] x [3, 4]: needs tensors of 1 and 1 dimensions', () => x().dot(x())],
    [
      'matmul: needs floating-point tensors, or integers only, got f32 [3, 4] and i32 [4]; cast first',
      () => x().matmul(k(1, 2, 3, 4)),
    ],
    ["einsum: 'ij,jk->ik': 'j' is 4 in [3, 4] and 3 in [3, 4]", () => einsum('ij,jk->ik', x(), x())],
    ["einsum: 'ii->i': 'i' is 3 and 4 in [3, 4]", () => einsum('ii->i', x())],
    ["einsum: '....->': is not of the form", () => einsum('....->', x())],
    ['tensordot: [3, 4] x [3, 4]: sizes 4 and 3 of summed axes differ', () => tensordot(x(), x(), 1)],
    ['cdist: [3, 4] and [2, 3]: the vectors have 4 and 3 elements', () => cdist(x(), full([2, 3], 1))],
    ['cov: fweights must be whole numbers, got f32', () => cov(x(), { fweights: tensor([1, 2, 3, 4]) })],
    ["meshgrid: indexing must be 'ij' or 'xy', got 'yx'", () => meshgrid([tensor([1])], { indexing: 'yx' as 'xy' })],
    ['hstack: needs at least one tensor', () => hstack([])],
    ['logspace: steps must be a whole number of at least 0, got 1.5', () => logspace(0, 1, 1.5)],
    ['linalg.cholesky: needs square matrices, got [3, 4]', () => linalg.cholesky(x())],
    ['linalg.inv: needs f32 or f64, got i32 [2, 2]; cast first', () => linalg.inv(k(1, 2, 3, 4).reshape(2, 2))],
    ['linalg.solve: f32 [2, 2] does not fit the right side f32 [3, 4]', () => linalg.solve(full([2, 2], 1), x())],
    [
      "matrixNorm: the order must be 'fro', 'nuc', 1, -1, 2, -2, infinity or -infinity, got 3",
      () => linalg.matrixNorm(x(), 3),
    ],
    [
      'norm: with an order and no axes, needs a vector or a matrix, got [1, 3, 4]',
      () => linalg.norm(x().unsqueeze(0), 2),
    ],
  ])('%s', (message, act) => {
    expect(act).toThrow(message);
  });
});
