/** Gradcheck of modules on a backend without f64. */
import { Linear } from '@tessera/nn';
import { manualSeed, ReferenceBackend, randn, registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { registerBackend } from '@tessera/tensor/backend';
import { afterEach, beforeAll, expect, it } from 'vitest';
import { gradcheckCases } from './cases.ts';
import { checkModuleOn } from './check-backend.ts';

beforeAll(() => {
  registerReferenceBackends();
  manualSeed(5);
});
afterEach(() => {
  setDefaultBackend('wasm');
});

const some = ['Linear, sequences', 'BatchNorm2d, batchnorm2d-train-f64', 'MultiheadAttention, causal'];

it.each(Object.entries(gradcheckCases).filter(([name]) => some.includes(name)))(
  '%s has the gradients in f32 on wasm that it has in f64 on the reference',
  async (_, make) => {
    const { worst, comparisons } = await checkModuleOn('wasm', make);
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThan(1e-4);
    expect(comparisons).toBeGreaterThan(10);
  },
);

it('names a gradient that a backend computes wrong', async () => {
  registerBackend('careless', () => {
    const backend = new ReferenceBackend('careless', {});
    const write = backend.write.bind(backend);
    return Object.assign(backend, {
      // Whatever is uploaded loses its last element.
      write: (...[allocation, data]: Parameters<typeof write>) => {
        const copy = data.slice();
        copy[copy.length - 1] = 0;
        write(allocation, copy);
      },
    });
  });
  const wrong = checkModuleOn('careless', () => ({ module: new Linear(3, 2), inputs: [randn([4, 3])] }));
  await expect(wrong).rejects.toThrow(
    /gradcheck: .*element \d+: the gradient is .* in f32, .* in f64 on the reference/,
  );
});
