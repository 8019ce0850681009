/** Steps in parts, compared with steps on the whole batch. */
import { grad } from '@tessera/autograd';
import { BatchNorm2d, contrastiveLoss, functional as F, Linear, Module } from '@tessera/nn';
import {
  bernoulli,
  compile,
  concat,
  getDefaultGenerator,
  manualSeed,
  randn,
  stack,
  type Tensor,
  tensor,
} from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { SGD } from '../optim/index.ts';
import { ContrastiveObjective, type PairTensors } from '../tasks/contrastive/objective.ts';
import { useTestBackend } from '../testing/backend.ts';
import { tinyClip, tinyPairs } from '../testing/tiny-clip.ts';
import { valuesOf } from '../testing/values-of.ts';
import { AccumulatedStep } from './accumulated-step.ts';
import type { ObjectiveLoss, SeparableObjective } from './objective.ts';
import { type StepResult, TrainingStep } from './step.ts';
import { zip } from './zip.ts';

beforeAll(useTestBackend);

type Values = Record<string, readonly number[]>;

/** Expects that no error exceeds `tolerance` times the largest number of its tensor. */
function expectClose(found: Values, expected: Values, tolerance = 2e-6): void {
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  for (const [name, values] of Object.entries(expected)) {
    const largest = Math.max(1e-2, ...values.map(Math.abs));
    const error = Math.max(...zip(values, found[name] ?? []).map(([value, other]) => Math.abs(value - other)));
    expect(error / largest, name).toBeLessThan(tolerance);
  }
}

/** `before - after` of each number. */
const decreases = (before: Values, after: Values): Values =>
  Object.fromEntries(
    Object.entries(before).map(([name, values]) => [name, zip(values, after[name] ?? []).map(([a, b]) => a - b)]),
  );

/** Takes one step of plain gradient descent with rate 1, by which the parameters decrease by their gradients. */
async function gradientsOf(
  parts: number,
  objective: SeparableObjective<PairTensors>,
  batch: PairTensors,
): Promise<{ gradients: Values; result: StepResult }> {
  const before = await valuesOf(objective.model.namedParameters());
  const optimizer = new SGD(objective.model.namedParameters(), { weightDecay: 0, momentum: 0 });
  const step = parts === 0 ? new TrainingStep(objective, optimizer) : new AccumulatedStep(objective, optimizer, parts);
  const result = await step.run(batch, 1);
  const gradients = decreases(before, await valuesOf(objective.model.namedParameters()));
  expect(await step.flops(batch)).toBeGreaterThan(0);
  step.dispose();
  return { gradients, result };
}

describe('a step in parts', () => {
  it.each(['clip', 'siglip'] as const)(
    "has the whole batch's gradients, not the mean of the parts': %s",
    async (loss) => {
      // In f64, because the gradient of a normalization's weight is a small sum of large terms.
      const make = () =>
        new ContrastiveObjective(tinyClip({ seed: 8 }).objective.model.to('f64'), { loss, duplicates: 'share' });
      const whole = await gradientsOf(0, make(), tinyPairs());
      for (const parts of [1, 2, 4]) {
        const { gradients, result } = await gradientsOf(parts, make(), tinyPairs());
        expectClose(gradients, whole.gradients, 1e-12);
        expect(result.loss).toBeCloseTo(whole.result.loss, 5);
        expect(result.gradNorm / whole.result.gradNorm).toBeCloseTo(1, 6);
        expect(result.measures).toEqual(whole.result.measures);
      }
      // The gradient of the mean of the parts' losses is very different.
      const halves = [0, 1].map((k) => {
        const { images, tokens, concepts } = tinyPairs();
        const half = (whole: Tensor): Tensor => whole.slice(0, 2 * k, 2 * k + 2);
        return { images: half(images), tokens: half(tokens), concepts: half(concepts) };
      });
      const naive = await Promise.all(halves.map((half) => gradientsOf(0, make(), half)));
      const [first = [], second = []] = naive.map(({ gradients }) => gradients['visual.proj'] ?? []);
      const mean = zip(first, second).map(([a, b]) => (a + b) / 2);
      expect(() => expectClose({ mean }, { mean: whole.gradients['visual.proj'] ?? [] }, 0.01)).toThrow(
        'to be less than 0.01',
      );
    },
  );

  it('accepts several captions for each image', async () => {
    const { images, concepts } = tinyPairs();
    const tokens = concat([tinyPairs(3).tokens, tinyPairs(11).tokens]);
    const batch = { images, tokens, concepts };
    const make = () => new ContrastiveObjective(tinyClip().objective.model);
    const whole = await gradientsOf(0, make(), batch);
    expectClose((await gradientsOf(2, make(), batch)).gradients, whole.gradients);
  });

  it('equals a whole step up to rounding, also with AdamW, clipping and several steps', async () => {
    const run = async (parts: number): Promise<number[]> => {
      const { objective, optimizer } = tinyClip();
      const options = { clipGradNorm: 1 };
      const step =
        parts === 0
          ? new TrainingStep(objective, optimizer, options)
          : new AccumulatedStep(objective, optimizer, parts, options);
      const losses: number[] = [];
      for (let k = 0; k < 5; k++) losses.push((await step.run(tinyPairs(k), 1e-2)).loss);
      return losses;
    };
    for (const [whole, parts] of zip(await run(0), await run(2))) expect(Math.abs(parts - whole)).toBeLessThan(1e-3);
    expect(await run(2)).toEqual(await run(2));
  });
});

const drop = 0.4;

type Inputs = { readonly x: Tensor; readonly y: Tensor };
type Features = { readonly left: Tensor; readonly right: Tensor };

