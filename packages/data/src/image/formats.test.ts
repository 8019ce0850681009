// Formats that libvips does not read, against the bytes that Pillow decodes; and images that are too large.
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeImage } from './decode.ts';

const decode = async (bytes: Uint8Array): Promise<number[]> => [
  ...(await decodeImage(bytes, { kind: 'working', size: 8 })).data,
];

const fromBase64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

/** Files that Pillow 12 or hand-packed bytes made, and the RGB pixels that Pillow reads from them. */
const cases: Record<string, { file: string; pixels: string }> = {
  'BMP of 24 bits': {
    file: 'Qk1mAAAAAAAAADYAAAAoAAAABQAAAAMAAAABABgAAAAAADAAAADEDgAAxA4AAAAAAAAAAAAAOwQ7LN5RMnp4HE7QeaZAAOi4RalOzQp9PULwHSe2EwDCgl/rz9khow+C2dcQvfgA',
    pixels: 'X4LC2c/rD6Mh19mC+L0QRbjozU6pPX0KHfBCE7YnOwQ7Ud4seHoy0E4cQKZ5',
  },
  'BMP of 8 bits, gray': {
    file: 'Qk1OBAAAAAAAADYEAAAoAAAABQAAAAMAAAABAAgAAAAAABgAAADEDgAAxA4AAAABAAAAAQAAAAAAAAEBAQACAgIAAwMDAAQEBAAFBQUABgYGAAcHBwAICAgACQkJAAoKCgALCwsADAwMAA0NDQAODg4ADw8PABAQEAAREREAEhISABMTEwAUFBQAFRUVABYWFgAXFxcAGBgYABkZGQAaGhoAGxsbABwcHAAdHR0AHh4eAB8fHwAgICAAISEhACIiIgAjIyMAJCQkACUlJQAmJiYAJycnACgoKAApKSkAKioqACsrKwAsLCwALS0tAC4uLgAvLy8AMDAwADExMQAyMjIAMzMzADQ0NAA1NTUANjY2ADc3NwA4ODgAOTk5ADo6OgA7OzsAPDw8AD09PQA+Pj4APz8/AEBAQABBQUEAQkJCAENDQwBEREQARUVFAEZGRgBHR0cASEhIAElJSQBKSkoAS0tLAExMTABNTU0ATk5OAE9PTwBQUFAAUVFRAFJSUgBTU1MAVFRUAFVVVQBWVlYAV1dXAFhYWABZWVkAWlpaAFtbWwBcXFwAXV1dAF5eXgBfX18AYGBgAGFhYQBiYmIAY2NjAGRkZABlZWUAZmZmAGdnZwBoaGgAaWlpAGpqagBra2sAbGxsAG1tbQBubm4Ab29vAHBwcABxcXEAcnJyAHNzcwB0dHQAdXV1AHZ2dgB3d3cAeHh4AHl5eQB6enoAe3t7AHx8fAB9fX0Afn5+AH9/fwCAgIAAgYGBAIKCggCDg4MAhISEAIWFhQCGhoYAh4eHAIiIiACJiYkAioqKAIuLiwCMjIwAjY2NAI6OjgCPj48AkJCQAJGRkQCSkpIAk5OTAJSUlACVlZUAlpaWAJeXlwCYmJgAmZmZAJqamgCbm5sAnJycAJ2dnQCenp4An5+fAKCgoAChoaEAoqKiAKOjowCkpKQApaWlAKampgCnp6cAqKioAKmpqQCqqqoAq6urAKysrACtra0Arq6uAK+vrwCwsLAAsbGxALKysgCzs7MAtLS0ALW1tQC2trYAt7e3ALi4uAC5ubkAurq6ALu7uwC8vLwAvb29AL6+vgC/v78AwMDAAMHBwQDCwsIAw8PDAMTExADFxcUAxsbGAMfHxwDIyMgAycnJAMrKygDLy8sAzMzMAM3NzQDOzs4Az8/PANDQ0ADR0dEA0tLSANPT0wDU1NQA1dXVANbW1gDX19cA2NjYANnZ2QDa2toA29vbANzc3ADd3d0A3t7eAN/f3wDg4OAA4eHhAOLi4gDj4+MA5OTkAOXl5QDm5uYA5+fnAOjo6ADp6ekA6urqAOvr6wDs7OwA7e3tAO7u7gDv7+8A8PDwAPHx8QDy8vIA8/PzAPT09AD19fUA9vb2APf39wD4+PgA+fn5APr6+gD7+/sA/Pz8AP39/QD+/v4A////ABugcW+CAAAAm35dnXUAAAB/1WjOuwAAAA==',
    pixels: 'f39/1dXVaGhozs7Ou7u7m5ubfn5+XV1dnZ2ddXV1GxsboKCgcXFxb29vgoKC',
  },
  'BMP of 1 bit': {
    file: 'Qk1KAAAAAAAAAD4AAAAoAAAABQAAAAMAAAABAAEAAAAAAAwAAADEDgAAxA4AAAIAAAACAAAAAAAAAP///wBQAAAAqAAAAFgAAAA=',
    pixels: 'AAAA////AAAA////////////AAAA////AAAA////AAAA////AAAA////AAAA',
  },
  'BMP of 8 bits with a palette': {
    file: 'Qk1uAAAAAAAAAFYAAAAoAAAABQAAAAMAAAABAAgAAAAAABgAAADEDgAAxA4AAAgAAAAIAAAAt9TYABC9+ACKy0sANdMYAHmmQABVflwAIaMPAFU1nQAHAwUHBAAAAAIHBgMGAAAABAAGAAEAAAA=',
    pixels: 'QKZ52NS3D6Mh2NS3+L0QS8uKnTVVD6MhGNM1D6MhnTVVGNM1XH5VnTVVQKZ5',
  },
  PPM: {
    file: 'UDYKNSAzCjI1NQpfgsLZz+sPoyHX2YL4vRBFuOjNTqk9fQod8EITtic7BDtR3ix4ejLQThxApnk=',
    pixels: 'X4LC2c/rD6Mh19mC+L0QRbjozU6pPX0KHfBCE7YnOwQ7Ud4seHoy0E4cQKZ5',
  },
  PGM: {
    file: 'UDUKNSAzCjI1NQp/1WjOu5t+XZ11G6Bxb4I=',
    pixels: 'f39/1dXVaGhozs7Ou7u7m5ubfn5+XV1dnZ2ddXV1GxsboKCgcXFxb29vgoKC',
  },
  PBM: { file: 'UDQKNSAzCqBQqA==', pixels: 'AAAA////AAAA////////////AAAA////AAAA////AAAA////AAAA////AAAA' },
  'BMP from the top': {
    file: 'Qk1mAAAAAAAAADYAAAAoAAAABQAAAP3///8BABgAAAAAADAAAADEDgAAxA4AAAAAAAAAAAAAOwQ7LN5RMnp4HE7QeaZAAOi4RalOzQp9PULwHSe2EwDCgl/rz9khow+C2dcQvfgA',
    pixels: 'OwQ7Ud4seHoy0E4cQKZ5RbjozU6pPX0KHfBCE7YnX4LC2c/rD6Mh19mC+L0Q',
  },
  'BMP of 16 bits with masks': {
    file: 'Qk1mAAAAAAAAAEIAAAAoAAAABQAAAAMAAAABABAAAwAAACQAAAAAAAAAAAAAAAAAAAAAAAAAAPgAAOAHAAAfAAAAvquzAOZkftvnjQAAK4tWj2DvAEfb0AAA7YBMm4L4wLrcoQAA',
    pixels: 'gxxqnGli/xAQvVkApDjmi2Vai+q07u4AQeIA1RjerHX2ABScYp0x3m32i745',
  },
  'BMP of 16 bits': {
    file: 'Qk1aAAAAAAAAADYAAAAoAAAABQAAAAMAAAABABAAAAAAACQAAAAAAAAAAAAAAAAAAAAAAAAAvquzAOZkftvnjQAAK4tWj2DvAEfb0AAA7YBMm4L4wLrcoQAA',
    pixels: 'ADlqMdVi9iAQc7QAQXPmEM1aGNW03t4Ai8UApDHeUu72ACmczTkxtN72GHs5',
  },
  'BMP of 8 bits with run lengths': {
    file: 'Qk1qAAAAAAAAAFYAAAAoAAAABQAAAAMAAAABAAgAAQAAABQAAAAAAAAAAAAAAAgAAAAAAAAAAP8AAB7hFAA8wygAWqU8AHiHUACWaWQAtEt4ANItjAADAQICAAAABQECAwQFAAAABQcAAQ==',
    pixels: 'jC3SjC3SjC3SjC3SjC3SFOEeKMM8PKVaUId4ZGmWFOEeFOEeFOEeKMM8KMM8',
  },
  'BMP of 4 bits with run lengths': {
    file: 'Qk2GAAAAAAAAAHYAAAAoAAAABQAAAAMAAAABAAQAAgAAABAAAAAAAAAAAAAAABAAAAAAAAAAAP8AAB7hFAA8wygAWqU8AHiHUACWaWQAtEt4ANItjAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAUSAAAABRI0UAAAAAV3AAE=',
    pixels: 'jC3SjC3SjC3SjC3SjC3SFOEeKMM8PKVaUId4ZGmWFOEeKMM8FOEeKMM8FOEe',
  },
  'BMP of 4 bits': {
    file: 'Qk2CAAAAAAAAAHYAAAAoAAAABQAAAAMAAAABAAQAAAAAAAwAAAAAAAAAAAAAABAAAAAAAAAAAP8AAB7hFAA8wygAWqU8AHiHUACWaWQAtEt4ANItjAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABI0UAASNFAAEjRQAA==',
    pixels: 'FOEeKMM8PKVaUId4ZGmWFOEeKMM8PKVaUId4ZGmWFOEeKMM8PKVaUId4ZGmW',
  },
  'BMP of OS/2': {
    file: 'Qk1KAAAAAAAAABoAAAAMAAAABQADAAEAGAA7BDss3lEyengcTtB5pkAA6LhFqU7NCn09QvAdJ7YTAMKCX+vP2SGjD4LZ1xC9+AA=',
    pixels: 'X4LC2c/rD6Mh19mC+L0QRbjozU6pPX0KHfBCE7YnOwQ7Ud4seHoy0E4cQKZ5',
  },
  'PPM in decimal numbers': {
    file: 'UDMKIyBjb21tZW50CjIgMiAjIGFub3RoZXIKMjU1CjEgMiAzIDQgNSA2CjcgOCA5IDI1NSAyNTQgMjUzCg==',
    pixels: 'AQIDBAUGBwgJ//79',
  },
  'PBM in decimal numbers': { file: 'UDEKNCAyCjEwMTAKMCAxIDAgMQo=', pixels: 'AAAA////AAAA////////AAAA////AAAA' },
  'PPM with other largest value': { file: 'UDYgMiAxIDEwMCAAMmQhQ2M=', pixels: 'AID/VKv8' },
};

