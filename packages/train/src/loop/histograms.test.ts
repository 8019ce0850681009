/** Histograms of weights and gradients: their numbers, the gradients that they are of, and runs that write them. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grad } from '@tessera/autograd';
import { writeTinyDataset } from '@tessera/data/testing';
import { createImageTower, ImageClassifier } from '@tessera/models';
import { compile, getDefaultGenerator, manualSeed, type Tensor, tensor } from '@tessera/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AdamW, GradScaler } from '../optim/index.ts';
import { ClassifyObjective } from '../tasks/classify/objective.ts';
import type { PairTensors } from '../tasks/contrastive/objective.ts';
import { useTestBackend } from '../testing/backend.ts';
import { tinyClip, tinyPairs } from '../testing/tiny-clip.ts';
import { trainTiny } from '../testing/train-tiny.ts';
import { valuesOf } from '../testing/values-of.ts';
import { AccumulatedStep } from './accumulated-step.ts';
import { histogramOf, openHistograms, readHistograms } from './histograms.ts';
import { readMetrics } from './metrics-file.ts';
import { type Step, stateOf, TrainingStep } from './step.ts';
import { zip } from './zip.ts';

beforeAll(useTestBackend);

/** Numbers in [-1, 1), the same bits in Python and JavaScript. */
const draw = (count: number, salt: number): number[] =>
  Array.from({ length: count }, (_, k) => (((k + 1) * 7919 + salt * 104729) % 2003) / 1001.5 - 1);

describe('a histogram', () => {
  // The counts are those of numpy.histogram(values, bins=64) of NumPy 2.4, and of torch.histogram(values, 64) in f64.
  it.each([
    [
      'of cubes',
      draw(500, 3).map((x) => x ** 3),
      [
        4, 3, 3, 2, 3, 4, 2, 2, 4, 4, 3, 3, 5, 3, 3, 4, 4, 5, 4, 4, 6, 5, 6, 6, 6, 7, 9, 9, 11, 14, 17, 36, 120, 24, 15,
        13, 9, 10, 7, 7, 8, 5, 6, 5, 5, 6, 3, 5, 4, 3, 4, 4, 3, 4, 4, 2, 2, 4, 4, 1, 4, 3, 3, 2,
      ],
    ],
    ['of values on the edges', Array.from({ length: 65 }, (_, k) => k * 0.1), [...new Array(63).fill(1), 2]],
    [
      'of few values',
      Array.from({ length: 200 }, (_, k) => (k % 11) / 3),
      [
        19, 0, 0, 0, 0, 0, 19, 0, 0, 0, 0, 0, 18, 0, 0, 0, 0, 0, 0, 18, 0, 0, 0, 0, 0, 18, 0, 0, 0, 0, 0, 0, 18, 0, 0,
        0, 0, 0, 18, 0, 0, 0, 0, 0, 18, 0, 0, 0, 0, 0, 0, 18, 0, 0, 0, 0, 0, 18, 0, 0, 0, 0, 0, 18,
      ],
    ],
    ['of tiny values', [1e-30, -2e-30, 1e-30], [1, ...new Array(62).fill(0), 2]],
    [
      'far from 0',
      draw(300, 5).map((x) => 1e6 + x * 1e-3),
      [
        6, 4, 5, 5, 4, 5, 5, 4, 5, 5, 5, 4, 5, 5, 4, 5, 5, 4, 5, 5, 4, 5, 5, 4, 5, 5, 4, 5, 4, 4, 5, 4, 5, 5, 4, 5, 5,
        4, 6, 4, 4, 6, 4, 4, 6, 4, 4, 6, 4, 5, 5, 4, 5, 5, 4, 6, 4, 4, 6, 4, 4, 6, 4, 5,
      ],
    ],
  ])("%s is NumPy's", (_, values, counts) => {
    expect(histogramOf(values)).toEqual({ range: [Math.min(...values), Math.max(...values)], counts });
  });

  it('of equal values reaches from 0.5 below to 0.5 above', () => {
    const counts = new Array(64).fill(0);
    counts[32] = 5;
    expect(histogramOf(new Float32Array(5).fill(0.25))).toEqual({ range: [-0.25, 0.75], counts });
  });

  it('counts values that are not finite apart', () => {
    const counts = [1, ...new Array(62).fill(0), 1];
    const found = histogramOf([Number.NaN, 1, Number.POSITIVE_INFINITY, 2, Number.NEGATIVE_INFINITY]);
    expect(found).toEqual({ range: [1, 2], counts, nonFinite: 3 });
    expect(histogramOf([Number.NaN])).toEqual({ range: null, counts: new Array(64).fill(0), nonFinite: 1 });
  });
});

