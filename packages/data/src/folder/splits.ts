/** The splits of a folder's images: by the names of folders, by a column, or by a hash of the file's name. */
import path from 'node:path';
import { splitNames, splitOfWord } from '../dataset/split-names.ts';
import { unitHash } from './hash.ts';

/** The split of a row of a table. @throws for a value in the column `split` that names none */
export function splitOfRow(
  values: Readonly<Record<string, unknown>>,
  file: string,
  testShare: number | undefined,
): string {
  const named = values.split;
  if (named === undefined || named === null) return splitByHash(file, testShare);
  const split = splitOfWord(String(named).trim());
  if (split !== null) return split;
  throw new Error(`unknown split "${named}"; expected one of ${splitNames.join(', ')}`);
}

/** A file is always in the same split, whatever else is in its folder. */
export const splitByHash = (file: string, testShare = 0.1): string =>
  unitHash(`split/${file.split(path.sep).join('/')}`) < testShare ? 'test' : 'train';
