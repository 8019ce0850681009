/** The builder of Conceptual Captions, from its tables of addresses and images that were downloaded before. */
import { crc32 } from 'node:zlib';
import type { DatasetBuilder } from '../builder.ts';
import { baseOf, locate, sourceBuilder } from '../source/builder.ts';
import { fileName, filesByName, type ImageRow, writeImageRows } from '../source/image-rows.ts';
import type { SourceFiles } from '../source/source-files.ts';
import { captionFeatures, readCaptionLines } from './captions.ts';

/** The published tables (caption and address in each line), and those that a download program writes (caption and file). */
const tables = {
  train: ['Train_GCC-training.tsv', 'Train-GCC-training.tsv', 'Train-GCC-training_output.csv'],
  validation: ['Validation_GCC-1.1.0-Validation.tsv', 'Validation_GCC-1.1.0-Validation_output.csv'],
} as const;

const tableLine = /^(?<caption>[^\t]+)\t(?<image>[^\t]+)/;
/** A download program's table has the columns title and filepath. */
const isOutput = (name: string): boolean => name.endsWith('_output.csv');

/** Files by the checksum of the address, which download programs use as the name: `CRC32` or `ROW_CRC32`, with an ending or without. */
function filesByChecksum(names: readonly string[]): ReadonlyMap<number, string> {
  const files = new Map<number, string>();
  for (const name of names) {
    const checksum = /^(?:\d+_)?(\d+)(?:\.\w+)?$/.exec(fileName(name))?.[1];
    if (checksum !== undefined) files.set(Number(checksum), name);
  }
  return files;
}

/** The rows of a split. An image that was not downloaded is named by its address. */
async function readSplit(files: SourceFiles, name: string, split: string): Promise<ImageRow[]> {
  const lines = await readCaptionLines(files, name, tableLine, isOutput(name) ? 1 : 0);
  const [byChecksum, byName] = [filesByChecksum(files.names), filesByName(files.names)];
  return lines.map(({ image, caption }) => ({
    split,
    file: (isOutput(name) ? byName.get(fileName(image)) : byChecksum.get(crc32(image))) ?? image,
    values: { captions: [caption] },
  }));
}

async function listRows(files: SourceFiles, builder: DatasetBuilder): Promise<ImageRow[]> {
  const found = Object.entries(tables).flatMap(([split, names]) => {
    const name = names.find((each) => baseOf(files, each) !== null);
    return name === undefined ? [] : [{ split, name: `${baseOf(files, name)}${name}` }];
  });
  if (!found.some(({ split }) => split === 'train')) locate(files, [tables.train[0]], builder);
  const rows: ImageRow[] = [];
  for (const { split, name } of found) for (const row of await readSplit(files, name, split)) rows.push(row);
  return rows;
}

export const conceptualCaptions: DatasetBuilder = sourceBuilder({
  name: 'conceptual-captions',
  title: 'Conceptual Captions: pictures from the web with a caption each',
  license: 'free for any purpose (captions and addresses); the pictures belong to their authors',
  homepage: 'https://ai.google.com/research/ConceptualCaptions/download',
  version: 1,
  downloads:
    'Train_GCC-training.tsv, Validation_GCC-1.1.0-Validation.tsv (if there), and the images, each in a file named by the CRC-32 of its address; or Train-GCC-training_output.csv with the columns title and filepath, and these files',
  build: async (files, target, builder, options) =>
    writeImageRows(
      files,
      target,
      builder,
      { features: captionFeatures, rows: await listRows(files, builder), leftOut: [] },
      options,
    ),
});