/** Two linear towers, one with dropout: the smallest model with random numbers in its forward pass. */
class DropoutObjective implements SeparableObjective<Inputs> {
  readonly model: Module & { a: Linear; b: Linear };

  constructor() {
    manualSeed(5);
    this.model = new (class extends Module {
      readonly a = new Linear(3, 8);
      readonly b = new Linear(3, 8);
    })();
  }

  trainingMode(): void {
    this.model.train();
  }

  encode({ x, y }: Inputs): Features {
    const left = F.dropout(this.model.a.forward(x), drop, this.model.training);
    return { left: F.l2Normalize(left), right: F.l2Normalize(this.model.b.forward(y)) };
  }

  lossOf({ left, right }: Features): ObjectiveLoss {
    const features = { imageFeatures: left, textFeatures: right, logitScale: tensor(4) };
    return { loss: contrastiveLoss(features), measures: {} };
  }

  loss(batch: Inputs): ObjectiveLoss {
    return this.lossOf(this.encode(batch));
  }

  constrain(): void {}
}

describe('random numbers', () => {
  const batch = (): Inputs => {
    manualSeed(31);
    return { x: randn([6, 3]), y: randn([6, 3]) };
  };

  it('are the same in both passes of a part', async () => {
    const inputs = batch();
    for (const parts of [1, 2, 3]) {
      const objective = new DropoutObjective();
      const start = getDefaultGenerator().state();
      // The dropout mask of each part: the first random numbers of the step with the part's number.
      const rows = 6 / parts;
      const kept: Tensor[] = [];
      const mask = compile(() => bernoulli([rows, 8], 1 - drop).cast('f32'));
      for (let k = 0; k < parts; k++) {
        getDefaultGenerator().setState({ ...start, step: start.step + k });
        kept.push(await mask());
      }
      const { a, b } = objective.model;
      const left = F.l2Normalize(
        a
          .forward(inputs.x)
          .mul(concat(kept))
          .mul(1 / (1 - drop)),
      );
      const right = F.l2Normalize(b.forward(inputs.y));
      const named = objective.model.namedParameters();
      const gradients = grad(
        objective.lossOf({ left, right }).loss,
        named.map(([, parameter]) => parameter),
      );
      const expected = await valuesOf(zip(named, gradients).map(([[name], gradient]) => [name, gradient]));

      getDefaultGenerator().setState(start);
      const before = await valuesOf(named);
      const step = new AccumulatedStep(objective, new SGD(named, { weightDecay: 0, momentum: 0 }), parts);
      await step.run(inputs, 1);
      expectClose(decreases(before, await valuesOf(named)), expected, 1e-5);
    }
  });

  it('differ from step to step', async () => {
    const objective = new DropoutObjective();
    const step = new AccumulatedStep(objective, new SGD(objective.model.namedParameters()), 2);
    const [first, second] = [await step.run(batch(), 0), await step.run(batch(), 0)];
    expect(second.loss).toBe(first.loss); // batch() resets the generator
    expect((await step.run(batch(), 0)).loss).toBe(first.loss);
    const inputs = batch();
    const losses = new Set<number>();
    for (let k = 0; k < 4; k++) losses.add((await step.run(inputs, 0)).loss);
    expect(losses.size).toBe(4);
  });
});

type Normalized = { readonly y: Tensor };

/** A batch normalization. */
class NormObjective implements SeparableObjective<Pick<Inputs, 'x'>> {
  readonly model: Module & { norm: BatchNorm2d };

  constructor() {
    this.model = new (class extends Module {
      readonly norm = new BatchNorm2d(2);
    })();
  }

  trainingMode(): void {
    this.model.train();
  }

  encode({ x }: Pick<Inputs, 'x'>): Normalized {
    return { y: this.model.norm.forward(x) };
  }

  lossOf({ y }: Normalized): ObjectiveLoss {
    return { loss: y.square().mul(y).mean(), measures: {} };
  }

  loss(batch: Pick<Inputs, 'x'>): ObjectiveLoss {
    return this.lossOf(this.encode(batch));
  }

  constrain(): void {}
}

describe('batch normalization', () => {
  it('sees each part once, and keeps its statistics if a step is not finite', async () => {
    const objective = new NormObjective();
    const { norm } = objective.model;
    const step = new AccumulatedStep(objective, new SGD(objective.model.namedParameters()), 2);
    manualSeed(3);
    const x = randn([4, 2, 3, 3]).mul(2).add(1);
    await step.run({ x }, 0.1);
    expect(await norm.num_batches_tracked?.item()).toBe(2);
    const meanOf = (from: number): Tensor => x.slice(0, from, from + 2).mean([0, 2, 3]);
    const expected = await meanOf(0).mul(0.9).add(meanOf(2)).mul(0.1).data();
    expect([...((await norm.running_mean?.data()) ?? [])]).toEqual([...expected].map((m) => expect.closeTo(m, 5)));
    const before = await valuesOf([...objective.model.namedParameters(), ...objective.model.namedBuffers()]);
    const bad = stack([tensor([1, 2, Number.NaN, 4]).reshape(2, 2)]).expand(4, 2, 2, 2);
    expect((await step.run({ x: bad }, 0.1)).finite).toBe(false);
    expect(await valuesOf([...objective.model.namedParameters(), ...objective.model.namedBuffers()])).toEqual(before);
  });
});

it('refuses a number of parts that does not divide the batch', async () => {
  const { objective, optimizer } = tinyClip();
  await expect(new AccumulatedStep(objective, optimizer, 3).run(tinyPairs(), 0)).rejects.toThrow(
    'batch images has 4 rows, which do not divide evenly into 3 parts',
  );
  expect(() => new AccumulatedStep(objective, optimizer, 0.5)).toThrow(
    'parts must be a whole number of at least 1, got 0.5',
  );
});
