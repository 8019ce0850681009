/** Weights that go through PyTorch and back. */
import { execFile, execFileSync } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { writeTinyDataset } from '@tessera/data/testing';
import { CLIP, type CLIPConfig, presets, ResNet, ViT } from '@tessera/models';
import type { Module } from '@tessera/nn';
import { manualSeed, setDefaultBackend, type Tensor } from '@tessera/tensor';
import { loadWeights, readWeightFile, saveWeights } from '@tessera/weights';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainTiny } from './testing/train-tiny.ts';

setDefaultBackend('wasm');

const script = fileURLToPath(new URL('../../../scripts/reference/round_trip.py', import.meta.url));
/** Debian's Python finds Debian's PyTorch; the variable TESSERA_PYTHON chooses another one. */
const python = process.env.TESSERA_PYTHON?.split(':')[0] || '/usr/bin/python3';

const hasTorch = ((): boolean => {
  try {
    execFileSync(python, ['-c', 'import torch, numpy'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

let scratch: string;
beforeAll(async () => {
  scratch = await fs.mkdtemp(join(tmpdir(), 'round-trip-'));
});
afterAll(() => fs.rm(scratch, { recursive: true }));

const text = { contextLength: 8, vocabularySize: 60, width: 64, layers: 1 } as const;
const tiny = {
  vit: { ...presets['vit-tiny-64'], vision: { ...presets['vit-tiny-64'].vision, layers: 1 }, text },
  resnet: { ...presets['rn-tiny-64'], text },
} satisfies Record<string, CLIPConfig>;

const models: readonly (readonly [name: string, build: () => Module])[] = [
  ['CLIP with a ViT', () => new CLIP(tiny.vit)],
  ['CLIP with a ResNet', () => new CLIP(tiny.resnet)],
  ['ViT', () => new ViT({ imageSize: 32, patchSize: 8, width: 64, depth: 1, heads: 1, classes: 5 })],
  ['ResNet', () => new ResNet({ block: 'basic', layers: [1, 1, 1, 1], width: 8, classes: 5 })],
];

/** The bits of every tensor, so that -0 and NaN are compared exactly. */
async function bits(state: ReadonlyMap<string, Tensor>): Promise<Record<string, unknown>> {
  const entries = [...state].map(async ([name, tensor]) => {
    const { buffer, byteOffset, byteLength } = await tensor.data();
    return [name, [tensor.shape, Buffer.from(buffer, byteOffset, byteLength).toString('base64')]];
  });
  return Object.fromEntries(await Promise.all(entries));
}

const throughPyTorch = (source: string, ...targets: string[]): Promise<unknown> =>
  promisify(execFile)(python, [script, source, ...targets]);

describe.skipIf(!hasTorch)('through PyTorch and back', () => {
  it.each(models)('%s keeps its bits', async (name, build) => {
    manualSeed(1);
    const model = build();
    const source = join(scratch, `${name}.safetensors`);
    const targets = [join(scratch, `${name}.pt`), join(scratch, `${name}.legacy.pt`)];
    await saveWeights(model, source);
    await throughPyTorch(source, ...targets);
    for (const target of targets) {
      const { model: again } = await loadWeights(target);
      expect(await bits(again.stateDict())).toEqual(await bits(model.stateDict()));
    }
  });

  it("a run's checkpoint, with the optimizer's state, keeps its bits", async () => {
    await writeTinyDataset(join(scratch, 'data'));
    await trainTiny(scratch, { name: 'run', set: ['training.epochs=1'] });
    const source = join(scratch, 'run', 'checkpoints', 'last.safetensors');
    const targets = [join(scratch, 'checkpoint.pt'), join(scratch, 'checkpoint.legacy.pt')];
    await throughPyTorch(source, ...targets);
    const all = async (path: string) => (await readWeightFile(path)).select((name) => name);
    const expected = await bits(await all(source));
    expect(Object.keys(expected).filter((name) => name.startsWith('optimizer.')).length).toBeGreaterThan(10);
    for (const target of targets) expect(await bits(await all(target))).toEqual(expected);
  });
});
