/** PyTorch's tests on the wasm backend, eagerly. */
import { setDefaultBackend } from '@tessera/tensor';
import { expect, test } from 'vitest';
import { runCommittedCases } from './committed.testing.ts';

test('the committed cases agree', { timeout: 300_000 }, async () => {
  setDefaultBackend('wasm');
  const { differences, covered, cases } = await runCommittedCases();
  expect(differences).toEqual([]);
  expect(cases).toBeGreaterThan(14_000);
  expect(covered).toBeGreaterThan(0.98);
});
