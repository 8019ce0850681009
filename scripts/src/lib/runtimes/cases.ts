/** What the packages do, as cases that Node, Deno and Bun run alike: the public API only, and no test runner. */
import assert from 'node:assert/strict';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { grad, gradcheck } from '@tessera/autograd';
import { DataLoader, decodeImage, feature, openDataset, trainBpe, usualColumns, writeDataset } from '@tessera/data';
import { CLIP, preprocess, VisionTransformer } from '@tessera/models';
import { Conv2d, functional as F, Linear, ReLU, Sequential, summary } from '@tessera/nn';
import {
  arange,
  compile,
  createWasmBackend,
  getBackend,
  manualSeed,
  randn,
  releaseMemory,
  type Tensor,
  tensor,
  WasmBackend,
} from '@tessera/tensor';
import { display } from '@tessera/tensor/display';
import { AdamW, findRun, loadConfig, loadRun, noDecay, RunFolder, readCheckpoint, trainModel } from '@tessera/train';
import { displayImage, displayRun } from '@tessera/train/display';
import { readTensors, writeTensors } from '@tessera/weights';
import sharp from 'sharp';

/** One case. It has an empty folder of its own below `folder`. */
export type RuntimeCase = readonly [name: string, body: (folder: string) => Promise<void>];

const close = (actual: ArrayLike<number>, expected: readonly number[], tolerance = 1e-5): void => {
  assert.equal(actual.length, expected.length);
  for (const [k, value] of expected.entries())
    assert.ok(Math.abs((actual[k] as number) - value) <= tolerance, `element ${k}: ${actual[k]}, not ${value}`);
};

/** A small image file of one color, with a darker frame, so that images of a class differ from each other. */
const picture = (color: string, shade: number): Promise<Buffer> =>
  sharp({ create: { width: 20, height: 16, channels: 3, background: color } })
    .extend({ top: 2, bottom: 2, left: 2, right: 2, background: { r: shade, g: shade, b: shade } })
    .jpeg()
    .toBuffer();

/** A data set of red, green and blue images with captions and classes. */
async function writeColors(path: string): Promise<void> {
  const colors = ['red', 'green', 'blue'];
  async function* rows(count: number): AsyncGenerator<Record<string, unknown>> {
    for (let k = 0; k < count; k++) {
      const color = colors[k % 3] as string;
      yield {
        image: { bytes: await picture(color, 10 * k), path: `${k}.jpg` },
        captions: [`a ${color} picture`, color],
        label: k % 3,
      };
    }
  }
  const features = {
    image: feature.image(),
    captions: feature.list(feature.value('string')),
    label: feature.classLabel(colors),
  };
  await writeDataset(path, { features }, { train: rows(12), test: rows(6) });
}

/** A CLIP model that trains in an instant. */
const smallClip = (): CLIP =>
  new CLIP({
    embedDim: 8,
    vision: { kind: 'vit', imageSize: 16, patchSize: 8, width: 16, layers: 1, heads: 2 },
    text: { contextLength: 6, vocabularySize: 20, width: 16, layers: 1, heads: 2 },
  });

const tensorCases: readonly RuntimeCase[] = [
  [
    'tensor: products, broadcasting, reductions, reading at once and later',
    async () => {
      const a = arange(6).reshape(2, 3).cast('f32');
      const product = a.matmul(a.transpose(0, 1)).add(tensor([1, 2]));
      assert.deepEqual(await product.toArray(), [
        [6, 16],
        [15, 52],
      ]);
      assert.deepEqual(a.sum(0).toArraySync(), [3, 5, 7]);
      assert.equal(await a.exp().log().allclose(a), true);
      assert.equal(String(tensor([1, -2.5])), 'Tensor f32 [2]: [ 1.0000, -2.5000]');
    },
  ],
  [
    'tensor: the same seed leads to the same numbers everywhere',
    async () => {
      manualSeed(7);
      const values = await randn([4]).data();
      close(values, [0.71352, -0.19176, 0.1426, -0.55501]);
      manualSeed(7);
      assert.deepEqual([...(await randn([4]).data())], [...values]);
    },
  ],
  [
    'tensor: many threads compute the bits of one',
    async () => {
      const backend = getBackend();
      assert.ok(backend instanceof WasmBackend);
      manualSeed(1);
      const [a, b] = [randn([192, 160]), randn([160, 224])];
      const step = compile((x: Tensor, y: Tensor) => F.softmax(x.matmul(y), 1));
      // The workers take part from the moment when they have started.
      const results: Float32Array[] = [];
      for (let call = 0; call < 20; call++) results.push((await (await step(a, b)).data()) as Float32Array);
      const single = createWasmBackend({ threads: 1 });
      const alone = await compile((x: Tensor, y: Tensor) => F.softmax(x.matmul(y), 1))(
        await a.to(single),
        await b.to(single),
      );
      const expected = await alone.data();
      for (const result of results) assert.deepEqual(result, expected);
      assert.equal(backend.whyOneThread, null);
    },
  ],
  [
    'tensor: memory is released',
    async () => {
      releaseMemory();
      assert.deepEqual(await arange(3).toArray(), [0, 1, 2]);
    },
  ],
];

