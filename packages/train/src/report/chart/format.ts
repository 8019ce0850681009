/** The numbers of charts as text. */
import type { ChartFormat } from '../looks.ts';

export type ChartFormats = ReturnType<typeof chartFormats>;

/**
 * Functions for values and for the ticks of an axis.
 *
 * Self-contained, because the report has it as text: it uses nothing from outside of it but its parameters.
 */
export function chartFormats() {
  const narrowSpace = '\u202f';
  const digits = (value: number, count: number): string => String(Number(value.toPrecision(count)));

  const formats: Readonly<Record<ChartFormat, (value: number, count: number) => string>> = {
    number: (value, count) => {
      const size = Math.abs(value);
      if (size >= 1e6) return value.toExponential(2).replace('e+', 'e');
      if (size >= 1000) return Math.round(value).toLocaleString('en');
      return size > 0 && size < 1e-3 ? value.toExponential(count - 1).replace(/\.?0+e/, 'e') : digits(value, count);
    },
    percent: (value, count) => `${digits(100 * value, count)}${narrowSpace}%`,
    scientific: (value, count) =>
      value === 0
        ? '0'
        : Math.abs(value) < 0.01
          ? value.toExponential(count - 1).replace(/\.?0+e/, 'e')
          : digits(value, count),
    bytes: (value, count) =>
      value >= 2 ** 30
        ? `${digits(value / 2 ** 30, count)}${narrowSpace}GiB`
        : `${digits(value / 2 ** 20, count)}${narrowSpace}MiB`,
  };

  /** A value with a number of significant digits; a dash for none. */
  const formatValue = (value: number | null | undefined, format: ChartFormat, count = 4): string =>
    value == null ? '–' : formats[format](value, count);

  /** The size of the unit that values of a format are written in. */
  const unitOf: Readonly<Record<ChartFormat, (largest: number) => number>> = {
    number: () => 1,
    percent: () => 0.01,
    scientific: () => 1,
    bytes: (largest) => (largest >= 2 ** 30 ? 2 ** 30 : 2 ** 20),
  };

  /** Ticks of a y-axis, with as many decimals as their distance needs, so that no two of them are written alike. */
  function formatTicks(ticks: readonly number[], format: ChartFormat): string[] {
    const largest = Math.max(...ticks.map(Math.abs));
    const unit = unitOf[format](largest);
    const distance = Math.abs((ticks[1] ?? 0) - (ticks[0] ?? 0)) / unit;
    const isSmall = largest / unit < 1e-3 || (format === 'scientific' && largest < 0.01);
    if (isSmall || largest / unit >= 1e6 || !(distance > 0)) return ticks.map((tick) => formatValue(tick, format));
    const decimals = Math.min(9, Math.max(0, Math.ceil(-Math.log10(distance) - 1e-9)));
    const [ending] = /[^\d.,e+-]*$/.exec(formatValue(largest, format)) ?? [''];
    const exact = (tick: number): number => Number((tick / unit).toFixed(9));
    // Halves and quarters of a power of ten need one decimal more.
    const isEnough = ticks.every((tick) => Number(exact(tick).toFixed(decimals)) === exact(tick));
    const digits = { minimumFractionDigits: isEnough ? decimals : decimals + 1 };
    return ticks.map(
      (tick) => `${exact(tick).toLocaleString('en', { ...digits, maximumFractionDigits: 10 })}${ending}`,
    );
  }

  return { formatValue, formatTicks };
}
