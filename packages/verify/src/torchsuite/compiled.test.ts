/** PyTorch's tests on the wasm backend, through compiled functions of transposed inputs. */
import { setDefaultBackend } from '@tessera/tensor';
import { expect, test } from 'vitest';
import { every, runCommittedCases } from './committed.testing.ts';

test('a third of the committed cases agree', { timeout: 300_000 }, async () => {
  setDefaultBackend('wasm');
  const { differences, covered } = await runCommittedCases({ compiled: true, layout: 'permuted', choose: every(3) });
  expect(differences).toEqual([]);
  expect(covered).toBeGreaterThan(0.98);
});