const modelCases: readonly RuntimeCase[] = [
  [
    'autograd: first and second derivatives',
    async () => {
      const x = tensor([1, 2, 3]);
      x.requiresGrad = true;
      const [first] = grad(x.pow(3).sum(), [x]);
      close(await (first as Tensor).data(), [3, 12, 27]);
      const [second] = grad((first as Tensor).sum(), [x]);
      close(await (second as Tensor).data(), [6, 12, 18]);
      await gradcheck((y: Tensor) => F.gelu(y).sum(), [randn([5]).cast('f64')]);
    },
  ],
  [
    'nn: layers, states, summaries',
    async () => {
      manualSeed(2);
      const model = new Sequential(new Conv2d(3, 4, 3, { padding: 1 }), new ReLU());
      const copy = new Sequential(new Conv2d(3, 4, 3, { padding: 1 }), new ReLU());
      copy.loadStateDict(model.stateDict());
      const x = randn([2, 3, 8, 8]);
      assert.equal(await model.forward(x).equal(copy.forward(x)), true);
      assert.equal(summary(model, [2, 3, 8, 8]).parameters, 112);
      const linear = new Linear(2, 1);
      linear.loadStateDict({ weight: tensor([[2, 3]]), bias: tensor([1]) });
      assert.deepEqual(await linear.forward(tensor([[10, 100]])).toArray(), [[321]]);
    },
  ],
  [
    'models: a Vision Transformer, and what a notebook shows of it',
    async () => {
      const model = new VisionTransformer(16, 8, 16, 1, 2, 4);
      const output = model.forward(preprocess(tensor(new Uint8Array(2 * 16 * 16 * 3), { shape: [2, 16, 16, 3] })));
      assert.deepEqual(output.shape, [2, 4]);
      assert.ok((await output.data()).every(Number.isFinite));
      assert.match((await output[display]())['text/html'] ?? '', /<table/);
      assert.match((await displayImage(randn([4, 4]))[display]())['image/png'] ?? '', /^iVBOR/);
    },
  ],
  [
    'training: a compiled step of CLIP lowers the loss, and computes what the eager one does',
    async () => {
      const images = tensor(
        Uint8Array.from({ length: 4 * 16 * 16 * 3 }, (_, k) => (k * 37) % 251),
        { shape: [4, 16, 16, 3] },
      );
      const tokens = tensor(
        Int32Array.from({ length: 24 }, (_, k) => (k * 7) % 19),
        { shape: [4, 6] },
      );
      const train = async (compiled: boolean): Promise<number[]> => {
        manualSeed(3);
        const model = smallClip();
        const optimizer = new AdamW(model.namedParameters(), { groups: [noDecay] });
        const step = (pixels: Tensor, ids: Tensor, lr: Tensor): Tensor => {
          const loss = F.contrastiveLoss(model.forward(preprocess(pixels), ids));
          optimizer.step(grad(loss, model.parameters()), lr);
          return loss;
        };
        const run = compiled ? compile(step) : step;
        const losses: number[] = [];
        for (let k = 0; k < 6; k++) losses.push(await (await run(images, tokens, tensor(0.01))).item());
        return losses;
      };
      const compiled = await train(true);
      close(compiled, await train(false), 1e-3);
      assert.ok((compiled[5] as number) < 0.8 * (compiled[0] as number), `losses ${compiled}`);
    },
  ],
];

