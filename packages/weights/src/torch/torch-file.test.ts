// PyTorch's files: every format and layout, malicious files, and random damage.
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sizeOf } from '@tessera/tensor';
import { parseSafetensors, type SafetensorsTensor } from '@tessera/tensor/safetensors';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as p from '../testing/pickle-writer.ts';
import { writeZip, type ZipEntry } from '../testing/zip-writer.ts';
import { readTorchFile } from './torch-file.ts';

const fixtures = fileURLToPath(new URL('../../weight-files/torch-formats/', import.meta.url));
const fixture = (name: string): string => join(fixtures, name);

/** Set TESSERA_SEED to repeat a run, TESSERA_TEST_RUNS for more cases. */
const seed = Number(process.env.TESSERA_SEED ?? Math.floor(Math.random() * 2 ** 31));
const runs = Number(process.env.TESSERA_TEST_RUNS ?? 500);

let scratch: string;
beforeAll(async () => {
  scratch = await fs.mkdtemp(join(tmpdir(), 'torch-file-'));
});
afterAll(() => fs.rm(scratch, { recursive: true }));

async function readBytes(bytes: Uint8Array, options = {}): Promise<Map<string, SafetensorsTensor>> {
  const path = join(scratch, 'file.pt');
  await fs.writeFile(path, bytes);
  return readTorchFile(path, options);
}

const numbers = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const fourNumbers = numbers(1, 2, 3, 4);

/** An archive like those of torch.save. */
const archive = (
  data: Uint8Array,
  entries: readonly ZipEntry[] = [{ name: 'a/data/0', data: fourNumbers }],
): Uint8Array => writeZip([{ name: 'a/data.pkl', data }, ...entries]);

