/** Tar files in webdataset's layout as shards: neighboring members with the same name up to the first dot are one row. */
import { errorMessage } from '../io/file-system.ts';
import { readRanges } from '../store/ranges.ts';
import type { ByteSource } from '../store/source.ts';
import type { Block, BlockInfo, OpenShard, ShardFormat } from './shard.ts';
import { endingsOf, readSample, type SampleMembers, type TarColumns, tarColumns } from './tar-columns.ts';
import { padded, type ReadTar, type TarMember, tarMembers } from './tar-headers.ts';

/** A stretch of a tar file that is read at once. */
interface TarBlock extends BlockInfo {
  readonly start: number;
  readonly end: number;
}

/** A row of a tar file. */
interface Sample {
  readonly key: string;
  /** By ending. */
  readonly members: Map<string, TarMember>;
}

/** A block ends after so many rows or bytes. */
const [blockRows, blockBytes] = [512, 32 * 2 ** 20];
/** The rows that tell which columns there are. */
const sampledRows = 16;
/** Remote tar files are indexed in pieces of this size. */
const pieceBytes = 4 * 2 ** 20;

/** Key and ending: the base name is split at its first dot. Files without ending belong to no row. */
function splitName(name: string): { key: string; ending: string } | null {
  const match = /^((?:.*\/)?[^./][^./]*)\.([^/]+)$/.exec(name);
  return match === null ? null : { key: match[1] as string, ending: (match[2] as string).toLowerCase() };
}

/** Groups members into rows. */
async function* samplesOf(members: AsyncIterable<TarMember>): AsyncGenerator<Sample> {
  let current: Sample | null = null;
  for await (const member of members) {
    const parts = splitName(member.name);
    if (parts === null) continue;
    if (current !== null && current.key !== parts.key) {
      yield current;
      current = null;
    }
    current ??= { key: parts.key, members: new Map() };
    if (current.members.has(parts.ending))
      throw new Error(`has two members "${member.name}" in one row; each name may occur once`);
    current.members.set(parts.ending, member);
  }
  if (current !== null) yield current;
}

const startOf = ({ members }: Sample): number => Math.min(...Array.from(members.values(), ({ header }) => header));
const endOf = ({ members }: Sample): number =>
  Math.max(...Array.from(members.values(), ({ start, size }) => start + padded(size)));

/** Reads small parts in ascending order; of a remote file, a larger piece at a time. */
function indexReader(source: ByteSource): ReadTar {
  const { readSync, size } = source;
  if (readSync !== undefined) return (start, length) => readSync(start, Math.min(size, start + length));
  let piece = { start: 0, bytes: new Uint8Array() };
  return async (start, length) => {
    const end = Math.min(size, start + length);
    if (start < piece.start || end > piece.start + piece.bytes.length)
      piece = { start, bytes: await source.read(start, Math.min(size, Math.max(end, start + pieceBytes))) };
    return piece.bytes.subarray(start - piece.start, end - piece.start);
  };
}

/** The blocks of a tar file, from its headers. */
async function indexBlocks(source: ByteSource): Promise<TarBlock[]> {
  const blocks: TarBlock[] = [];
  let open = { rows: 0, start: 0, end: 0 };
  const finish = (): void => {
    if (open.rows > 0) blocks.push({ ...open, bytes: open.end - open.start });
    open = { rows: 0, start: open.end, end: open.end };
  };
  for await (const sample of samplesOf(tarMembers(indexReader(source), 0, source.size, true))) {
    if (open.rows === 0) open.start = startOf(sample);
    open.end = endOf(sample);
    open.rows++;
    if (open.rows >= blockRows || open.end - open.start >= blockBytes) finish();
  }
  finish();
  return blocks;
}

