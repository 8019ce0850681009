// ONNX files: models as PyTorch exports them, every type of tensor, values in other files, and damage.
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { relativeError } from '@tessera/autograd';
import { ViT } from '@tessera/models';
import { registerReferenceBackends, setDefaultBackend, sizeOf, type Tensor } from '@tessera/tensor';
import { parseSafetensors } from '@tessera/tensor/safetensors';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadWeights } from '../load-and-save.ts';
import { readTensors } from '../safetensors/tensor-files.ts';
import { openOnnx } from './onnx-file.ts';

registerReferenceBackends();
setDefaultBackend('wasm');

const fixtures = fileURLToPath(new URL('../../weight-files/', import.meta.url));
const fixture = (name: string): string => join(fixtures, name);

/** Set TESSERA_SEED to repeat a run. */
const seed = Number(process.env.TESSERA_SEED ?? Math.floor(Math.random() * 2 ** 31));

let scratch: string;
beforeAll(async () => {
  scratch = await fs.mkdtemp(join(tmpdir(), 'onnx-'));
});
afterAll(() => fs.rm(scratch, { recursive: true }));

/** The difference to the output that PyTorch computed. */
async function errorOf(path: string, folder: string): Promise<{ error: number; notes: readonly string[]; model: ViT }> {
  const { model, notes } = await loadWeights(path);
  const file = (await readTensors(fixture(`${folder}/expected.safetensors`))).select((name) => name);
  model.eval();
  const output = await (model as ViT).forward(file.get('input/image') as Tensor).data();
  const expected = await (file.get('output/logits') as Tensor).data();
  return { error: relativeError(output, expected), notes, model: model as ViT };
}

describe('a model as PyTorch exports it', () => {
  it("Hugging Face's DINOv2", async () => {
    const { error, notes, model } = await errorOf(fixture('onnx-dinov2/weights.onnx'), 'onnx-dinov2');
    expect(model).toBeInstanceOf(ViT);
    expect(model.imageSize).toEqual([12, 12]);
    expect(error).toBeLessThan(1e-5);
    expect(notes).toEqual(['6 matrices are named by their layers, and transposed back', 'the model is below backbone']);
  });

  it.each([
    ['weights.onnx', 1e-5],
    ['external.onnx', 1e-5],
    ['half.onnx', 5e-3],
  ])("timm's Vision Transformer: %s", async (name, tolerance) => {
    const { error, notes } = await errorOf(fixture(`onnx-timm/${name}`), 'onnx-timm');
    expect(error).toBeLessThan(tolerance);
    expect(notes[0]).toBe('4 matrices are named by their layers, and transposed back');
  });
});

it('every type of tensor, as bytes and as numbers', async () => {
  const { tensors } = openOnnx(fixture('onnx-types/weights.onnx'));
  const expected = parseSafetensors(await fs.readFile(fixture('onnx-types/expected.safetensors'))).tensors;
  expect(tensors.size).toBe(2 * expected.size);
  for (const [name, { dtype, shape, data }] of expected)
    for (const form of ['raw', 'typed']) {
      const own = tensors.get(`${form}.${name.slice('output/'.length)}`);
      expect({ dtype: own?.dtype, shape: own?.shape, data: own?.read() }).toEqual({ dtype, shape, data });
    }
});

describe('refused are', () => {
  const open = async (bytes: Uint8Array, name = 'file.onnx'): Promise<ReturnType<typeof openOnnx>> => {
    await fs.writeFile(join(scratch, name), bytes);
    return openOnnx(join(scratch, name));
  };

  it('values in a file that is missing, too short, or not in the folder', async () => {
    const bytes = await fs.readFile(fixture('onnx-timm/external.onnx'));
    await expect(open(bytes)).rejects.toThrow(/external\.data: there is no such file/);
    await fs.writeFile(join(scratch, 'external.data'), 'short');
    await expect(open(bytes)).rejects.toThrow(/file\.onnx: .*needs bytes \d+ to \d+ of .*external\.data, which has 5/);
    const elsewhere = Buffer.from(bytes.toString('latin1').replaceAll('external.data', '../../../data'), 'latin1');
    await expect(open(elsewhere)).rejects.toThrow(
      'refers to the file "../../../data"; expected one in the model\'s folder',
    );
  });

  it('files that are not ONNX, or cut off', async () => {
    await expect(open(Buffer.from('{"a": 1}'))).rejects.toThrow(
      /file\.onnx: .*damaged|file\.onnx: is not an ONNX file/,
    );
    await expect(open(new Uint8Array(0))).rejects.toThrow('is not an ONNX file: it has no graph');
    const bytes = await fs.readFile(fixture('onnx-timm/weights.onnx'));
    await expect(open(bytes.subarray(0, 5000))).rejects.toThrow(/file\.onnx: has a field of \d+ bytes at byte \d+/);
  });

  it(`damaged files, or every tensor is complete (TESSERA_SEED=${seed})`, async () => {
    const bytes = new Uint8Array(await fs.readFile(fixture('onnx-types/weights.onnx')));
    let rejected = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), async (at, value) => {
        const changed = bytes.slice();
        changed[at] = value;
        try {
          for (const { shape, read } of (await open(changed)).tensors.values())
            expect(read().length).toBe(sizeOf(shape));
        } catch (error) {
          rejected++;
          expect((error as Error).message).toMatch(/file\.onnx: /);
          expect((error as Error).message).not.toMatch(/undefined|is not a function|Invalid array/);
        }
      }),
      { seed, numRuns: 200 },
    );
    expect(rejected).toBeGreaterThan(20);
  });
});
