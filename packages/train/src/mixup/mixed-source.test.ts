/** Mixed batches: one program for all of them, and the same batches wherever reading starts. */
import { CounterRandom, drawMixup, purpose } from '@tessera/data';
import { createImageTower, ImageClassifier } from '@tessera/models';
import { type Tensor, tensor, tidy } from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { TrainingStep } from '../loop/step.ts';
import type { BatchSource } from '../loop/trainer.ts';
import { AdamW } from '../optim/index.ts';
import { labelMixing } from '../tasks/class-loss.ts';
import { ClassifyObjective } from '../tasks/classify/objective.ts';
import type { LabeledTensors } from '../tasks/labeled-tensors.ts';
import { useTestBackend } from '../testing/backend.ts';
import { type BatchMixing, MixedSource } from './mixed-source.ts';
import { mixupSection } from './settings.ts';

beforeAll(useTestBackend);

const [classes, seed] = [3, 11];
const settings = mixupSection.parse({ mixupAlpha: 0.8, cutmixAlpha: 1, prob: 0.9 });

/** Five batches of four images of 8 x 6 pixels. */
const source: BatchSource<LabeledTensors> = {
  batchesPerEpoch: 5,
  async *epoch(epoch, first) {
    for (let batch = first; batch < 5; batch++) {
      const pixels = Uint8Array.from({ length: 4 * 8 * 6 * 3 }, (_, i) => ((i + 13 * batch + epoch) * 37) % 251);
      yield {
        examples: 4,
        toTensors: () => ({
          images: tensor(pixels, { shape: [4, 8, 6, 3] }),
          labels: tensor(Int32Array.of(0, 1, 2, batch % 3)),
        }),
      };
    }
  },
};

const mixing = labelMixing(settings, classes, 0.1) as BatchMixing<LabeledTensors>;

/** The numbers of an epoch's batches from one on: the targets, and the sum of the images. */
async function read(mixed: MixedSource<LabeledTensors>, epoch: number, first = 0): Promise<number[][]> {
  const found: number[][] = [];
  for await (const { toTensors } of mixed.epoch(epoch, first))
    await tidy(async () => {
      const { images, labels } = await toTensors();
      expect(images.shape).toEqual([4, 3, 8, 6]);
      found.push([...(await labels.data()), ...(await images.sum().data())]);
    });
  return found;
}

describe('MixedSource', () => {
  it('is recorded once for all batches, whatever their shares and boxes', async () => {
    let recordings = 0;
    const counted: BatchMixing<LabeledTensors> = {
      ...mixing,
      mix(tensors, mixup: Tensor) {
        recordings++;
        return mixing.mix(tensors, mixup);
      },
    };
    const mixed = new MixedSource(source, counted, seed);
    const batches = [...(await read(mixed, 0)), ...(await read(mixed, 1)), ...(await read(mixed, 2))];
    mixed.dispose();
    expect(new Set(batches.map(String)).size).toBe(15);
    expect(recordings).toBe(1);
  });

  it('feeds one compiled training step', async () => {
    let recordings = 0;
    class Counted extends ClassifyObjective {
      override loss(batch: LabeledTensors) {
        recordings++;
        return super.loss(batch);
      }
    }
    const tower = createImageTower(
      { kind: 'plain-resnet', imageSize: 8, width: 2, layers: [1, 1, 1, 1], block: 'basic' },
      4,
      {},
    );
    const objective = new Counted(new ImageClassifier(tower, classes));
    const step = new TrainingStep(objective, new AdamW(objective.model.namedParameters()));
    const mixed = new MixedSource(source, mixing, seed);
    const losses: number[] = [];
    for await (const { toTensors } of mixed.epoch(0, 0))
      await tidy(async () => losses.push((await step.run(await toTensors(), 1e-3)).loss));
    step.dispose();
    mixed.dispose();
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(new Set(losses).size).toBe(5);
    expect(recordings).toBe(1);
  });

  it('has the same batches wherever reading starts', async () => {
    const mixed = new MixedSource(source, mixing, seed);
    const whole = await read(mixed, 1);
    expect(await read(new MixedSource(source, mixing, seed), 1, 3)).toEqual(whole.slice(3));
    expect(await read(new MixedSource(source, mixing, seed + 1), 1)).not.toEqual(whole);
  });

  it('mixes with the shares of seed, epoch and batch', async () => {
    const found = await read(new MixedSource(source, mixing, seed), 2);
    for (const [batch, numbers] of found.entries()) {
      const random = new CounterRandom(seed, purpose.mixup, 2, batch);
      const { lam } = drawMixup(settings, { height: 8, width: 6 }, random);
      // Image 1 is of class 1, its partner, image 2, of class 2.
      const off = 0.1 / classes;
      expect(numbers[1 * classes + 1]).toBeCloseTo(lam * 0.9 + off, 6);
      expect(numbers[1 * classes + 2]).toBeCloseTo((1 - lam) * 0.9 + off, 6);
    }
  });

  it('stops mixing after an epoch', async () => {
    const until = labelMixing({ ...settings, prob: 1, offEpoch: 2 }, classes, 0) as BatchMixing<LabeledTensors>;
    const mixed = new MixedSource(source, until, seed);
    const isHard = (numbers: readonly number[]): boolean =>
      numbers.slice(0, 4 * classes).every((value) => value === 0 || value === 1);
    expect((await read(mixed, 1)).some(isHard)).toBe(false);
    expect((await read(mixed, 2)).every(isHard)).toBe(true);
  });
});

describe('the section mixup', () => {
  it('mixes nothing by default', () => {
    expect(labelMixing(mixupSection.parse(undefined), classes, 0)).toBeNull();
  });

  it.each([
    [{ prob: 0.5 }, 'prob', 'needs mixup.mixupAlpha or mixup.cutmixAlpha above 0'],
    [{ offEpoch: 3 }, 'offEpoch', 'needs mixup.mixupAlpha or mixup.cutmixAlpha above 0'],
    [{ mixupAlpha: 1, switchProb: 0.2 }, 'switchProb', 'needs both mixup and CutMix'],
    [{ mixupAlpha: 1, correctLam: false }, 'correctLam', 'needs mixup.cutmixAlpha above 0'],
    [{ cutmixMinmax: [0.8, 0.2] }, 'cutmixMinmax', 'needs the smaller side before the larger one'],
  ])('refuses settings that could have no effect: %j', (wrong, name, message) => {
    const { success, error } = mixupSection.safeParse(wrong);
    expect(success).toBe(false);
    expect(error?.issues[0]?.path).toEqual([name]);
    expect(error?.issues[0]?.message).toContain(message);
  });
});
