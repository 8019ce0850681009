import { describe, expect, it } from 'vitest';
import { PressureGauge } from './pressure.ts';

/** The unit of memory in these tests, in bytes. */
const unit = 8 * 2 ** 20;

describe('PressureGauge', () => {
  it('requests a collection each time memory has grown by an eighth and at least 32 MiB, while collections free something', () => {
    const gauge = new PressureGauge();
    const requested: number[] = [];
    let used = 0;
    for (let allocated = 0; allocated < 200; allocated++) {
      used++;
      if (!gauge.grown(used * unit)) continue;
      requested.push(used);
      used--;
      gauge.grown(used * unit);
    }
    expect(requested.slice(0, 5)).toEqual([5, 9, 13, 17, 21]);
    expect(requested.length).toBeGreaterThan(20);
    // Memory falls to what is live, and grows again.
    expect(gauge.grown(100 * unit)).toBe(false);
    expect(gauge.grown(110 * unit)).toBe(false);
    expect(gauge.grown(114 * unit)).toBe(true);
  });

  it('waits twice as long if the last collection freed nothing, until one frees something', () => {
    const gauge = new PressureGauge();
    const requested: number[] = [];
    for (let used = 0; used <= 1024; used++) if (gauge.grown(used * unit)) requested.push(used);
    expect(requested.slice(0, 4)).toEqual([5, 10, 19, 36]);
    expect(requested.length).toBeLessThan(12);
    expect(gauge.grown(80 * unit)).toBe(false);
    expect(gauge.grown(300 * unit)).toBe(true);
    expect(gauge.grown(200 * unit)).toBe(false);
    expect(gauge.grown(226 * unit)).toBe(true);
  });
});
