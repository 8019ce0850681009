/** The README of a folder: results with their meaning, licenses of the data, and text that cannot break its tables. */
import { expect, it } from 'vitest';
import { modelCard, resultRows } from './index.ts';

it('numbers of an evaluation have names and meanings; lists are left out', () => {
  const evaluation = {
    retrieval: [
      {
        split: 'test',
        metrics: { imageToText: { r1: 0.25 }, chance: { textToImage: { r5: 0.5 } } },
        pixels: null,
        skipped: 0,
      },
    ],
    classification: [{ split: 'test', classNames: ['a'], metrics: { top1: 1, confusion: [[1]] } }],
  };
  expect(resultRows(evaluation)).toEqual([
    {
      split: 'test',
      name: 'imageToText.r1',
      value: 0.25,
      meaning: 'share of queries whose first answer is right; from images to captions',
    },
    {
      split: 'test',
      name: 'chance.textToImage.r5',
      value: 0.5,
      meaning: 'share of queries with a right answer among the first 5; what guessing reaches; from captions to images',
    },
    { split: 'test', name: 'top1', value: 1, meaning: 'share of images whose most probable class is right' },
  ]);
  expect([null, [], 'text', 7].flatMap(resultRows)).toEqual([]);
});

it('a card has the data with its license, and cells without bars and line breaks', () => {
  const card = modelCard({
    title: 'birds',
    library: 'hugging-face',
    model: 'classifier',
    folder: 'birds',
    facts: { Model: 'ViT | small' },
    classNames: ['a`b'],
    multiLabel: true,
    data: [
      { name: 'one', license: 'MIT', homepage: 'https://example.org', description: 'two\nlines' },
      { name: 'other', license: '', homepage: '', description: '' },
    ],
    results: [],
    preprocessing: { imageSize: 32, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    commands: ['npm run convert -- runs/birds birds --to hugging-face'],
  });
  expect(card.startsWith('---\nlibrary_name: transformers\npipeline_tag: image-classification\n')).toBe(true);
  expect(card).toContain('| one | MIT | https://example.org | two lines |');
  expect(card).toContain('| other | not stated in the data set |');
  expect(card).toContain("AutoModelForImageClassification.from_pretrained('birds')");
  expect(card).toContain('| Model | ViT \\| small |');
  expect(card).toContain("`a'b`. An image can have several");
  expect(card).toContain('the shorter side resized to 32 pixels');
});
