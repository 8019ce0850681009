/** The files of a tar archive, packed by gzip or not. */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import fsp, { type FileHandle } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type TarMember, tarMembers } from '@tessera/data';
import { errorMessage } from '@tessera/data/io';
import type { SourceFiles } from './source-files.ts';

/** The size of a piece of a stream. */
const pieceBytes = 2 ** 20;

/**
 * Opens a tar archive. One that is packed by gzip is unpacked into a temporary file, because its members are read in another order than
 * they are stored.
 *
 * @throws if it is damaged; the message names it
 */
export async function openTarFiles(file: string, isPacked: boolean): Promise<SourceFiles> {
  const handle = isPacked ? await unpacked(file) : await fsp.open(file);
  const read = async (start: number, length: number): Promise<Uint8Array> => {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, start);
    return buffer.subarray(0, bytesRead);
  };
  const members = new Map<string, TarMember>();
  try {
    const { size } = await handle.stat();
    for await (const member of tarMembers(read, 0, size, true)) members.set(member.name.replace(/^\.\//, ''), member);
  } catch (error) {
    await handle.close();
    throw new Error(`${file}: ${errorMessage(error)}`);
  }
  return {
    where: file,
    names: [...members.keys()].sort(),
    has: (name) => members.has(name),
    async read(name) {
      const member = members.get(name);
      if (member === undefined) throw new Error(`${file}: has no file ${name}`);
      return read(member.start, member.size);
    },
    async *stream(name) {
      const member = members.get(name);
      if (member === undefined) throw new Error(`${file}: has no file ${name}`);
      for (let at = 0; at < member.size; at += pieceBytes)
        yield await read(member.start + at, Math.min(pieceBytes, member.size - at));
    },
    close: () => handle.close(),
  };
}

/** The unpacked content in a temporary file that disappears when it is closed, also when the process is killed. */
async function unpacked(file: string): Promise<FileHandle> {
  const temporary = path.join(os.tmpdir(), `tessera-${randomUUID()}.tar`);
  const handle = await fsp.open(temporary, 'wx+');
  try {
    await fsp.rm(temporary);
    await pipeline(createReadStream(file), createGunzip(), async (pieces: AsyncIterable<Uint8Array>) => {
      for await (const piece of pieces) await handle.writeFile(piece);
    });
    return handle;
  } catch (error) {
    await handle.close();
    throw new Error(
      `${file}: cannot be unpacked to ${os.tmpdir()} (${errorMessage(error)}); TMPDIR chooses another folder`,
    );
  }
}
