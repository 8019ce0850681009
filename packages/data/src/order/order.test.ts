// Orders of rows: bijections, streams and windows, with replacement, mixtures.
import { describe, expect, test } from 'vitest';
import { CounterRandom, permutation, purpose } from '../random.ts';
import { bijection, feistel } from './bijection.ts';
import { createOrder, mixtureOrder } from './mixture.ts';
import { type Order, type ShuffleOptions, sequentialOrder } from './order.ts';

const seed = Number(process.env.TESSERA_SEED ?? 20_261_130);
const random = (index: number, epoch = 0): CounterRandom => new CounterRandom(seed, purpose.order, epoch, index);
const epochOf = (order: Order, epoch = 0): number[] =>
  Array.from({ length: order.length }, (_, position) => order.at(epoch, position));
const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);
const increment = (counts: Uint32Array | number[], index: number): void => {
  counts[index] = (counts[index] ?? 0) + 1;
};
const upTo = (n: number): number[] => [...Array(n).keys()];

/** Streams of 24 rows in windows of 8, over blocks of 10. */
const small: ShuffleOptions = { rows: 32, streams: 4, block: 10, full: null };

/** The sum of (observed - expected)^2 / expected, which is near its number of degrees of freedom for random counts. */
const chiSquare = (counts: Iterable<number>, expected: number): number =>
  Array.from(counts).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);

/** Above this in one of a million cases (Wilson and Hilferty's approximation; 4.75 standard deviations). */
const limit = (freedom: number): number => freedom * (1 - 2 / (9 * freedom) + 4.75 * Math.sqrt(2 / (9 * freedom))) ** 3;

