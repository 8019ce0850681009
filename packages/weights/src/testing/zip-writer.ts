/** Zip archives for tests, correct or deliberately wrong. */
import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipEntry {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflate?: boolean;
  /** The following fields of the directory differ from the data, if they are set. */
  readonly crc?: number;
  readonly compressedSize?: number;
  readonly uncompressedSize?: number;
  readonly flags?: number;
  readonly method?: number;
  /** The index of an earlier entry whose data this entry shares. */
  readonly sameAs?: number;
}

/** A zip archive as `torch.save` writes it, or with the false fields that a test specifies. */
export function writeZip(entries: readonly ZipEntry[]): Uint8Array {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  const offsets: number[] = [];
  let position = 0;
  for (const { name, data, deflate = false, sameAs, flags = 0, method = deflate ? 8 : 0, ...lies } of entries) {
    const packed = deflate ? deflateRawSync(data) : Buffer.from(data);
    const label = Buffer.from(name);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(flags, 2);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt32LE(lies.crc ?? crc32(data), 10);
    fields.writeUInt32LE(lies.compressedSize ?? packed.length, 14);
    fields.writeUInt32LE(lies.uncompressedSize ?? data.length, 18);
    fields.writeUInt16LE(label.length, 22);
    const offset = sameAs === undefined ? position : (offsets[sameAs] ?? position);
    offsets.push(offset);
    if (sameAs === undefined) {
      const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), fields, label, packed]);
      parts.push(local);
      position += local.length;
    }
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\u0001\u0002'), Buffer.from([20, 0]), fields, rest, label]));
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(position, 12);
  return new Uint8Array(Buffer.concat([...parts, central, Buffer.from('PK\u0005\u0006'), end]));
}
