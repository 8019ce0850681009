// The peak resident size.
import { expect, test } from 'vitest';
import { parsePeakResident, peakResident } from './resident.ts';

test('the peak is read from the line VmHWM', () => {
  expect(parsePeakResident('Name:\tnode\nVmPeak:\t 9 kB\nVmHWM:\t  154396 kB\nVmRSS:\t  1000 kB\n')).toBe(
    154396 * 1024,
  );
  expect(parsePeakResident('Name:\tkthreadd\n')).toBeNull();
});

test('grows with memory use, and does not shrink', () => {
  const before = peakResident();
  expect(before).toBeGreaterThan(20e6);
  new Uint8Array(before).fill(1);
  expect(peakResident()).toBeGreaterThan(1.3 * before);
});
