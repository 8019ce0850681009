// Safetensors files on disk: unusual layouts, files of gigabytes, and files that change or cannot be written.
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { registerReferenceBackends, setDefaultBackend, type Tensor, tensor } from '@tessera/tensor';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readTensors, writeTensors } from './tensor-files.ts';

registerReferenceBackends();
setDefaultBackend('reference');

let folder: string;
beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'tensor-files-'));
});
afterAll(() => fs.rm(folder, { recursive: true }));

/** The header of a file, without padding unless `text` has blanks. */
function headerOf(tensors: object, blanks = 0): Buffer {
  const text = Buffer.from(JSON.stringify(tensors) + ' '.repeat(blanks));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.byteLength));
  return Buffer.concat([length, text]);
}

test.each([0, 1, 2, 3, 4, 5, 6, 7])('a header with %d blanks, so that values are at any address', async (blanks) => {
  const header = headerOf(
    {
      half: { dtype: 'F16', shape: [1], data_offsets: [0, 2] },
      single: { dtype: 'F32', shape: [2], data_offsets: [2, 10] },
      double: { dtype: 'F64', shape: [1], data_offsets: [10, 18] },
      long: { dtype: 'I64', shape: [1], data_offsets: [18, 26] },
    },
    blanks,
  );
  const values = [Buffer.from([0x00, 0x3e]), Float32Array.of(1.5, -2), Float64Array.of(0.1), BigInt64Array.of(-7n)];
  const path = join(folder, `blanks-${blanks}.safetensors`);
  await fs.writeFile(
    path,
    Buffer.concat([header, ...values.map((v) => Buffer.from(v.buffer, v.byteOffset, v.byteLength))]),
  );
  const read = (await readTensors(path)).select((name) => name);
  const lists = Object.fromEntries([...read].map(([name, own]) => [name, own.toArraySync()]));
  expect(lists).toEqual({ half: [1.5], single: [1.5, -2], double: [0.1], long: [-7] });
});

test('a file of 5 GiB, of which only some tensors are read', async () => {
  const gigabytes = 5 * 2 ** 30;
  const header = headerOf({
    big: { dtype: 'F32', shape: [gigabytes / 4], data_offsets: [0, gigabytes] },
    last: { dtype: 'F32', shape: [2], data_offsets: [gigabytes, gigabytes + 8] },
  });
  const path = join(folder, 'big.safetensors');
  // The gigabytes between header and end take no place on the disk.
  const file = await fs.open(path, 'w');
  await file.write(header);
  await file.write(Buffer.from(Float32Array.of(3, 4).buffer), 0, 8, header.byteLength + gigabytes);
  await file.close();
  const tensors = await readTensors(path);
  expect(tensors.names).toEqual(['big', 'last']);
  const { last } = Object.fromEntries(tensors.select((name) => (name === 'last' ? name : null)));
  expect((last as Tensor).toArraySync()).toEqual([3, 4]);
  await fs.rm(path);
});

test('tensors of a file that was replaced are still read from the old one; a file that was changed is an error', async () => {
  const path = join(folder, 'changed.safetensors');
  const state = (value: number): Map<string, Tensor> => new Map([['a', tensor([value, 2])]]);
  await writeTensors(path, state(1));
  const before = (await readTensors(path)).select((name) => name).get('a') as Tensor;
  await writeTensors(path, state(5));
  expect(before.toArraySync()).toEqual([1, 2]);
  const after = (await readTensors(path)).select((name) => name).get('a') as Tensor;
  await fs.appendFile(path, 'x');
  expect(() => after.toArraySync()).toThrow(`${path}: was changed by another program`);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])('a tensor with %d is not written', async (value) => {
  const path = join(folder, 'finite.safetensors');
  await writeTensors(path, new Map([['a', tensor([1, 2])]]));
  const bad = new Map([
    ['a', tensor([3, 4])],
    ['b', tensor([0, value])],
  ]);
  for (const checksums of [false, true])
    await expect(writeTensors(path, bad, {}, { checksums })).rejects.toThrow(
      `${path}: not written, because b is not finite (element 1 of 2 is ${value})`,
    );
  expect((await readTensors(path)).names).toEqual(['a']);
  expect((await fs.readdir(folder)).filter((name) => name.includes('partial'))).toEqual([]);
});

test.each(['f64', 'f16', 'bf16'] as const)('a value of %s that is not finite is found in its place', async (dtype) => {
  const path = join(folder, `${dtype}.safetensors`);
  const values = (last: number): Tensor => tensor([1, -65504, 0.5, last]).cast(dtype);
  await writeTensors(path, new Map([['x', values(2)]]));
  for (const bad of [Number.NEGATIVE_INFINITY, Number.NaN])
    await expect(writeTensors(path, new Map([['x', values(bad)]]))).rejects.toThrow(
      `x is not finite (element 3 of 4 is ${bad})`,
    );
});

test('a tensor of several pieces is written as it is, and a value that is not finite is found in a later one', async () => {
  const path = join(folder, 'pieces.safetensors');
  const values = Float32Array.from({ length: 2 ** 20 + 3 }, (_, k) => k);
  await writeTensors(path, new Map([['x', tensor(values)]]), {}, { checksums: true });
  const read = (await readTensors(path)).select((name) => name).get('x') as Tensor;
  expect(Buffer.from((read.dataSync() as Float32Array).buffer).equals(Buffer.from(values.buffer))).toBe(true);
  values[2 ** 20 + 1] = Number.NaN;
  await expect(writeTensors(path, new Map([['x', tensor(values)]]))).rejects.toThrow(
    'x is not finite (element 1048577 of 1048579 is NaN)',
  );
});
