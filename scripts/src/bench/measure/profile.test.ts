// Profiles of kernels.
import { compile, registerReferenceBackends, setDefaultBackend, type Tensor, zeros } from '@tessera/tensor';
import { beforeAll, expect, test } from 'vitest';
import { groupKernels } from './profile.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference-kernels');
});

test('the fastest passes of equal kernels are summed, and the slowest group comes first', async () => {
  // Two equal products in sequence, and a sum.
  const step = compile((a: Tensor, b: Tensor) => a.matmul(b).matmul(b).sum(1));
  const { plan } = await step.program(zeros([3, 4]), zeros([4, 4]));
  const kernels = plan.stages.flat();
  const products = kernels.filter(({ kind }) => kind === 'contract');
  expect(products).toHaveLength(2);
  const pass = (ms: number) =>
    kernels.map(({ name, kind }) => ({
      kernel: name,
      milliseconds: kind === 'contract' ? ms : ms / 100,
      operations: 10,
      bytes: 20,
    }));
  const groups = groupKernels(kernels, [pass(5), pass(3), pass(4)]);
  const [slowest] = groups;
  expect(slowest).toMatchObject({ shape: '3 x 4 x 4', count: 2, milliseconds: 6, operations: 20, bytes: 40 });
  expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(kernels.length);
  expect(groups.at(-1)?.shape).toContain('(4)');
});
