/** Prompts and weights of zero-shot classifiers. */
import { describe, expect, it } from 'vitest';
import { fillTemplates, promptNames, promptTemplates, zeroShotLogits, zeroShotWeights } from './zero-shot.ts';

describe('fillTemplates', () => {
  it('puts each name into each template, class after class', () => {
    expect(fillTemplates(['cat', 'a$&b'], ['{}', 'a {} and a {}'])).toEqual([
      'cat',
      'a cat and a cat',
      'a$&b',
      'a a$&b and a a$&b',
    ]);
  });

  it.each(Object.entries(promptTemplates))('has a usable list "%s"', (_, templates) => {
    const prompts = fillTemplates(['cat'], templates);
    expect(new Set(prompts).size).toBe(templates.length);
    expect(prompts.every((prompt) => prompt.includes('cat'))).toBe(true);
  });

  it('refuses a template without {}', () => {
    expect(() => fillTemplates(['cat'], ['a photo'])).toThrow('template "a photo" has no {} for the class name');
    expect(() => fillTemplates(['cat'], [])).toThrow('at least one prompt template');
  });
});

describe('zeroShotWeights', () => {
  it('normalizes, averages and normalizes again', () => {
    // Class 0: directions (1, 0) and (0, 1), of different lengths; class 1: (3, 4) / 5 twice.
    const features = Float32Array.of(10, 0, 0, 0.5, 3, 4, 6, 8);
    const weights = zeroShotWeights(features, 2, 2);
    const expected = [Math.SQRT1_2, Math.SQRT1_2, 0.6, 0.8];
    for (const [i, value] of expected.entries()) expect(weights[i]).toBeCloseTo(value, 6);
    const logits = zeroShotLogits(Float32Array.of(6, 8), weights, 2);
    expect(logits[0]).toBeCloseTo(100 * 1.4 * Math.SQRT1_2, 3);
    expect(logits[1]).toBeCloseTo(100, 3);
  });

  it('refuses prompts that are not the same number for each class', () => {
    expect(() => zeroShotWeights(new Float32Array(6), 2, 2)).toThrow('3 prompts is not a multiple of 2 templates');
  });
});

it('takes other names of classes: in order, or by the own names', () => {
  const own = ['n1', 'n2'];
  expect(promptNames(own, undefined)).toBe(own);
  expect(promptNames(own, ['tench', 'goldfish'])).toEqual(['tench', 'goldfish']);
  expect(promptNames(own, { n2: 'goldfish' })).toEqual(['n1', 'goldfish']);
  expect(() => promptNames(own, ['tench'])).toThrow(
    '1 names for 2 classes; expected one for each, in the order n1, n2',
  );
  expect(() => promptNames(own, { n3: 'shark' })).toThrow('classes that the data set does not have: n3');
});
