/** The files of a download: a folder, an archive, or a folder with the archives as they were downloaded. */
import { createReadStream } from 'node:fs';
import fsp from 'node:fs/promises';
import path from 'node:path';
import { readProblem } from '@tessera/data/io';
import type { SourceFiles } from './source-files.ts';
import { openTarFiles } from './tar.ts';
import { openZipFiles } from './zip.ts';

/** The names of archives as they are downloaded, and the beginning of a path that tells that one was unpacked. */
export type OfficialArchives = Readonly<Record<string, string>>;

/** The size of a piece of a stream. */
const pieceBytes = 2 ** 20;

const archiveOpeners: readonly [ending: RegExp, open: (file: string) => Promise<SourceFiles>][] = [
  [/\.zip$/i, openZipFiles],
  [/\.tar$/i, (file) => openTarFiles(file, false)],
  [/\.(tar\.gz|tgz)$/i, (file) => openTarFiles(file, true)],
];

const openerOf = (file: string) => archiveOpeners.find(([ending]) => ending.test(file))?.[1];

/**
 * Opens a download: an archive (.zip, .tar, .tar.gz, .tgz), or a folder. Of a folder, the archives in `archives` are read like unpacked ones.
 *
 * @throws if it is missing, or no archive of these kinds; the message says what was expected
 */
export async function openSourceFiles(from: string, archives: OfficialArchives = {}): Promise<SourceFiles> {
  const status = await fsp.stat(from).catch((error: unknown) => {
    throw new Error(`${from}: ${readProblem(error, 'folder or archive')}`);
  });
  if (!status.isDirectory()) {
    const open = openerOf(from);
    if (open === undefined) throw new Error(`${from}: expected a folder, or an archive .zip, .tar, .tar.gz or .tgz`);
    return withoutHidden(await open(from));
  }
  const folder = await openFolder(from);
  const opened: SourceFiles[] = [folder];
  try {
    for (const [archive, unpacked] of Object.entries(archives)) {
      const open = openerOf(archive);
      const isUnpacked = folder.names.some((name) => `/${name}`.includes(`/${unpacked}`));
      if (!folder.has(archive) || open === undefined || isUnpacked) continue;
      opened.push(withoutHidden(await open(path.join(from, archive))));
    }
  } catch (error) {
    await Promise.all(opened.map((files) => files.close()));
    throw error;
  }
  return opened.length === 1 ? folder : joined(from, opened);
}

/** The files of a folder and its sub-folders, without hidden ones. Symbolic links to files and folders are followed. */
async function openFolder(folder: string): Promise<SourceFiles> {
  const names = new Set<string>();
  const visit = async (inner: string, above: readonly string[]): Promise<void> => {
    const real = await fsp.realpath(path.join(folder, inner));
    // A symbolic link to a folder above would be followed without end.
    if (above.includes(real)) return;
    for (const entry of await fsp.readdir(real, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const name = inner === '' ? entry.name : `${inner}/${entry.name}`;
      const isFolder = entry.isSymbolicLink()
        ? ((await fsp.stat(path.join(folder, name)).catch(() => null))?.isDirectory() ?? false)
        : entry.isDirectory();
      if (isFolder) await visit(name, [...above, real]);
      else names.add(name);
    }
  };
  await visit('', []);
  return {
    where: folder,
    names: [...names].sort(),
    has: (name) => names.has(name),
    read: (name) =>
      fsp.readFile(path.join(folder, name)).catch((error: unknown) => {
        throw new Error(`${path.join(folder, name)}: ${readProblem(error)}`);
      }),
    async *stream(name) {
      try {
        yield* createReadStream(path.join(folder, name), { highWaterMark: pieceBytes });
      } catch (error) {
        throw new Error(`${path.join(folder, name)}: ${readProblem(error)}`);
      }
    },
    close: async () => undefined,
  };
}

/** Several downloads as one; of files with the same name, the first counts. */
function joined(where: string, parts: readonly SourceFiles[]): SourceFiles {
  const partWith = (name: string): SourceFiles => {
    const part = parts.find((each) => each.has(name));
    if (part === undefined) throw new Error(`${path.join(where, name)}: there is no such file`);
    return part;
  };
  return {
    where,
    names: [...new Set(parts.flatMap(({ names }) => names))].sort(),
    has: (name) => parts.some((part) => part.has(name)),
    read: async (name) => partWith(name).read(name),
    async *stream(name) {
      yield* partWith(name).stream(name);
    },
    close: async () => {
      for (const part of parts) await part.close();
    },
  };
}

/** Without files whose name or folder begins with a dot, and those that macOS adds to archives. */
const withoutHidden = (files: SourceFiles): SourceFiles => ({
  ...files,
  names: files.names.filter((name) => !/(^|\/)\.|(^|\/)__MACOSX\//.test(name)),
});
