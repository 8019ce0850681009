/**
 * Exported ONNX files compute in ONNX Runtime what the models compute here, for batches of any size. With TESSERA_PYTHON, an interpreter
 * that has onnx, its checker reads the files, too.
 */
import { execFile } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { relativeError } from '@tessera/autograd';
import { CLIP, type CLIPConfig, createImageTower, type ImageTowerConfig, presets } from '@tessera/models';
import { Module } from '@tessera/nn';
import { manualSeed, rand, setDefaultBackend, Tensor, type TypedArray, tensor, where } from '@tessera/tensor';
import { graph } from '@tessera/tensor/graph';
import * as runtime from 'onnxruntime-web';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWeightFile } from '../read-weight-file.ts';
import { type OnnxExport, prepareOnnx } from './export-onnx.ts';

setDefaultBackend('wasm');
runtime.env.wasm.numThreads = 1;
runtime.env.logLevel = 'error';

const python = process.env.TESSERA_PYTHON?.split(':')[0];

let scratch: string;
beforeAll(async () => {
  scratch = await fs.mkdtemp(join(tmpdir(), 'onnx-export-'));
});
afterAll(() => fs.rm(scratch, { recursive: true }));

/** Random values in place of those of a new model, whose biases are 0 and whose norms change nothing. */
function randomize(model: Module): void {
  const state = new Map<string, Tensor>();
  for (const [name, old] of model.stateDict()) {
    if (old.dtype !== 'f32' || old.size === 1) state.set(name, old.detach());
    else if (name.endsWith('running_var')) state.set(name, rand(old.shape).add(0.5));
    else
      state.set(
        name,
        rand(old.shape)
          .sub(0.5)
          .mul(0.4)
          .add(/(norm|bn|ln_)\w*\.weight$/.test(name) ? 1 : 0),
      );
  }
  model.loadStateDict(state);
}

async function runFile(path: string, input: string, values: Tensor): Promise<Float32Array> {
  const session = await runtime.InferenceSession.create(new Uint8Array(await fs.readFile(path)));
  const data = await values.data();
  const fed =
    values.dtype === 'i32'
      ? new runtime.Tensor('int64', BigInt64Array.from(data as Int32Array, BigInt), values.shape)
      : new runtime.Tensor('float32', data as Float32Array, values.shape);
  const outputs = await session.run({ [input]: fed });
  await session.release();
  const [output] = Object.values(outputs);
  return output?.data as Float32Array;
}

async function check(path: string): Promise<void> {
  if (python === undefined) return;
  const code = 'import onnx, sys; onnx.checker.check_model(sys.argv[1], full_check=True)';
  await promisify(execFile)(python, ['-c', code, path]);
}

/** Compares the results for a batch, and for its first element alone. */
async function expectSame(path: string, given: OnnxExport, batch: Tensor): Promise<void> {
  given.model.eval();
  const expected = Float32Array.from((await given.forward(batch).data()) as TypedArray);
  const [n = 1] = batch.shape;
  for (const count of [n, 1]) {
    const found = await runFile(path, given.input.name, batch.slice(0, 0, count));
    expect(found.length).toBe((expected.length / n) * count);
    expect(relativeError(Float32Array.from(found), expected.slice(0, found.length))).toBeLessThan(1e-5);
  }
}

const towers: Readonly<Record<string, ImageTowerConfig>> = {
  "CLIP's Vision Transformer": { kind: 'vit', imageSize: 16, patchSize: 8, width: 16, layers: 2, heads: 2 },
  ModifiedResNet: { kind: 'resnet', imageSize: 32, width: 4, layers: [1, 1, 1, 1], heads: 2 },
  'a Vision Transformer with rotary positions': {
    ...({ kind: 'plain-vit', imageSize: 16, patchSize: 8, width: 16, layers: 1, heads: 2 } as const),
    ...({ positions: 'rotary', readout: 'mean', registerTokens: 2, layerScale: 0.1 } as const),
  },
  'a Swin Transformer': {
    kind: 'swin',
    imageSize: 16,
    patchSize: 2,
    width: 8,
    layers: [2, 1],
    heads: [1, 2],
    window: 4,
  },
  'a ResNet': { kind: 'plain-resnet', imageSize: 32, width: 4, layers: [1, 1, 1, 1], block: 'basic' },
};

