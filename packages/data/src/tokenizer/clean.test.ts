// Cleaning of captions: recorded results of OpenCLIP, and captions of which nothing is left.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { cleanCaption, isEmptyCaption } from './clean.ts';
import { loadClipTokenizer } from './clip.ts';
import { repairText } from './repair/index.ts';
import type { Tokenizer } from './tokenizer.ts';

/**
 * Text, text after ftfy 6.3.1, text after the cleaning of OpenCLIP 3.3.0, and its ids without start and end, joined by spaces. Some are
 * written by hand, the others are random: text of many scripts, misread up to three times in 17 encodings, mixed with entities, control
 * characters and lone surrogates.
 */
const cases = JSON.parse(readFileSync(new URL('openclip-cases.json', import.meta.url), 'utf8')) as [
  text: string,
  repaired: string,
  cleaned: string,
  ids: string,
][];

describe('recorded captions', () => {
  let clip: Tokenizer;
  beforeAll(async () => {
    clip = await loadClipTokenizer();
  });

  it('are repaired as by ftfy, cleaned and encoded as by OpenCLIP', () => {
    expect(cases.length).toBeGreaterThan(400);
    const ours = cases.map(([text]) => [
      text,
      repairText(text),
      cleanCaption(text),
      clip.encode(text).slice(1, -1).join(' '),
    ]);
    expect(ours).toEqual(cases);
  });

  it('are empty if nothing is left of them', () => {
    expect(cases.map(([text]) => isEmptyCaption(text))).toEqual(cases.map(([, , cleaned]) => cleaned === ''));
  });
});

describe('cleanCaption', () => {
  it.each([
    ['  A  CAT\n\t', 'a cat'],
    ['&amp;amp;lt;b&amp;amp;gt;', '<b>'],
    ['x&nbsp;y', 'x y'],
    ['ΟΔΥΣΣΕΎΣ', 'οδυσσεύς'],
  ])('%j becomes %j', (text, cleaned) => {
    expect(cleanCaption(text)).toBe(cleaned);
  });
});

describe('isEmptyCaption', () => {
  it.each(['', ' \n', '&nbsp;&#11;', '\x1b[1m', 'ï»¿', 'À\x80'])('%j is empty', (text) => {
    expect(isEmptyCaption(text)).toBe(true);
  });

  it('agrees with cleanCaption on any text', () => {
    const piece = fc.constantFrom(
      '&',
      'nbsp',
      ';',
      '#',
      '10',
      ' ',
      'é',
      'Â',
      'À',
      'ï»¿',
      '\x80',
      '\xa0',
      '\x1b[',
      'm',
      '日',
      'а',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const text = pieces.join('');
        expect(isEmptyCaption(text)).toBe(cleanCaption(text) === '');
      }),
    );
  });
});
