/** Detection and segmentation on a Vision Transformer. */
import { gradcheck } from '@tessera/autograd';
import { init } from '@tessera/nn';
import { manualSeed, registerReferenceBackends, setDefaultBackend, type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { fit } from '../testing/fit.ts';
import { at } from '../testing/lists.ts';
import { DetectionHead, detectionLoss, ViTDetector } from './detection.ts';
import { SegmentationHead, segmentationLoss, ViTSegmenter } from './segmentation.ts';
import { ViT } from './vit.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('wasm');
  manualSeed(17);
});

const side = 24;
const backbone = (): ViT => new ViT({ imageSize: side, patchSize: 6, width: 32, depth: 2, heads: 2 });

/** Images of one rectangle each, in one of two colors: pixels, its box, its class, and the class of each pixel. */
function rectangles(count: number): { images: Tensor; boxes: Tensor; labels: Tensor; pixels: Tensor } {
  const images = new Float32Array(count * 3 * side * side);
  const pixels = new Int32Array(count * side * side);
  const boxes: number[] = [];
  const labels: number[] = [];
  for (let n = 0; n < count; n++) {
    const [width, height] = [6 + ((5 * n) % 8), 6 + ((3 * n) % 8)];
    const [left, top] = [(7 * n) % (side - width), (11 * n) % (side - height)];
    const label = n % 2;
    for (let y = top; y < top + height; y++)
      for (let x = left; x < left + width; x++) {
        images[((3 * n + 2 * label) * side + y) * side + x] = 2;
        pixels[(n * side + y) * side + x] = 1 + label;
      }
    boxes.push((left + width / 2) / side, (top + height / 2) / side, width / side, height / side);
    labels.push(label);
  }
  return {
    images: tensor(images, { shape: [count, 3, side, side] }),
    boxes: tensor(Float32Array.from(boxes), { shape: [count, 1, 4] }),
    labels: tensor(Int32Array.from(labels), { shape: [count, 1] }),
    pixels: tensor(pixels, { shape: [count, side, side] }),
  };
}

describe('detection', () => {
  test('an untrained head puts each box on its patch', async () => {
    const head = new DetectionHead(8, 2);
    for (const { weight } of head.bbox_embed) weight.initialize(init.constant(0));
    const { boxes, logits } = head.forward(init.normal()([1, 6, 8]), [2, 3]);
    expect([boxes.shape, logits.shape]).toEqual([
      [1, 6, 4],
      [1, 6, 3],
    ]);
    const second = await boxes.select(1, 4).flatten().data();
    for (const [k, expected] of [0.5, 0.75, 1 / 3, 1 / 2].entries()) expect(second[k]).toBeCloseTo(expected, 5);
  });

  test('an object belongs to the patch that contains its center', async () => {
    const grid = [2, 2] as const;
    const boxes = tensor([
      [
        [0.25, 0.25, 0.5, 0.5],
        [0.75, 0.25, 0.5, 0.5],
        [0.25, 0.75, 0.5, 0.5],
        [0.75, 0.75, 0.5, 0.5],
      ],
    ]);
    const truth = {
      boxes: tensor([
        [
          [0.75, 0.25, 0.5, 0.5],
          [0, 0, 0, 0],
        ],
      ]),
      labels: tensor(Int32Array.of(1, -1), { shape: [1, 2] }),
    };
    const sure = (patch: number, label: number): Tensor =>
      tensor([[0, 1, 2, 3].map((k) => [0, 1, 2].map((c) => (c === (k === patch ? label : 2) ? 20 : 0)))]);
    const loss = (patch: number, label: number): Promise<number> =>
      detectionLoss({ boxes, logits: sure(patch, label).cast('f32'), grid }, truth).item();
    expect(await loss(1, 1)).toBeLessThan(1e-5);
    expect(await loss(1, 0)).toBeGreaterThan(5);
    expect(await loss(0, 1)).toBeGreaterThan(5);
    // A box that is off costs, but only that of the patch which answers.
    const moved = (patch: number): Tensor =>
      boxes.add(tensor([0, 1, 2, 3].map((k) => [k === patch ? 0.1 : 0, 0, 0, 0])));
    const off = (patch: number): Promise<number> =>
      detectionLoss({ boxes: moved(patch), logits: sure(1, 1).cast('f32'), grid }, truth).item();
    expect(await off(1)).toBeGreaterThan(0.5);
    expect(await off(3)).toBeLessThan(1e-5);
  });

  test('pictures without objects: every patch is to say nothing', async () => {
    const model = new ViTDetector(backbone(), 2);
    const targets = { boxes: init.constant(0)([2, 1, 4]), labels: init.constant(-1, 'i32')([2, 1]) };
    const loss = await detectionLoss(model.forward(init.normal()([2, 3, side, side])), targets).item();
    expect(loss).toBeCloseTo(Math.log(3), 0);
  });

  test('learns where rectangles are, and their color', async () => {
    const model = new ViTDetector(backbone(), 2);
    const { images, boxes, labels } = rectangles(16);
    const losses = await fit(
      model,
      (x, where, what) => detectionLoss(model.forward(x), { boxes: where, labels: what }),
      [images, boxes, labels],
      { steps: 300 },
    );
    expect(losses.at(-1)).toBeLessThan(0.15 * at(losses, 0));
    const found = model.eval().forward(images);
    const [guesses, scores] = [
      (await found.boxes.toArray()) as number[][][],
      (await found.logits.softmax(2).toArray()) as number[][][],
    ];
    const [truth, classes] = [(await boxes.toArray()) as number[][][], (await labels.toArray()) as number[][]];
    let right = 0;
    for (const [n, patches] of scores.entries()) {
      // Box and class of the patch with the highest score.
      const [best] = patches
        .map(([first = 0, second = 0], patch) => ({ patch, score: Math.max(first, second), label: +(second >= first) }))
        .sort((a, b) => b.score - a.score);
      const [box, guess] = [at(at(truth, n), 0), at(at(guesses, n), best?.patch ?? 0)];
      const error = Math.max(...guess.map((value, k) => Math.abs(value - at(box, k))));
      if (best?.label === at(at(classes, n), 0) && error < 0.1) right++;
    }
    expect(right).toBeGreaterThanOrEqual(14);
  });
});

