/** The safetensors format: what is written and read, and the damage that is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seed } from '../testing/seed.ts';
import {
  parseSafetensors,
  type SafetensorsData,
  type SafetensorsDType,
  type SafetensorsEntry,
  safetensorsChunks,
  serializeSafetensors,
} from './safetensors.ts';

/** A file with this header, as text or as a value, and this many bytes of data. */
function file(header: unknown, dataBytes = 0): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const f32 = (shape: number[], begin: number, end: number) => ({ dtype: 'F32', shape, data_offsets: [begin, end] });

const samples: Record<SafetensorsDType, SafetensorsData> = {
  F64: Float64Array.of(Math.PI, -0, Number.NaN),
  F32: Float32Array.of(1.5, -2, Number.POSITIVE_INFINITY),
  F16: Float32Array.of(1.5, -2, 65504),
  BF16: Float32Array.of(1.5, -2, 2 ** 100),
  I64: BigInt64Array.of(1n, -2n, 2n ** 62n),
  I32: Int32Array.of(1, -2, 2 ** 30),
  I16: Int16Array.of(1, -2, 2 ** 14),
  I8: Int8Array.of(1, -2, 127),
  U64: BigUint64Array.of(1n, 2n, 2n ** 63n),
  U32: Uint32Array.of(1, 2, 2 ** 31),
  U16: Uint16Array.of(1, 2, 2 ** 15),
  U8: Uint8Array.of(1, 2, 255),
  BOOL: Uint8Array.of(1, 0, 1),
};
const sampleEntries = Object.entries(samples).map(
  ([dtype, data]): SafetensorsEntry => ({ name: `a.${dtype}`, dtype: dtype as SafetensorsDType, shape: [3, 1], data }),
);

describe('a safetensors file', () => {
  it('has the layout of the format', () => {
    const bytes = serializeSafetensors(
      [
        { name: 'mask', dtype: 'BOOL', shape: [], data: Uint8Array.of(1) },
        { name: 'w', dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) },
      ],
      { format: 'pt' },
    );
    const header =
      '{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},' +
      '"mask":{"dtype":"BOOL","shape":[],"data_offsets":[8,9]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8, ' ');
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + padded.length))).toBe(padded);
    expect([...bytes.subarray(0, 8)]).toEqual([padded.length, 0, 0, 0, 0, 0, 0, 0]);
    expect([...bytes.subarray(8 + padded.length)]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 1]);
  });

  it('keeps every dtype, the shapes and the metadata', () => {
    const { tensors, metadata } = parseSafetensors(serializeSafetensors(sampleEntries, { a: 'b', 'ü"': '\n' }));
    expect(metadata).toEqual({ a: 'b', 'ü"': '\n' });
    expect(tensors.size).toBe(sampleEntries.length);
    for (const { name, ...tensor } of sampleEntries) expect(tensors.get(name)).toEqual(tensor);
  });

  it('is read from any position in memory and from shared memory', () => {
    const bytes = serializeSafetensors(sampleEntries);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 1), 1);
    shared.set(bytes);
    const { tensors } = parseSafetensors(shared);
    for (const { name, data } of sampleEntries) expect(tensors.get(name)?.data).toEqual(data);
  });

  it('shares memory with aligned data, in both directions', () => {
    const data = Float32Array.of(1, 2);
    const chunks = safetensorsChunks([{ name: 'w', dtype: 'F32', shape: [2], data }]);
    expect(chunks[1]?.buffer).toBe(data.buffer);
    const bytes = serializeSafetensors([{ name: 'w', dtype: 'F32', shape: [2], data }]);
    expect(parseSafetensors(bytes).tensors.get('w')?.data.buffer).toBe(bytes.buffer);
  });

  it('may have no tensors, empty ones, and ones with odd names', () => {
    expect(parseSafetensors(serializeSafetensors([])).tensors.size).toBe(0);
    const empty = { dtype: 'F32', shape: [0, 5], data: new Float32Array(0) } as const;
    const names = ['__proto__', '0', 'constructor', 'ü', ''];
    const { tensors } = parseSafetensors(serializeSafetensors(names.map((name) => ({ name, ...empty }))));
    expect([...tensors.keys()].sort()).toEqual([...names].sort());
    expect(tensors.get('__proto__')).toEqual(empty);
  });
});

describe('entries that cannot be written', () => {
  const good = { name: 'w', dtype: 'F32', shape: [2], data: new Float32Array(2) } as const;
  it.each<[string, SafetensorsEntry[], string]>([
    ['two of a name', [good, good], 'two tensors are named "w"'],
    ['the name of the metadata', [{ ...good, name: '__metadata__' }], 'a tensor cannot be named __metadata__'],
    ['a shape that does not fit', [{ ...good, shape: [3] }], 'w: shape [3] has 3 elements, the data have 2'],
    ['a negative size', [{ ...good, shape: [-1, -2] }], 'w: shape [-1, -2]'],
    ['other data', [{ ...good, dtype: 'I32' }], 'w: dtype I32 needs a Int32Array, got a Float32Array'],
    ['an unknown dtype', [{ ...good, dtype: 'F8' as 'F32' }], 'w: dtype "F8" is not one of F64, F32'],
  ])('%s', (_, entries, message) => {
    expect(() => serializeSafetensors(entries)).toThrow(`safetensors: ${message}`);
  });
});

