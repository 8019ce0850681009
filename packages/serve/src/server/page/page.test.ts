// The page: what it offers, and that it loads nothing from elsewhere.
import { expect, it } from 'vitest';
import type { ModelCard } from '../schemas.ts';
import { examplesFor } from './examples.ts';
import { pageFiles } from './page-files.ts';
import { renderModelPage } from './render-page.ts';

const clip: ModelCard = {
  ...{ name: '<first>', task: 'contrastive', title: 'CLIP', dims: 8, classes: null, textTokens: 10, batchSize: 32 },
  can: { embedImages: true, embedTexts: true, classify: 'given classes', predict: true, search: ['texts', 'images'] },
  asks: ['classes', 'templates', 'texts'],
  facts: { Parameters: 5 },
  search: { dataset: 'photos', images: 1234 },
  limits: { images: 2, pixels: 1e6, seconds: 3 },
  preprocessing: { imageSize: 16, steps: ['as it is'], mean: [0, 0, 0], std: [1, 1, 1] },
};
const classifier: ModelCard = {
  ...clip,
  ...{ task: 'classify', classes: ['circle', 'bar'], textTokens: null, asks: [], search: null },
  can: { embedImages: true, embedTexts: false, classify: 'own classes', predict: true, search: [] },
};

it('has a form and examples for each thing that the model can do, and no others', () => {
  const formsOf = (card: ModelCard): (string | undefined)[] =>
    [...renderModelPage(card, 'http://localhost:1', false).matchAll(/data-path="(\w+)"/g)].map(([, path]) => path);
  expect([formsOf(clip), formsOf(classifier)]).toEqual([
    ['search', 'classify', 'embed'],
    ['classify', 'embed'],
  ]);
  const titlesOf = (card: ModelCard): string[] => examplesFor(card, '', false).map(({ title }) => title);
  expect(titlesOf(classifier)).toEqual(['Classify images', 'Embed images']);
  expect(titlesOf(clip)).toContain('Search in images');
});

it('is one file with its own style and script, without inline code, and with escaped names', () => {
  const page = renderModelPage(clip, 'http://localhost:1', true);
  expect(page).toContain('<h1>&lt;first&gt;</h1>');
  expect(page).toContain('Authorization: Bearer $TOKEN');
  expect([...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address)).toEqual([
    ...['data:,', 'page.css', 'page.js', 'openapi.json', 'model', 'health'],
  ]);
  // The policy of the page would refuse them.
  expect(page).not.toMatch(/ style=| on\w+=|<style|<script>/);
  const script = pageFiles.get('/page.js')?.content ?? '';
  expect(() => new Function(script)).not.toThrow();
  // The text of the function is sent, so nothing of its module may be used in it.
  expect(script).not.toMatch(/__vite|import\(|\brequire\(/);
});