describe('segmentation', () => {
  test('logits have the size of the image', () => {
    const model = new ViTSegmenter(backbone(), 3, { layers: [0, -1] });
    expect(model.decoder.head.weight.shape).toEqual([3, 64]);
    expect(model.forward(init.normal()([2, 3, side, side])).shape).toEqual([2, 3, side, side]);
    expect(() => new SegmentationHead(8, 2).forward(init.normal()([1, 7, 8]), [2, 3], [4, 4])).toThrow(
      'class token left in?',
    );
  });

  test('learns which pixels belong to the rectangle', async () => {
    const model = new ViTSegmenter(backbone(), 3, { layers: [0, -1] });
    const { images, pixels } = rectangles(16);
    const losses = await fit(model, (x, y) => segmentationLoss(model.forward(x), y), [images, pixels], { steps: 150 });
    expect(losses.at(-1)).toBeLessThan(0.3 * at(losses, 0));
    const right = await model.eval().forward(images).argmax(1).eq(pixels).cast('f32').mean().item();
    expect(right).toBeGreaterThan(0.92);
  });
});

test('pixels with the label ignoreIndex do not count', async () => {
  setDefaultBackend('wasm');
  const logits = init.normal()([1, 3, 2, 2]);
  const mask = (...labels: number[]): Tensor => tensor(Uint8Array.from(labels), { shape: [1, 2, 2] });
  const [counted, other] = [logits.slice(2, 0, 1), mask(2, 0, 1, 1).slice(1, 0, 1)];
  const loss = segmentationLoss(logits, mask(2, 0, 255, 255), { ignoreIndex: 255 });
  expect(await loss.item()).toBeCloseTo(await segmentationLoss(counted, other).item(), 6);
  const unmarked = async (): Promise<number> => segmentationLoss(logits, mask(2, 0, 255, 1)).item();
  await expect(unmarked()).rejects.toThrow('crossEntropy: index 255 at position');
});

test('derivatives of both losses', async () => {
  setDefaultBackend('reference');
  const normal = (...shape: number[]): Tensor => init.normal()(shape).cast('f64');
  const targets = {
    boxes: init.uniform(0.2, 0.8)([2, 2, 4]).cast('f64'),
    labels: tensor(Int32Array.of(0, 1, -1, 1), { shape: [2, 2] }),
  };
  const head = new DetectionHead(4, 2).to('f64');
  for (const { weight } of head.bbox_embed) weight.initialize((shape) => init.normal()(shape).cast('f64'));
  await gradcheck((x) => detectionLoss(head.forward(x, [2, 2]), targets), [normal(2, 4, 4)]);
  const labels = tensor(
    Int32Array.from({ length: 24 }, (_, k) => k % 3),
    { shape: [1, 4, 6] },
  );
  const decoder = new SegmentationHead(4, 3).to('f64');
  await gradcheck((x) => segmentationLoss(decoder.forward(x, [2, 3], [4, 6]), labels), [normal(1, 6, 4)]);
});