describe(`permutations without arrays (TESSERA_SEED=${seed})`, () => {
  test('every number is reached once, for small, odd, prime and square lengths and those next to them', () => {
    const lengths = [
      ...upTo(70).slice(1),
      120,
      121,
      122,
      127,
      128,
      129,
      255,
      256,
      257,
      997,
      4096,
      4097,
      65_535,
      65_537,
    ];
    for (const n of lengths)
      for (const make of [bijection, feistel]) {
        const image = upTo(n).map(make(n, random(n)));
        const seen = new Uint8Array(n);
        for (const value of image) seen[value] = 1;
        expect(image.length).toBe(n);
        expect(seen.every((count) => count === 1)).toBe(true);
      }
  });

  test('of a length near 2^53, places have different images in range, spread over all of it', () => {
    const n = 2 ** 53 - 111;
    const at = feistel(n, random(0));
    const images = upTo(1000).flatMap((k) => [at(k), at(n - 1 - k)]);
    expect(new Set(images).size).toBe(2000);
    expect(images.every((value) => Number.isSafeInteger(value) && value >= 0 && value < n)).toBe(true);
    const tenths = new Uint32Array(10);
    for (const value of images) increment(tenths, Math.floor((value / n) * 10));
    expect(chiSquare(tenths, 200)).toBeLessThan(limit(9));
  });

  test.each([
    ['Fisher and Yates', (n: number, k: number) => permutation(n, seed, k)],
    ['Feistel', (n: number, k: number) => upTo(n).map(feistel(n, random(0, k)))],
  ])('places, neighbors and cycles are those of random permutations: %s', (_, draw) => {
    const [n, draws] = [13, 3000];
    const places = new Uint32Array(n * n);
    const steps = new Uint32Array(n - 1);
    const pairs = new Uint32Array(n * n);
    let fixed = 0;
    let ascents = 0;
    for (let k = 0; k < draws; k++) {
      const image = draw(n, k);
      for (let i = 0; i < n; i++) {
        const [here, next] = [image[i] as number, image[(i + 1) % n] as number];
        increment(places, i * n + here);
        increment(pairs, here * n + next);
        increment(steps, ((next - here + n) % n) - 1);
        if (here === i) fixed++;
        if (i < n - 1 && next > here) ascents++;
      }
    }
    // Each place has each number equally often, each number each other one as its neighbor, at each distance.
    expect(chiSquare(places, draws / n)).toBeLessThan(limit((n - 1) ** 2));
    const neighbors = pairs.filter((_, i) => i % (n + 1) !== 0);
    expect(chiSquare(neighbors, draws / (n - 1))).toBeLessThan(limit(n * (n - 2)));
    // The steps of one permutation add up to a multiple of n, so that their counts vary a little more.
    expect(chiSquare(steps, (draws * n) / (n - 1))).toBeLessThan(limit(n - 2) * 1.5);
    // One fixed point in the mean, with variance 1; half of the steps ascend, with variance (n + 1) / 12.
    expect(Math.abs(fixed / draws - 1)).toBeLessThan(4.75 / Math.sqrt(draws));
    expect(Math.abs(ascents / draws - (n - 1) / 2)).toBeLessThan(4.75 * Math.sqrt((n + 1) / 12 / draws));
  });

  test('of four numbers, a Feistel network draws each of the 24 permutations equally often', () => {
    const counts = new Map<string, number>();
    const draws = 6000;
    for (let k = 0; k < draws; k++) {
      const name = upTo(4)
        .map(feistel(4, random(1, k)))
        .join('');
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    expect(chiSquare(counts.values(), draws / 24)).toBeLessThan(limit(23));
  });
});

describe('a shuffle of all rows', () => {
  test('is the permutation of the epoch up to 65,536 rows, and needs no array beyond', () => {
    const order = createOrder(1000, { seed: 5 });
    expect(epochOf(order, 2)).toEqual([...permutation(1000, 5, 2)]);
    expect(order.locality).toBeNull();
    const direct = createOrder(60_000, { seed: 5, direct: true });
    const expected = permutation(60_000, 5, 1);
    expect([0, 1, 59_999].map((position) => direct.at(1, position))).toEqual([0, 1, 59_999].map((p) => expected[p]));
    const large = createOrder(70_001, { seed: 5, shuffle: { full: true } });
    expect(sorted(epochOf(large))).toEqual(upTo(70_001));
    expect(epochOf(large, 1).slice(0, 20)).not.toEqual(epochOf(large).slice(0, 20));
  });

  test('without a shuffle, rows come in their order', () => {
    expect(epochOf(sequentialOrder(5))).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('a shuffle in streams', () => {
  test.each([33, 40, 97, 128, 131, 300])('has each of %d rows once in every epoch, in another order', (rows) => {
    const order = createOrder(rows, { seed, shuffle: small });
    expect(order.locality).toMatchObject({ streams: 4, window: 8 });
    expect(sorted(epochOf(order))).toEqual(upTo(rows));
    expect(sorted(epochOf(order, 1))).toEqual(upTo(rows));
    expect(epochOf(order, 1)).not.toEqual(epochOf(order));
    expect(epochOf(createOrder(rows, { seed, shuffle: small }))).toEqual(epochOf(order));
    expect(epochOf(createOrder(rows, { seed: seed + 1, shuffle: small }))).not.toEqual(epochOf(order));
  });

  test('a window of a stream has neighboring rows, of few blocks, and all of them before the next window', () => {
    const order = createOrder(4000, { seed, shuffle: { rows: 128, streams: 4, block: 100 } });
    for (const stream of [0, 1, 2, 3]) {
      const own = epochOf(order).filter((_, position) => position % 4 === stream);
      expect(own.length).toBe(1000);
      // The first window of stream v has v / 4 of the length of the others, 32 rows.
      let from = 0;
      for (const length of [stream * 8, ...Array(32).fill(32)]) {
        const rows = sorted(own.slice(from, from + length));
        from += length;
        const gaps = rows.slice(1).filter((row, i) => row !== (rows[i] as number) + 1).length;
        // A window goes on from one block to another at most once, and over the end of all rows once.
        expect(gaps).toBeLessThanOrEqual(2);
      }
    }
  });

  test('rows of one block are far apart, and every row has the same chance of every part of an epoch', () => {
    const order = createOrder(1000, { seed, shuffle: small });
    const tenths = new Uint32Array(100);
    const epochs = 200;
    for (let epoch = 0; epoch < epochs; epoch++)
      epochOf(order, epoch).forEach((row, position) => {
        increment(tenths, Math.floor(row / 100) * 10 + Math.floor(position / 100));
      });
    // Rows of a block come together, 10 at a time at most, so that counts vary more than those of single rows.
    expect(chiSquare(tenths, epochs * 10)).toBeLessThan(10 * limit(81));
    for (const count of tenths) expect(Math.abs(count / (epochs * 10) - 1)).toBeLessThan(0.25);
    // A batch has rows from all streams: 16 neighboring positions have rows of at least four blocks.
    const rows = epochOf(order);
    for (let at = 0; at + 16 <= 960; at += 16) {
      const blocks = new Set(rows.slice(at, at + 16).map((row) => Math.floor(row / 10)));
      expect(blocks.size).toBeGreaterThanOrEqual(4);
    }
  });

  test('processes that divide the streams read only their own', () => {
    const order = createOrder(1000, { seed, shuffle: small });
    const streams = upTo(1000).map((position) => order.locality?.streamOf(0, position) as number);
    for (const count of [2, 4])
      for (let index = 0; index < count; index++) {
        const own = streams.filter((_, position) => position % count === index);
        expect(new Set(own).size).toBe(4 / count);
      }
  });

  test('a billion rows take no memory, and any position is found at once', () => {
    const order = createOrder(1e9, { seed });
    const before = process.memoryUsage().arrayBuffers;
    const seen = new Set<number>();
    for (const from of [0, 123_456_789, 999_990_000])
      for (let position = from; position < from + 1000; position++) seen.add(order.at(7, position));
    expect(seen.size).toBe(3000);
    expect([...seen].every((row) => row >= 0 && row < 1e9)).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 2 ** 20);
  });

  test('settings that do not fit are refused by name', () => {
    const make = (shuffle: Partial<ShuffleOptions>) => () => createOrder(100_000, { shuffle });
    expect(make({ rows: 16 })).toThrow(
      'data.shuffle.rows is 16, which is less than one row for each of the 32 streams',
    );
    expect(make({ streams: 0 })).toThrow('data.shuffle.streams is 0; expected a whole number of at least 1');
    expect(make({ block: 1.5 })).toThrow('data.shuffle.block is 1.5');
  });
});

describe('with replacement', () => {
  test.each([20, 1000])('%d rows are drawn with equal chances, some twice and some not at all', (rows) => {
    const order = createOrder(rows, { seed, shuffle: small, resample: true });
    expect(order.repeats).toBe(true);
    const epochs = 40_000 / rows;
    const counts = new Uint32Array(rows);
    let different = 0;
    for (let epoch = 0; epoch < epochs; epoch++) {
      const drawn = epochOf(order, epoch);
      different += new Set(drawn).size / rows / epochs;
      for (const row of drawn) increment(counts, row);
    }
    // 1 - 1/e of the rows.
    expect(different).toBeGreaterThan(0.58);
    expect(different).toBeLessThan(0.7);
    // Rows of a block are drawn together: the counts of 100 parts, each with the variance of up to 10 rows.
    const parts = upTo(20).map((k) => counts.slice((k * rows) / 20, ((k + 1) * rows) / 20).reduce((a, b) => a + b));
    expect(chiSquare(parts, 2000)).toBeLessThan(10 * limit(19));
  });

  test('an epoch is as long as it should be, and the next one goes on', () => {
    const whole = createOrder(500, { seed, shuffle: small, resample: true, epochRows: 60 });
    const parts = createOrder(500, { seed, shuffle: small, resample: true, epochRows: 20 });
    expect(whole.length).toBe(60);
    expect([0, 1, 2].flatMap((epoch) => epochOf(parts, epoch))).toEqual(epochOf(whole));
  });
});

describe('mixtures', () => {
  const parts = [
    { rows: 40, weight: 2 },
    { rows: 1000, weight: 1 },
    { rows: 300, weight: 0.5 },
  ];
  const sourceOf = (row: number): number => (row < 40 ? 0 : row < 1040 ? 1 : 2);

  test('after any number of samples each source has had its share, within a few samples', () => {
    for (const weights of [
      [1, 1],
      [0.3, 0.7],
      [2, 1, 0.5],
      [1, 2, 3, 4, 5, 6, 7],
      [1000, 1, 1],
    ]) {
      const order = mixtureOrder(
        weights.map((weight) => ({ rows: 500, weight })),
        { seed, epochRows: 20_000 },
      );
      const total = weights.reduce((sum, weight) => sum + weight);
      const counts = weights.map(() => 0);
      for (let position = 0; position < order.length; position++) {
        increment(counts, Math.floor(order.at(0, position) / 500));
        weights.forEach((weight, source) => {
          const off = Math.abs((counts[source] as number) - ((position + 1) * weight) / total);
          expect(off).toBeLessThan(weights.length === 2 ? 3 : 4);
          // Exactly the rounded share where all streams are equally long.
          if (weights.length === 2 && (position + 1) % 32 === 0) expect(off).toBeLessThanOrEqual(0.5 + 1e-3);
        });
      }
    }
  });

  test('each source has each row once before it begins its own next epoch, whatever the epochs of the mixture are', () => {
    const order = mixtureOrder(parts, { seed, shuffle: small, epochRows: 777 });
    const rows: number[][] = [[], [], []];
    for (let epoch = 0; epoch < 6; epoch++) for (const row of epochOf(order, epoch)) rows[sourceOf(row)]?.push(row);
    // The small source is shuffled as a whole: epoch after epoch, where streams overlap by a few samples.
    const counts = new Map<number, number>();
    for (const row of rows[0] as number[]) counts.set(row, (counts.get(row) ?? 0) + 1);
    expect(counts.size).toBe(40);
    expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(2);
    expect(new Set((rows[1] as number[]).slice(0, 990)).size).toBeGreaterThan(980);
    expect(Math.max(...(rows[1] as number[]))).toBeLessThan(1040);
  });

  test('the samples of any stretch are the same for any length of an epoch, and streams keep to their rows', () => {
    const whole = epochOf(mixtureOrder(parts, { seed, shuffle: small, epochRows: 3000 }));
    const short = mixtureOrder(parts, { seed, shuffle: small, epochRows: 1000 });
    expect([0, 1, 2].flatMap((epoch) => epochOf(short, epoch))).toEqual(whole);
    const { locality } = short;
    expect([0, 1, 2, 3, 4].map((position) => locality?.streamOf(1, position))).toEqual([0, 1, 2, 3, 0]);
    const odd = mixtureOrder(parts, { seed, shuffle: small, epochRows: 1001 });
    expect(odd.locality?.streamOf(1, 0)).toBe(1);
    expect(mixtureOrder(parts.slice(0, 1), { shuffle: small }).locality).not.toBeNull();
  });

  test('two sources of the same size have different orders', () => {
    const same = mixtureOrder(
      [
        { rows: 50, weight: 1 },
        { rows: 50, weight: 1 },
      ],
      { seed, epochRows: 100 },
    );
    const rows = epochOf(same);
    expect(rows.filter((row) => row < 50)).not.toEqual(rows.filter((row) => row >= 50).map((row) => row - 50));
  });

  test('what cannot be mixed is refused', () => {
    expect(() => mixtureOrder([])).toThrow('a mixture needs at least one source');
    expect(() => mixtureOrder([{ rows: 0, weight: 1 }])).toThrow('source 1 has 0 rows');
    expect(() => mixtureOrder([...parts, { rows: 3, weight: 0 }])).toThrow('the weight of source 4 is 0');
    expect(() => mixtureOrder(parts, { epochRows: 0.5 })).toThrow('data.epochRows is 0.5');
  });
});
