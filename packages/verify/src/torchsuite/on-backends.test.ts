/** PyTorch's tests on the oracle, and a share of them on the backends for GPUs. */
import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { whyMissing } from '@tessera/tensor/testing';
import { expect, test } from 'vitest';
import type { TorchCase } from './case-files.ts';
import { every, isForGpu, runCommittedCases } from './committed.testing.ts';

registerReferenceBackends();

const missing = { webgpu: await whyMissing('webgpu'), 'gpujs:webasm': await whyMissing('gpujs:webasm') };

test('the committed cases agree on the oracle', { timeout: 300_000 }, async () => {
  setDefaultBackend('reference');
  // The oracle computes shared values once for each use: powers of integers by repeated squaring take it seconds each.
  const isQuick = ({ op, dtype }: TorchCase): boolean => dtype !== 'i32' || !/pow/.test(op);
  const { differences, covered } = await runCommittedCases({ choose: isQuick });
  expect(differences).toEqual([]);
  expect(covered).toBeGreaterThan(0.98);
});

test.each(Object.entries(missing))(
  'a share of the committed cases agrees on %s',
  { timeout: 300_000 },
  async (backend, reason) => {
    if (reason !== null) return;
    setDefaultBackend(backend);
    const { differences, cases } = await runCommittedCases({ choose: every(24, isForGpu) });
    expect(differences).toEqual([]);
    expect(cases).toBeGreaterThan(200);
  },
);
