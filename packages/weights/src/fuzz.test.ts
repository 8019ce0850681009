/**
 * Damaged files of weights: each is read or refused with an error that names it, in bounded time and memory, and no tensor has another number
 * of values than its shape. See packages/data/src/testing/fuzz.ts; TESSERA_FUZZ is the number of files of each kind.
 */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  damageBytes,
  damageJson,
  type FuzzOriginal,
  FuzzThread,
  jsonOriginal,
  readDamaged,
} from '@tessera/data/testing/fuzz';
import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadWeights, saveWeights } from './load-and-save.ts';
import type { FuzzedWeights } from './testing/fuzz-worker.ts';
import { writeZip } from './testing/zip-writer.ts';
import { openZip } from './torch/zip-archive.ts';

const files = fileURLToPath(new URL('../weight-files', import.meta.url));
const thread = new FuzzThread(new URL('./testing/fuzz-worker.ts', import.meta.url));
const at = (...parts: readonly string[]): string => join(files, ...parts);

let root: string;
let folder: string;
beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
  root = mkdtempSync(join(tmpdir(), 'fuzz-weights-'));
});
beforeEach(() => {
  folder = mkdtempSync(join(root, 'kind-'));
});
afterAll(async () => {
  await thread.close();
  rmSync(root, { recursive: true });
});

/** Of safetensors, half are damaged in the JSON of the header, which keeps its length right. */
function safetensors(path: string): FuzzOriginal {
  const bytes = readFileSync(path);
  const size = Number(bytes.readBigUInt64LE(0));
  const header: unknown = JSON.parse(bytes.subarray(8, 8 + size).toString());
  return {
    bytes,
    file: join(folder, 'weights.safetensors'),
    damage: (random) => {
      const text = Buffer.from(JSON.stringify(damageJson(header, random)) ?? '');
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(text.length));
      return Buffer.concat([length, text, bytes.subarray(8 + size)]);
    },
  };
}

/** Of PyTorch's archives, half are damaged in the pickle, whose checksum is right. */
async function torchArchive(path: string): Promise<FuzzOriginal> {
  const zip = await openZip(path);
  const entries = await Promise.all([...zip.sizes.keys()].map(async (name) => ({ name, data: await zip.read(name) })));
  zip.close();
  return {
    bytes: readFileSync(path),
    file: join(folder, 'weights.pt'),
    damage: (random) =>
      writeZip(
        entries.map(({ name, data }) => ({ name, data: name.endsWith('data.pkl') ? damageBytes(data, random) : data })),
      ),
  };
}

const plain = (path: string, name: string): FuzzOriginal => ({ bytes: readFileSync(path), file: join(folder, name) });

const tensorKinds: Readonly<Record<string, () => Promise<readonly FuzzOriginal[]>>> = {
  safetensors: async () =>
    [at('torch-formats', 'expected.safetensors'), at('onnx-dinov2', 'expected.safetensors')].map(safetensors),
  "PyTorch's archives": () =>
    Promise.all(
      [
        ...[2, 3, 4, 5].map((protocol) => at('torch-formats', `protocol-${protocol}.pt`)),
        ...['checkpoint.pt'].map((name) => at('torch-formats', name)),
        ...['numpy.pth', 'lightning.ckpt', 'nested.pth'].map((name) => at('training-checkpoints', name)),
      ].map(torchArchive),
    ),
  "PyTorch's files before archives": async () => [plain(at('torch-formats', 'legacy.pt'), 'weights.pt')],
  TorchScript: async () => [await torchArchive(at('openai-vit-archive', 'weights.pt'))],
  ONNX: async () =>
    [at('onnx-types', 'weights.onnx'), at('onnx-timm', 'weights.onnx'), at('onnx-timm', 'external.onnx')].map((path) =>
      plain(path, 'weights.onnx'),
    ),
};

const check = async (kind: string, originals: readonly FuzzOriginal[], reader: FuzzedWeights) => {
  const { problems } = await readDamaged({ kind, originals, thread, reader, names: folder });
  expect(problems).toEqual([]);
};

describe('damaged files are read or refused', () => {
  test.each(Object.keys(tensorKinds))('%s', { timeout: 0 }, async (kind) => {
    copyFileSync(at('onnx-timm', 'external.data'), join(folder, 'external.data'));
    await check(kind, (await tensorKinds[kind]?.()) ?? [], 'tensors');
  });

  test('the index of shards', { timeout: 0 }, async () => {
    const { model } = await loadWeights(at('hugging-face-clip'));
    await saveWeights(model, folder, { names: 'hugging-face', maxShardSize: 50_000 });
    const name = 'model.safetensors.index.json';
    await check('index', [jsonOriginal(readFileSync(join(folder, name)), join(folder, name))], 'tensors');
  });

  test.each([
    ['hugging-face-clip', 'config.json'],
    ['open-clip-vit', 'open_clip_config.json'],
  ])('the configuration of %s', { timeout: 0 }, async (name, config) => {
    for (const file of readdirSync(at(name)))
      if (!file.startsWith('expected')) copyFileSync(at(name, file), join(folder, file));
    await check(config, [jsonOriginal(readFileSync(at(name, config)), join(folder, config))], 'model');
  });
});
