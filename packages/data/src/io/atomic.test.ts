// Atomic writing of files: order, full disks, leftovers of dead processes.
import { promises as fs } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeFileAtomic } from './atomic.ts';

describe('writeFileAtomic', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), 'atomic-'));
    path = join(folder, 'file.bin');
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await fs.rm(folder, { recursive: true });
  });

  /** Makes each write of a new file fail after `bytes` bytes, as a full disk does. */
  function fillDiskAfter(bytes: number, code: string): void {
    const open = fs.open;
    vi.spyOn(fs, 'open').mockImplementation(async (name, flags) => {
      const file = await open(name, flags);
      const write = file.write.bind(file);
      let room = bytes;
      vi.spyOn(file, 'write').mockImplementation((async (part: Uint8Array, from: number, length: number) => {
        if (room === 0) throw Object.assign(new Error(`${code}: write`), { code });
        const result = await write(part, from, Math.min(length, room));
        room -= result.bytesWritten;
        return result;
      }) as typeof file.write);
      return file;
    });
  }

  it('writes strings and views in order, and leaves no other file', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(7);
    const view = new Uint8Array(new Float32Array([1, 2]).buffer, 4);
    await writeFileAtomic(path, ['é', shared.subarray(2, 4), view]);
    expect([...(await fs.readFile(path))]).toEqual([0xc3, 0xa9, 7, 7, 0, 0, 0, 0x40]);
    expect(await fs.readdir(folder)).toEqual(['file.bin']);
  });

  it('replaces an old file', async () => {
    await writeFileAtomic(path, ['a long old content']);
    await writeFileAtomic(path, ['new']);
    expect(await fs.readFile(path, 'utf8')).toBe('new');
  });

  it.each(['ENOSPC', 'EDQUOT', 'EFBIG'])('keeps the old file and says what was needed on %s', async (code) => {
    await writeFileAtomic(path, ['old']);
    fillDiskAfter(5, code);
    await expect(writeFileAtomic(path, ['12', new Uint8Array(1000)])).rejects.toThrow(
      /file\.bin: no space left to write it: 1002 bytes are needed, \d+ are free; the old file is untouched/,
    );
    expect(await fs.readFile(path, 'utf8')).toBe('old');
    expect(await fs.readdir(folder)).toEqual(['file.bin']);
  });

  it('says that nothing was written if there was no old file', async () => {
    fillDiskAfter(0, 'ENOSPC');
    await expect(writeFileAtomic(path, ['x'])).rejects.toThrow('nothing was written');
    expect(await fs.readdir(folder)).toEqual([]);
  });

  it('passes other errors on', async () => {
    await expect(writeFileAtomic(join(folder, 'missing', 'x'), ['x'])).rejects.toThrow('ENOENT');
    fillDiskAfter(0, 'EIO');
    await expect(writeFileAtomic(path, ['x'])).rejects.toThrow('EIO');
    expect(await fs.readdir(folder)).toEqual([]);
  });

  it('removes what a killed process left, and nothing else', async () => {
    const dead = `file.bin.partial-${hostname()}-4194305-0`;
    const kept = [`file.bin.partial-${hostname()}-${process.pid}-0`, 'file.bin.partial-elsewhere-4194305-0', 'other'];
    for (const name of [dead, ...kept]) await fs.writeFile(join(folder, name), 'x');
    await writeFileAtomic(path, ['x']);
    expect((await fs.readdir(folder)).sort()).toEqual(['file.bin', ...kept].sort());
  });
});
