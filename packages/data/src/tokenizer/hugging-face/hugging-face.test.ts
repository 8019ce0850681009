/**
 * Tokenizers of Hugging Face's libraries: the ids of transformers and tokenizers for hard texts, and the files in which they are found.
 *
 * The folders in data-files/tokenizers and the recorded ids are made by data-files/make-tokenizers.py (transformers 5.24.0, tokenizers
 * 0.23.3, sentencepiece 0.2.3). With TESSERA_PYTHON, an interpreter that has these libraries, random texts are compared as well;
 * TESSERA_FUZZ is their number.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer, saveHuggingFaceTokenizer, saveTokenizer, type Tokenizer } from '../index.ts';
import { randomText } from '../testing/random-text.ts';
import { HuggingFaceTokenizer } from './hugging-face-tokenizer.ts';
import { loadHuggingFaceTokenizer } from './read-folder.ts';

const folders = fileURLToPath(new URL('../../../data-files/tokenizers', import.meta.url));
const script = fileURLToPath(new URL('../../../data-files/make-tokenizers.py', import.meta.url));

const jsonOf = (name: string, file = 'tokenizer.json') => JSON.parse(readFileSync(join(folders, name, file), 'utf8'));
/** `tokenizer.json` alone, as the library tokenizers reads it. */
const alone = (name: string): Tokenizer => new HuggingFaceTokenizer({ tokenizer: jsonOf(name) });
const classes = { clip: 'CLIPTokenizer', siglip: 'SiglipTokenizer', siglip2: 'Siglip2Tokenizer' } as const;
const names = Object.keys(classes) as (keyof typeof classes)[];

type Recorded = Readonly<Record<string, readonly (readonly [text: string, ids: string, decoded: string])[]>>;

describe.each(names)('%s', (name) => {
  const recorded: Recorded = jsonOf(name, 'recorded.json');

  it('has the ids and the text of transformers for a folder', async () => {
    const tokenizer = await loadHuggingFaceTokenizer(join(folders, name));
    const cases = recorded[classes[name]] ?? [];
    expect(cases.length).toBeGreaterThan(70);
    const ours = cases.map(([text]) => [text, tokenizer.encode(text).join(' ')]);
    expect(ours).toEqual(cases.map(([text, ids]) => [text, ids]));
    const back = cases.map(([text, ids]) => [text, tokenizer.decode(ids.split(' ').map(Number))]);
    expect(back).toEqual(cases.map(([text, , decoded]) => [text, decoded]));
  });

  it('has the ids of the library tokenizers for tokenizer.json', () => {
    const tokenizer = alone(name);
    const cases = recorded['tokenizer.json'] ?? [];
    expect(cases.length).toBeGreaterThan(70);
    const ours = cases.map(([text]) => [text, tokenizer.encode(text).join(' ')]);
    expect(ours).toEqual(cases.map(([text, ids]) => [text, ids]));
  });
});

const python = process.env.TESSERA_PYTHON?.split(':')[0];
const seed = Number(process.env.TESSERA_SEED ?? Math.floor(Math.random() * 2 ** 31));

describe.skipIf(python === undefined)('random texts', () => {
  it.each([...names.map((name) => [name, null] as const), ...names.map((name) => [name, classes[name]] as const)])(
    '%s as %s',
    { timeout: 0 },
    async (name, className) => {
      const texts = Array.from({ length: Number(process.env.TESSERA_FUZZ ?? 200) }, (_, k) => randomText(seed, k));
      const folder = join(folders, name);
      const input = JSON.stringify({ folder, class: className, texts });
      const run = spawnSync(python as string, [script, '--encode'], { input, maxBuffer: 2 ** 30, encoding: 'utf8' });
      expect(run.status, run.stderr).toBe(0);
      const { ids } = JSON.parse(run.stdout) as { ids: readonly (readonly number[])[] };
      const tokenizer = className === null ? alone(name) : await loadHuggingFaceTokenizer(folder);
      for (const [k, text] of texts.entries())
        expect(tokenizer.encode(text), `TESSERA_SEED=${seed}, text ${k}: ${JSON.stringify(text)}`).toEqual(ids[k]);
    },
  );
});

let work: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'tokenizer-'));
});
afterAll(() => rmSync(work, { recursive: true }));

