/** The state of a sweep, `sweep.json` in its folder: what it was asked for, and what its runs have reached. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { errorCode, writeFileAtomic } from '@tessera/data/io';
import { differingSettings } from '../loop/checkpoint.ts';
import type { EvaluationValues } from '../loop/measure.ts';
import type { SweepDefinition } from './definition.ts';
import { neutralSettings, type SweepPlan } from './plan.ts';

const version = 1;

/** An evaluation that a run has reached. */
export interface Reached {
  /** Complete epochs of the run: `training.epochs` at its end, even if `training.maxSteps` replaces it. */
  readonly epochs: number;
  readonly steps: number;
  /** The values of each evaluated split. */
  readonly evaluations: readonly EvaluationValues[];
  /** Time spent in training steps since the start of the run, in seconds. Evaluations and interruptions do not count. */
  readonly seconds: number;
}

/** What is known about a run. */
export interface RunRecord {
  /** By epochs, from the first rung on. */
  readonly reached: readonly Reached[];
  /** Why the run cannot go on; null: it can. */
  readonly failure: string | null;
}

/** Records of runs by the names of their folders. */
export type Records = ReadonlyMap<string, RunRecord>;

const noRecord: RunRecord = { reached: [], failure: null };

export const recordOf = (records: Records, folder: string): RunRecord => records.get(folder) ?? noRecord;

/** What a run has reached after some epochs; undefined: nothing yet. */
export const reachedAt = ({ reached }: RunRecord, epochs: number): Reached | undefined =>
  reached.find((one) => one.epochs === epochs);

/** The parts of a plan that decide about its results, to notice that the sweep's file has changed. */
interface Fingerprint {
  readonly definition: unknown;
  /** The settings of the first run. */
  readonly settings: unknown;
}

/** The keys of the file that do not change any result. Its settings are compared after they have been put together with presets. */
const freeKeys: readonly (keyof SweepDefinition)[] = ['folder', 'parallel', 'preset', 'config', 'settings'];

const fingerprintOf = ({ definition, configurations }: SweepPlan): Fingerprint => ({
  definition: Object.fromEntries(Object.entries(definition).filter(([key]) => !freeKeys.some((free) => free === key))),
  settings: configurations[0]?.runs[0]?.config,
});

interface StoredSweep extends Fingerprint {
  readonly version: number;
  readonly runs: Readonly<Record<string, RunRecord>>;
}

const pathOf = (folder: string): string => join(folder, 'sweep.json');

/** The records of a sweep in its folder, and how its file differs from that of the beginning. */
export interface StoredState {
  readonly records: Records;
  /** One line for each difference. */
  readonly changes: readonly string[];
}

/** Reads the state of a sweep; null where the folder has none. @throws where the file is damaged or of another version */
export async function readState(folder: string, plan: SweepPlan): Promise<StoredState | null> {
  const path = pathOf(folder);
  let stored: StoredSweep;
  try {
    stored = JSON.parse(await fs.readFile(path, 'utf8')) as StoredSweep;
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return null;
    throw new Error(`${path}: cannot be read as the state of a sweep: ${(cause as Error).message}`, { cause });
  }
  if (stored.version !== version)
    throw new Error(`${path}: has version ${stored.version}; this program reads version ${version}`);
  return { records: new Map(Object.entries(stored.runs)), changes: changesOf(stored, fingerprintOf(plan)) };
}

/** The differences, a line each. Settings that are parameters are compared as parameters only. */
function changesOf(before: Fingerprint, now: Fingerprint): string[] {
  // As JSON, in which undefined keys do not exist.
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));
  const parametersOf = ({ definition }: Fingerprint): string[] =>
    Object.keys((definition as { parameters?: object } | null)?.parameters ?? {});
  const parameters = [...parametersOf(before), ...parametersOf(now), 'seed'];
  const isParameter = (key: string): boolean => parameters.some((name) => key === name || key.startsWith(`${name}.`));
  const settings = differingSettings(plain(before.settings), plain(now.settings)).filter(
    ({ key }) => !isParameter(key) && !neutralSettings.some((pattern) => pattern.test(key)),
  );
  return [...differingSettings(plain(before.definition), plain(now.definition)), ...settings].map(
    ({ key, first, second }) => `${key} was ${first}, is ${second}`,
  );
}

/** Writes the state of a sweep, atomically. */
export async function writeState(folder: string, plan: SweepPlan, records: Records): Promise<void> {
  const stored: StoredSweep = { version, ...fingerprintOf(plan), runs: Object.fromEntries(records) };
  await writeFileAtomic(pathOf(folder), [`${JSON.stringify(stored, null, 1)}\n`]);
}
