/** The random values of mixup and CutMix: their distributions, and timm's formulas for boxes and shares. */
import { describe, expect, it } from 'vitest';
import { drawBeta, drawMixup, type MixupDraw, type MixupOptions, notMixed } from './mixup.ts';
import { CounterRandom, purpose } from './random.ts';

const seed = 7;
const size = { height: 20, width: 30 };
const draws = (options: MixupOptions, count = 2000): MixupDraw[] =>
  Array.from({ length: count }, (_, batch) =>
    drawMixup(options, size, new CounterRandom(seed, purpose.mixup, 0, batch)),
  );
const shareOf = <T>(list: readonly T[], is: (one: T) => boolean): number => list.filter(is).length / list.length;
const area = ({ box }: MixupDraw): number =>
  box === null ? 0 : ((box.bottom - box.top) * (box.right - box.left)) / (size.height * size.width);

describe('drawBeta', () => {
  it.each([
    [0.2, null],
    [0.5, (x: number) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
    [1, (x: number) => x],
    [2, (x: number) => 3 * x ** 2 - 2 * x ** 3],
    [8, null],
  ] as const)('has the distribution Beta(%s, %s)', (alpha, cumulative) => {
    const random = new CounterRandom(seed, purpose.mixup, 1);
    const count = 20_000;
    const values = Array.from({ length: count }, () => drawBeta(alpha, random)).sort((a, b) => a - b);
    const mean = values.reduce((sum, x) => sum + x) / count;
    const variance = values.reduce((sum, x) => sum + (x - 0.5) ** 2, 0) / count;
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThanOrEqual(1);
    expect(mean).toBeCloseTo(0.5, 2);
    expect(variance * 4 * (2 * alpha + 1)).toBeCloseTo(1, 1);
    if (cumulative === null) return;
    // Kolmogorov and Smirnov: exceeded by one seed in 10,000 at 2.23 / sqrt(n).
    const distance = Math.max(...values.map((x, i) => Math.abs(cumulative(x) - (i + 0.5) / count)));
    expect(distance, `seed ${seed}`).toBeLessThan(2.23 / Math.sqrt(count));
  });
});

describe('drawMixup', () => {
  it('is a function of its stream', () => {
    const options = { mixupAlpha: 0.8, cutmixAlpha: 1 };
    expect(draws(options, 20)).toEqual(draws(options, 20));
    expect(new Set(draws(options, 20).map(({ lam }) => lam)).size).toBe(20);
  });

  it('chooses between nothing, mixup and CutMix', () => {
    const found = draws({ mixupAlpha: 0.8, cutmixAlpha: 1, prob: 0.8, switchProb: 0.25 });
    expect(shareOf(found, (draw) => draw === notMixed)).toBeCloseTo(0.2, 1);
    const mixed = found.filter((draw) => draw !== notMixed);
    expect(shareOf(mixed, ({ box }) => box !== null)).toBeCloseTo(0.25, 1);
    expect(draws({ mixupAlpha: 1 }, 50).every(({ box }) => box === null)).toBe(true);
    expect(draws({ mixupAlpha: 0, cutmixAlpha: 1 }, 50).every((draw) => draw === notMixed || draw.box !== null)).toBe(
      true,
    );
    expect(draws({ mixupAlpha: 1, prob: 0 }, 50)).toEqual(Array(50).fill(notMixed));
  });

  it("has the share of CutMix's box within the image", () => {
    for (const draw of draws({ mixupAlpha: 0, cutmixAlpha: 1 }, 200)) {
      expect(draw.lam).toBe(1 - area(draw));
      const { top, bottom, left, right } = draw.box ?? { top: 0, bottom: 0, left: 0, right: 0 };
      expect(top >= 0 && top <= bottom && bottom <= 20 && left >= 0 && left <= right && right <= 30).toBe(true);
    }
  });

  it('has the share before the box was cut off on demand, and boxes of that size', () => {
    const found = draws({ mixupAlpha: 0, cutmixAlpha: 1, correctLam: false }, 500);
    let whole = 0;
    for (const { lam, box } of found) {
      const [tall, wide] = [Math.floor(20 * Math.sqrt(1 - lam)), Math.floor(30 * Math.sqrt(1 - lam))];
      if (box === null) continue;
      expect(box.bottom - box.top).toBeLessThanOrEqual(tall);
      expect(box.right - box.left).toBeLessThanOrEqual(wide);
      if (box.bottom - box.top === tall && box.right - box.left === wide) whole++;
    }
    expect(whole).toBeGreaterThan(20);
    expect(whole).toBeLessThan(480);
  });

  it('draws the sides of boxes between limits, within the image', () => {
    const found = draws({ mixupAlpha: 0, cutmixMinmax: [0.2, 0.8] }, 500);
    const sides = found.map(({ box }) => [(box?.bottom ?? 0) - (box?.top ?? 0), (box?.right ?? 0) - (box?.left ?? 0)]);
    expect(Math.min(...sides.map(([tall = 0]) => tall))).toBe(4);
    expect(Math.max(...sides.map(([tall = 0]) => tall))).toBe(15);
    expect(Math.min(...sides.map(([, wide = 0]) => wide))).toBe(6);
    expect(Math.max(...sides.map(([, wide = 0]) => wide))).toBe(23);
    for (const draw of found) expect(draw.lam).toBe(1 - area(draw));
  });

  it('refuses options that mix nothing', () => {
    expect(() => draws({ mixupAlpha: 0 }, 1)).toThrow('one of mixupAlpha, cutmixAlpha must be above 0');
  });
});
