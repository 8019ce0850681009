/** Width and height in the headers of PNG and JPEG files, which takes less time to read than with sharp. */

interface Size {
  width: number;
  height: number;
}

const pngSignature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Width and height in a PNG's header; null for other files. */
export function pngSize(bytes: Uint8Array): Size | null {
  if (bytes.byteLength < 24 || pngSignature.some((byte, k) => bytes[k] !== byte)) return null;
  const header = new DataView(bytes.buffer, bytes.byteOffset);
  return { width: header.getUint32(16), height: header.getUint32(20) };
}

/** The codes of JPEG's frame headers: C0 to CF but for those of tables and of arithmetic conditioning. */
const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** Width and height in a JPEG's frame header, before the camera's orientation is applied; null where there is none. */
function jpegSize(bytes: Uint8Array): Size | null {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 2; at + 9 <= bytes.byteLength; ) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    if (isFrame(marker)) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    // Any number of bytes FF may come before a marker.
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
  return null;
}

/** Width and height of a PNG or JPEG; null for other files, and where the header is damaged. */
export const headerSize = (bytes: Uint8Array): Size | null => pngSize(bytes) ?? jpegSize(bytes);
