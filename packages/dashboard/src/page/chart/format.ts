/** Times and dates as text, and places on the x-axis. Numbers are written as in the report. */
import type { Axis } from '../../shared/api.ts';

const digits = (value: number, count: number): string => String(Number(value.toPrecision(count)));

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
