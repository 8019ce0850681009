/** The configuration of a run, as far as the page needs it. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { errorMessage } from '@tessera/data/io';
import { parse } from 'yaml';

export interface RunSettings {
  readonly name: string | null;
  readonly task: string | null;
  readonly dataset: string | null;
  readonly batchSize: number | null;
  readonly epochs: number | null;
  readonly maxSteps: number | null;
  /** Every setting as text, by its key. */
  readonly flat: Readonly<Record<string, string>>;
  /** Why the file could not be read; null: it was. */
  readonly problem: string | null;
}

/** A value as people write it: text without quotes, lists in brackets. */
const valueText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Settings below settings with their keys joined by dots. */
export function flatten(value: unknown, prefix = ''): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { [prefix]: valueText(value) };
  const entries = Object.entries(value);
  if (entries.length === 0) return prefix === '' ? {} : { [prefix]: '{}' };
  return Object.assign({}, ...entries.map(([key, inner]) => flatten(inner, prefix === '' ? key : `${prefix}.${key}`)));
}

/** Reads config.yaml of a run's folder. It does not throw: the page shows what else is known about a run. */
export async function readSettings(folder: string): Promise<RunSettings> {
  const path = join(folder, 'config.yaml');
  try {
    const flat = flatten(parse(await fs.readFile(path, 'utf8')) ?? {});
    const number = (key: string): number | null => {
      const value = Number(flat[key] ?? Number.NaN);
      return Number.isFinite(value) ? value : null;
    };
    return {
      name: flat.name ?? null,
      task: flat.task ?? null,
      dataset: flat['data.dataset'] ?? null,
      batchSize: number('training.batchSize'),
      epochs: number('training.epochs'),
      maxSteps: number('training.maxSteps'),
      flat,
      problem: null,
    };
  } catch (error) {
    const unknown = { name: null, task: null, dataset: null, batchSize: null, epochs: null, maxSteps: null, flat: {} };
    return { ...unknown, problem: `config.yaml: ${errorMessage(error).split('\n', 1)[0]}` };
  }
}

/** The length of a run in steps; null: not known before its first step. */
export function totalStepsOf(
  { epochs, maxSteps }: Pick<RunSettings, 'epochs' | 'maxSteps'>,
  step: number,
  epoch: number,
): number | null {
  if (step === 0 || !(epoch > 0)) return maxSteps;
  const all = epochs === null ? null : Math.round((epochs * step) / epoch);
  if (all === null || maxSteps === null) return all ?? maxSteps;
  return Math.min(all, maxSteps);
}
