/** The index of a model whose tensors are in several files, in Hugging Face's layout. */
import { promises as fs } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { exists, readProblem } from '@tessera/data/io';

/** The end of the name of an index, after the name of the file that the model would have in one piece. */
const indexEnding = '.index.json';

/** The name of the index of a model's shards. @param whole the name of the file that the model would have in one piece */
export const indexName = (whole: string): string => `${whole}${indexEnding}`;

/** The name of a shard. @param number from 1 */
export function shardName(whole: string, number: number, count: number): string {
  const place = (value: number): string => String(value).padStart(5, '0');
  return whole.replace(/\.[^.]+$|$/, (ending) => `-${place(number)}-of-${place(count)}${ending}`);
}

/** The parts of a shard's name: the name of the whole model's file, and the number of shards. Null: not the name of a shard. */
export function parseShardName(name: string): { readonly whole: string; readonly count: number } | null {
  const [, start, count, ending] = /^(.+)-\d{5}-of-(\d{5})(\.[^.]+)$/.exec(name) ?? [];
  return start === undefined ? null : { whole: `${start}${ending}`, count: Number(count) };
}

export interface ShardIndex {
  /** Of the index itself. */
  readonly path: string;
  /** The names of the tensors in each shard, by the path of the shard. */
  readonly shards: ReadonlyMap<string, readonly string[]>;
}

/**
 * The index that a path belongs to: the path is the index, or one of its shards. Null: the path is neither.
 *
 * @throws for a shard without an index; the message contains the path
 */
export async function findIndex(path: string): Promise<string | null> {
  if (path.endsWith(indexEnding)) return path;
  const shard = parseShardName(basename(path));
  if (shard === null) return null;
  const index = join(dirname(path), indexName(shard.whole));
  if (await exists(index)) return index;
  throw new Error(
    `${path}: is one of ${shard.count} shards of ${shard.whole}; their index ${basename(index)} is not in the same folder`,
  );
}

/** Reads an index. @throws if it is missing or damaged, or refers to files outside of its folder */
export async function readIndex(path: string): Promise<ShardIndex> {
  let content: unknown;
  try {
    content = JSON.parse(await fs.readFile(path, 'utf8'));
  } catch (cause) {
    throw new Error(`${path}: ${readProblem(cause)}`, { cause });
  }
  const { weight_map: map } = (content ?? {}) as { readonly weight_map?: unknown };
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw new Error(`${path}: has no weight_map, an object with the file of each tensor by name`);
  const shards = new Map<string, string[]>();
  for (const [tensor, file] of Object.entries(map)) {
    if (typeof file !== 'string' || file === '' || basename(file) !== file || file.includes('\\'))
      throw new Error(`${path}: weight_map.${tensor} is ${JSON.stringify(file)}; expected a file in the same folder`);
    const shard = join(dirname(path), file);
    const names = shards.get(shard) ?? [];
    names.push(tensor);
    shards.set(shard, names);
  }
  return { path, shards };
}
