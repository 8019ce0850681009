/** The results of a sweep as data, for tables, files and pages. */
import type { EvaluationValues } from '../loop/measure.ts';
import { isList } from './definition.ts';
import { type Mode, type Rung, ranked } from './halving.ts';
import { labelsOf } from './names.ts';
import type { SweepPlan } from './plan.ts';
import { isSettled, progressOf, type Standing, valuesAt } from './standings.ts';
import { type Records, recordOf } from './state.ts';
import { mean, sampleStd } from './statistics.ts';

/** A parameter, as far as a table or a drawing has to know it. */
export interface ParameterInfo {
  /** The setting. */
  readonly key: string;
  /** Its short name. */
  readonly label: string;
  /** How its values are spread: by factors, by differences, or just different. */
  readonly scale: 'logarithmic' | 'linear' | 'names';
}

export interface RunResult {
  readonly seed: number;
  /** Name of the run's folder below the sweep's folder. */
  readonly folder: string;
  /** `stopped`: others were promoted; `waiting`: not trained yet, or not up to the rung of its configuration. */
  readonly status: 'finished' | 'stopped' | 'waiting' | 'failed';
  /** Complete epochs at the last result: `training.epochs` at the end, even if `training.maxSteps` replaces it. */
  readonly epochs: number;
  readonly steps: number;
  /** The metric at that epoch; null: no value. */
  readonly value: number | null;
  /** All values at that epoch, by split. */
  readonly evaluations: readonly EvaluationValues[];
  /** Time in training steps, in seconds. */
  readonly seconds: number;
  /** Why it failed; null: it did not. */
  readonly message: string | null;
}

export interface ConfigurationResult {
  /** From 1, the best first. */
  readonly rank: number;
  /** From 1, in the order of the grid or the samples. */
  readonly number: number;
  /** The values of the parameters by key. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The epochs after which the configuration is compared: those of its last rung where all runs that did not fail have a result. */
  readonly epochs: number;
  /** Mean of the metric over the seeds that have a value at these epochs; null: none has. */
  readonly mean: number | null;
  /** Standard deviation over these seeds, with n - 1; null for fewer than two. */
  readonly std: number | null;
  /** Training time of all its runs, in seconds. */
  readonly seconds: number;
  readonly runs: readonly RunResult[];
}

/** The results of a sweep, complete or not: the contents of `results.json`. */
export interface SweepResults {
  readonly name: string;
  readonly method: SweepPlan['definition']['method'];
  /** Seed of the samples; null for a grid. */
  readonly seed: number | null;
  readonly metric: { readonly name: string; readonly mode: Mode };
  readonly parameters: readonly ParameterInfo[];
  readonly rungs: readonly Rung[];
  /** Ordered by rank. */
  readonly configurations: readonly ConfigurationResult[];
  /** Whether no run is left to train. */
  readonly isComplete: boolean;
}

/** A list of positive numbers that spans at least this factor is drawn on a logarithmic scale. */
const wideFactor = 20;

function scaleOf(parameter: SweepPlan['definition']['parameters'][string]): ParameterInfo['scale'] {
  if (!isList(parameter)) return parameter.distribution === 'log-uniform' ? 'logarithmic' : 'linear';
  const numbers = parameter.filter((value) => typeof value === 'number');
  if (numbers.length < parameter.length) return 'names';
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  return low > 0 && high / low >= wideFactor ? 'logarithmic' : 'linear';
}

/**
 * Ranks the configurations: those whose runs all have a value before those with failed runs, then those of later rungs, then by the mean
 * of the metric. Values after different numbers of epochs are not compared.
 */
export function resultsOf(name: string, plan: SweepPlan, records: Records): SweepResults {
  const { definition, metric, mode, rungs } = plan;
  const { standings, work } = progressOf(plan, records);
  const labels = labelsOf(Object.keys(definition.parameters));
  const results = standings.map((standing) => resultOf(plan, records, standing));
  const order = ranked(
    results.map(({ result }) => result.mean),
    mode,
  );
  const isPartial = (at: number): number => (results[at]?.isWhole === true ? 0 : 1);
  const rungAt = (at: number): number => results[at]?.rung ?? -1;
  const sorted = order.toSorted((a, b) => isPartial(a) - isPartial(b) || rungAt(b) - rungAt(a));
  return {
    name,
    method: definition.method,
    seed: definition.method === 'grid' ? null : definition.seed,
    metric: { name: metric, mode },
    parameters: Object.entries(definition.parameters).map(([key, parameter]) => ({
      key,
      label: labels[key] ?? key,
      scale: scaleOf(parameter),
    })),
    rungs,
    configurations: sorted.flatMap((at, place) => {
      const found = results[at];
      return found === undefined ? [] : [{ ...found.result, rank: place + 1 }];
    }),
    isComplete: work.length === 0,
  };
}

interface Found {
  readonly result: Omit<ConfigurationResult, 'rank'>;
  /** Whether each of its runs has a value. */
  readonly isWhole: boolean;
  /** Position of the rung that the values belong to; -1: of none yet. */
  readonly rung: number;
}

function resultOf(plan: SweepPlan, records: Records, { configuration, rung, isEliminated }: Standing): Found {
  const { number, assignment, runs } = configuration;
  const settled = plan.rungs
    .slice(0, rung + 1)
    .findLastIndex(({ epochs }) => runs.every((run) => isSettled(records, run, epochs)));
  const shown = plan.rungs[Math.max(0, settled)];
  const longest = Math.max(...runs.map(({ config }) => config.training.epochs));
  const values = shown === undefined ? [] : valuesAt(plan, records, configuration, shown.epochs);
  const present = values.filter((value) => value !== null);
  const runResults = runs.map(({ seed, folder, config }): RunResult => {
    const { reached, failure } = recordOf(records, folder);
    const last = reached.at(-1);
    const isFinished = last !== undefined && last.epochs >= config.training.epochs;
    const value = last?.evaluations[0]?.values[plan.metric] ?? null;
    return {
      seed,
      folder,
      status: failure !== null ? 'failed' : isFinished ? 'finished' : isEliminated ? 'stopped' : 'waiting',
      epochs: last?.epochs ?? 0,
      steps: last?.steps ?? 0,
      value,
      evaluations: last?.evaluations ?? [],
      seconds: last?.seconds ?? 0,
      message: failure,
    };
  });
  return {
    isWhole: settled >= 0 && present.length === runs.length,
    rung: settled,
    result: {
      number,
      settings: assignment,
      epochs: present.length === 0 || shown === undefined ? 0 : Math.min(shown.epochs, longest),
      mean: mean(present),
      std: sampleStd(present),
      seconds: runResults.reduce((sum, { seconds }) => sum + seconds, 0),
      runs: runResults,
    },
  };
}