/** The rows of a block, and how their members are read. */
async function openStretch(
  source: ByteSource,
  { start, end }: { readonly start: number; readonly end: number },
  rows: number,
): Promise<{ samples: Sample[]; held: number; read: (member: TarMember) => Uint8Array<ArrayBuffer> }> {
  const { readSync } = source;
  const samples: Sample[] = [];
  const walk = async (read: ReadTar): Promise<void> => {
    for await (const sample of samplesOf(tarMembers(read, start, Math.min(end, source.size), false))) {
      samples.push(sample);
      if (samples.length === rows) break;
    }
  };
  if (readSync !== undefined) {
    await walk((from, length) => readSync(from, Math.min(source.size, from + length)));
    return { samples, held: 0, read: (member) => readSync(member.start, member.start + member.size) };
  }
  const held = await readRanges(source, [{ start, end: Math.min(end, source.size) }]);
  await walk((from, length) => held.slice(from, Math.min(length, source.size - from)));
  return { samples, held: held.bytes, read: (member) => held.slice(member.start, member.size) };
}

/** The members of a row that are needed. */
function membersOf(
  { members }: Sample,
  read: (member: TarMember) => Uint8Array<ArrayBuffer>,
  wanted: ReadonlySet<string> | null,
): SampleMembers {
  const needed = [...members].filter(([ending]) => wanted?.has(ending) ?? true);
  return new Map(needed.map(([ending, member]) => [ending, { name: member.name, bytes: read(member) }]));
}

/** The memory of a row's place, roughly. */
const bytesPerSample = 500;

async function openTarBlock(
  source: ByteSource,
  block: TarBlock,
  columns: TarColumns,
  names: readonly string[],
): Promise<Block> {
  const { samples, held, read } = await openStretch(source, block, block.rows);
  if (samples.length !== block.rows)
    throw new Error(`has ${samples.length} rows from byte ${block.start}; its index says ${block.rows}`);
  const wanted = endingsOf(columns, names);
  return {
    held: held + bytesPerSample * samples.length,
    row(index) {
      const sample = samples[index] as Sample;
      return readSample(columns, names, sample.key, membersOf(sample, read, wanted));
    },
  };
}

/** The columns of opened files. The first rows of another file of the split can look different, for instance without decimals. */
const columnsOfShards = new WeakMap<OpenShard, TarColumns>();

/** What opening finds out by reading all headers. */
interface TarIndex extends ReturnType<typeof tarColumns> {
  readonly blocks: readonly TarBlock[];
}

async function makeIndex(source: ByteSource, like: OpenShard | undefined): Promise<TarIndex> {
  const blocks = await indexBlocks(source);
  const [first] = blocks;
  if (first === undefined) throw new Error('has no rows; expected members like KEY.jpg and KEY.txt or KEY.json');
  const columns = like === undefined ? undefined : columnsOfShards.get(like);
  if (like !== undefined && columns !== undefined) return { blocks, columns, features: like.features };
  const { samples, read } = await openStretch(source, first, Math.min(sampledRows, first.rows));
  return { blocks, ...tarColumns(samples.map((sample) => membersOf(sample, read, null))) };
}

async function openTar(source: ByteSource, like?: OpenShard, index?: unknown): Promise<OpenShard> {
  const explain = async <T>(body: () => Promise<T>): Promise<T> => {
    try {
      return await body();
    } catch (error) {
      const problem = errorMessage(error);
      throw problem.startsWith(source.url) ? error : new Error(`${source.url}: ${problem}`, { cause: error });
    }
  };
  const known = (index as TarIndex | undefined) ?? (await explain(() => makeIndex(source, like)));
  const { blocks, columns, features } = known;
  const shard: OpenShard = {
    url: source.url,
    format: 'tar',
    size: source.size,
    tag: source.tag,
    features,
    blocks,
    lazy: source.readSync !== undefined,
    index: known,
    block: (number, names) => explain(() => openTarBlock(source, blocks[number] as TarBlock, columns, names)),
    close: () => source.close(),
  };
  columnsOfShards.set(shard, columns);
  return shard;
}

export const tarFormat: ShardFormat = { title: 'tar (webdataset)', endings: ['.tar'], open: openTar };
