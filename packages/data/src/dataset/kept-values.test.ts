// Values of every kind come back as they were.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Value } from '../arrow/column.ts';
import { keepValues } from './kept-values.ts';

const seed = Number(process.env.TESSERA_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** The values, kept and read again. */
const back = (values: readonly Value[]): Value[] => {
  const kept = keepValues(values);
  expect(kept.length).toBe(values.length);
  return values.map((_, index) => kept.get(index));
};

const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', 'cat', 'größe', '猫', '\ud800'));
const integer = fc.oneof(
  fc.integer(),
  fc.integer({ min: -130, max: 130 }),
  fc.constantFrom(-32768, 32768, 2 ** 31, -(2 ** 31)),
);
const optional = (value: fc.Arbitrary<Value>): fc.Arbitrary<Value> => fc.option(value, { nil: null, freq: 4 });
const column = fc.oneof(
  ...[text, integer, fc.constantFrom('cat', 'dog'), fc.double(), fc.bigInt(), fc.boolean()].flatMap((value) => [
    fc.array(optional(value)),
    fc.array(optional(fc.array(optional(value), { maxLength: 4 }))),
  ]),
  fc.array(optional(fc.oneof(text, integer, fc.array(text)))),
  fc.array(optional(fc.record({ weight: fc.double(), texts: fc.array(text) }))),
  fc.array(optional(fc.record({ a: integer, b: text }, { requiredKeys: ['a'] }))),
);

test(`values are kept as they are (TESSERA_SEED=${seed})`, () => {
  fc.assert(
    fc.property(column, (values) => {
      expect(back(values)).toEqual(values);
    }),
    { seed, numRuns: 400 },
  );
});

test('captions, labels and classes take few bytes', () => {
  const captions = Array.from({ length: 1000 }, (_, k) => `a photo of the animal number ${k} in a field`);
  const length = captions.join('').length;
  expect(keepValues(captions).bytes).toBeLessThan(length + 5000);
  expect(keepValues(captions.map((_, k) => `kind ${k % 30}`)).bytes).toBeLessThan(3000);
  expect(keepValues(captions.map((_, k) => (k % 9 === 0 ? null : k % 100))).bytes).toBeLessThan(1500);
  expect(keepValues(captions.map((_, k) => [k % 100, 3])).bytes).toBeLessThan(7000);
});
