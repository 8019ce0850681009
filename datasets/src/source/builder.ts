/** Builders of datasets from files that the user has downloaded. */
import type { BuildOptions, BuildReport, DatasetBuilder } from '../builder.ts';
import { type OfficialArchives, openSourceFiles } from './files.ts';
import type { SourceFiles } from './source-files.ts';

/** What a builder needs besides the common part. */
export interface SourceBuilder extends Pick<DatasetBuilder, 'name' | 'title' | 'license' | 'homepage' | 'version'> {
  /** The files to download, in words. */
  downloads: string;
  /** The archives that are read where a folder contains them as they were downloaded. */
  archives?: OfficialArchives;
  build(files: SourceFiles, target: string, builder: DatasetBuilder, options: BuildOptions): Promise<BuildReport>;
}

/** A builder that reads downloaded files, which the option `from` names. */
export function sourceBuilder({ build, archives, ...about }: SourceBuilder): DatasetBuilder {
  const { name, homepage, downloads } = about;
  const builder: DatasetBuilder = {
    ...about,
    async unavailable(from) {
      if (from !== undefined) return null;
      return `${name}: its files must be downloaded first: ${downloads}, from ${homepage}. Then: npm run build-dataset -- ${name} --from FOLDER_OR_ARCHIVE`;
    },
    async build(target, options = {}) {
      const { from } = options;
      if (from === undefined) throw new Error((await builder.unavailable()) ?? '');
      const files = await openSourceFiles(from, archives);
      try {
        return await build(files, target, builder, options);
      } finally {
        await files.close();
      }
    },
  };
  return builder;
}

/**
 * The beginning of the paths of a dataset's files, since archives have a folder of their own and users choose one within or above it.
 *
 * @param needed paths, relative to that beginning; the first that is there determines it
 * @throws where one of them is missing; the message names all that are, and what is expected
 */
export function locate(files: SourceFiles, needed: readonly string[], { name, downloads }: DatasetBuilder): string {
  const base = needed.map((path) => baseOf(files, path)).find((found) => found !== null) ?? null;
  const missing = needed.filter((path) => base === null || !files.has(base + path));
  if (base !== null && missing.length === 0) return base;
  throw new Error(`${files.where}: does not contain ${missing.join(', ')}. ${name} is built from ${downloads}`);
}

/** What is before `path` in the shortest name that ends in it; null where no name does. */
export function baseOf(files: SourceFiles, path: string): string | null {
  const bases = files.names
    .filter((name) => name === path || name.endsWith(`/${path}`))
    .map((name) => name.slice(0, name.length - path.length));
  return bases.sort((a, b) => a.length - b.length)[0] ?? null;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The text of a file. @throws if it is not UTF-8; the message names it */
export async function readText(files: SourceFiles, name: string): Promise<string> {
  const bytes = await files.read(name);
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Error(`${files.where}: ${name} is not UTF-8`);
  }
}

/**
 * The lines of a text file that are not empty, with their numbers from 1. Each is decoded on its own, since some files are longer than a
 * string can be.
 *
 * @throws if a line is not UTF-8; the message names it
 */
export async function readLines(files: SourceFiles, name: string): Promise<{ line: number; text: string }[]> {
  const bytes = await files.read(name);
  const lines: { line: number; text: string }[] = [];
  for (let [line, start] = [1, 0]; start < bytes.length; line++) {
    const found = bytes.indexOf(0x0a, start);
    const end = found === -1 ? bytes.length : found;
    try {
      const text = utf8.decode(bytes.subarray(start, end)).replace(/\r$/, '');
      if (text.trim() !== '') lines.push({ line, text });
    } catch {
      throw new Error(`${files.where}: ${name}, line ${line}, is not UTF-8`);
    }
    start = end + 1;
  }
  return lines;
}

/** Parses a JSON file. @throws if it is none; the message names it */
export async function readJson<T>(files: SourceFiles, name: string): Promise<T> {
  const text = await readText(files, name);
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new Error(`${files.where}: ${name} is not JSON (${(cause as Error).message})`, { cause });
  }
}