describe('BMP and Netpbm files are decoded as Pillow does', () => {
  test.each(Object.entries(cases))('%s', async (_, { file, pixels }) => {
    expect(await decode(fromBase64(file))).toEqual([...fromBase64(pixels)]);
  });

  test('files that are cut off at any place are errors, not other pixels', async () => {
    for (const [name, { file }] of Object.entries(cases)) {
      const bytes = fromBase64(file);
      // White space or the padding of the last row may be missing.
      for (let length = 0; length < bytes.length - 6; length += 3)
        await expect(decode(bytes.subarray(0, length)), `${name}, ${length} bytes`).rejects.toThrow();
    }
  });

  test('a BMP file of 32 bits with an alpha mask is blended with white', async () => {
    const header = Buffer.alloc(14 + 56);
    header.write('BM');
    header.writeUInt32LE(header.length, 10);
    header.writeUInt32LE(56, 14);
    header.writeInt32LE(1, 18);
    header.writeInt32LE(1, 22);
    header.writeUInt16LE(32, 28);
    header.writeUInt32LE(3, 30);
    for (const [k, mask] of [0xff0000, 0xff00, 0xff, 0xff000000].entries()) header.writeUInt32LE(mask, 54 + 4 * k);
    expect(await decode(Buffer.concat([header, Buffer.from([0, 100, 200, 0])]))).toEqual([255, 255, 255]);
    expect(await decode(Buffer.concat([header, Buffer.from([0, 100, 200, 255])]))).toEqual([200, 100, 0]);
  });
});

