/** Mixed precision and loss scaling, compared with f32. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grad } from '@tessera/autograd';
import { CLIP } from '@tessera/models';
import { autocast, manualSeed, type Precision, type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { AdamW, GradScaler } from '../optim/index.ts';
import { ContrastiveObjective } from '../tasks/contrastive/objective.ts';
import { useTestBackend } from '../testing/backend.ts';
import { tinyClip, tinyPairs } from '../testing/tiny-clip.ts';
import { valuesOf } from '../testing/values-of.ts';
import { AccumulatedStep } from './accumulated-step.ts';
import { readCheckpoint, restoreCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { findNonFinite } from './non-finite.ts';
import { type StepOptions, type StepResult, stateOf, TrainingStep, wasSkipped } from './step.ts';
import { zip } from './zip.ts';

beforeAll(useTestBackend);

const mixed = ['f16', 'bf16'] as const;
/** The largest relative error of one rounding: half a unit in the last place. */
const rounding = { f16: 2 ** -11, bf16: 2 ** -8 } as const;

/** The factor on the loss is so small that no gradient of the tiny model overflows. */
const optionsOf = (precision: Precision): StepOptions => ({
  precision,
  scaler: precision === 'f16' ? new GradScaler({ initScale: 1024 }) : null,
});

async function train(precision: Precision, steps: number): Promise<StepResult[]> {
  const { objective, optimizer } = tinyClip();
  const step = new TrainingStep(objective, optimizer, optionsOf(precision));
  const results: StepResult[] = [];
  for (let k = 0; k < steps; k++) results.push(await step.run(tinyPairs(k % 4), 2e-3));
  step.dispose();
  return results;
}

describe('mixed precision', () => {
  it.each(mixed)(
    '%s: the gradients of CLIP are f32 and differ from those of f32 only by rounding errors',
    async (precision) => {
      const { objective } = tinyClip();
      const parameters = objective.model.parameters();
      const gradientsIn = async (p: Precision): Promise<number[][]> => {
        const { loss } = autocast(p, () => objective.loss(tinyPairs()));
        expect(loss.dtype).toBe('f32');
        // Scaled as in a step, because some gradients are too small for f16.
        const gradients = grad(p === 'f16' ? loss.mul(1024) : loss, parameters);
        expect(new Set(gradients.map(({ dtype }) => dtype))).toEqual(new Set(['f32']));
        const unscaled = p === 'f16' ? gradients.map((gradient) => gradient.mul(1 / 1024)) : gradients;
        return Promise.all(unscaled.map(async (gradient) => [...(await gradient.data())]));
      };
      const [exact, rounded] = [await gradientsIn('f32'), await gradientsIn(precision)];
      const differences = zip(exact.flat(), rounded.flat()).map(([value, other]) => value - other);
      const error = Math.hypot(...differences) / Math.hypot(...exact.flat());
      expect(error).toBeGreaterThan(rounding[precision] / 100);
      expect(error).toBeLessThan(8 * rounding[precision]);
    },
  );

  it.each(mixed)('%s: twenty steps follow those of f32', async (precision) => {
    const [exact, rounded] = [await train('f32', 20), await train(precision, 20)];
    expect(rounded.every(({ finite }) => finite)).toBe(true);
    const losses = exact.map(({ loss }) => loss);
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) - 0.3);
    const errors = zip(exact, rounded).map(([one, other]) => Math.abs(one.loss - other.loss));
    for (const [k, error] of errors.entries()) expect(error, `step ${k + 1}`).toBeLessThan(16 * rounding[precision]);
    expect(errors.some((error) => error > 0)).toBe(true);
  });

  it.each(mixed)('%s: the same seed results in the same bits', async (precision) => {
    expect(await train(precision, 5)).toEqual(await train(precision, 5));
  });

  it.each(mixed)('%s: a batch in parts trains as the whole batch does', async (precision) => {
    const [whole, parts] = [tinyClip(), tinyClip()];
    const wholeStep = new TrainingStep(whole.objective, whole.optimizer, optionsOf(precision));
    const partsStep = new AccumulatedStep(parts.objective, parts.optimizer, 2, optionsOf(precision));
    for (let k = 0; k < 3; k++) {
      const [a, b] = [await wholeStep.run(tinyPairs(k), 2e-3), await partsStep.run(tinyPairs(k), 2e-3)];
      expect(b.loss).toBeCloseTo(a.loss, 2);
      expect(Math.abs(b.gradNorm - a.gradNorm) / a.gradNorm).toBeLessThan(8 * rounding[precision]);
      expect(b.scaling).toEqual(a.scaling);
    }
  });

  it('bf16 and f16 halve the memory of activations', async () => {
    const arenaBytes = async (precision: Precision): Promise<number> => {
      manualSeed(1);
      const model = new CLIP({
        embedDim: 64,
        vision: { kind: 'vit', imageSize: 32, patchSize: 4, width: 64, layers: 3, heads: 4 },
        text: { contextLength: 16, vocabularySize: 50, width: 64, layers: 3, heads: 4 },
      });
      const objective = new ContrastiveObjective(model);
      const step = new TrainingStep(objective, new AdamW(model.namedParameters()), optionsOf(precision));
      const images = tensor(new Uint8Array(64 * 32 * 32 * 3), { shape: [64, 32, 32, 3] });
      const tokens = tensor(new Int32Array(64 * 16), { shape: [64, 16] });
      const { plan } = await step.program({ images, tokens, concepts: tensor(new Int32Array(64)) });
      step.dispose();
      return plan.arenaBytes;
    };
    const [f32, f16, bf16] = [await arenaBytes('f32'), await arenaBytes('f16'), await arenaBytes('bf16')];
    expect(f16 / f32).toBeLessThan(0.65);
    expect(bf16 / f32).toBeLessThan(0.65);
  });
});

