// Models in several files: Hugging Face's layout, in and out.
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { registerReferenceBackends, setDefaultBackend, type Tensor } from '@tessera/tensor';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { loadWeights, saveWeights } from '../load-and-save.ts';
import { readWeightFile } from '../read-weight-file.ts';
import { type TensorToWrite, wholeTensor } from '../safetensors/write-stored.ts';
import { writeSharded } from './write-shards.ts';

registerReferenceBackends();
setDefaultBackend('wasm');

const clip = fileURLToPath(new URL('../../weight-files/hugging-face-clip/', import.meta.url));

let scratch: string;
let folder: string;
let count = 0;
beforeAll(async () => {
  scratch = await fs.mkdtemp(join(tmpdir(), 'shards-'));
});
beforeEach(() => {
  folder = join(scratch, String(count++));
});
afterAll(() => fs.rm(scratch, { recursive: true }));

async function numbers(state: ReadonlyMap<string, Tensor>): Promise<Record<string, unknown>> {
  const entries = [...state].map(async ([name, tensor]) => [name, [tensor.shape, await tensor.data()]]);
  return Object.fromEntries(await Promise.all(entries));
}

const entry = (name: string, ...values: number[]): TensorToWrite =>
  wholeTensor({ name, dtype: 'F32', shape: [values.length] }, () => Float32Array.from(values));

test('a model larger than the limit becomes several files, which are one model again', async () => {
  const { model } = await loadWeights(clip);
  const { files } = await saveWeights(model, folder, { names: 'hugging-face', maxShardSize: 50_000 });
  const shards = files.filter((file) => /model-0000\d-of-00003\.safetensors$/.test(file));
  expect(shards).toHaveLength(3);
  expect(files.slice(3)).toEqual([join(folder, 'model.safetensors.index.json'), join(folder, 'config.json')]);
  expect((await fs.readdir(folder)).sort()).toEqual(files.map((file) => file.slice(folder.length + 1)).sort());
  const index = JSON.parse(await fs.readFile(join(folder, 'model.safetensors.index.json'), 'utf8'));
  const bytes = [...model.stateDict().values()].reduce((sum, { size }) => sum + 4 * size, 0);
  expect(index.metadata.total_size).toBe(bytes);
  expect(index.weight_map.logit_scale).toMatch(/^model-/);

  const expected = await numbers(model.stateDict());
  for (const path of [folder, join(folder, 'model.safetensors.index.json'), shards[1] as string]) {
    const again = await loadWeights(path);
    expect(await numbers(again.model.stateDict())).toEqual(expected);
    expect(again.assumptions).toEqual([]);
  }
  expect((await loadWeights(folder)).notes).toEqual(['read from 3 shards']);
  expect((await loadWeights(shards[1] as string)).notes).toEqual([
    `${shards[1]} is one of 3 shards: all of them are read`,
  ]);

  // A smaller version in one file replaces the shards, and the other way round.
  await saveWeights(model, folder, { names: 'hugging-face' });
  expect((await fs.readdir(folder)).sort()).toEqual(['config.json', 'model.safetensors']);
  await saveWeights(model, folder, { names: 'hugging-face', maxShardSize: 100_000 });
  expect((await fs.readdir(folder)).sort()).toEqual([
    ...['config.json', 'model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'],
    'model.safetensors.index.json',
  ]);
});

test('tensors are split in order; a larger one has a file of its own', async () => {
  await fs.mkdir(folder);
  const path = join(folder, 'x.safetensors');
  const entries = [entry('a', 1), entry('b', 2), entry('big', 1, 2, 3, 4, 5), entry('c', 3), entry('d', 4)];
  expect(await writeSharded(path, entries, {}, 8)).toHaveLength(4);
  const { weight_map: map } = JSON.parse(await fs.readFile(`${path}.index.json`, 'utf8'));
  const shard = (k: number): string => `x-0000${k}-of-00003.safetensors`;
  expect(map).toEqual({ a: shard(1), b: shard(1), big: shard(2), c: shard(3), d: shard(3) });
});

test('an error while writing leaves the old files', async () => {
  await fs.mkdir(folder);
  const path = join(folder, 'x.safetensors');
  await writeSharded(path, [entry('a', 1), entry('b', 2)], {}, 4);
  const broken = {
    ...entry('b', 0),
    pieces: (): never => {
      throw new Error('no value');
    },
  };
  await expect(writeSharded(path, [entry('a', 5), broken], {}, 4)).rejects.toThrow('no value');
  expect((await fs.readdir(folder)).length).toBe(3);
  const state = (await readWeightFile(`${path}.index.json`)).select((name) => name);
  expect([...state.values()].map((tensor) => tensor.toArraySync())).toEqual([[1], [2]]);
});

test.each<[string, (index: { weight_map: Record<string, unknown> }) => unknown, string | RegExp]>([
  ['no weight_map', () => ({}), 'has no weight_map'],
  ['no object', () => null, 'has no weight_map'],
  [
    'a file elsewhere',
    (index) => ({ weight_map: { ...index.weight_map, a: '../x' } }),
    'weight_map.a is "../x"; expected a file in the same folder',
  ],
  [
    'a missing shard',
    (index) => ({ weight_map: { ...index.weight_map, c: 'y.safetensors' } }),
    '1 of its 3 shards are missing: y.safetensors',
  ],
  [
    'a missing tensor',
    (index) => ({ weight_map: { ...index.weight_map, c: index.weight_map.a } }),
    'x-00001-of-00002.safetensors: does not contain c, which',
  ],
])('an index with %s is refused', async (_, change, message) => {
  await fs.mkdir(folder);
  const path = join(folder, 'x.safetensors.index.json');
  await writeSharded(join(folder, 'x.safetensors'), [entry('a', 1), entry('b', 2)], {}, 4);
  await fs.writeFile(path, JSON.stringify(change(JSON.parse(await fs.readFile(path, 'utf8')))));
  await expect(readWeightFile(path)).rejects.toThrow(message);
});

test('a shard without its index, and a tensor in two shards, are refused', async () => {
  await fs.mkdir(folder);
  await writeSharded(join(folder, 'x.safetensors'), [entry('a', 1), entry('b', 2)], {}, 4);
  await fs.copyFile(join(folder, 'x-00001-of-00002.safetensors'), join(folder, 'y.safetensors'));
  const index = join(folder, 'x.safetensors.index.json');
  const { weight_map: map } = JSON.parse(await fs.readFile(index, 'utf8'));
  await fs.writeFile(index, JSON.stringify({ weight_map: { ...map, b: 'y.safetensors' } }));
  await expect(readWeightFile(index)).rejects.toThrow('y.safetensors: does not contain b');
  await fs.rm(index);
  await expect(readWeightFile(join(folder, 'x-00001-of-00002.safetensors'))).rejects.toThrow(
    'is one of 2 shards of x.safetensors; their index x.safetensors.index.json is not in the same folder',
  );
});
