/** Headers of tar files: ustar, with a pax header before it where a name or a size does not fit. */

const blockSize = 512;
const longestName = 100;
/** Sizes have eleven octal digits. */
const largestSize = 8 ** 11 - 1;

const encoder = new TextEncoder();
const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

function header(name: string, size: number, kind: '0' | 'x'): Uint8Array {
  const bytes = new Uint8Array(blockSize);
  const put = (text: string, at: number): void => bytes.set(encoder.encode(text), at);
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');
  put(name, 0);
  put(`${octal(0o644, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0${octal(size, 11)}\0${octal(0, 11)}\0`, longestName);
  put(' '.repeat(8), 148);
  put(`${kind}`, 156);
  put('ustar\x0000', 257);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  put(`${octal(sum, 6)}\0 `, 148);
  return bytes;
}

/** `LENGTH KEY=VALUE\n`, where the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = encoder.encode(rest).length;
  let length = bytes + 1;
  while (String(length).length + bytes !== length) length = String(length).length + bytes;
  return `${length}${rest}`;
}

const padding = (size: number): Uint8Array => new Uint8Array((blockSize - (size % blockSize)) % blockSize);

/** A member of a tar file: its headers, its content, and zeros up to the next block. */
export function* tarMember(name: string, content: Uint8Array): Generator<Uint8Array> {
  const fits = isAscii(name) && name.length <= longestName;
  const records = `${fits ? '' : paxRecord('path', name)}${content.length > largestSize ? paxRecord('size', String(content.length)) : ''}`;
  if (records !== '') {
    const bytes = encoder.encode(records);
    yield header('PaxHeader', bytes.length, 'x');
    yield bytes;
    yield padding(bytes.length);
  }
  const short = fits ? name : name.replace(/[^\x20-\x7e]/g, '_').slice(-longestName);
  yield header(short, Math.min(content.length, largestSize), '0');
  yield content;
  yield padding(content.length);
}

/** The end of a tar file, which Tar programs pad to blocks of 10 KiB. */
export const tarEnd = (bytes: number): Uint8Array => {
  const record = 20 * blockSize;
  const end = bytes + 2 * blockSize;
  return new Uint8Array(Math.ceil(end / record) * record - bytes);
};
