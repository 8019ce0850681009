import { describe, expect, it } from 'vitest';
import { PressureGauge } from './pressure.ts';

describe('PressureGauge', () => {
  it('asks each time the use has grown by an eighth, and by 4 MiB at least', () => {
    const gauge = new PressureGauge();
    const asked: number[] = [];
    for (let used = 0; used <= 1024; used++) if (gauge.grown(used * 2 ** 20)) asked.push(used);
    expect(asked.slice(0, 5)).toEqual([5, 10, 15, 20, 25]);
    expect(asked.length).toBeLessThan(45);
    // The use falls to what lives, and grows again.
    expect(gauge.grown(200 * 2 ** 20)).toBe(false);
    expect(gauge.grown(220 * 2 ** 20)).toBe(false);
    expect(gauge.grown(226 * 2 ** 20)).toBe(true);
  });
});
