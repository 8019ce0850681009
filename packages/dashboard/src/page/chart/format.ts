/** Numbers, times and dates as text. */
import type { ChartFormat } from '@tessera/train/charts';
import type { Axis } from '../../shared/api.ts';

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
export const formatValue = (value: number | null | undefined, format: ChartFormat, count = 4): string =>
  value == null ? '–' : formats[format](value, count);

/** The size of the unit that values of a format are written in. */
const unitOf: Readonly<Record<ChartFormat, (largest: number) => number>> = {
  number: () => 1,
  percent: () => 0.01,
  scientific: () => 1,
  bytes: (largest) => (largest >= 2 ** 30 ? 2 ** 30 : 2 ** 20),
};

/** Ticks of a y-axis, with as many decimals as their distance needs, so that no two of them are written alike. */
export function formatTicks(ticks: readonly number[], format: ChartFormat): string[] {
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
  return ticks.map((tick) => `${exact(tick).toLocaleString('en', { ...digits, maximumFractionDigits: 10 })}${ending}`);
}

/** 12 s, 3 min 5 s, 2 h 7 min, 3 d 4 h. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${digits(seconds, 2)} s`;
  const total = Math.round(seconds);
  if (total < 60) return `${total} s`;
  if (total < 3600) return `${Math.floor(total / 60)} min ${total % 60} s`;
  if (total < 86_400) return `${Math.floor(total / 3600)} h ${Math.floor((total % 3600) / 60)} min`;
  return `${Math.floor(total / 86_400)} d ${Math.floor((total % 86_400) / 3600)} h`;
}

/** "just now", "5 min ago", "3 d ago". */
export function formatAgo(time: number, now: number): string {
  const seconds = Math.max(0, (now - time) / 1000);
  if (seconds < 60) return 'just now';
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

export const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** A tick of the time axis: one unit, which the distance of ticks chooses. */
const timeTick = (seconds: number): string => {
  if (seconds === 0) return '0';
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  if (seconds >= 3600) return `${digits(seconds / 3600, 3)} h`;
  return seconds % 60 === 0
    ? `${seconds / 60} min`
    : seconds >= 60
      ? `${digits(seconds / 60, 3)} min`
      : `${digits(seconds, 3)} s`;
};

const dateText = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleString('en-GB', {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  });

const step = (value: number): string =>
  value >= 1e6 ? `${digits(value / 1e6, 4)} M` : value >= 1e4 ? `${digits(value / 1e3, 4)} k` : digits(value, 4);

/** Ticks of each axis. */
export const formatTick: Readonly<Record<Axis, (value: number) => string>> = {
  step,
  epoch: (value) => digits(value, 4),
  time: timeTick,
  date: dateText,
};

/** A place on each axis, in words. */
export const formatPlace: Readonly<Record<Axis, (value: number) => string>> = {
  step: (value) => `step ${whole(value)}`,
  epoch: (value) => `epoch ${digits(value, 4)}`,
  time: (value) => `after ${formatSeconds(value)}`,
  date: dateText,
};
