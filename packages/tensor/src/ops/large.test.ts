/** Functions that take another way when there are many elements, against loops over random data. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tensor } from '../functions.ts';
import { setDefaultBackend } from '../kernel/backend.ts';
import { registerTestedBackends } from '../testing/backends.ts';
import { seed } from '../testing/seed.ts';

registerTestedBackends();

/** Whole numbers from 0 to before `limit` (mulberry32). */
function numbers(count: number, limit: number, start: number): Int32Array {
  let state = start | 0;
  return Int32Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit);
  });
}

describe.each(['wasm', 'gpujs:webasm'])(`many elements on %s (seed ${seed})`, (backend) => {
  beforeAll(() => setDefaultBackend(backend));
  afterAll(() => setDefaultBackend('wasm'));

  it('scatter: of several values for one position, the last one wins', async () => {
    const [count, size] = [3000, 2500];
    const index = numbers(count, size, seed);
    const values = Float32Array.from({ length: count }, (_, k) => k + 1);
    const expected = new Float32Array(size).fill(-1);
    index.forEach((position, k) => {
      expected[position] = k + 1;
    });
    const base = tensor(new Float32Array(size).fill(-1));
    expect([...(await base.scatter(0, tensor(index), tensor(values)).data())]).toEqual([...expected]);
    expect([...(await base.indexPut([tensor(index)], tensor(values)).data())]).toEqual([...expected]);
  });

  it.each([1025, 5000])('sort of %s elements is stable, in both orders, with NaN', async (count) => {
    const keys = Float32Array.from(numbers(count, 700, seed + count));
    keys[17] = Number.NaN;
    keys[count - 3] = Number.NaN;
    keys[5] = Number.POSITIVE_INFINITY;
    const compare = (a: number, b: number): number => {
      const [x, y] = [keys[a] as number, keys[b] as number];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
      return Math.sign(x - y);
    };
    for (const descending of [false, true]) {
      const expected = Array.from(keys.keys()).sort((a, b) => (descending ? compare(b, a) : compare(a, b)) || a - b);
      expect([...(await tensor(keys).argsort(0, { descending }).data())]).toEqual(expected);
    }
  });

  it('rows are sorted each by itself', async () => {
    const keys = numbers(3 * 1100, 50, seed + 1);
    const sorted = await tensor(keys, { shape: [3, 1100] })
      .sort(1)
      .values.data();
    for (let row = 0; row < 3; row++)
      expect([...sorted.slice(row * 1100, (row + 1) * 1100)]).toEqual(
        [...keys.slice(row * 1100, (row + 1) * 1100)].sort((a, b) => a - b),
      );
  });

  it('cumsum and cummax of three levels of blocks', async () => {
    const values = numbers(70_000, 9, seed + 2);
    let sum = 0;
    const sums = values.map((value) => (sum += value));
    expect([...(await tensor(values).cumsum(0).data())]).toEqual([...sums]);
    let [largest, place] = [-1, 0];
    const places = values.map((value, k) => {
      if (value >= largest) [largest, place] = [value, k];
      return place;
    });
    expect([...(await tensor(values).cummax(0).indices.data())]).toEqual([...places]);
  });

  it('searchsorted by bisection', async () => {
    const sequence = numbers(1000, 300, seed + 3).sort();
    const wanted = numbers(500, 310, seed + 4);
    for (const right of [false, true]) {
      const expected = [...wanted].map((value) => sequence.filter((x) => (right ? x <= value : x < value)).length);
      expect([...(await tensor(sequence).searchsorted(tensor(wanted), { right }).data())]).toEqual(expected);
    }
  });
});