describe('the files of a folder', () => {
  it.each([
    ['clip', [912, 913, 913, false, 77]],
    ['siglip', [null, 1, 1, false, 64]],
    ['siglip2', [2, null, 0, false, 64]],
  ] as const)('say which tokens %s puts around a text and after it', async (name, expected) => {
    const { startToken, endToken, padToken, padsLeft, contextLength } = await loadHuggingFaceTokenizer(
      join(folders, name),
    );
    expect([startToken, endToken, padToken, padsLeft, contextLength]).toEqual(expected);
  });

  it('of CLIP can be vocab.json and merges.txt', async () => {
    const folder = join(work, 'merges');
    cpSync(join(folders, 'clip'), folder, { recursive: true });
    rmSync(join(folder, 'tokenizer.json'));
    const whole = await loadHuggingFaceTokenizer(join(folders, 'clip'));
    for (const path of [folder, join(folder, 'vocab.json')]) {
      const tokenizer = await loadHuggingFaceTokenizer(path);
      for (let k = 0; k < 50; k++) expect(tokenizer.encode(randomText(7, k))).toEqual(whole.encode(randomText(7, k)));
    }
  });

  it.each(names)('of %s are read again from a run and from what is written for transformers', async (name) => {
    const tokenizer = await loadHuggingFaceTokenizer(join(folders, name));
    const path = join(work, `${name}.json`);
    await saveTokenizer(path, tokenizer);
    await saveHuggingFaceTokenizer(join(work, name), tokenizer, 64);
    const copies = [await loadTokenizer(path), await loadHuggingFaceTokenizer(join(work, name))];
    for (let k = 0; k < 50; k++)
      for (const copy of copies) expect(copy.encode(randomText(8, k))).toEqual(tokenizer.encode(randomText(8, k)));
  });

  it('that are missing or not supported are refused by name', async () => {
    await expect(loadHuggingFaceTokenizer(work)).rejects.toThrow(
      `${work}: contains no tokenizer (looked for tokenizer.json`,
    );
    await expect(loadHuggingFaceTokenizer(join(work, 'x'))).rejects.toThrow('there is no such file');
    await expect(loadHuggingFaceTokenizer(join(folders, 'clip', 'recorded.json'))).rejects.toThrow(
      'is not the file of a tokenizer',
    );
    const folder = join(work, 'damaged');
    cpSync(join(folders, 'siglip2'), folder, { recursive: true });
    writeFileSync(join(folder, 'tokenizer.json'), '{"model":');
    await expect(loadHuggingFaceTokenizer(folder)).rejects.toThrow(join(folder, 'tokenizer.json'));
  });
});

describe('a batch', () => {
  const texts = ['a photo of a cat', 'cat', ''];

  it('is filled after the text, and cut before the end token', async () => {
    const clip = await loadHuggingFaceTokenizer(join(folders, 'clip'));
    const [start, end] = [clip.startToken, clip.endToken];
    const [long = [], short = []] = texts.map((text) => clip.encode(text));
    expect(() => clip.encodeBatch(texts, 4)).toThrow(`caption 0 ("a photo of a cat") has ${long.length} tokens`);
    expect(Array.from(clip.encodeBatch(texts, 4, { onTooLong: 'truncate' }))).toEqual([
      ...[...long.slice(0, 3), end],
      ...[...short, ...Array(4 - short.length).fill(end)],
      ...[start, end, end, end],
    ]);
  });

  it('is filled and cut on the left where the settings say so', () => {
    const config = { ...jsonOf('siglip2', 'tokenizer_config.json'), padding_side: 'left', truncation_side: 'left' };
    const tokenizer = new HuggingFaceTokenizer({ tokenizer: jsonOf('siglip2'), config, modelType: 'siglip2' });
    const [long = [], short = []] = texts.map((text) => tokenizer.encode(text));
    const length = long.length - 1;
    expect(Array.from(tokenizer.encodeBatch(texts.slice(0, 2), length, { onTooLong: 'truncate' }))).toEqual([
      ...[2, ...long.slice(2)],
      ...[...Array(length - short.length).fill(0), ...short],
    ]);
  });
});

describe('tokenizer.json', () => {
  const clip = jsonOf('clip');
  const siglip = jsonOf('siglip');
  const read = (content: unknown) => () => new HuggingFaceTokenizer({ tokenizer: content });

  it.each([
    [
      { ...clip, model: { ...clip.model, type: 'WordPiece' } },
      'model: the type "WordPiece" is not supported; supported are BPE, Unigram',
    ],
    [
      { ...clip, normalizer: { type: 'BertNormalizer' } },
      'normalizer: the type "BertNormalizer" is not supported; supported are NFC',
    ],
    [
      { ...clip, pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'UnicodeScripts' }] } },
      'pre_tokenizer.pretokenizers[0]: the type "UnicodeScripts" is not supported; supported are ByteLevel',
    ],
    [{ ...clip, post_processor: { type: 'X' } }, 'post_processor: the type "X"'],
    [{ ...clip, decoder: { type: 'CTC' } }, 'decoder: the type "CTC"'],
    [
      { ...clip, model: { ...clip.model, merges: ['a zz'] } },
      'merge 0 ("a zz") needs the token "zz", which the vocabulary lacks',
    ],
    [{ ...clip, model: { ...clip.model, dropout: 0.1 } }, 'model.dropout is 0.1, expected null'],
    [{ ...clip, model: { ...clip.model, vocab: { a: -1 } } }, 'model.vocab.a is -1, expected an integer'],
    [
      { ...clip, normalizer: { type: 'Replace', pattern: { Regex: '(?i:a)' }, content: '' } },
      'has a group of another kind',
    ],
    [{ ...clip, normalizer: { type: 'Replace', pattern: { Regex: 'a*' }, content: '' } }, 'matches an empty text'],
    [
      { ...siglip, normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' } },
      'normalizer.precompiled_charsmap: the table of replaced characters',
    ],
    [{ ...siglip, model: { ...siglip.model, unk_id: 99_999 } }, 'model.unk_id is 99999, expected an id below'],
    [[], 'tokenizer.json is [], expected an object'],
  ])('with a part that is not supported is refused: %#', (content, message) => {
    expect(read(content)).toThrow(message);
  });
});
