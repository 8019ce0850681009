/** The members of a tar file: names and places, from ustar, GNU and pax headers. */

/** A regular file in a tar file. */
export interface TarMember {
  readonly name: string;
  /** Where its headers begin, including those for a long name. */
  readonly header: number;
  /** Where its content begins. */
  readonly start: number;
  readonly size: number;
}

/** Reads bytes of the tar file; at its end fewer. */
export type ReadTar = (start: number, length: number) => Uint8Array | Promise<Uint8Array>;

const tarBlock = 512;
export const padded = (size: number): number => Math.ceil(size / tarBlock) * tarBlock;

const latin1 = new TextDecoder('latin1');
const utf8 = new TextDecoder();

/** The bytes of a field up to its first zero. */
function field(header: Uint8Array, from: number, length: number): Uint8Array {
  const end = header.subarray(from, from + length).indexOf(0);
  return header.subarray(from, from + (end < 0 ? length : end));
}

/** A number in octal digits, or in binary if the first bit is set (GNU, for 8 GiB and more). */
function numberAt(header: Uint8Array, from: number, length: number): number {
  const first = header[from] as number;
  if (first & 0x80) {
    let value = first & 0x7f;
    for (let k = 1; k < length; k++) value = value * 256 + (header[from + k] as number);
    return value;
  }
  const digits = latin1.decode(field(header, from, length)).trim();
  return digits === '' ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

/** The sum of a header's bytes, its own field counted as spaces. */
function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let k = 0; k < tarBlock; k++) sum += k >= 148 && k < 156 ? 32 : (header[k] as number);
  return sum;
}

/** The records of a pax header: `LENGTH KEY=VALUE\n`, where the length counts bytes. */
function paxRecords(content: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(32, at);
    const length = space < 0 ? Number.NaN : Number(latin1.decode(content.subarray(at, space)));
    if (!(length > 0) || at + length > content.length) throw new Error('a damaged pax header');
    const record = utf8.decode(content.subarray(space + 1, at + length - 1));
    const equals = record.indexOf('=');
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

const longestExtension = 2 ** 20;
const longestPadding = 2 ** 16;

/** Kinds of members by their flag. All that are not listed are not files, and are skipped. */
const kinds: Readonly<Record<string, 'file' | 'long name' | 'pax' | 'global pax' | 'sparse'>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  L: 'long name',
  x: 'pax',
  g: 'global pax',
  S: 'sparse',
};

/**
 * The regular files of a tar file, in order.
 *
 * @param from where a header begins
 * @param end where the file ends, or in the middle of a file where a header begins
 * @param whole whether `end` is the end of the file, where an end mark is expected
 * @throws for a damaged header or a truncated file; the message has the byte
 */
export async function* tarMembers(read: ReadTar, from: number, end: number, whole: boolean): AsyncGenerator<TarMember> {
  let [at, begin] = [from, from];
  let longName: string | null = null;
  let pax = new Map<string, string>();
  while (at + tarBlock <= end) {
    const header = await read(at, tarBlock);
    if (header.every(isZero)) return checkEnd(read, at, end);
    if (numberAt(header, 148, 8) !== checksum(header))
      throw new Error(at === 0 ? 'is not a tar file' : `is damaged: there is no tar header at byte ${at}`);
    const kind = kinds[String.fromCharCode(header[156] as number)];
    const own = pax.get('size');
    const size = kind === 'file' && own !== undefined ? Number(own) : numberAt(header, 124, 12);
    const start = at + tarBlock;
    if (!(size >= 0)) throw new Error(`is damaged: the member at byte ${at} has an impossible size`);
    if (start + size > end)
      throw new Error(`is truncated: the member at byte ${at} has ${size} bytes, but the file ends at byte ${end}`);
    at = start + padded(size);
    if (kind === 'long name' || kind === 'pax') {
      if (size > longestExtension) throw new Error(`is damaged: a header of ${size} bytes at byte ${start}`);
      const content = await read(start, size);
      if (kind === 'pax') pax = paxRecords(content);
      else longName = utf8.decode(field(content, 0, content.length));
      continue;
    }
    if (kind === 'global pax') continue;
    if (kind === 'sparse' || pax.has('GNU.sparse.major'))
      throw new Error(`has a sparse member at byte ${start - tarBlock}; make the tar file without --sparse`);
    if (kind === 'file') yield { name: pax.get('path') ?? longName ?? nameOf(header), header: begin, start, size };
    [begin, longName, pax] = [at, null, new Map()];
  }
  if (whole) throw new Error(`is truncated: it ends at byte ${end} without an end mark`);
}

const isZero = (byte: number): boolean => byte === 0;

/** Programs pad tar files behind the end mark. @throws where members follow, which would be left out */
async function checkEnd(read: ReadTar, at: number, end: number): Promise<void> {
  const rest = await read(at, Math.min(end - at, longestPadding));
  if (!rest.every(isZero))
    throw new Error(`has members behind its end mark at byte ${at}; if tar files were joined, use them one by one`);
}

/** The name in a header; ustar splits long ones in two. */
function nameOf(header: Uint8Array): string {
  const name = utf8.decode(field(header, 0, 100));
  const isUstar = latin1.decode(header.subarray(257, 263)) === 'ustar\0';
  const prefix = isUstar ? utf8.decode(field(header, 345, 155)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}
