/**
 * Event files have the bytes that PyTorch's `SummaryWriter` writes. `events.json` has its records, as hexadecimal digits: `python
 * scripts/reference/event_files.py write`, with torch 2.15 and tensorboard 2.21.
 */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { histogramOf } from '../../loop/histograms.ts';
import { crc32c, maskedCrc32c } from './crc32c.ts';
import { EventFile, framed } from './event-file.ts';
import {
  fileVersion,
  histogramNumbers,
  histogramValue,
  hparamsEnd,
  hparamsStart,
  imageValue,
  scalarValue,
  sessionStart,
  summary,
  textValue,
} from './events.ts';
import { chosenDouble, doubles, integer, text } from './protobuf.ts';

const expected: Readonly<Record<string, string>> = JSON.parse(
  await fs.readFile(new URL('events.json', import.meta.url), 'utf8'),
);
const when = { step: 3, time: 1700000000.25 };

/** Values in the middles of 64 bins, but for the ends, with the range from 0 to 64. */
const counts = (pairs: readonly (readonly [bin: number, count: number])[]): number[] => {
  const found = new Array<number>(64).fill(0);
  for (const [bin, count] of pairs) found[bin] = count;
  return found;
};

/** The two histograms of events.json: their sums are those of the values, which bins do not have. */
const histograms = {
  histogram: {
    tag: 'weights/a',
    counts: counts([
      [0, 1],
      [10, 2],
      [20, 1],
      [63, 1],
    ]),
    sums: { min: 0, max: 64, num: 5, sum: 105.5, sumSquares: 4736.75 },
  },
  trimmedHistogram: {
    tag: 'weights/b',
    counts: counts([
      [10, 2],
      [20, 1],
    ]),
    sums: { min: 10.5, max: 20.5, num: 3, sum: 41.5, sumSquares: 640.75 },
  },
};

const records: Readonly<Record<string, Uint8Array>> = {
  version: fileVersion(when),
  start: sessionStart(when),
  scalar: summary(when, [scalarValue('train/loss', 0.1)]),
  zero: summary({ step: 300, time: 1700000001 }, [scalarValue('train/loss', 0)]),
  text: summary(when, [textValue('config', 'a: 1\nü: 2')]),
  ...Object.fromEntries(
    Object.entries(histograms).map(([name, { tag, counts, sums }]) => {
      const numbers = histogramNumbers({ range: [0, 64], counts });
      if (numbers === null) throw new Error('no numbers');
      return [name, summary(when, [histogramValue(tag, { ...numbers, ...sums })])];
    }),
  ),
};

describe('the records of an event file have the bytes of PyTorch', () => {
  it.each(Object.keys(records))('%s', (name) => {
    expect(framed(records[name] as Uint8Array).toString('hex')).toBe(expected[name]);
  });

  it('hparams, which have our times besides', () => {
    // PyTorch leaves the times of start and end out.
    expect(framed(summary(when, [hparamsStart({ lr: 0.5 }, 0)])).toString('hex')).toBe(expected.hparamsStart);
    expect(framed(summary(when, [hparamsEnd('finished', 0)])).toString('hex')).toBe(expected.hparamsEnd);
  });
});

describe('CRC-32C', () => {
  it('has the values of RFC 3720, appendix B.4', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, k) => k))).toBe(0x46dd794e);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, k) => 31 - k))).toBe(0x113fdb5c);
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });

  it('is masked to a number of 32 bits without a sign', () => {
    // (0x8a9136aa rotated right by 15 bits) + 0xa282ead8, modulo 2^32.
    expect(maskedCrc32c(new Uint8Array(32))).toBe((((0x8a9136aa >>> 15) | (0x8a9136aa << 17)) + 0xa282ead8) >>> 0);
  });
});

describe('protocol buffers', () => {
  it('write varints of more than 32 bits', () => {
    expect([...integer(2, 300)]).toEqual([0x10, 0xac, 0x02]);
    expect([...integer(1, 2 ** 35)]).toEqual([0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]);
    expect(() => integer(1, -1)).toThrow('-1 is not a whole number');
    expect(() => integer(1, 0.5)).toThrow('0.5 is not a whole number');
  });

  it('leave out defaults, but not of alternatives', () => {
    expect([integer(1, 0), text(1, ''), doubles(1, [])].map(({ byteLength }) => byteLength)).toEqual([0, 0, 0]);
    expect([...chosenDouble(1, 0)]).toEqual([0x09, 0, 0, 0, 0, 0, 0, 0, 0]);
  });
});

describe('a histogram', () => {
  it('has the number and the ends of the finite values', () => {
    const numbers = histogramNumbers(histogramOf([1, 2, 2, 5, Number.NaN]));
    expect(numbers).toMatchObject({ min: 1, max: 5, num: 4 });
    expect(numbers?.limits).toHaveLength(65);
    expect(numbers?.limits[0]).toBe(1);
    expect(numbers?.limits.at(-1)).toBe(5);
    expect(numbers?.counts.reduce((sum, count) => sum + count)).toBe(4);
    // Sums by the middles of the bins are off by at most half a bin for each value.
    expect(Math.abs((numbers?.sum ?? 0) - 10)).toBeLessThanOrEqual((4 * 4) / 64 / 2);
  });

  it('is left out where no value is finite', () => {
    expect(histogramNumbers(histogramOf([Number.NaN]))).toBeNull();
  });
});

it('an image has its caption as the description of its summary', () => {
  const picture = imageValue('a', { png: Uint8Array.of(1, 2), width: 5, height: 4, channels: 3 }, 'b');
  const image = [0x22, 10, 0x08, 4, 0x10, 5, 0x18, 3, 0x22, 2, 1, 2];
  const plugin = [0x0a, 8, 0x0a, 6, ...Buffer.from('images')];
  expect([...picture]).toEqual([0x0a, 1, 0x61, ...image, 0x4a, 13, ...plugin, 0x1a, 1, 0x62]);
});

it('a new file of a folder is read after those that exist, and never replaces one', async () => {
  const folder = await fs.mkdtemp(join(tmpdir(), 'event-files-'));
  try {
    const names: string[] = [];
    for (const time of [100.5, 100.7, 50]) {
      const file = new EventFile(folder, { step: 0, time });
      names.push(file.path);
      file.close();
      expect(() => file.append(fileVersion(when))).toThrow('is closed');
    }
    expect(names).toEqual([...names].sort());
    expect(new Set(names).size).toBe(3);
  } finally {
    await fs.rm(folder, { recursive: true });
  }
});