describe('a damaged file is refused', () => {
  const valid = serializeSafetensors(sampleEntries, { a: 'b' });
  it.each<[string, Uint8Array, string]>([
    ['empty', new Uint8Array(0), 'the file has 0 bytes, too few'],
    ['another format', new TextEncoder().encode('PK\x03\x04 a zip archive'), 'more than the format allows'],
    ['cut in the header', valid.subarray(0, 40), 'but the file ends after 32: it is cut off'],
    [
      'cut in the data',
      valid.subarray(0, valid.length - 1),
      'a.BOOL ends at byte 141 of the data, but the file has only 140',
    ],
    ['bytes left over', file({ a: f32([1], 0, 4) }, 6), '2 bytes after a do not belong to a tensor'],
    ['invalid JSON', file('{"a":'), 'the header is not valid JSON'],
    ['invalid UTF-8', Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0x7d), 'the header is not valid JSON'],
    ['not an object', file('[1]'), 'the header is not a JSON object'],
    ['a name twice', file('{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\\u0061":{}}'), '"a" occurs twice'],
    [
      'a field twice',
      file('{"a":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
      '"dtype" occurs twice',
    ],
    ['null for a tensor', file({ a: null }), 'a: dtype undefined is not one of F64'],
    ['an unknown dtype', file({ a: { ...f32([1], 0, 4), dtype: 'toString' } }, 4), 'a: dtype "toString" is not one of'],
    ['a negative size', file({ a: f32([-1], 0, 4) }, 4), 'a: shape [-1] is not a list of sizes'],
    ['a fraction', file({ a: f32([0.5], 0, 2) }, 2), 'a: shape [0.5] is not a list of sizes'],
    [
      'a shape too large',
      file({ a: f32([2 ** 50, 2 ** 50], 0, 4) }, 4),
      'a: F32 [1125899906842624, 1125899906842624] needs',
    ],
    ['no offsets', file({ a: { dtype: 'F32', shape: [1] } }, 4), 'a: data_offsets undefined is not [begin, end]'],
    ['three offsets', file({ a: { ...f32([1], 0, 4), data_offsets: [0, 4, 8] } }, 4), 'data_offsets [0,4,8] is not'],
    [
      'offsets in the wrong order',
      file({ a: f32([1], 4, 0) }, 4),
      'a: F32 [1] needs 4 bytes, but data_offsets [4, 0] span -4',
    ],
    ['another size', file({ a: f32([2], 0, 4) }, 4), 'a: F32 [2] needs 8 bytes, but data_offsets [0, 4] span 4'],
    ['an overlap', file({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8), 'the data of a and b overlap'],
    ['the same data twice', file({ a: f32([1], 0, 4), b: f32([1], 0, 4) }, 4), 'the data of a and b overlap'],
    ['a gap', file({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12), '4 bytes between a and b do not belong to a tensor'],
    ['a gap in front', file({ a: f32([1], 4, 8) }, 8), '4 bytes between the header and a do not belong to a tensor'],
    ['metadata of numbers', file({ __metadata__: { a: 1 } }), '__metadata__: the value of "a" is not a string'],
    ['metadata as a list', file({ __metadata__: [] }), '__metadata__ is not an object'],
    [
      'a bool of 2',
      file({ a: { dtype: 'BOOL', shape: [1], data_offsets: [0, 1] } }, 1).fill(2, -1),
      'a: a BOOL tensor contains',
    ],
  ])('%s', (_, bytes, message) => {
    expect(() => parseSafetensors(bytes)).toThrow(/^safetensors: /);
    expect(() => parseSafetensors(bytes)).toThrow(message);
  });

  it(`or is read as something consistent, whatever the damage (TESSERA_SEED=${seed})`, () => {
    const damage = fc.record({
      at: fc.nat(valid.length - 1),
      remove: fc.nat(9),
      insert: fc.uint8Array({ maxLength: 9 }),
    });
    let refused = 0;
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
        const bytes = [...valid];
        for (const { at, remove, insert } of damages) bytes.splice(at, remove, ...insert);
        try {
          const { tensors } = parseSafetensors(Uint8Array.from(bytes));
          for (const { shape, data } of tensors.values()) {
            expect(data.length).toBe(shape.reduce((product, size) => product * size, 1));
          }
        } catch (error) {
          expect((error as Error).message).toMatch(/^safetensors: /);
          refused++;
        }
      }),
      { seed, numRuns: 3000 },
    );
    expect(refused).toBeGreaterThan(1000);
  });
});

it(`reads back any tensors (TESSERA_SEED=${seed})`, () => {
  const entry = fc
    .constantFrom<SafetensorsDType>('F64', 'F32', 'I64', 'I32', 'I16', 'I8', 'U8')
    .chain((dtype) =>
      fc.record({
        dtype: fc.constant(dtype),
        shape: fc.array(fc.nat(4), { maxLength: 4 }),
        name: fc.string({ unit: 'grapheme', maxLength: 12 }).filter((name) => name !== '__metadata__'),
      }),
    )
    .map(({ dtype, shape, name }): SafetensorsEntry => {
      const length = shape.reduce((product, size) => product * size, 1);
      const array = samples[dtype].constructor as new (length: number) => SafetensorsData;
      const data = new array(length);
      for (let i = 0; i < length; i++) data[i] = data instanceof BigInt64Array ? BigInt(i * 7 - 3) : i * 7 - 3;
      return { name, dtype, shape, data };
    });
  fc.assert(
    fc.property(fc.uniqueArray(entry, { selector: ({ name }) => name, maxLength: 8 }), (entries) => {
      const { tensors } = parseSafetensors(serializeSafetensors(entries));
      expect(tensors.size).toBe(entries.length);
      for (const { name, ...tensor } of entries) expect(tensors.get(name)).toEqual(tensor);
    }),
    { seed },
  );
});
