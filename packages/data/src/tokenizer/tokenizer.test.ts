// CLIP's tokenizer: published vectors, captions that cannot be encoded, and tokenizer.json.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BytePairTokenizer,
  loadClipTokenizer,
  loadTokenizer,
  saveTokenizer,
  type Tokenizer,
  trainBpe,
} from './index.ts';

/** Captions and ids (without start and end) from OpenCLIP 3.3's SimpleTokenizer with ftfy 6. */
const clipVectors: readonly [string, readonly number[]][] = [
  ['a photo of a cat', [320, 1125, 539, 320, 2368]],
  ["Hello, World! It's 2024.", [3306, 267, 1002, 256, 585, 568, 273, 271, 273, 275, 269]],
  [
    'naïve café — ﬁne “quoted” &amp;lt;b&amp;gt;',
    [1097, 35689, 563, 15304, 2005, 3797, 257, 27706, 257, 283, 321, 285],
  ],
  ['cafÃ©', [15304]],
  ['日本語 テスト', [39121, 44353, 34002, 508, 2429, 228, 32421, 486]],
  ['👩‍👩‍👧 family', [26304, 26304, 964, 356, 1315]],
  ['  lots\t of \n space ', [2958, 539, 2138]],
  ['ＦＵＬＬ width １２', [1476, 23571, 272, 273]],
  ['l’été d’Émile', [331, 262, 3459, 39694, 323, 262, 3459, 6243]],
  ['ÐŸÑ€Ð¸Ð²ÐµÑ‚ Ð¼Ð¸Ñ€', [26302, 16370, 29503, 110, 22176, 141, 480, 38018, 16701, 141, 478]],
  ['Ã¢â‚¬â„¢ quoted', [262, 27706]],
  ['CAFÉ™ shop', [15304, 11675, 1557]],
  ['x\u001b[31mred\u001b[0m y', [87, 736, 344]],
  ['<b>bold &amp; brash</b>', [283, 321, 285, 8911, 261, 1195, 849, 34308, 321, 285]],
  ["they've we'll I'm he'd you're o'clock", [889, 1200, 649, 1342, 328, 880, 797, 1896, 592, 982, 334, 262, 6716]],
  ['a\u200bb zero\ufeffwidth', [320, 9844, 321, 14867, 23571]],
  ['Ⅷ ² ½ ③ ٣', [158, 227, 371, 41175, 33613, 158, 239, 351, 149, 352]],
  ['e\u0301 combining', [4166, 23561]],
  ["don't can''t ''s", [847, 713, 753, 8445, 339, 8445, 338]],
  ['\u0085 \u0093quoted\u0094', [959, 257, 27706, 257]],
  ['ŉ ĳ ǆ ﬀ ﬆ', [262, 333, 72, 329, 67, 129, 378, 1304, 545]],
  [
    'a_b c-d e/f #tag @you http://x.y/z?q=1&amp;r=2',
    [
      [320, 318, 321, 322, 268, 323, 324, 270, 325, 258, 3640, 287, 592],
      [15066, 12441, 343, 269, 344, 270, 345, 286, 336, 284, 272, 261, 337, 284, 273],
    ].flat(),
  ],
  ['Ã la carte', [21259, 1210, 44949]],
  ['...!!!???', [3002, 11194, 3824]],
  [
    'supercalifragilisticexpialidocious antidisestablishmentarianism',
    [1642, 2857, 13093, 2076, 5868, 26850, 835, 639, 38466, 3120, 4262, 7726, 12658, 1585, 44351],
  ],
];

describe("OpenAI CLIP's tokenizer", () => {
  let clip: Tokenizer;
  beforeAll(async () => {
    clip = await loadClipTokenizer();
  });

  it('has the sizes of the published models', () => {
    expect([clip.vocabSize, clip.startToken, clip.endToken]).toEqual([49408, 49406, 49407]);
  });

  it.each(clipVectors)('encodes %j as OpenCLIP does', (text, ids) => {
    expect(clip.encode(text)).toEqual([49406, ...ids, 49407]);
  });

  it('reads special tokens in a text as these tokens', () => {
    expect(clip.encode('<start_of_text>hi<end_of_text>')).toEqual([49406, 49406, 1883, 49407, 49407]);
  });

  it('pads with 0, which leaves the end token at the largest id', () => {
    expect([...clip.encodeBatch(['a photo of a cat', 'cat'], 8)]).toEqual([
      ...[49406, 320, 1125, 539, 320, 2368, 49407, 0],
      ...[49406, 2368, 49407, 0, 0, 0, 0, 0],
    ]);
  });

  it('puts the end token last where it truncates', () => {
    expect([...clip.encodeBatch(['a photo of a cat'], 4, { onTooLong: 'truncate' })]).toEqual([
      49406, 320, 1125, 49407,
    ]);
  });

  it('decodes to words with spaces in between', () => {
    expect(clip.decode([49406, 3306, 267, 1002, 256, 49407, 0, 0])).toBe('hello , world !');
    expect(clip.decode(clip.encode('日本語 テスト 👩‍👩‍👧'))).toBe('日本語 テスト 👩‍👩‍👧');
    expect(() => clip.decode([49408])).toThrow('there is no token 49408; ids run from 0 to 49407');
  });
});

