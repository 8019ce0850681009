/** PyTorch's tests on the wasm backend, eagerly. */
import { setDefaultBackend } from '@tessera/tensor';
import { expect, test } from 'vitest';
import { every, runCommittedCases } from './committed.testing.ts';

test('the committed cases agree', { timeout: 300_000 }, async () => {
  setDefaultBackend('wasm');
  const { differences, covered, cases } = await runCommittedCases();
  expect(differences).toEqual([]);
  expect(cases).toBeGreaterThan(15_000);
  expect(covered).toBeGreaterThan(0.98);
});

test('some of them agree on slices of larger tensors', { timeout: 300_000 }, async () => {
  setDefaultBackend('wasm');
  const { differences } = await runCommittedCases({ layout: 'sliced', choose: every(8) });
  expect(differences).toEqual([]);
});
