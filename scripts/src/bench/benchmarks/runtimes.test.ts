/** The summary of the benchmark runtimes. */
import { expect, test } from 'vitest';
import { formatRuntimes } from '../report/runtimes.ts';
import { summarizeSteps } from './runtimes.ts';

const steps = (times: readonly number[], loss: number) =>
  times.map((milliseconds) => ({ milliseconds, loss, threads: 2 }));

test('a runtime is compared with the first one turn by turn, so that load counts for both', () => {
  const first = steps([10, 20, 100], 3);
  const row = summarizeSteps({ title: 'deno', version: '2.9.6' }, steps([20, 40, 300], 2.5), first);
  expect(row).toEqual({ title: 'deno', version: '2.9.6', threads: 2, medianMs: 40, minMs: 20, ratio: 2, loss: 2.5 });
});

test('the table names the load, and what is not installed', () => {
  const row = summarizeSteps({ title: 'node', version: '24.1.0' }, steps([10], 3), steps([10], 3));
  const text = formatRuntimes({
    preset: 'vit',
    batch: 4,
    rounds: 1,
    load: 1.25,
    rows: [row],
    missing: ['bun: npm ci'],
  });
  expect(text.split('\n')[0]).toBe(
    'runtimes: a training step of CLIP vit, 4 pairs, in 1 rounds of one step each; load of the machine 1.3',
  );
  expect(text).toMatch(/node +24\.1\.0 +2 +10 +10 +1\.00 +3\.000000/);
  expect(text).toContain('not installed: bun: npm ci');
});
