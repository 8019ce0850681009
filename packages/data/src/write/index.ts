/** The formats in which rows are written. */
import { arrowWriting } from './arrow.ts';
import { parquetWriting } from './parquet.ts';
import type { WriteFormat } from './row-writer.ts';
import { tarWriting } from './tar.ts';

export const writeFormats = {
  arrow: arrowWriting,
  parquet: parquetWriting,
  tar: tarWriting,
} as const satisfies Record<string, WriteFormat>;

export type WriteFormatName = keyof typeof writeFormats;

/** The format of a target: that of a file by its ending, otherwise the one that is asked for. @throws where the two differ */
export function writeFormatOf(target: string, asked: WriteFormatName | undefined): WriteFormatName {
  const byEnding = (Object.keys(writeFormats) as WriteFormatName[]).find((name) => {
    const { fileEnding } = writeFormats[name];
    return fileEnding !== null && target.toLowerCase().endsWith(fileEnding);
  });
  if (asked !== undefined && byEnding !== undefined && asked !== byEnding)
    throw new Error(`${target}: a file with this ending is of the format ${byEnding}, not ${asked}`);
  return asked ?? byEnding ?? 'arrow';
}
