/** Automatic augmentation: each operation against torchvision, and what the policies choose. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CounterRandom, purpose } from '../random.ts';
import { applyPolicy, erase, policyOperations } from './policy.ts';
import type { Picture } from './policy-operations.ts';

/** Written by scripts/reference/augmentation.py. */
const reference = JSON.parse(readFileSync(new URL('policy-operations.json', import.meta.url), 'utf8')) as {
  width: number;
  height: number;
  fill: number[];
  pictures: string[];
  cases: { picture: number; operation: string; strength: number; result: string }[];
};

const { width, height, fill } = reference;
const picture = (index = 0): Picture => ({
  data: new Uint8ClampedArray(Buffer.from(reference.pictures[index] as string, 'base64')),
  width,
  height,
});

/** The argument of our operation for torchvision's: it counts bits that are kept, and a threshold. */
const strengthOf = (operation: string, argument: number): number =>
  operation === 'posterize' ? 8 - argument : operation === 'solarize' ? 255 - argument : argument;

describe('an operation', () => {
  it.each(reference.cases)('$operation $strength of picture $picture equals torchvision', (expected) => {
    const image = picture(expected.picture);
    const operation = policyOperations.find(({ name }) => name === expected.operation);
    operation?.apply(image, strengthOf(expected.operation, expected.strength), fill);
    expect(Buffer.from(image.data).equals(Buffer.from(expected.result, 'base64'))).toBe(true);
  });

  it('is one of the fourteen', () => {
    expect(policyOperations).toHaveLength(14);
    expect(new Set(reference.cases.map(({ operation }) => operation)).size).toBe(13);
  });
});

const random = (row: number) => new CounterRandom(5, purpose.augment, 0, row);

describe('a policy', () => {
  it('changes nothing at magnitude 0, but for operations without a magnitude', () => {
    for (let row = 0; row < 40; row++) {
      const image = picture();
      applyPolicy(image, { kind: 'randaugment', operations: 0, magnitude: 9 }, fill, random(row));
      expect(image.data).toEqual(picture().data);
    }
    for (const operation of policyOperations) {
      const image = picture();
      operation.apply(image, 0, fill);
      // Even at magnitude 0, torchvision's solarize inverts what is 255.
      if (!['autoContrast', 'equalize', 'solarize'].includes(operation.name))
        expect(image.data, operation.name).toEqual(picture().data);
    }
  });

  it('is the same for the same stream, and different for most others', () => {
    const results = Array.from({ length: 60 }, (_, row) => {
      const [first, second] = [picture(), picture()];
      for (const image of [first, second]) applyPolicy(image, { kind: 'trivialaugment' }, fill, random(row));
      expect(first.data).toEqual(second.data);
      return Buffer.from(first.data).toString('base64');
    });
    expect(new Set(results).size).toBeGreaterThan(40);
  });

  it('shifts by at most 150 / 331 of the side (RandAugment) and 32 pixels (TrivialAugment)', () => {
    const shift = policyOperations.find(({ name }) => name === 'translateX');
    expect(shift?.strongest('randaugment', picture())).toBeCloseTo((150 / 331) * width);
    expect(shift?.strongest('trivialaugment', picture())).toBe(32);
  });
});

describe('random erasing', () => {
  it('fills one rectangle whose area and ratio are within the limits', () => {
    let erased = 0;
    for (let row = 0; row < 200; row++) {
      const image: Picture = { data: new Uint8ClampedArray(40 * 30 * 3), width: 40, height: 30 };
      erase(image, { probability: 0.5, scale: [0.1, 0.3], ratio: [0.5, 2] }, [9, 9, 9], random(row));
      const filled = Array.from({ length: 1200 }, (_, i) => i).filter((i) => image.data[3 * i] === 9);
      if (filled.length === 0) continue;
      erased++;
      const columns = filled.map((i) => i % 40);
      const rows = filled.map((i) => Math.floor(i / 40));
      const [w, h] = [Math.max(...columns) - Math.min(...columns) + 1, Math.max(...rows) - Math.min(...rows) + 1];
      expect(filled.length).toBe(w * h);
      // The sides are rounded to whole pixels.
      expect(w * h).toBeGreaterThan(0.1 * 1200 * 0.85);
      expect(w * h).toBeLessThan(0.3 * 1200 * 1.15);
      expect(h / w).toBeGreaterThan(0.4);
      expect(h / w).toBeLessThan(2.5);
    }
    expect(erased).toBeGreaterThan(70);
    expect(erased).toBeLessThan(130);
  });
});
