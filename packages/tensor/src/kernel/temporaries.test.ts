/** Places of temporaries, for random lifetimes and sizes. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seed } from '../testing/seed.ts';
import { nth } from './nth.ts';
import { placeTemporaries } from './temporaries.ts';

const alignment = 64;
const buffers = fc.array(
  fc
    .record({ bytes: fc.nat(5000), from: fc.nat(30), length: fc.nat(10) })
    .map(({ bytes, from, length }) => ({ bytes, from, to: from + length })),
  { maxLength: 40 },
);

describe(`placeTemporaries (TESSERA_SEED=${seed})`, () => {
  it('places no two buffers at the same place at the same time, within pages', () => {
    fc.assert(
      fc.property(buffers, fc.constantFrom(2048, 8192, undefined), (temporaries, pageBytes) => {
        const { places, pages } = placeTemporaries(temporaries, { alignment, pageBytes });
        if (pageBytes === undefined) expect(pages.length).toBeLessThanOrEqual(1);
        temporaries.forEach((a, i) => {
          const { page, byteOffset } = nth(places, i);
          expect(byteOffset % alignment).toBe(0);
          expect(byteOffset + a.bytes).toBeLessThanOrEqual(nth(pages, page));
          temporaries.slice(0, i).forEach((b, j) => {
            const other = nth(places, j);
            if (other.page !== page || a.to < b.from || b.to < a.from) return;
            expect(byteOffset >= other.byteOffset + b.bytes || other.byteOffset >= byteOffset + a.bytes).toBe(true);
          });
        });
        const largest = Math.max(0, ...temporaries.map(({ bytes }) => bytes));
        for (const bytes of pages)
          expect(bytes).toBeLessThanOrEqual(Math.max(pageBytes ?? Number.POSITIVE_INFINITY, largest + alignment));
      }),
      { seed },
    );
  });
});