describe('files of PyTorch', () => {
  const formats = ['protocol-2.pt', 'protocol-3.pt', 'protocol-4.pt', 'protocol-5.pt', 'legacy.pt', 'checkpoint.pt'];

  it.each(formats)('%s: every type and layout', async (name) => {
    const { tensors } = parseSafetensors(await fs.readFile(fixture('expected.safetensors')));
    const read = await readTorchFile(fixture(name));
    expect(read.size).toBe(17);
    for (const [key, value] of read) expect({ key, ...value }).toEqual({ key, ...tensors.get(`output/${key}`) });
    expect([...read.keys()].slice(0, 3)).toEqual(['matrix', 'transposed', 'permuted']);
  });

  it('a chosen key of a checkpoint', async () => {
    const data = p.pickle(p.dict({ model: p.dict({ a: p.tensorOf() }), ema: p.dict({ b: p.tensorOf() }) }));
    expect([...(await readBytes(archive(data))).keys()]).toEqual(['a']);
    expect([...(await readBytes(archive(data), { key: 'ema' })).keys()]).toEqual(['b']);
    await expect(readBytes(archive(data), { key: 'best' })).rejects.toThrow(
      "has no key 'best'; its keys are model, ema",
    );
  });

  it('archives that were repacked', async () => {
    const entries = [{ name: 'a/data/0', data: fourNumbers, deflate: true }];
    const read = await readBytes(archive(p.pickle(p.dict({ w: p.tensorOf() })), entries));
    expect(read.get('w')).toEqual({ dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
  });

  it('two tensors in one storage', async () => {
    const second = p.tensorOf({ offset: 1, shape: [2], strides: [2] });
    const read = await readBytes(archive(p.pickle(p.dict({ a: p.tensorOf(), b: second }))));
    expect(read.get('b')?.data).toEqual(Float32Array.of(2, 4));
  });
});

describe('rejects', () => {
  const state = (value: Uint8Array): Uint8Array => archive(p.pickle(p.dict({ w: value })));
  const tensor = (fields: p.TensorFields): Uint8Array => state(p.tensorOf(fields));
  const valid = p.pickle(p.dict({ w: p.tensorOf() }));
  const byte = (...values: number[]): Uint8Array => Uint8Array.from(values);

  /** A dict that contains the previous one twice, and so on: 2^40 places of one tensor. */
  function doubling(): Uint8Array {
    const levels = Array.from({ length: 40 }, (_, k) =>
      Buffer.concat([p.dict({ a: p.get(k), b: p.get(k) }), p.put(k + 1), byte(0x30)]),
    );
    return archive(p.pickle(p.dict({ w: p.tensorOf() }), p.put(0), byte(0x30), ...levels, p.get(40)));
  }

  function nested(depth: number): Uint8Array {
    let inner: Uint8Array = p.dict({ w: p.tensorOf() });
    for (let k = 0; k < depth; k++) inner = p.dict({ d: inner });
    return archive(p.pickle(inner));
  }

  it.each<[string, Uint8Array, string]>([
    ['a call of os.system', state(p.call('os', 'system', p.text('true'))), 'GLOBAL refers to "os.system"'],
    ['a call of posix.system', state(p.call('posix', 'system', p.text('true'))), 'no code from a file is run'],
    ['eval', state(p.call('builtins', 'eval', p.text('1'))), 'GLOBAL refers to "builtins.eval"'],
    [
      'a name on the stack',
      state(Buffer.concat([p.text('os'), p.text('system'), byte(0x93)])),
      'STACK_GLOBAL refers to "os.system"',
    ],
    ['torch.load', state(p.call('torch', 'load', p.text('x'))), 'GLOBAL refers to "torch.load"'],
    ["an object's prototype", state(p.global('', 'constructor')), 'refers to ".constructor"'],
    [
      'a storage type as a function',
      state(p.call('torch', 'FloatStorage')),
      'calls torch.FloatStorage, which is not a function',
    ],
    ['an instance by INST', state(byte(0x28, 0x69)), 'operation 0x69'],
    ['an instance by OBJ', state(byte(0x28, 0x6f)), 'operation 0x6f'],
    ['an extension', state(byte(0x82, 1)), 'operation 0x82'],
    ['a buffer from elsewhere', state(byte(0x97)), 'operation 0x97'],
    [
      'state set on a tensor',
      state(Buffer.concat([p.tensorOf(), p.emptyDict, byte(0x62)])),
      'BUILD needs an instance with attributes, got a tensor',
    ],
    [
      'a persistent id that is not a storage',
      state(Buffer.concat([p.text('x'), byte(0x51)])),
      'has a persistent id that is not a storage',
    ],

    [
      'a dict that contains itself',
      archive(p.pickle(p.emptyDict, p.put(0), p.text('x'), p.get(0), p.setItem)),
      "contains itself at 'x'",
    ],
    [
      'a state_dict that contains itself',
      archive(p.pickle(p.dict({ w: p.tensorOf() }), p.put(0), p.text('x'), p.get(0), p.setItem)),
      "contains itself at 'x'",
    ],
    ['values shared without end', doubling(), 'more than 1000000 values'],
    ['dicts 100 deep', nested(100), 'is nested more than 64 levels deep'],
    ['no tensors', archive(p.pickle(p.dict({ a: p.none }))), 'contains no named tensors: it is a dict; its keys are a'],
    ['one tensor alone', archive(p.pickle(p.tensorOf())), 'contains a single tensor without a name'],

    [
      'a tensor beyond its storage',
      tensor({ shape: [2, 3], strides: [3, 1] }),
      'w: a tensor [2, 3] with offset 0 and strides [3, 1] reaches beyond',
    ],
    ['an offset beyond it', tensor({ offset: 1 }), 'reaches beyond its storage of 4 elements'],
    ['a tensor of repeated numbers', tensor({ shape: [2 ** 40], strides: [0] }), 'is larger than its storage'],
    ['sizes that overflow', tensor({ shape: [2 ** 50, 2 ** 50], strides: [0, 0] }), 'is larger than its storage'],
    ['a negative size', tensor({ shape: [-1], strides: [1] }), 'needs the shape as a tuple of at most 64 sizes'],
    ['a negative stride', tensor({ shape: [2], strides: [-1] }), 'needs the strides'],
    ['a negative offset', tensor({ offset: -1 }), 'needs an offset'],
    ['a shape without strides', tensor({ strides: [1] }), 'has a shape and strides of different lengths'],
    ['100 axes', tensor({ shape: Array(100).fill(1), strides: Array(100).fill(1) }), 'at most 64 sizes'],
    [
      'a longer storage than its bytes',
      tensor({ length: 5 }),
      'has 16 bytes in storage 0, but 5 elements of F32 take 20',
    ],
    ['a storage of gigabytes', tensor({ length: 2 ** 40 }), '1099511627776 elements of F32 take'],
    ['a storage of another type', tensor({ type: 'DoubleStorage' }), '4 elements of F64 take 32'],
    ['a storage that is not there', tensor({ key: '7' }), 'refers to storage 7, which is not in the file'],
    ['a storage outside of its folder', tensor({ key: '../data.pkl' }), 'refers to storage ../data.pkl, which is not'],
    [
      'a thousand tensors of one storage',
      archive(p.pickle(p.dict(Object.fromEntries(Array.from({ length: 1000 }, (_, k) => [`w${k}`, p.tensorOf()]))))),
      'contains tensors of 16000 bytes in storages of only 16 bytes',
    ],

    ['a stack that is empty', archive(byte(0x80, 2, 0x30, 0x2e)), 'byte 2: POP needs a value, but the stack is empty'],
    [
      'a value below a mark',
      archive(byte(0x80, 2, 0x4e, 0x28, 0x30, 0x2e)),
      'POP needs a value, but the stack is empty',
    ],
    ['no mark', archive(byte(0x80, 2, 0x75, 0x2e)), 'SETITEMS needs a mark'],
    ['two results', archive(byte(0x80, 2, 0x4e, 0x4e, 0x2e)), 'STOP ends with 2 values'],
    ['no result', archive(byte(0x80, 2, 0x2e)), 'STOP ends with 0 values'],
    ['no end', archive(byte(0x80, 2, 0x4e)), 'byte 3: 1 more bytes are needed'],
    ['a text of gigabytes', archive(byte(0x80, 2, 0x58, 255, 255, 255, 255)), '4294967295 more bytes are needed'],
    [
      'a text of exabytes',
      archive(byte(0x80, 4, 0x8d, 255, 255, 255, 255, 255, 255, 255, 127)),
      'more bytes are needed',
    ],
    ['a text that is not UTF-8', archive(byte(0x80, 2, 0x58, 1, 0, 0, 0, 255, 0x2e)), 'is not UTF-8'],
    ['an integer of megabytes', archive(byte(0x80, 2, 0x8b, 0, 0, 16, 0)), 'has an integer of 1048576 bytes'],
    ['a value that was never stored', archive(byte(0x80, 2, 0x68, 9, 0x2e)), 'BINGET recalls value 9'],
    ['a newer protocol', archive(byte(0x80, 9, 0x4e, 0x2e)), 'has protocol 9; protocols 2 to 5 can be read'],
    [
      'an item for a value that is not a dict',
      archive(byte(0x80, 2, 0x4e, 0x4e, 0x4e, 0x73, 0x2e)),
      'SETITEM needs a dict, got None',
    ],

    [
      'a zip bomb',
      archive(valid, [{ name: 'a/data/0', data: new Uint8Array(2 ** 27), deflate: true }]),
      'rejected as a zip bomb',
    ],
    [
      'entries that share their bytes',
      archive(
        valid,
        [
          { name: 'a/data/0', data: fourNumbers },
          ...Array.from({ length: 100 }, (_, k) => ({ name: `a/data/${k + 1}`, data: fourNumbers, sameAs: 1 })),
        ].concat([
          { name: 'a/big', data: new Uint8Array(5000) },
          ...Array.from({ length: 9 }, (_, k) => ({ name: `a/big${k}`, data: new Uint8Array(5000), sameAs: 102 })),
        ]),
      ),
      'they overlap',
    ],
    [
      'two entries of one name',
      archive(
        valid,
        Array.from({ length: 2 }, () => ({ name: 'a/data/0', data: fourNumbers })),
      ),
      'has two entries named a/data/0',
    ],
    [
      'a smaller size in the directory',
      archive(valid, [{ name: 'a/data/0', data: new Uint8Array(999), deflate: true, uncompressedSize: 16 }]),
      'cannot be unpacked to 16 bytes',
    ],
    [
      'a larger size in the directory',
      archive(valid, [{ name: 'a/data/0', data: fourNumbers.subarray(8), deflate: true, uncompressedSize: 16 }]),
      'has an entry a/data/0 of 8 bytes, but its directory says 16',
    ],
    [
      'stored bytes of two sizes',
      archive(valid, [{ name: 'a/data/0', data: fourNumbers, uncompressedSize: 12 }]),
      'size mismatch',
    ],
    [
      'damaged bytes',
      archive(valid, [{ name: 'a/data/0', data: fourNumbers, crc: 1 }]),
      'has an entry a/data/0 that does not match its checksum',
    ],
    [
      'an encrypted entry',
      archive(valid, [{ name: 'a/data/0', data: fourNumbers, deflate: true, flags: 1 }]),
      'encrypted',
    ],
    [
      'another compression',
      archive(valid, [{ name: 'a/data/0', data: fourNumbers, method: 14 }]),
      'uses compression method 14',
    ],
    ['a path out of the archive', archive(valid, [{ name: '../etc', data: fourNumbers }]), 'invalid relative path'],
    [
      'another zip archive',
      writeZip([{ name: 'a/b', data: fourNumbers }]),
      'not one of torch.save: it has 0 entries FOLDER/data.pkl',
    ],
    ['two pickles', archive(valid, [{ name: 'b/data.pkl', data: valid }]), 'it has 2 entries FOLDER/data.pkl'],
    ['big-endian numbers', archive(valid, [{ name: 'a/byteorder', data: Buffer.from('big') }]), 'in "big" byte order'],
    ['a zip archive cut off', archive(valid).subarray(0, 60), 'End of central directory record signature not found'],
    ['another pickle', p.pickle(p.none), 'is a pickle, but not one of torch.save'],
  ])('%s', async (_, bytes, message) => {
    await expect(readBytes(bytes)).rejects.toThrow(message);
    await expect(readBytes(bytes)).rejects.toThrow(/^\S+file\.pt: /);
  });

  it('numbers that a file before PyTorch 1.6 lacks or has too many of', async () => {
    const bytes = new Uint8Array(await fs.readFile(fixture('legacy.pt')));
    await expect(readBytes(bytes.subarray(0, -1))).rejects.toThrow(/ends within storage \d+, which needs \d+ bytes/);
    await expect(readBytes(Buffer.concat([bytes, numbers(1)]))).rejects.toThrow('has 4 bytes after its last storage');
    // The numbers -3, -2, ... follow their count, 7.
    const numbersOfI64 = Buffer.from(BigInt64Array.of(7n, -3n, -2n).buffer);
    const lying = bytes.slice();
    const at = Buffer.from(bytes).indexOf(numbersOfI64);
    expect(at).toBeGreaterThan(0);
    lying[at] = 6;
    await expect(readBytes(lying)).rejects.toThrow(/has 6 elements in storage \d+, but its tensors expect 7/);
  });

  it.each([
    ['locator', 'PK\u0006\u0007', 8],
    ['end of the directory', 'PK\u0006\u0006', 48],
  ])('a zip64 %s that points beyond any file', async (_, signature, field) => {
    const bytes = await fs.readFile(fixture('protocol-2.pt'));
    bytes.writeBigUInt64LE(2n ** 62n, bytes.indexOf(signature) + field);
    await expect(readBytes(bytes)).rejects.toThrow(/file\.pt: is damaged, or not a zip archive: /);
  });

  it('without running anything', async () => {
    const flag = join(scratch, 'ran');
    await expect(readBytes(state(p.call('os', 'system', p.text(`touch ${flag}`))))).rejects.toThrow('rejected');
    await expect(fs.access(flag)).rejects.toThrow();
  });
});

/** Messages of crashes: memory or stack that ran out, or programming errors. A rejection has none of these words. */
const crash = /call stack|Invalid (typed )?array|Array buffer allocation|undefined|is not a function|not iterable/;

function expectRejection(error: unknown): void {
  expect((error as Error).message).toMatch(/file\.pt: /);
  expect((error as Error).message).not.toMatch(crash);
}

/** Every accepted tensor is complete. */
function expectConsistent(tensors: ReadonlyMap<string, SafetensorsTensor>): void {
  for (const { shape, data } of tensors.values()) expect(data.length).toBe(sizeOf(shape));
}

const damage = (length: number) =>
  fc.array(fc.record({ at: fc.nat(length - 1), remove: fc.nat(5), insert: fc.uint8Array({ maxLength: 5 }) }), {
    minLength: 1,
    maxLength: 3,
  });

function damaged(
  bytes: Uint8Array,
  damages: readonly { at: number; remove: number; insert: Uint8Array }[],
): Uint8Array {
  const changed = [...bytes];
  for (const { at, remove, insert } of damages) changed.splice(at, remove, ...insert);
  return Uint8Array.from(changed);
}

/** Reads damaged files and calls `accept` with the tensors that are read in spite of the damage. @returns how many files were rejected */
async function fuzz<T>(
  cases: fc.Arbitrary<T>,
  build: (value: T) => Uint8Array,
  accept: (tensors: ReadonlyMap<string, SafetensorsTensor>) => void,
): Promise<number> {
  let rejected = 0;
  await fc.assert(
    fc.asyncProperty(cases, async (value) => {
      let tensors: Map<string, SafetensorsTensor>;
      try {
        tensors = await readBytes(build(value));
      } catch (error) {
        expectRejection(error);
        rejected++;
        return;
      }
      accept(tensors);
    }),
    { seed, numRuns: runs },
  );
  return rejected;
}

describe(`damage (TESSERA_SEED=${seed})`, () => {
  it('in an archive is rejected, or changes nothing', async () => {
    const bytes = new Uint8Array(await fs.readFile(fixture('protocol-2.pt')));
    const original = await readBytes(bytes);
    const rejected = await fuzz(
      damage(bytes.length),
      (damages) => damaged(bytes, damages),
      (tensors) => expect(tensors).toEqual(original),
    );
    expect(rejected).toBeGreaterThan(runs / 4);
  });

  it('in a file before PyTorch 1.6 is rejected, or leaves every tensor complete', async () => {
    const bytes = new Uint8Array(await fs.readFile(fixture('legacy.pt')));
    const rejected = await fuzz(damage(bytes.length), (damages) => damaged(bytes, damages), expectConsistent);
    expect(rejected).toBeGreaterThan(runs / 4);
  });

  it('in the pickle of an otherwise intact archive is rejected, or leaves every tensor complete', async () => {
    const data = p.pickle(p.dict({ a: p.tensorOf(), b: p.tensorOf({ shape: [4], strides: [1] }), n: p.whole(3) }));
    const rejected = await fuzz(damage(data.length), (damages) => archive(damaged(data, damages)), expectConsistent);
    expect(rejected).toBeGreaterThan(runs / 4);
  });

  it('by operations in any order is rejected, or leaves every tensor complete', async () => {
    const operation = fc.constantFrom<Uint8Array>(
      ...[0x28, 0x30, 0x31, 0x32, 0x4e, 0x5d, 0x29, 0x7d, 0x8f, 0x85, 0x86, 0x87, 0x74, 0x6c, 0x64].map((code) =>
        Uint8Array.of(code),
      ),
      ...[0x61, 0x65, 0x73, 0x75, 0x90, 0x91, 0x94, 0x52, 0x81, 0x62, 0x51, 0x93].map((code) => Uint8Array.of(code)),
      ...[p.put(0), p.put(1), p.get(0), p.get(1), p.text('a'), p.whole(2), p.tensorOf(), p.emptyDict, p.setItem],
      ...[p.global('collections', 'OrderedDict'), p.global('argparse', 'Namespace'), p.global('torch', 'FloatStorage')],
      ...[p.global('torch._utils', '_rebuild_tensor_v2'), p.global('torch._utils', '_rebuild_parameter')],
    );
    await fuzz(
      fc.array(operation, { maxLength: 40 }),
      (parts) => archive(p.pickle(p.dict({ w: p.tensorOf() }), ...parts)),
      expectConsistent,
    );
  });
});