describe('the file of histograms', () => {
  it('is read in lines that are evenly spread, and says which line is wrong', async () => {
    const folder = await fs.mkdtemp(join(tmpdir(), 'histogram-file-'));
    const path = join(folder, 'histograms.jsonl');
    expect(await readHistograms(path, 3)).toEqual([]);
    const output = await openHistograms(path, { everySteps: 1 }, 0);
    // Names of several bytes, and lines that are longer than what is read at once.
    const parameters = { ['ü'.repeat(50_000)]: { weight: histogramOf([1, 2]), gradient: histogramOf([3]) } };
    for (let step = 1; step <= 9; step++) output?.writer.append({ kind: 'histogram', step, epoch: step, parameters });
    output?.writer.close();
    expect((await readHistograms(path, 3)).map(({ step }) => step)).toEqual([1, 5, 9]);
    const whole = await fs.readFile(path);
    await fs.appendFile(path, '{"kind":"histo');
    expect((await readHistograms(path, 99)).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    (await openHistograms(path, { everySteps: 1 }, 7))?.writer.close();
    expect(await fs.readFile(path)).toEqual(whole.subarray(0, (whole.length / 9) * 7));
    await fs.appendFile(path, '{"kind":"step","step":8}\n');
    await expect(readHistograms(path, 99)).rejects.toThrow('histograms.jsonl, line 8: is no line with histograms');
    await fs.rm(folder, { recursive: true });
  });
});

describe('the gradients that a step shows', () => {
  const read = async (gradients: readonly Tensor[]): Promise<number[][]> =>
    Promise.all(gradients.map(async (gradient) => [...(await gradient.data())]));

  let expected: number[][] = [];
  beforeAll(async () => {
    const { objective, optimizer } = tinyClip();
    const gradients = compile((batch: PairTensors) => grad(objective.loss(batch).loss, [...optimizer.parameters]));
    expected = await read(await gradients(tinyPairs()));
    gradients.dispose();
  });

  it.each([
    ['of the whole batch', 1, false],
    ['of a scaled loss', 1, true],
    ['of a batch in parts', 2, false],
    ['of a batch in parts with a scaled loss', 2, true],
  ])('are neither scaled nor clipped: %s', async (_, parts, scales) => {
    const { objective, optimizer } = tinyClip();
    const { parameters } = optimizer;
    const batch = tinyPairs();
    const options = { clipGradNorm: 0.01, scaler: scales ? new GradScaler({ initScale: 1024 }) : null };
    const step: Step<typeof batch> =
      parts === 1
        ? new TrainingStep(objective, optimizer, options)
        : new AccumulatedStep(objective, optimizer, parts, options);
    const before = await read(parameters);
    let shown: number[][] = [];
    await step.run(batch, 1e-2, async (gradients) => {
      shown = await read(gradients);
      expect(await read(parameters)).toEqual(before);
    });
    expect(await read(parameters)).not.toEqual(before);
    for (const [values, wanted] of zip(shown, expected)) {
      const largest = Math.max(1e-2, ...wanted.map(Math.abs));
      for (const [k, value] of values.entries())
        expect(Math.abs(value - (wanted[k] as number)) / largest).toBeLessThan(1e-5);
    }
  });

  it('change no bit of the training, neither with dropout nor with running statistics', async () => {
    const train = async (isWatched: boolean): Promise<unknown> => {
      manualSeed(4);
      const vision = {
        kind: 'swin',
        imageSize: 8,
        patchSize: 2,
        width: 8,
        layers: [1, 1],
        heads: [1, 1],
        window: 2,
        dropPath: 0.5,
      } as const;
      const resnet = { kind: 'plain-resnet', imageSize: 32, width: 2, layers: [1, 1, 1, 1] } as const;
      const states: unknown[] = [];
      for (const [config, side] of [
        [vision, 8],
        [resnet, 32],
      ] as const) {
        const objective = new ClassifyObjective(new ImageClassifier(createImageTower(config, 4), 3));
        const optimizer = new AdamW(objective.model.namedParameters(), { lr: 1e-2 });
        const step = new TrainingStep(objective, optimizer);
        const pixels = Uint8Array.from({ length: 4 * side * side * 3 }, (_, k) => (k * 37) % 251);
        const batch = {
          images: tensor(pixels, { shape: [4, side, side, 3] }),
          labels: tensor(Int32Array.of(0, 1, 2, 0)),
        };
        for (let k = 0; k < 3; k++)
          states.push(await step.run(batch, 1e-2, isWatched && k !== 1 ? async () => undefined : undefined));
        states.push(await valuesOf(stateOf(objective, optimizer)), getDefaultGenerator().state());
        step.dispose();
      }
      return states;
    };
    expect(await train(true)).toEqual(await train(false));
  });
});

describe('a run with histograms', () => {
  let root: string;
  beforeAll(async () => {
    root = await fs.mkdtemp(join(tmpdir(), 'histograms-'));
    await writeTinyDataset(join(root, 'data'));
  });
  afterAll(() => fs.rm(root, { recursive: true }));

  const file = (name: string, of: string): Promise<string> => fs.readFile(join(root, name, of), 'latin1');
  const set = ['training.histograms.everySteps=2', 'checkpoints.everySteps=3'];

  it('has the bits of a run without them, and shows them in its report', async () => {
    await trainTiny(root, { name: 'plain' });
    await trainTiny(root, { name: 'run', set });
    expect(await file('run', 'model.safetensors')).toBe(await file('plain', 'model.safetensors'));
    expect(await fs.readdir(join(root, 'plain'))).not.toContain('histograms.jsonl');
    const records = await readMetrics(join(root, 'run', 'histograms.jsonl'));
    expect(records.map(({ kind, step, epoch }) => [kind, step, epoch])).toEqual([
      ['histogram', 2, 0.5],
      ['histogram', 4, 1],
      ['histogram', 6, 1.5],
      ['histogram', 8, 2],
    ]);
    const { parameters } = records[0] as unknown as {
      parameters: Record<string, Record<string, { counts: number[] }>>;
    };
    const total = (counts: readonly number[] = []): number => counts.reduce((sum, number) => sum + number, 0);
    expect(total(parameters['visual.proj']?.weight?.counts)).toBe(64);
    expect(total(parameters['visual.proj']?.gradient?.counts)).toBe(64);
    const page = await file('run', 'report.html');
    expect(page).toContain('Histograms from step 2 to 8');
    expect(page.match(/alt="histograms of (weights|gradients)"/g)).toHaveLength(2 * Object.keys(parameters).length);
    expect(await file('plain', 'report.html')).not.toContain('Weights and gradients');
  });

  it('continues with the same lines, each once, also after a line that was cut off', async () => {
    await trainTiny(root, { name: 'parts', set, stopAfter: 5 });
    await fs.appendFile(join(root, 'parts', 'histograms.jsonl'), '{"kind":"histogram","step":8,"epo');
    await trainTiny(root, { name: 'parts', set, resume: true });
    expect(await file('parts', 'histograms.jsonl')).toBe(await file('run', 'histograms.jsonl'));
    // From an earlier checkpoint, and without histograms from then on.
    const checkpoints = join(root, 'parts', 'checkpoints');
    await fs.rename(join(checkpoints, 'checkpoint-6.safetensors'), join(checkpoints, 'last.safetensors'));
    const plain = { name: 'parts', set: ['training.histograms=null'], resume: true, allowChanges: true };
    await trainTiny(root, plain);
    const records = await readMetrics(join(root, 'parts', 'histograms.jsonl'));
    expect(records.map(({ step }) => step)).toEqual([2, 4, 6]);
  });
});
