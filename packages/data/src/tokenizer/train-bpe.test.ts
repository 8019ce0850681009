// Training of vocabularies, compared with a naive implementation.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trainBpe } from './train-bpe.ts';

/** The textbook algorithm: counts all pairs again for each merge. Symbols are strings; ids are positions in `symbols`. */
function naiveMerges(words: readonly string[], mergeCount: number): string[] {
  const printable = Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i));
  const latin = Array.from({ length: 95 }, (_, i) => String.fromCharCode(0xa1 + i)).filter((c) => c !== '\u00ad');
  const rest = Array.from({ length: 256 - 94 - latin.length }, (_, i) => String.fromCharCode(0x100 + i));
  const bytes = [...printable, ...latin, ...rest];
  const symbols = [...bytes, ...bytes.map((c) => `${c}</w>`)];
  let split = words.map((word) => [...word.slice(0, -1), `${word.at(-1)}</w>`]);
  const merges: string[] = [];
  while (merges.length < mergeCount) {
    const counts = new Map<string, number>();
    for (const word of split) {
      for (let i = 0; i + 1 < word.length; i++) {
        const pair = `${word[i]} ${word[i + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const order = (pair: string) => pair.split(' ').map((symbol) => symbols.indexOf(symbol));
    const [best] = [...counts].sort(([pairA, a], [pairB, b]) => {
      const [leftA = 0, rightA = 0] = order(pairA);
      const [leftB = 0, rightB = 0] = order(pairB);
      return b - a || leftA - leftB || rightA - rightB;
    });
    if (!best || best[1] < 2) break;
    const [left = '', right = ''] = best[0].split(' ');
    if (!merges.includes(best[0])) merges.push(best[0]);
    if (!symbols.includes(left + right)) symbols.push(left + right);
    split = split.map((word) => {
      const out: string[] = [];
      for (const symbol of word) {
        if (symbol === right && out.at(-1) === left) out.splice(-1, 1, left + right);
        else out.push(symbol);
      }
      return out;
    });
  }
  return merges;
}

describe('trainBpe', () => {
  it('makes the merges of the textbook', () => {
    const word = fc.stringMatching(/^[abc]{1,7}$/);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), (words) => {
        const tokenizer = trainBpe([words.join(' ')], { vocabSize: 514 + 12 });
        expect(tokenizer.toJSON().merges.slice(0, 8)).toEqual(naiveMerges(words, 8).slice(0, 8));
      }),
    );
  });

  it('does not depend on the order of the captions', () => {
    const captions = ['the cat sat', 'the dog ran', 'a cat ran', 'dogs and cats', 'the sand', 'cats sat', 'dogs ran'];
    const one = trainBpe(captions, { vocabSize: 540 }).toJSON();
    expect(trainBpe(captions.toReversed(), { vocabSize: 540 }).toJSON()).toEqual(one);
    expect(one.merges.length).toBeGreaterThan(10);
  });

  it('stops at the size asked for, and makes frequent words one token', () => {
    const captions = Array.from({ length: 50 }, () => 'a photo of a cat');
    const tokenizer = trainBpe(captions, { vocabSize: 520 });
    expect(tokenizer.vocabSize).toBe(520);
    const full = trainBpe(captions, { vocabSize: 8000 });
    expect(full.encode('a photo of a cat')).toHaveLength(5 + 2);
    expect(full.vocabSize).toBeLessThan(540);
  });

  it('merges rare pairs only where asked', () => {
    expect(trainBpe(['unique'], { vocabSize: 600 }).vocabSize).toBe(514);
    expect(trainBpe(['unique'], { vocabSize: 600, minCount: 1 }).encode('unique')).toHaveLength(3);
  });

  it('learns nothing from special tokens', () => {
    const captions = ['<end_of_text> cat', '<end_of_text> dog'];
    expect(trainBpe(captions, { vocabSize: 600 }).toJSON().merges).toEqual([]);
  });

  it('refuses a vocabulary without room, and captions without words', () => {
    expect(() => trainBpe(['a'], { vocabSize: 500 })).toThrow('vocabSize 500 is too small');
    expect(() => trainBpe(['', ' \n'], { vocabSize: 600 })).toThrow('no words to learn from');
  });
});