describe('captions that cannot be encoded', () => {
  const tokenizer = new BytePairTokenizer([]);

  it('names an empty caption', () => {
    expect(() => tokenizer.encodeBatch(['cat', ' &nbsp; \n'], 8)).toThrow(
      'tokenizer: caption 1 (" &nbsp; \\n") is empty after cleaning',
    );
  });

  it('names a caption that is too long, and both lengths', () => {
    expect(() => tokenizer.encodeBatch(['cat', 'a long one'], 8)).toThrow(
      'tokenizer: caption 1 ("a long one") has 10 tokens, more than the context of 8',
    );
  });

  it('refuses a context without room for a word', () => {
    expect(() => tokenizer.encodeBatch(['cat'], 2)).toThrow('a context of 2 tokens has no room');
  });
});

describe('a vocabulary without merges', () => {
  it('restores any text that cleaning leaves unchanged', () => {
    const tokenizer = new BytePairTokenizer([]);
    const word = fc.stringMatching(/^[a-zа-яßé漢字ひ]{1,12}$/u);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (words) => {
        expect(tokenizer.decode(tokenizer.encode(words.join(' ')))).toBe(words.join(' ').normalize('NFC'));
      }),
    );
  });

  it('encodes any string, each id in range and the end token once and largest', () => {
    const tokenizer = trainBpe(['the cat sat on the mat', 'the dog sat on the log'], { vocabSize: 540 });
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const ids = tokenizer.encode(text);
        expect(Math.max(...ids)).toBe(tokenizer.endToken);
        expect(ids.indexOf(tokenizer.endToken)).toBe(ids.length - 1);
        expect(ids.every((id) => id >= 0 && id < tokenizer.vocabSize)).toBe(true);
      }),
    );
  });
});

describe('tokenizer.json', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tokenizer-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('keeps a trained tokenizer', async () => {
    const captions = ['a red cat', 'a red dog', 'the reddest cat', 'naïve 漢字'];
    const trained = trainBpe(captions, { vocabSize: 530 });
    const path = join(folder, 'tokenizer.json');
    await saveTokenizer(path, trained);
    const loaded = await loadTokenizer(path);
    expect(loaded.vocabSize).toBe(trained.vocabSize);
    expect(loaded.encodeBatch(captions, 20)).toEqual(trained.encodeBatch(captions, 20));
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(trained.toJSON());
  });

  const good = trainBpe(['a red cat', 'a red dog'], { vocabSize: 516 }).toJSON();
  it.each([
    ['null', null, 'format is undefined'],
    ['another format', { ...good, format: 'x' }, 'format is "x", expected "tessera-bpe"'],
    ['a later version', { ...good, version: 2 }, 'version is 2, this program reads version 1'],
    ['merges that are not a list', { ...good, merges: 'a b' }, '"merges" must be a list'],
    ['a line that is not a merge', { ...good, merges: ['a b c'] }, 'merge 0 is "a b c", expected "left right"'],
    ['an unknown symbol', { ...good, merges: ['a bc'] }, 'merge 0 ("a bc") uses the symbol "bc"'],
    ['a merge twice', { ...good, merges: ['a b', 'a b'] }, 'merge 1 ("a b") occurs twice'],
    ['lost merges', { ...good, merges: good.merges.slice(1) }, 'uses the symbol'],
    ['a wrong size', { ...good, vocabSize: 7 }, 'vocabSize is 7, but 2 merges make 516 tokens'],
  ])('refuses %s', (_, value, message) => {
    expect(() => BytePairTokenizer.fromJSON(value)).toThrow(message);
  });

  it('names the path of a damaged file', async () => {
    const path = join(folder, 'half.json');
    await writeFile(path, JSON.stringify(good).slice(0, 40));
    await expect(loadTokenizer(path)).rejects.toThrow(path);
  });
});