/** Convolutions with a window or a stride of more than one place. */
const convolutions = { vit: 0, 'plain-vit': 0, swin: 0, resnet: 7, 'plain-resnet': 12 } as const;

it.each(Object.entries(towers))('%s', async (name, config) => {
  manualSeed(3);
  const model = createImageTower(config, 6) as Module & { forward(images: Tensor): Tensor };
  randomize(model);
  const side = config.imageSize;
  const given: OnnxExport = {
    model,
    forward: (images) => model.forward(images),
    input: { name: 'pixel_values', kind: 'pixels', shape: [3, side, side] },
    output: 'image_embeds',
    metadata: { tessera: 'yes' },
  };
  const path = join(scratch, `${name.replace(/\W+/g, '-')}.onnx`);
  const prepared = prepareOnnx(given);
  // Patches next to each other are a matrix product, here as there.
  expect(prepared.operations.Conv ?? 0).toBe(convolutions[config.kind]);
  expect(await prepared.write(path)).toEqual([path]);
  await check(path);
  await expectSame(path, given, rand([4, 3, side, side]).sub(0.5));
});

const text = { contextLength: 7, vocabularySize: 30, width: 16, layers: 2, heads: 2 } as const;

describe("CLIP's text tower", () => {
  const config: CLIPConfig = { ...presets['vit-tiny-64'], embedDim: 10, text };
  const ids = (...rows: number[][]): Tensor => tensor(Int32Array.from(rows.flat()), { shape: [rows.length, 7] });
  const prepared = (): OnnxExport => {
    manualSeed(4);
    const { text: model } = new CLIP(config);
    randomize(model);
    return {
      model,
      forward: (tokens) => model.forward(tokens),
      input: { name: 'input_ids', kind: 'ids', shape: [7] },
      output: 'text_embeds',
    };
  };
  const batch = ids([28, 9, 29, 0, 0, 0, 0], [28, 29, 29, 29, 29, 29, 29], [28, 1, 2, 3, 4, 5, 29]);

  it('reads ids of 64 bits, and features are those of the end token', async () => {
    const given = prepared();
    const path = join(scratch, 'text.onnx');
    await prepareOnnx(given).write(path);
    await check(path);
    await expectSame(path, given, batch);
  });

  it('keeps the names and values of its weights, also in a file of their own', async () => {
    const given = prepared();
    const path = join(scratch, 'apart.onnx');
    expect(await prepareOnnx(given).write(path, 1000)).toEqual([path, `${path}.data`]);
    await check(path);
    const file = await readWeightFile(path);
    const state = file.select((name) => name);
    for (const [name, value] of given.model.stateDict())
      expect(await state.get(name)?.data(), name).toEqual(await value.data());
  });
});

class Plain extends Module {}

/** A function of [N, 4] as a file, and its difference to what is computed here. */
async function errorOf(name: string, forward: (x: Tensor) => Tensor, x: Tensor): Promise<number> {
  const given: OnnxExport = {
    model: new Plain(),
    forward,
    input: { name: 'x', kind: 'pixels', shape: x.shape.slice(1) },
    output: 'y',
  };
  const path = join(scratch, `${name}.onnx`);
  await prepareOnnx(given).write(path);
  await check(path);
  const [own, found] = [(await forward(x).data()) as Float32Array, await runFile(path, 'x', x)];
  expect(found.length).toBe(own.length);
  return relativeError(Float32Array.from(found), Float32Array.from(own));
}

