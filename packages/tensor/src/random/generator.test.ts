/** Random numbers: their distributions, and what they depend on. */
import { beforeAll, describe, expect, test } from 'vitest';
import { registerReferenceBackends } from '../backends/reference/backend.ts';
import { bernoulli, rand, randint, randn, tensor, uniform } from '../functions.ts';
import { setDefaultBackend } from '../kernel/backend.ts';
import { Tensor } from '../tensor.ts';
import { Generator, getDefaultGenerator, manualSeed, randomBits, withRandomKey } from './generator.ts';
import { threefry2x32 } from './threefry.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
  manualSeed(7);
});

const count = 20000;
const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0) / values.length;

/** Within five standard errors: fails by chance once in two million seeds, and the seed is fixed. */
const near = (value: number, expected: number, deviation: number): void =>
  expect(Math.abs(value - expected)).toBeLessThan((5 * deviation) / Math.sqrt(count));

describe('distributions', () => {
  test('rand is uniform in [0, 1)', async () => {
    const values = await rand([count]).data();
    expect(values.every((x) => x >= 0 && x < 1)).toBe(true);
    near(mean(values), 0.5, Math.sqrt(1 / 12));
    near(mean(values.map((x) => x * x)), 1 / 3, Math.sqrt(4 / 45));
    near(mean(values.map((x) => Number(x < 0.1))), 0.1, 0.3);
  });

  test('uniform is uniform between its bounds', async () => {
    const values = await uniform([count], -2, 6).data();
    expect(values.every((x) => x >= -2 && x < 6)).toBe(true);
    near(mean(values), 2, 8 / Math.sqrt(12));
  });

  test('randn is normal', async () => {
    const values = await randn([count]).data();
    expect(values.every(Number.isFinite)).toBe(true);
    near(mean(values), 0, 1);
    near(mean(values.map((x) => x ** 2)), 1, Math.SQRT2);
    near(mean(values.map((x) => x ** 4)), 3, Math.sqrt(96));
    near(mean(values.map((x) => Number(x > 1))), 0.158655, 0.3654);
  });

  test('randint is uniform in its range', async () => {
    const t = randint([count], -3, 4);
    expect(t.dtype).toBe('i32');
    const values = await t.data();
    for (let k = -3; k < 4; k++) near(mean(values.map((x) => Number(x === k))), 1 / 7, Math.sqrt(6) / 7);
    expect((await randint([count], -(2 ** 30), 2 ** 30 - 1).data()).some((x) => x < -(2 ** 29))).toBe(true);
  });

  test('bernoulli is true with its probability', async () => {
    const t = bernoulli([count], 0.3);
    expect(t.dtype).toBe('bool');
    near(mean(await t.data()), 0.3, Math.sqrt(0.21));
    expect([...(await bernoulli([2, 3], tensor([[0], [1]])).data())]).toEqual([0, 0, 0, 1, 1, 1]);
  });

  test('f64 is supported', () => {
    expect([rand([1], { dtype: 'f64' }).dtype, randn([1], { dtype: 'f64' }).dtype]).toEqual(['f64', 'f64']);
  });
});

describe('generators', () => {
  test('the same seed produces the same numbers, and each call different ones', async () => {
    manualSeed(3);
    const first = [await rand([4]).toArray(), await randn([4]).toArray()];
    expect(await rand([4]).toArray()).not.toEqual(first[0]);
    manualSeed(3);
    expect([await rand([4]).toArray(), await randn([4]).toArray()]).toEqual(first);
    manualSeed(4);
    expect(await rand([4]).toArray()).not.toEqual(first[0]);
  });

  test('bits are the first word of Threefry under (seed, 0) at (element, site)', async () => {
    const generator = new Generator(0xfeedbeef);
    const bits = await Tensor.fromNode(randomBits([2, 3], generator)).data();
    const words = Array.from({ length: 6 }, (_, i) => {
      const out = new Int32Array(2);
      threefry2x32(0xfeedbeef, 0, i, 2 ** 30, out);
      return out[0];
    });
    expect([...bits]).toEqual(words);
  });

  test('a generator continues from its state', async () => {
    const generator = new Generator(5);
    await rand([2], { generator }).data();
    const state = generator.state();
    const next = await rand([2], { generator }).toArray();
    const other = new Generator();
    other.setState(state);
    expect(await rand([2], { generator: other }).toArray()).toEqual(next);
    expect(state).toEqual({ seed: 5, step: 0, site: 1 });
  });

  test('runs of compiled functions take steps', () => {
    const generator = new Generator(9);
    expect([generator.nextKey(), generator.nextKey()]).toEqual([Int32Array.of(9, 0), Int32Array.of(9, 1)]);
    expect([generator.seed, generator.step]).toEqual([9, 2]);
  });

  test('inside withRandomKey, numbers come from the key, with sites from 0', async () => {
    const key = tensor(Int32Array.of(11, 22));
    const before = getDefaultGenerator().state();
    const draw = (): Tensor[] => withRandomKey(key.node, () => [rand([3]), rand([3])]);
    const [a, b] = draw();
    const [again] = draw();
    expect(a?.node.op).toBe(again?.node.op);
    expect(await again?.toArray()).toEqual(await a?.toArray());
    expect(await b?.toArray()).not.toEqual(await a?.toArray());
    expect(getDefaultGenerator().state()).toEqual(before);
    expect(() => withRandomKey(key.node, () => rand([3], { generator: new Generator(1) }))).toThrow(
      'inside a compiled function only the default generator can be used',
    );
  });

  test('seeds are whole numbers of 32 bits', () => {
    expect(() => manualSeed(0.5)).toThrow('Generator: seed must be a whole number below 2^32, got 0.5');
    expect(() => new Generator(2 ** 32)).toThrow('got 4294967296');
  });
});
