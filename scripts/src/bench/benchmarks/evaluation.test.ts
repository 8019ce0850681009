// Derived figures of the benchmark evaluation.
import { expect, test } from 'vitest';
import { judgeEvaluation } from './evaluation.ts';

const measured = { preset: 'tiny', images: 100, accuracy: 0.5, operations: 1e9, threads: 2, peak: 800 };
const whole = { imagesPerSecond: 400, cpuMs: 4 };

test('encoding and decoding share the cores', () => {
  const encoder = { imagesPerSecond: 600, cpuMs: 3 };
  const row = judgeEvaluation({ ...measured, encoder, decoder: { imagesPerSecond: 2000, cpuMs: 1 }, whole });
  expect(row).toMatchObject({ limit: 'encoder', possible: 500, whole, mfu: 0.5, encoderMfu: 0.75 });
});

test('a part that does not use all cores on its own limits the whole', () => {
  const encoder = { imagesPerSecond: 2000, cpuMs: 1 };
  const row = judgeEvaluation({ ...measured, encoder, decoder: { imagesPerSecond: 300, cpuMs: 3 }, whole });
  expect(row).toMatchObject({ limit: 'decoder', possible: 300 });
});
