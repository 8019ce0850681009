/** The formats of files of rows, by the endings of their names. */
import { arrowFormat } from './arrow.ts';
import { parquetFormat } from './parquet.ts';
import type { ShardFormat, ShardFormatName } from './shard.ts';
import { tarFormat } from './tar.ts';

const byName = {
  arrow: arrowFormat,
  parquet: parquetFormat,
  tar: tarFormat,
} as const satisfies Record<Exclude<ShardFormatName, 'images'>, ShardFormat>;
const formats: readonly ShardFormat[] = Object.values(byName);

/** The format with a name. */
export const formatNamed = (name: keyof typeof byName): ShardFormat => byName[name];

/** The endings of files that are looked for in folders. Arrow files in folders belong to saved datasets, which list them. */
export const folderEndings: readonly string[] = [parquetFormat, tarFormat].flatMap(({ endings }) => endings);

/** The path in an address, without its query. */
const pathOf = (url: string): string => url.replace(/^(https?|s3):(.*?)\?.*$/, '$1:$2').toLowerCase();

/** The format of a file by its name. @throws for a name without a known ending; the message lists them */
export function formatOf(url: string): ShardFormat {
  const found = formats.find(({ endings }) => endings.some((ending) => pathOf(url).endsWith(ending)));
  if (found !== undefined) return found;
  const hint = /\.(gz|zst|xz|bz2|zip|tgz)$/.test(pathOf(url))
    ? '; unpack it first, so that parts of it can be read'
    : '';
  const known = formats.map(({ title, endings }) => `${title}: ${endings.join(', ')}`).join('; ');
  throw new Error(`${url}: its ending is none of a known format (${known})${hint}`);
}
