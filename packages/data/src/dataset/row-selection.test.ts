import { describe, expect, it } from 'vitest';
import { CounterRandom, purpose } from '../random.ts';
import { RowSelection } from './row-selection.ts';

const seed = Number(process.env.TESSERA_SEED ?? Date.now() % 2 ** 31);

/** The rows from 0 to `whole - 1` that are drawn with this probability. */
function drawn(random: CounterRandom, whole: number, probability: number): number[] {
  return Array.from({ length: whole }, (_, row) => row).filter(() => random.uniform() < probability);
}

function expectSelects(selection: RowSelection, rows: readonly number[]): void {
  expect([...selection]).toEqual(rows);
  expect(selection.length).toBe(rows.length);
  expect(rows.map((_, k) => selection.at(k))).toEqual(rows);
}

describe(`a selection of rows (TESSERA_SEED=${seed})`, () => {
  it('has the rows that were selected, in either form', () => {
    const random = new CounterRandom(seed, purpose.sampling, 0);
    for (const whole of [0, 1, 31, 32, 33, 511, 512, 513, 2000])
      for (const probability of [0, 0.01, 0.1, 0.9, 1]) {
        const rows = drawn(random, whole, probability);
        const selection = RowSelection.of(rows, whole);
        expectSelects(selection, rows);
        expect(selection.isAscending).toBe(true);
        expect(selection.data.kind).toBe(32 * rows.length > whole ? 'bits' : 'list');
        for (const row of [0, 1, 31, 32, 500, 512, 1024, whole - 1, whole, whole + 700].filter((value) => value >= 0))
          expect(selection.countBelow(row)).toBe(rows.filter((value) => value < row).length);
        expectSelects(new RowSelection(structuredClone(selection.data)), rows);
      }
  });

  it('keeps another order, and rows that are there twice', () => {
    const rows = Array.from({ length: 700 }, (_, k) => k);
    for (const last of [3, 699]) {
      const selection = RowSelection.of([...rows, last], 1000);
      expectSelects(selection, [...rows, last]);
      expect(selection.isAscending).toBe(false);
    }
  });

  it('joins parts of any form and length', () => {
    const random = new CounterRandom(seed, purpose.sampling, 1);
    for (let trial = 0; trial < 200; trial++) {
      let first = 0;
      const expected: number[] = [];
      const parts = Array.from({ length: 1 + random.below(4) }, () => {
        const whole = random.below(150);
        const rows = drawn(random, whole, [0.02, 0.5, 1][random.below(3)] ?? 1);
        if (random.below(8) === 0) rows.reverse();
        const selected = rows.length === whole && random.below(2) === 0 ? null : RowSelection.of(rows, whole);
        const numbers = selected === null ? Array.from({ length: whole }, (_, row) => row) : rows;
        expected.push(...numbers.map((row) => first + row));
        first += whole;
        return { whole, selected };
      });
      expectSelects(RowSelection.join(parts), expected);
    }
  });

  it('takes about a bit for each row that there is', () => {
    function* most(): Generator<number> {
      for (let row = 0; row < 1_000_000; row++) if (row % 10 !== 0) yield row;
    }
    const { data } = RowSelection.of(most(), 1_000_000);
    if (data.kind !== 'bits') throw new Error('expected bits');
    expect(data.words.byteLength + data.before.byteLength).toBeLessThan(1_000_000 / 7);
  });
});
