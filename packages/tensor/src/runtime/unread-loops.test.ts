/** Loops that read nothing, or not their state: their graphs do not pile up, and the bits are those of loops that read everything. */
import { beforeEach, describe, expect, test } from 'vitest';
import { noGrad, tensor, zeros } from '../functions.ts';
import { orderNodes } from '../graph/node.ts';
import { uncomputedSources } from '../graph/storage.ts';
import { setDefaultBackend } from '../kernel/backend.ts';
import type { Tensor } from '../tensor.ts';
import { registerTestedBackends, testedBackends } from '../testing/backends.ts';

registerTestedBackends();

/** The number of nodes that are computed when the tensor is read. */
const waiting = (x: Tensor): number => orderNodes([x.node], uncomputedSources).length;

/** Steps of momentum on a few weights; returns the last loss, the sum of all, the weights, and the most nodes that ever waited. */
async function train(steps: number, read: boolean): Promise<{ values: number[]; most: number }> {
  const [weight, velocity] = [tensor([1, -2, 3], { requiresGrad: true }), zeros([3])];
  const data = tensor([0.5, 0.25, -1]);
  let [loss, total] = [tensor(0), tensor(0)];
  let most = 0;
  for (let k = 0; k < steps; k++) {
    const error = weight.sub(data).tanh();
    loss = error.square().sum();
    total = total.add(loss.detach());
    noGrad(() => {
      velocity.assign(velocity.mul(0.9).add(error.mul(0.1)));
      weight.assign(weight.sub(velocity.mul(0.01)));
    });
    if (read) await total.data();
    most = Math.max(most, waiting(loss), waiting(total));
  }
  return { values: [await loss.item(), await total.item(), ...(await weight.data())], most };
}

// The reference backends and gpujs:cpu carry double precision from node to node, so their bits depend on what is stored.
const backends = testedBackends.filter((name) => name === 'wasm' || name === 'webgpu');

describe.each(backends)('loops that read nothing on %s', (backend) => {
  beforeEach(() => setDefaultBackend(backend));
  /** Where the backend cannot block, what waits is computed when the loop ends. */
  const blocks = backend !== 'webgpu';

  test('steps and their sum do not pile up, and have the same bits', { timeout: 60_000 }, async () => {
    const steps = 120;
    const wanted = await train(steps, true);
    const got = await train(steps, false);
    expect(got.values).toEqual(wanted.values);
    if (blocks) expect(got.most).toBeLessThan(800);
  });

  test('neither does the sum of right answers over batches', { timeout: 60_000 }, async () => {
    const data = tensor([1, 2, 3]);
    const answers = async (read: boolean): Promise<number> => {
      let right = tensor(0);
      for (let batch = 0; batch < 120; batch++) {
        let x = data.mul(tensor(batch / 100));
        for (let layer = 0; layer < 8; layer++) x = x.tanh().add(0.5);
        right = right.add(x.argmax(0).eq(2).sum().cast('f32'));
        if (read) await right.data();
        else if (blocks) expect(waiting(right)).toBeLessThan(2000);
      }
      return right.item();
    };
    expect(await answers(false)).toBe(await answers(true));
  });

  test('a state of which only a sum is read is not computed from its start each time', {
    timeout: 60_000,
  }, async () => {
    let x = tensor([1, 2]);
    for (let turn = 0; turn < 20; turn++) {
      x = x.mul(0.5).add(1);
      await x.sum().item();
      expect(waiting(x)).toBeLessThan(16);
    }
    expect([...(await x.data())]).toEqual([Math.fround(2 - 2 ** -20), 2]);
  });
});
