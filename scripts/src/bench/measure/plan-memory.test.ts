// Memory of temporaries.
import { compile, registerReferenceBackends, setDefaultBackend, type Tensor, zeros } from '@tessera/tensor';
import { beforeAll, expect, test } from 'vitest';
import { planMemory } from './plan-memory.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference-kernels');
});

test('counts temporaries from their first use to their last', async () => {
  // Three products in sequence: at the second one, its operand and its result are alive.
  const step = compile((a: Tensor) => a.matmul(a).matmul(a).matmul(a));
  const { plan } = await step.program(zeros([32, 32]));
  const bytes = 32 * 32 * 4;
  const { live, lowerBound, arenaBytes } = planMemory(plan);
  expect(live).toEqual([bytes, 2 * bytes, bytes]);
  expect(lowerBound).toBe(2 * bytes);
  expect(arenaBytes).toBe(2 * bytes);
});
