/** The interface between the page and its server: every address, what is sent to it, and what comes back. */
import type { Coordinates, SweepResults } from '@tessera/train/charts';

/** The addresses, relative to the page, so that the page works behind a proxy that adds a prefix. */
export const paths = {
  /** GET: `Library`. */
  library: 'api/library',
  /** GET: server-sent events; the data of each is a `LibraryChange`. */
  events: 'api/events',
  /** POST `CurvesRequest`: `CurvesResponse`. */
  curves: 'api/curves',
  /** POST `EvaluationsRequest`: `EvaluationsResponse`. */
  evaluations: 'api/evaluations',
  /** POST `SettingsRequest`: `SettingsResponse`. */
  settings: 'api/settings',
  /** GET with `run`: `RunDetail`. */
  run: 'api/run',
  /** GET with `sweep`: `SweepDetail`. */
  sweep: 'api/sweep',
  /** GET with `run`, `name`: a picture of the run. */
  picture: 'api/picture',
  /** GET with `run`: its metrics as CSV, as a file to be saved. */
  table: 'api/table',
  /** GET with `run`: the run's report, in a sandbox. */
  report: 'api/report',
} as const;

/** An error, with status 400 or above. */
export interface ErrorResponse {
  readonly error: string;
}

/**
 * `live`: a process trains it now. `finished`: it has its results. `interrupted`: it has a beginning and no process. `waiting`: it has no
 * step yet.
 */
export type RunStatus = 'live' | 'finished' | 'interrupted' | 'waiting';

/** A run in the list: what the last lines of its files say. */
export interface RunSummary {
  /** Path of the folder, relative to the folder of all runs. */
  readonly id: string;
  /** Name of the folder. */
  readonly name: string;
  /** The name in its configuration; null: unknown. */
  readonly title: string | null;
  readonly task: string | null;
  readonly dataset: string | null;
  readonly status: RunStatus;
  /** Of its folder's configuration, in milliseconds since 1970. */
  readonly started: number;
  /** When its metrics last changed, in milliseconds since 1970; null before the first. */
  readonly updated: number | null;
  readonly step: number;
  /** Null: not known yet. */
  readonly totalSteps: number | null;
  readonly epoch: number;
  /** The numbers of the last step. */
  readonly last: Readonly<Record<string, number | null>>;
  /** Its speed over the last steps; null: not known. */
  readonly pace: Pace | null;
  /** The last evaluations among the last lines, by split. */
  readonly evaluations: Readonly<Record<string, Readonly<Record<string, number | null>>>>;
  /** Changes whenever the run's metrics change. */
  readonly version: string;
  /** Changes whenever pictures or the report change. */
  readonly picturesVersion: string;
  /** Why the run cannot be shown completely; null: it can. */
  readonly problem: string | null;
}

/** The speed of a run over its last steps. */
export interface Pace {
  /** The number of these steps. */
  readonly steps: number;
  /** Images divided by the time in these steps; null: not known. */
  readonly imagesPerSecond: number | null;
  /** Model FLOPs utilization over the time in these steps; null: not known. */
  readonly mfu: number | null;
  /** From one step to the next in seconds, with the evaluations between them; null: not known. */
  readonly secondsPerStep: number | null;
}

/** A sweep in the list. */
export interface SweepSummary {
  readonly id: string;
  readonly name: string;
  readonly metric: string;
  readonly runs: number;
  readonly finished: number;
  readonly version: string;
}

/** All runs below a folder. */
export interface Library {
  /** The folder, for the title. */
  readonly root: string;
  /** The oldest first. */
  readonly runs: readonly RunSummary[];
  readonly sweeps: readonly SweepSummary[];
}

/** What has changed since the last event. */
export interface LibraryChange {
  readonly runs: readonly RunSummary[];
  readonly removed: readonly string[];
  /** Null: unchanged. */
  readonly sweeps: readonly SweepSummary[] | null;
}

/** What the x-axis shows. `time` is the time in training steps, in seconds; `date` is in seconds since 1970. */
export const axes = ['step', 'epoch', 'time', 'date'] as const;
export type Axis = (typeof axes)[number];

/** What the page has of a run's curves, so that only the rest is sent. */
export interface HeldCurve {
  readonly generation: number;
  readonly groupSize: number;
  readonly groups: number;
}

/** The curves of some runs. */
export interface CurvesRequest {
  readonly runs: readonly { readonly id: string; readonly held: HeldCurve | null }[];
  readonly metrics: readonly string[];
  readonly axis: Axis;
  /** The ends of the x-axis; null: all. */
  readonly range: readonly [from: number, to: number] | null;
  /** The largest number of points of a curve. */
  readonly points: number;
  /** Whether the smallest and the largest value of each group are sent: with many runs they are not drawn. */
  readonly bands: boolean;
}

/**
 * The values of one metric in groups of steps. A group without a finite value has null. `min` and `max` are empty where groups are single
 * steps, or no bands were asked for.
 */
export interface MetricCurve {
  readonly mean: readonly (number | null)[];
  readonly min: readonly (number | null)[];
  readonly max: readonly (number | null)[];
  /** The number of values in all shown groups that were not finite. */
  readonly nonFinite: number;
}

/** The curves of one run: groups of `groupSize` consecutive steps, the last one of as many as there are. */
export interface RunCurves {
  readonly id: string;
  /** Changes when the run's file was rewritten; groups of other generations cannot be joined. */
  readonly generation: number;
  readonly groupSize: number;
  /** Place of the first sent group: those before it are held by the page, and unchanged. */
  readonly start: number;
  /** The middle of each group on the axis. */
  readonly x: readonly number[];
  /** Names of all metrics that the run has. */
  readonly names: readonly string[];
  readonly metrics: Readonly<Record<string, MetricCurve>>;
  /** The share of the file that was read, from 0 to 1. Below 1, the curves show single steps, evenly spread over the file. */
  readonly read: number;
}

export interface CurvesResponse {
  readonly runs: readonly RunCurves[];
}

export interface EvaluationsRequest {
  readonly runs: readonly string[];
}

/** One split after some steps, with its place on each axis. */
export interface EvaluationPoint {
  readonly at: Readonly<Record<Axis, number | null>>;
  readonly split: string;
  readonly values: Readonly<Record<string, number | null>>;
}

export interface EvaluationsResponse {
  readonly runs: readonly { readonly id: string; readonly points: readonly EvaluationPoint[] }[];
}

export interface SettingsRequest {
  readonly runs: readonly string[];
}

/** The configurations of some runs: key to value as text, in the order of the configuration. */
export interface SettingsResponse {
  readonly runs: readonly { readonly id: string; readonly settings: Readonly<Record<string, string>> }[];
}

/** A picture in a run's folder. */
export interface Picture {
  /** Path in the run's folder. */
  readonly name: string;
  /** In milliseconds since 1970. */
  readonly changed: number;
  readonly bytes: number;
}

/** What is shown about a single run besides its curves. */
export interface RunDetail {
  readonly id: string;
  /** The whole path. */
  readonly folder: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly pictures: readonly Picture[];
  /** When the report was written, in milliseconds since 1970; null: there is none yet. */
  readonly report: number | null;
}

export interface SweepDetail {
  readonly results: SweepResults;
  /** Null without a configuration that has a value. */
  readonly coordinates: Coordinates | null;
}
