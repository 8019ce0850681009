/** Damaged files of data: each is read or refused with an error that names it; see testing/fuzz.ts. */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { RecordBatch, Schema, Table, tableFromIPC, tableToIPC } from 'apache-arrow';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { damageJson, type FuzzOriginal, FuzzThread, jsonOriginal, readDamaged } from './testing/fuzz.ts';
import type { FuzzedReader } from './testing/fuzz-worker.ts';

const files = fileURLToPath(new URL('../data-files', import.meta.url));
const filesIn = (kind: string, ending: string): FuzzOriginal[] =>
  readdirSync(path.join(files, kind))
    .filter((name) => name.endsWith(ending))
    .map((name) => ({ bytes: readFileSync(path.join(files, kind, name)), file: path.join(folder, `train${ending}`) }));

const thread = new FuzzThread(new URL('./testing/fuzz-worker.ts', import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'fuzz-'));
});
afterAll(async () => {
  await thread.close();
  rmSync(folder, { recursive: true });
});

async function pictures(): Promise<FuzzOriginal[]> {
  const plain = sharp({ create: { width: 24, height: 20, channels: 3, background: '#c04020' } });
  const formats = ['png', 'jpeg', 'webp', 'gif', 'tiff', 'avif'] as const;
  const encoded = await Promise.all(formats.map((format) => plain.clone().toFormat(format).toBuffer()));
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle cx="4" cy="4" r="3"/></svg>';
  const ppm = Buffer.concat([Buffer.from('P6 4 3 255\n'), Buffer.alloc(36, 7)]);
  const bmp = Buffer.alloc(54 + 36, 9);
  bmp.write('BM');
  for (const [at, value] of [
    [10, 54],
    [14, 40],
    [18, 3],
    [22, 4],
    [28, 24],
    [30, 0],
    [46, 0],
  ] as const)
    bmp.writeUInt16LE(value, at);
  for (const at of [12, 16, 20, 24, 26, 32, 48]) bmp.writeUInt16LE(at === 26 ? 1 : 0, at);
  return [...encoded, Buffer.from(svg), ppm, bmp].map((bytes) => ({ bytes, file: '' }));
}

/** The files of a tokenizer, read with the others of its folder intact. */
function tokenizerFile(name: string, decisive: string, own: string): FuzzOriginal {
  const bytes = readFileSync(path.join(files, 'tokenizers', name, decisive));
  const file = path.join(own, decisive);
  return decisive.endsWith('.json') ? jsonOriginal(bytes, file) : { bytes, file };
}

/** Arrow files whose description of the columns is damaged, in the metadata of a schema that is in order. */
function arrowDescriptions(): FuzzOriginal[] {
  return filesIn('pictures', '.arrow').map(({ bytes, file }) => {
    const table = tableFromIPC(bytes);
    const description: unknown = JSON.parse(table.schema.metadata.get('huggingface') ?? 'null');
    return {
      bytes,
      file,
      damage: (random) => {
        const text = JSON.stringify(damageJson(description, random)) ?? '';
        const schema = new Schema(table.schema.fields, new Map([['huggingface', text]]));
        return tableToIPC(
          new Table(
            schema,
            table.batches.map(({ data }) => new RecordBatch(schema, data)),
          ),
          'stream',
        );
      },
    };
  });
}

describe('damaged files are read or refused', () => {
  test.each([
    ['Arrow', () => [...filesIn('arrow', '.arrow'), ...filesIn('pictures', '.arrow')], 'dataset', 'train'],
    ['descriptions of Arrow columns', arrowDescriptions, 'dataset', 'train'],
    ['Parquet', () => filesIn('pictures', '.parquet'), 'dataset', 'train'],
    ['tar', () => filesIn('pictures', '.tar'), 'dataset', 'train'],
    ['images', pictures, 'image', null],
  ] as const)('%s', { timeout: 0 }, async (kind, originals, reader: FuzzedReader, names) => {
    const { problems } = await readDamaged({
      kind,
      originals: await originals(),
      thread,
      reader,
      names,
    });
    expect(problems).toEqual([]);
  });

  test.each([
    ['clip', 'tokenizer.json'],
    ['siglip', 'tokenizer.json'],
    ['siglip2', 'tokenizer.json'],
    ['siglip', 'spiece.model'],
    ['clip', 'vocab.json'],
  ] as const)('the tokenizer %s: %s', { timeout: 0 }, async (name, decisive) => {
    const own = path.join(folder, `${name}-${decisive}`);
    mkdirSync(own);
    for (const file of ['tokenizer_config.json', 'merges.txt'])
      if (readdirSync(path.join(files, 'tokenizers', name)).includes(file))
        copyFileSync(path.join(files, 'tokenizers', name, file), path.join(own, file));
    const { problems } = await readDamaged({
      kind: `${name}, ${decisive}`,
      originals: [tokenizerFile(name, decisive, own)],
      thread,
      reader: 'tokenizer' satisfies FuzzedReader,
      names: decisive,
    });
    expect(problems).toEqual([]);
  });
});
