/** Short names of settings and values, for tables and folders. */
import { createHash } from 'node:crypto';
import type { Assignment } from './space.ts';

/** The last part of a key, or the section whose kind it chooses. */
const shortName = (key: string): string =>
  key
    .replace(/\.kind$/, '')
    .split('.')
    .at(-1) ?? key;

/** A short name for each key: its last part, or the whole key where several have the same last part. */
export function labelsOf(keys: readonly string[]): Readonly<Record<string, string>> {
  const short = keys.map(shortName);
  return Object.fromEntries(
    keys.map((key, at) => [key, short.filter((name) => name === short[at]).length > 1 ? key : (short[at] ?? key)]),
  );
}

/** A value in a few characters: numbers with four digits, a section by its kind and what else it sets. */
export function valueText(value: unknown): string {
  if (typeof value === 'number') return String(Number(value.toPrecision(4)));
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Longest readable part of a folder's name, in characters. */
const longestName = 80;

/** A few characters that differ for different values. */
export const hashOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 8);

/** The settings of a run in one line: "lr=0.001, layers=2, seed=0". */
export function runTitle(assignment: Assignment, seed: number): string {
  const labels = labelsOf(Object.keys(assignment));
  return [
    ...Object.entries(assignment).map(([key, value]) => `${labels[key]}=${valueText(value)}`),
    `seed=${seed}`,
  ].join(', ');
}

/** The name of a run's folder: its settings, as far as names of files can contain them, and the hash of all that identifies it. */
export function folderName(title: string, hash: string): string {
  const readable = title
    .replaceAll(', ', '_')
    .replaceAll(/[^A-Za-z0-9._=+-]/g, '')
    .slice(0, longestName);
  return `${readable}_${hash}`;
}
