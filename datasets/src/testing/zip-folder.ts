/** Writing of zip archives, for tests. */
import fs from 'node:fs';
import path from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';

/** The places of a number in an archive: its offset, its size in bytes and its value. */
type Field = readonly [at: number, size: 2 | 4, value: number];

function record(length: number, signature: number, fields: readonly Field[]): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUInt32LE(signature, 0);
  for (const [at, size, value] of fields) bytes.writeUIntLE(value, at, size);
  return bytes;
}

/** Writes the files of a folder as a zip archive (PKWARE's APPNOTE 4.3), deflated. */
export function zipFolder(archive: string, folder: string): void {
  const names = fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const name of names) {
    const content = fs.readFileSync(path.join(folder, name));
    const packed = deflateRawSync(content);
    const encoded = Buffer.from(name);
    const common = (shift: number): Field[] => [
      [4 + shift, 2, 20],
      [8 + shift, 2, 8],
      [14 + shift, 4, crc32(content)],
      [18 + shift, 4, packed.length],
      [22 + shift, 4, content.length],
      [26 + shift, 2, encoded.length],
    ];
    directory.push(record(46, 0x02014b50, [...common(2), [42, 4, offset]]), encoded);
    const local = [record(30, 0x04034b50, common(0)), encoded, packed];
    parts.push(...local);
    offset += local.reduce((sum, part) => sum + part.length, 0);
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = record(22, 0x06054b50, [
    [8, 2, names.length],
    [10, 2, names.length],
    [12, 4, size],
    [16, 4, offset],
  ]);
  fs.writeFileSync(archive, Buffer.concat([...parts, ...directory, end]));
}