describe('loss scaling', () => {
  it('skips an update whose gradients overflow, bit for bit, halves the factor and continues', async () => {
    const { objective, optimizer } = tinyClip();
    const scaler = new GradScaler({ initScale: 2 ** 30 });
    const step = new TrainingStep(objective, optimizer, { precision: 'f16', scaler });
    let before = await valuesOf(stateOf(objective, optimizer));
    const scales: number[] = [];
    let skipped = 0;
    for (let k = 0; k < 30; k++) {
      const result = await step.run(tinyPairs(), 2e-3);
      scales.push(result.scaling?.scale as number);
      const after = await valuesOf(stateOf(objective, optimizer));
      expect(Number.isFinite(result.loss)).toBe(true);
      if (result.finite) {
        expect(after).not.toEqual(before);
        const [count = 0] = before['optimizer.step'] ?? [];
        expect(after['optimizer.step']).toEqual([count + 1]);
      } else {
        skipped++;
        expect(wasSkipped(result)).toBe(true);
        expect(after).toEqual(before);
      }
      before = after;
    }
    expect(skipped).toBeGreaterThan(3);
    expect(skipped).toBeLessThan(25);
    expect(scales[0]).toBe(2 ** 30);
    expect(scales.at(-1)).toBe(2 ** (30 - skipped));
    expect(await scaler.skippedSteps.item()).toBe(skipped);
  });

  it('doubles the factor after a number of steps without overflow', async () => {
    const { objective, optimizer } = tinyClip();
    const step = new TrainingStep(objective, optimizer, {
      precision: 'f16',
      scaler: new GradScaler({ initScale: 256, growthInterval: 3 }),
    });
    const scales: number[] = [];
    for (let k = 0; k < 8; k++) scales.push((await step.run(tinyPairs(), 1e-3)).scaling?.scale as number);
    expect(scales).toEqual([256, 256, 256, 512, 512, 512, 1024, 1024]);
  });

  it('does not count an overflow at factor 1 as recoverable', async () => {
    const { objective, optimizer } = tinyClip();
    const options: StepOptions = { precision: 'f16', scaler: new GradScaler({ initScale: 4 }) };
    const step = new TrainingStep(objective, optimizer, options);
    const [, weight] = objective.model.namedParameters().find(([name]) => name === 'visual.conv1.weight') as [
      string,
      Tensor,
    ];
    weight.assign(weight.add(1e5));
    const results: StepResult[] = [];
    for (let k = 0; k < 4; k++) results.push(await step.run(tinyPairs(), 1e-3));
    expect(results.map(({ finite }) => finite)).toEqual([false, false, false, false]);
    expect(results.map(({ scaling }) => scaling?.scale)).toEqual([4, 2, 1, 1]);
    expect(results.map(wasSkipped)).toEqual([true, true, false, false]);
    expect(await findNonFinite(objective, optimizer, tinyPairs(), options)).toContain('conv1');
  });

  it('continues from a checkpoint as if it had not stopped', async () => {
    const folder = await fs.mkdtemp(join(tmpdir(), 'scaler-'));
    try {
      const path = join(folder, 'a.safetensors');
      const { objective, optimizer } = tinyClip();
      const scaler = new GradScaler({ initScale: 2 ** 27, growthInterval: 4 });
      const step = new TrainingStep(objective, optimizer, { precision: 'f16', scaler });
      for (let k = 0; k < 6; k++) await step.run(tinyPairs(k), 1e-3);
      const position = { step: 6, epoch: 0, batch: 6, best: null, config: {}, data: {} };
      await writeCheckpoint(path, objective.model, optimizer, position, scaler);
      const next: StepResult[] = [];
      for (let k = 6; k < 12; k++) next.push(await step.run(tinyPairs(k), 1e-3));

      const other = tinyClip({ seed: 7 });
      const resumed = new GradScaler({ growthInterval: 4 });
      restoreCheckpoint(await readCheckpoint(path), other.objective.model, other.optimizer, {}, resumed);
      const again = new TrainingStep(other.objective, other.optimizer, { precision: 'f16', scaler: resumed });
      for (const [k, expected] of next.entries()) expect(await again.run(tinyPairs(6 + k), 1e-3)).toEqual(expected);
      expect(new Set(next.map(({ scaling }) => scaling?.scale)).size).toBeGreaterThan(1);
      // A run in f32 can continue from it, too.
      restoreCheckpoint(await readCheckpoint(path), other.objective.model, other.optimizer, {});
    } finally {
      await fs.rm(folder, { recursive: true });
    }
  });

  it('refuses invalid settings', () => {
    expect(() => new GradScaler({ initScale: 0 })).toThrow('GradScaler: initScale must be between 1 and 2^64, got 0');
    expect(() => new GradScaler({ backoffFactor: 1 })).toThrow('backoffFactor');
    expect(() => new GradScaler({ growthFactor: 1 })).toThrow('growthFactor');
    expect(() => new GradScaler({ growthInterval: 0.5 })).toThrow('growthInterval');
    expect(() => new GradScaler().loadStateDict(new Map())).toThrow(
      'GradScaler.loadStateDict: scale must be f32 [], but is missing',
    );
  });
});
