/** One run that is watched: its summary for the list, and its index once its curves were asked for. */
import { promises as fs } from 'node:fs';
import { basename, join } from 'node:path';
import { errorMessage } from '@tessera/data/io';
import { runHolder } from '@tessera/train/watch';
import { type Advance, MetricsIndex } from '../metrics/metrics-index.ts';
import type { RunStatus, RunSummary } from '../shared/api.ts';
import { type RunSettings, readSettings, totalStepsOf } from './settings.ts';
import { type MetricsTail, readTail } from './tail.ts';

/** A process on another machine counts as alive until its metrics have not changed for this time, in milliseconds. */
const longestSilence = 120_000;

const changedAt = async (path: string): Promise<number | null> =>
  (await fs.stat(path).catch(() => null))?.mtimeMs ?? null;

export class WatchedRun {
  readonly id: string;
  readonly folder: string;
  #settings: RunSettings | null = null;
  #settingsVersion: number | null = null;
  #tail: MetricsTail | null = null;
  #summary: RunSummary | null = null;
  #index: MetricsIndex | null = null;

  constructor(id: string, folder: string) {
    this.id = id;
    this.folder = folder;
  }

  get metricsPath(): string {
    return join(this.folder, 'metrics.jsonl');
  }

  /** Null before the first `look`. */
  get summary(): RunSummary | null {
    return this.#summary;
  }

  get settings(): RunSettings | null {
    return this.#settings;
  }

  /** Bytes of the metrics file, when it was last looked at. */
  get bytes(): number {
    return this.#tail?.bytes ?? 0;
  }

  /** The index; it is empty until it is advanced. */
  get index(): MetricsIndex {
    this.#index ??= new MetricsIndex(this.metricsPath, this.#settings?.batchSize ?? null);
    return this.#index;
  }

  get hasIndex(): boolean {
    return this.#index !== null;
  }

  /** Whether the run may change at any moment. */
  get isActive(): boolean {
    const { status, updated } = this.#summary ?? { status: 'waiting', updated: null };
    return status === 'live' || (updated !== null && Date.now() - updated < longestSilence);
  }

  /** Looks at the run's files, without its curves. Returns whether its summary has changed. */
  async look(): Promise<boolean> {
    let summary: RunSummary;
    try {
      summary = await this.#describe();
    } catch (error) {
      summary = { ...(this.#summary ?? this.#unknown()), problem: errorMessage(error) };
    }
    const isChanged = JSON.stringify(summary) !== JSON.stringify(this.#summary);
    this.#summary = summary;
    return isChanged;
  }

  /** Reads the next piece of the metrics. */
  advance(): Promise<Advance> {
    return this.index.advance();
  }

  #unknown(): RunSummary {
    return {
      id: this.id,
      name: basename(this.folder),
      title: null,
      task: null,
      dataset: null,
      status: 'waiting',
      started: 0,
      updated: null,
      step: 0,
      totalSteps: null,
      epoch: 0,
      last: {},
      pace: null,
      evaluations: {},
      version: '',
      picturesVersion: '',
      problem: null,
    };
  }

  async #describe(): Promise<RunSummary> {
    const configuration = join(this.folder, 'config.yaml');
    const [configChanged, samples, report, results, holder, tail] = await Promise.all([
      changedAt(configuration),
      changedAt(join(this.folder, 'samples')),
      changedAt(join(this.folder, 'report.html')),
      changedAt(join(this.folder, 'evaluation.json')),
      runHolder(this.folder),
      readTail(this.metricsPath, this.#tail),
    ]);
    if (this.#settings === null || configChanged !== this.#settingsVersion) {
      this.#settings = await readSettings(this.folder);
      this.#settingsVersion = configChanged;
    }
    this.#tail = tail;
    const { name, task, dataset, problem } = this.#settings;
    const { step, epoch, last, pace, evaluations, version, changed } = tail ?? emptyTail;
    const isHeld = holder?.isAlive ?? (holder !== null && changed !== null && Date.now() - changed < longestSilence);
    const status: RunStatus = isHeld ? 'live' : results !== null ? 'finished' : step > 0 ? 'interrupted' : 'waiting';
    const badLines = this.#index?.badLines ?? 0;
    return {
      id: this.id,
      name: basename(this.folder),
      title: name,
      task,
      dataset,
      status,
      started: await this.#begin(configChanged),
      updated: changed,
      step,
      totalSteps: totalStepsOf(this.#settings, step, epoch),
      epoch,
      last,
      pace,
      evaluations,
      version: `${version}-${configChanged}`,
      picturesVersion: `${samples}-${report}`,
      problem:
        problem ??
        (badLines === 0
          ? null
          : `metrics.jsonl: ${badLines === 1 ? 'a line is' : `${badLines} lines are`} not a JSON object, and left out`),
    };
  }

  /** A resumed run writes its configuration again: the first file of its folder that is never rewritten tells more. */
  async #begin(configChanged: number | null): Promise<number> {
    const birth = (await fs.stat(this.folder).catch(() => null))?.birthtimeMs ?? 0;
    return birth > 0 ? Math.min(birth, configChanged ?? birth) : (configChanged ?? 0);
  }
}

const emptyTail = {
  step: 0,
  epoch: 0,
  last: {},
  pace: null,
  evaluations: {},
  version: '',
  changed: null,
} satisfies Omit<MetricsTail, 'bytes' | 'changed'> & { changed: null };
