import { expect, test } from 'vitest';
import { parsePeakResident, peakResident } from './resident.ts';

test("the peak stands in the status's line VmHWM", () => {
  expect(parsePeakResident('Name:\tnode\nVmPeak:\t 9 kB\nVmHWM:\t  154396 kB\nVmRSS:\t  1000 kB\n')).toBe(
    154396 * 1024,
  );
  expect(parsePeakResident('Name:\tkthreadd\n')).toBeNull();
});

test('grows with what is used, and stays when it is given back', () => {
  const before = peakResident();
  expect(before).toBeGreaterThan(20e6);
  new Uint8Array(before).fill(1);
  expect(peakResident()).toBeGreaterThan(1.3 * before);
});
