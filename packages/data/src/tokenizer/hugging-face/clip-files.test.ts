// Tokenizers for Hugging Face's libraries: the files, and the ids of transformers.
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { saveHuggingFaceTokenizer, trainBpe } from '../index.ts';

const captions = [
  'a red cat on the red mat',
  "the dog's ball isn't red",
  'naïve café 漢字 漢字',
  'abc bc abc bc ab abc',
  'two cats, 12 dogs!!',
];

/** The ids of `CLIPTokenizer.from_pretrained` and `CLIPTokenizerFast.from_pretrained` of transformers 5.24.0 from the files below. */
const recorded: readonly [text: string, ids: readonly number[]][] = [
  ['a red cat on the red mat', [525, 320, 516, 514, 339, 78, 333, 519, 516, 76, 64, 339, 526]],
  [
    "A Red cat's 12 漢字 — café!!",
    [525, 320, 516, 514, 339, 6, 338, 272, 273, 524, 158, 222, 498, 514, 69, 127, 358, 0, 256, 526],
  ],
  ["the  dog's\tball", [525, 519, 517, 326, 6, 338, 65, 64, 75, 331, 526]],
  [
    "!!! ... 'quoted' they'll",
    [525, 0, 0, 256, 13, 13, 269, 262, 80, 84, 78, 83, 515, 262, 83, 71, 68, 344, 6, 75, 331, 526],
  ],
  ['naïve NAÏVE e\u0301', [525, 77, 64, 127, 107, 85, 324, 77, 64, 127, 107, 85, 324, 127, 358, 526]],
  ['\u{1f600} abc_abc bc', [525, 172, 253, 246, 478, 513, 318, 513, 512, 526]],
];

describe('a tokenizer for Hugging Face', () => {
  const tokenizer = trainBpe(captions, { vocabSize: 560 });
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tokenizer-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('has the ids of transformers', () => {
    expect(recorded.map(([text]) => [text, tokenizer.encode(text)])).toEqual(recorded);
  });

  it('is written as the files from which transformers made these ids', async () => {
    const files = await saveHuggingFaceTokenizer(join(folder, 'hf'), tokenizer, 16);
    expect((await readdir(join(folder, 'hf'))).sort()).toEqual(files.map((path) => basename(path)).sort());
    const read = (name: string): Promise<string> => readFile(join(folder, 'hf', name), 'utf8');
    const vocabulary = JSON.parse(await read('vocab.json'));
    expect(new Set(Object.values(vocabulary))).toEqual(new Set(Array.from({ length: 527 }, (_, id) => id)));
    expect([vocabulary['<|startoftext|>'], vocabulary['<|endoftext|>']]).toEqual([525, 526]);
    expect((await read('merges.txt')).split('\n').slice(0, 2)).toEqual(['#version: 0.2', tokenizer.toJSON().merges[0]]);
    expect(JSON.parse(await read('tokenizer_config.json')).model_max_length).toBe(16);
    const order = ['vocab.json', 'merges.txt', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'];
    const hash = createHash('sha256');
    for (const name of order) hash.update(await read(name));
    // If the files change, their ids in transformers have to be recorded again.
    expect(hash.digest('hex')).toBe('c29391a2ac86f7e87238f7365f47c5081cf6144445d588e7a368800b00cde4df');
  });
});
