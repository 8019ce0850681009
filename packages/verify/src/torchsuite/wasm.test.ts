/** PyTorch's tests on the wasm backend, eagerly. */
import { setDefaultBackend } from '@tessera/tensor';
import { expect, test } from 'vitest';
import { every, runCommittedCases } from './committed.testing.ts';

test('the committed cases agree', { timeout: 300_000 }, async () => {
  setDefaultBackend('wasm');
  const { differences, covered, cases } = await runCommittedCases();
  expect(differences).toEqual([]);
  expect(cases).toBeGreaterThan(9000);
  expect(covered).toBeGreaterThan(0.99);
});

test('a third of them agrees on slices of larger tensors', { timeout: 300_000 }, async () => {
  setDefaultBackend('wasm');
  const { differences } = await runCommittedCases({ layout: 'sliced', choose: every(3) });
  expect(differences).toEqual([]);
});
