/** Gradcheck of all layers and models. */
import { customGradient } from '@tessera/autograd';
import { BatchNorm2d, Module, Parameter } from '@tessera/nn';
import { manualSeed, ones, randn, registerReferenceBackends, setDefaultBackend, type Tensor } from '@tessera/tensor';
import { beforeAll, expect, it } from 'vitest';
import { gradcheckCases } from './cases.ts';
import { checkModule } from './check-module.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
  manualSeed(3);
});

/** x * scale, with a derivative that is right for x and twice too large for the scale. */
class WrongScale extends Module {
  readonly scale = new Parameter(ones([3]));

  forward(x: Tensor): Tensor {
    const product = customGradient(
      (a: Tensor, b: Tensor) => a.mul(b),
      (gradient, [a, b]) => [gradient.mul(b), gradient.mul(a).mul(2).sum(0)],
    );
    return product(x, this.scale);
  }
}

it('names the parameter whose gradient is wrong', async () => {
  const wrong = checkModule({ module: new WrongScale(), inputs: [randn([4, 3])] });
  await expect(wrong).rejects.toThrow(/gradcheck: input 1, 'scale' \(f64 \[3\]\).*central difference/);
});

it('checks parameters and inputs, and does not change running statistics', async () => {
  const module = new BatchNorm2d(2);
  const report = await checkModule({ module, inputs: [randn([3, 2, 2, 2])] });
  expect(report).toMatchObject({ tensors: 3, comparisons: 9 });
  expect(await module.running_mean?.toArray()).toEqual([0, 0]);
  expect(await module.num_batches_tracked?.item()).toBe(0);
});

it.each(Object.entries(gradcheckCases))('the gradients of %s agree with differences', async (_, make) => {
  const { worst, comparisons } = await checkModule(make());
  expect(worst).toBeLessThan(1e-6);
  expect(comparisons).toBeGreaterThanOrEqual(3);
});
