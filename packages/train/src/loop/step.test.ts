/** Training steps, the search for values that are not finite, and counts of operations. */
import { createImageTower, ImageClassifier } from '@tessera/models';
import { type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { SGD } from '../optim/index.ts';
import { ClassifyObjective } from '../tasks/classify/objective.ts';
import type { PairTensors } from '../tasks/contrastive/objective.ts';
import { useTestBackend } from '../testing/backend.ts';
import { tinyClip, tinyPairs } from '../testing/tiny-clip.ts';
import { valuesOf } from '../testing/values-of.ts';
import { findNonFinite } from './non-finite.ts';
import type { Objective } from './objective.ts';
import { stateOf, TrainingStep } from './step.ts';
import { contractionFlops, measurePeak } from './throughput.ts';

beforeAll(useTestBackend);

describe('a training step', () => {
  it('lowers the loss, uses the learning rate of each call, and records the factor on the cosines', async () => {
    const { objective, optimizer } = tinyClip();
    const step = new TrainingStep(objective, optimizer, { clipGradNorm: 1 });
    const batch = tinyPairs();
    const before = await valuesOf(stateOf(objective, optimizer));
    const first = await step.run(batch, 0);
    const frozen = await valuesOf(objective.model.namedParameters());
    for (const [name, values] of Object.entries(frozen)) expect(values, name).toEqual(before[name]);
    const losses = [first.loss];
    for (let k = 0; k < 6; k++) losses.push((await step.run(batch, 1e-2)).loss);
    expect(losses[1]).toBe(first.loss);
    expect(losses.at(-1)).toBeLessThan(first.loss - 0.5);
    expect(first).toMatchObject({ finite: true, measures: { logitScale: expect.closeTo(1 / 0.07, 3) } });
    expect(first.gradNorm).toBeGreaterThan(0);
  });

  it('checks indices and values, if it is told to, with the same bits', { timeout: 60_000 }, async () => {
    const run = async (check: boolean): Promise<unknown> => {
      const { objective, optimizer } = tinyClip();
      const step = new TrainingStep(objective, optimizer, { clipGradNorm: 1, check });
      const results = [await step.run(tinyPairs(), 1e-2), await step.run(tinyPairs(1), 1e-2)];
      if (check) {
        const batch = tinyPairs();
        const tokens = await batch.tokens.data();
        tokens[1] = 10_000;
        const wrong = { ...batch, tokens: tensor(tokens, { shape: batch.tokens.shape }) };
        await expect(step.run(wrong, 1e-2)).rejects.toThrow(
          /^embedding: index 10000 at position \[0, 1\] of .* is out of range: .*; in 'token_embedding'/,
        );
      }
      return [results, await valuesOf(stateOf(objective, optimizer))];
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it('keeps logit_scale between 0 and ln 100', async () => {
    const { objective, optimizer } = tinyClip();
    const step = new TrainingStep(objective, optimizer);
    const { logit_scale } = objective.model;
    for (const start of [4.6051, 0.0001]) {
      logit_scale.assign(tensor(start));
      for (let k = 0; k < 3; k++) await step.run(tinyPairs(k), 3);
      const value = await logit_scale.item();
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThanOrEqual(Math.fround(Math.log(100)));
    }
  });

  it('changes nothing where a number is not finite, and names the first such tensor', async () => {
    const { objective, optimizer } = tinyClip();
    const step = new TrainingStep(objective, optimizer);
    await step.run(tinyPairs(), 1e-3);
    expect(await findNonFinite(objective, optimizer, tinyPairs())).toBeNull();

    // A weight so large that a product of two activations overflows.
    const [, weight] = objective.model.namedParameters().find(([name]) => name === 'visual.conv1.weight') as [
      string,
      Tensor,
    ];
    weight.assign(
      tensor(
        (await weight.data()).map(() => 3e38),
        { shape: weight.shape },
      ),
    );
    const before = await valuesOf(stateOf(objective, optimizer));
    expect((await step.run(tinyPairs(), 1e-3)).finite).toBe(false);
    expect(await valuesOf(stateOf(objective, optimizer))).toEqual(before);
    expect(await findNonFinite(objective, optimizer, tinyPairs())).toBe('activation visual.conv1 [4, 8, 2, 2]');
    expect(await valuesOf(stateOf(objective, optimizer))).toEqual(before);

    weight.assign(tensor((await weight.data()).fill(Number.NaN), { shape: weight.shape }));
    expect(await findNonFinite(objective, optimizer, tinyPairs())).toBe('parameter visual.conv1.weight [8, 3, 4, 4]');
  });

  it('changes nothing where the learning rate is not finite', async () => {
    const { objective, optimizer } = tinyClip();
    const before = await valuesOf(stateOf(objective, optimizer));
    const step = new TrainingStep(objective, optimizer);
    expect((await step.run(tinyPairs(), Number.NaN)).finite).toBe(false);
    expect(await valuesOf(stateOf(objective, optimizer))).toEqual(before);
  });

  it('names the gradient where only it is not finite', async () => {
    const { objective, optimizer } = tinyClip();
    const steep: Objective<PairTensors> = {
      model: objective.model,
      trainingMode: () => objective.trainingMode(),
      constrain: () => objective.constrain(),
      loss: (batch) => {
        const { loss, measures } = objective.loss(batch);
        // The derivative of the square root at 0 is infinite.
        return { loss: loss.add(objective.model.logit_scale.mul(0).sqrt()), measures };
      },
    };
    expect(await findNonFinite(steep, optimizer, tinyPairs())).toBe('gradient of logit_scale []');
  });
});

describe('a classifier with a frozen tower', () => {
  it('trains only its head and does not change the running statistics', async () => {
    const tower = createImageTower({ kind: 'resnet', imageSize: 32, width: 2, layers: [1, 1, 1, 1], heads: 1 }, 4);
    const objective = new ClassifyObjective(new ImageClassifier(tower, 3), { freezeTower: true });
    const trained = objective.model.namedParameters().filter(([, parameter]) => parameter.requiresGrad);
    expect(trained.map(([name]) => name)).toEqual(['head.weight', 'head.bias']);
    const before = await valuesOf(tower.stateDict());
    const step = new TrainingStep(objective, new SGD(trained));
    const batch = {
      images: tensor(
        Uint8Array.from({ length: 2 * 32 * 32 * 3 }, (_, i) => i % 255),
        { shape: [2, 32, 32, 3] },
      ),
      labels: tensor(Int32Array.of(0, 2)),
    };
    const first = await step.run(batch, 0.1);
    const second = await step.run(batch, 0.1);
    expect(second.loss).toBeLessThan(first.loss);
    expect(await valuesOf(tower.stateDict())).toEqual(before);
  });
});

describe('throughput', () => {
  it("counts a program's products", async () => {
    const { objective, optimizer } = tinyClip();
    const step = new TrainingStep(objective, optimizer);
    const flops = contractionFlops(await step.program(tinyPairs()));
    // Forward and backward take 3 products of 2 * rows * 8 * outputs each. The single block of each tower needs keys and values of all
    // tokens, 5 of an image and 6 of a text, and an MLP, 8 to 32 and back, only for the token that is read.
    const keysAndValues = 3 * 2 * (4 * 5 + 4 * 6) * 8 * 16;
    const mlps = 2 * 3 * 2 * (4 + 4) * 8 * 32;
    expect(flops).toBeGreaterThan(keysAndValues + mlps);
    expect(flops).toBeLessThan(2 * (keysAndValues + mlps));
  });

  it('measures a rate', async () => {
    expect(await measurePeak({ enoughMs: 0, runs: 1 })).toBeGreaterThan(1e5);
  });
});
