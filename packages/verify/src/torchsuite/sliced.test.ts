/** PyTorch's tests on the wasm backend, with inputs that are slices of larger tensors. */
import { setDefaultBackend } from '@tessera/tensor';
import { expect, test } from 'vitest';
import { every, runCommittedCases } from './committed.testing.ts';

test('an eighth of the committed cases agree', { timeout: 300_000 }, async () => {
  setDefaultBackend('wasm');
  const { differences } = await runCommittedCases({ layout: 'sliced', choose: every(8) });
  expect(differences).toEqual([]);
});