describe('operations', () => {
  const x = tensor([
    [-2.5, -1e-4, 0.3, 3.5],
    [0.5, 1e-3, 7, -0.75],
    [1.5, 2.5, -30, 80],
  ]);
  const positive = (): Tensor => x.abs().add(0.01);

  it.each<[string, () => Tensor]>([
    ['unary', () => x],
    ['unary', () => positive()],
  ])('%s', async (name, values) => {
    const given = await values().data();
    const isPositive = given.every((value) => value > 0);
    const forward = (a: Tensor): Tensor => {
      const all = [a.neg(), a.sin(), a.cos(), a.floor(), a.ceil(), a.round(), a.trunc(), a.tanh(), a.erf(), a.atan()];
      const small = a.clamp(-3, 3);
      all.push(small.exp(), small.expm1(), small.exp2(), a.relu(), a.sigmoid());
      if (isPositive) all.push(a.sqrt(), a.log(), a.log1p(), a.log2(), a.log10(), a.reciprocal(), a.pow(1.3));
      return all.reduce((sum, part) => sum.mul(0.9).add(part));
    };
    expect(await errorOf(`${name}-${isPositive}`, forward, values())).toBeLessThan(1e-5);
  });

  it.each<[string, (a: Tensor) => Tensor]>([
    ['comparisons', (a) => where(a.lt(0.4).logicalOr(a.eq(7)), a.mul(2), a.maximum(0.1))],
    ['integers', (a) => a.cast('i32').mul(3).add(1).remainder(5).cast('f32').add(a)],
    ['argmax', (a) => a.argmax(1).cast('f32').unsqueeze(1).add(a)],
    ['sort', (a) => a.sort(1).values],
    ['cumsum', (a) => a.cumsum(1)],
    [
      'flip and pad',
      (a) =>
        a.flip([1]).pad([
          [0, 0],
          [1, 2],
        ]),
    ],
    ['sums and broadcasting', (a) => a.sub(a.mean(1, true)).div(a.max(1, true).abs().add(1))],
    ['softmax', (a) => a.softmax(1)],
    [
      'shapes',
      (a) =>
        a
          .reshape([a.shape[0] as number, 2, 2])
          .permute(0, 2, 1)
          .slice(1, 1, 2)
          .flatten(1),
    ],
    [
      'rows of a table',
      (a) =>
        tensor([
          [1, 2],
          [3, 4],
          [5, 6],
        ])
          .indexSelect(0, a.abs().clamp(0, 2).cast('i32').flatten())
          .reshape([a.shape[0] as number, 8]),
    ],
    ['positions in the batch', (a) => a.add(a.mul(0).add(1).cumsum(0))],
  ])('%s', async (name, forward) => {
    expect(await errorOf(name.replaceAll(' ', '-'), forward, x)).toBeLessThan(1e-5);
  });

  it('overlapping windows, and their sums', async () => {
    const windows = [{ axis: 1, size: 3, stride: 2, dilation: 1 }];
    const forward = (a: Tensor): Tensor => {
      const { node } = a;
      const spread = graph.window(node, windows);
      return Tensor.fromNode(graph.fold(spread, node.shape, windows));
    };
    expect(await errorOf('windows', forward, rand([2, 7]))).toBeLessThan(1e-6);
  });

  it('refused are random numbers, and parts of a batch', () => {
    const given = (forward: (a: Tensor) => Tensor): OnnxExport => ({
      model: new Plain(),
      forward,
      input: { name: 'x', kind: 'pixels', shape: [4] },
      output: 'y',
    });
    expect(() => prepareOnnx(given((a) => a.slice(0, 0, 1)))).toThrow('a part of the batch is taken');
    expect(() => prepareOnnx(given((a) => a.mul(a.shape[0] as number)))).toThrow('depends on the batch size');
    expect(() => prepareOnnx(given((a) => a.add(rand(a.shape))))).toThrow('random numbers are not exported');
  });
});
