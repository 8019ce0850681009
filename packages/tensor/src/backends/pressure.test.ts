import { describe, expect, it } from 'vitest';
import { Pressure, PressureGauge } from './pressure.ts';

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

describe('Pressure', () => {
  it('asks for young garbage more often, and for all of it where that does not help', () => {
    const pressure = new Pressure();
    const step = 2 ** 20;
    const asked: string[] = [];
    // Old garbage: collections of young garbage free nothing.
    for (let used = 0; used < 64; used++) {
      const garbage = pressure.due(used * step);
      if (garbage !== null) asked.push(`${used} ${garbage}`);
    }
    expect(asked).toEqual(['9 young', '18 young', '33 all', '35 young']);
    // Young garbage: they free it all.
    const young = new Pressure();
    let live = 0;
    const kinds: (string | null)[] = [];
    for (let turn = 0; turn < 64; turn++) {
      const garbage = young.due(++live * step);
      if (garbage !== null) {
        kinds.push(garbage);
        live = 0;
      }
    }
    expect(new Set(kinds)).toEqual(new Set(['young']));
    expect(kinds.length).toBeGreaterThan(5);
  });
});