describe('images that are too large are refused before they are decoded', () => {
  test.each([
    ['BMP', bmpHeader(100_000, 10), 'the image has 100000 x 10 pixels; a side may have at most 65535'],
    ['PPM', Buffer.from('P6 60000 60000 255\n'), 'the image has 60000 x 60000 pixels; at most 178956970 are decoded'],
    ['PNG', pngHeader(16, 16_000_000), 'the image has 16 x 16000000 pixels; a side may have at most 65535'],
    ['PNG', pngHeader(0, 16), 'the image has 0 x 16 pixels'],
  ])('%s: %#', async (_, bytes, message) => {
    await expect(decode(bytes)).rejects.toThrow(message);
  });

  test('JPEG, by the limit of libvips', async () => {
    const jpeg = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .jpeg()
      .toBuffer();
    const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
    jpeg.writeUInt16BE(60_000, frame + 5);
    jpeg.writeUInt16BE(60_000, frame + 7);
    await expect(decode(jpeg)).rejects.toThrow('exceeds pixel limit');
  });
});

function bmpHeader(width: number, height: number): Uint8Array {
  const header = Buffer.alloc(54);
  header.write('BM');
  header.writeUInt32LE(54, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(width, 18);
  header.writeInt32LE(height, 22);
  header.writeUInt16LE(24, 28);
  return header;
}

function pngHeader(width: number, height: number): Uint8Array {
  const header = Buffer.alloc(33);
  Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]).copy(header);
  header.writeUInt32BE(width, 16);
  header.writeUInt32BE(height, 20);
  return header;
}
