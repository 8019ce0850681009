// Medians of the benchmark start.
import { expect, test } from 'vitest';
import { type StartSample, summarizeStart } from './start.ts';

const sample = (totalMs: number, loading: number): StartSample => ({
  preset: 'tiny',
  loss: 1,
  parameters: 3,
  milliseconds: {
    ...{ loading, model: 2, batch: 1, recording: 1, scheduling: 1, planning: 1, generating: 1, compiling: 1, other: 0 },
    firstStep: totalMs - loading - 8,
  },
  totalMs,
  cpuMs: 2 * totalMs,
  secondStepMs: 10,
});

test('every part is summarized by its median', () => {
  const row = summarizeStart('tiny', 4, [sample(100, 50), sample(90, 70), sample(120, 60)]);
  expect(row).toMatchObject({ preset: 'tiny', batch: 4, parameters: 3, runs: 3, totalMs: 100, minMs: 90, cpuMs: 200 });
  expect(row.milliseconds).toMatchObject({ loading: 60, model: 2, firstStep: 42 });
});

test('an empty list is an error', () => {
  expect(() => summarizeStart('tiny', 4, [])).toThrow('no process was measured');
});