const fileCases: readonly RuntimeCase[] = [
  [
    'data: worker threads deliver the images that this thread does',
    async (folder) => {
      await writeColors(join(folder, 'colors'));
      const split = (await openDataset(join(folder, 'colors'))).split('train');
      assert.equal(split.length, 12);
      const { image, label } = usualColumns;
      const read = async (workers: number): Promise<number[]> => {
        const loader = new DataLoader(split, {
          columns: { image, label },
          ...{ batchSize: 4, imageSize: 12, shuffle: true, seed: 5, workers },
        });
        const values: number[] = [];
        for await (const { columns } of loader.epoch(1)) values.push(...columns.image, ...columns.label);
        await loader.close();
        return values;
      };
      const inline = await read(0);
      assert.equal(inline.length, 12 * (12 * 12 * 3 + 1));
      assert.deepEqual(await read(2), inline);
    },
  ],
  [
    'data: tokenizers, and image files of several formats',
    async () => {
      const tokenizer = trainBpe(['a red picture', 'a green picture', 'a blue picture'], { vocabSize: 530 });
      const ids = tokenizer.encodeBatch(['a red picture'], 12, { onTooLong: 'truncate' });
      assert.equal(ids.length, 12);
      const source = sharp({ create: { width: 8, height: 8, channels: 3, background: '#3060c0' } });
      for (const format of ['png', 'webp', 'avif', 'gif', 'tiff'] as const) {
        const { data } = await decodeImage(await source.clone().toFormat(format).toBuffer(), {
          kind: 'square',
          size: 4,
        });
        close(data.subarray(0, 3), [0x30, 0x60, 0xc0], 4);
      }
    },
  ],
  [
    'weights: a file of weights',
    async (folder) => {
      const model = new Linear(3, 2);
      const path = join(folder, 'model.safetensors');
      await writeTensors(path, model.stateDict());
      const copy = new Linear(3, 2);
      copy.loadStateDict((await readTensors(path)).select((name) => name));
      assert.equal(await copy.weight.equal(model.weight), true);
    },
  ],
  [
    'train: a run in two parts is the run in one; its model classifies',
    async (folder) => {
      const dataset = join(folder, 'colors');
      await writeColors(dataset);
      const config = await loadConfig({
        set: [
          'task=classify',
          ...[
            'data.dataset=colors',
            'model.vision.imageSize=16',
            'data.workers=1',
            'training.epochs=2',
            'training.batchSize=4',
          ],
          ...['model.vision.kind=vit', 'model.vision.patchSize=8', 'model.vision.width=16', 'model.vision.layers=1'],
          ...['model.vision.heads=2', 'evaluation.batchSize=4', 'runtime.peakGflops=1'],
        ],
      });
      const train = (name: string, resumed: boolean, untilEpoch: number | null) =>
        (async () => {
          const run = new RunFolder(join(folder, name));
          const checkpoint = resumed ? await run.latestCheckpoint() : null;
          return trainModel({
            ...{ config, dataset, folder: run, untilEpoch },
            resume: checkpoint === null ? null : await readCheckpoint(checkpoint),
          });
        })();
      const whole = await train('whole', false, null);
      assert.equal(whole.finished, true);
      assert.equal((await train('parts', false, 1)).finished, false);
      assert.equal((await train('parts', true, null)).finished, true);
      const model = (name: string): Promise<Buffer> => fs.readFile(join(folder, name, 'model.safetensors'));
      assert.ok((await model('whole')).equals(await model('parts')), 'the weights differ');
      assert.match(await fs.readFile(join(folder, 'whole', 'report.html'), 'utf8'), /<\/html>/);
      assert.match((await displayRun(join(folder, 'whole'))[display]())['image/svg+xml'] ?? '', /<svg/);
      assert.ok((await findRun(join(folder, 'whole'))) !== null);
      const run = await loadRun(join(folder, 'whole'));
      const [classes = []] = await run.classify([await picture('red', 30)]);
      assert.deepEqual(new Set(classes.map(({ name }) => name)), new Set(['red', 'green', 'blue']));
      run.dispose();
    },
  ],
];

/** In the order in which they run. */
export const runtimeCases: readonly RuntimeCase[] = [...tensorCases, ...modelCases, ...fileCases];
