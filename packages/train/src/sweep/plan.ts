/** The runs of a sweep: which configurations, which seeds, up to which epochs. */
import { ConfigError, type Layer, parseLayer, presetSettings, resolveConfig } from '../config/resolve.ts';
import type { RunConfig } from '../config/schema.ts';
import { isSettings, settingsAt } from '../config/tree.ts';
import { taskNamed, tasks } from '../tasks/index.ts';
import type { SweepDefinition } from './definition.ts';
import { halvingRungs, type Mode, type Rung } from './halving.ts';
import { folderName, hashOf, runTitle } from './names.ts';
import { type Assignment, gridOf, sampleSpace } from './space.ts';

/** One training run of a sweep. */
export interface PlannedRun {
  /** The name of its folder below that of the sweep. It identifies the run, because it contains a hash of the settings. */
  readonly folder: string;
  /** That hash: the same for two runs with the same settings. */
  readonly hash: string;
  readonly seed: number;
  readonly config: RunConfig;
}

/** A choice of values for the parameters, with a run for each seed. */
export interface PlannedConfiguration {
  /** From 1, in the order of the grid or of the samples. */
  readonly number: number;
  readonly assignment: Assignment;
  readonly runs: readonly PlannedRun[];
}

/** All that a sweep can train. */
export interface SweepPlan {
  readonly definition: SweepDefinition;
  readonly configurations: readonly PlannedConfiguration[];
  /** A single one, unless the method is successive-halving. */
  readonly rungs: readonly Rung[];
  /** Name of a value of the first evaluated split. */
  readonly metric: string;
  readonly mode: Mode;
}

function assignmentsOf(definition: SweepDefinition): Assignment[] {
  const { parameters } = definition;
  switch (definition.method) {
    case 'grid':
      return gridOf(parameters);
    case 'random':
    case 'successive-halving':
      return sampleSpace(parameters, definition.configurations, definition.seed);
    default:
      return definition satisfies never;
  }
}

const layersOf = (settings: Readonly<Record<string, unknown>>, source: string): Layer[] =>
  Object.entries(settings).map(([key, value]) => ({
    source,
    settings: settingsAt(key.split('.'), value),
    isFile: false,
  }));

/** Settings of runs that do not change their numbers, as patterns of keys. */
export const neutralSettings = [
  /^name$/,
  /^checkpoints\.(everySteps|everyEpochs|keep)$/,
  /^runtime\.(threads|peakGflops)$/,
  /^data\.(workers|prefetch|cacheMegabytes|readAheadMegabytes)$/,
];

/** What distinguishes runs: all settings but the neutral ones. */
function identityOf(settings: unknown, key = ''): unknown {
  if (!isSettings(settings)) return settings;
  const entries = Object.entries(settings).flatMap(([name, value]) => {
    const path = key === '' ? name : `${key}.${name}`;
    return neutralSettings.some((pattern) => pattern.test(path)) ? [] : [[name, identityOf(value, path)]];
  });
  return Object.fromEntries(entries);
}

/** Where the settings of a sweep come from. */
export interface PlanSources {
  readonly definition: SweepDefinition;
  /** Name of the sweep's file, for messages. */
  readonly path: string;
  /** The sweep's name, from which those of the runs are made. */
  readonly name: string;
  /** The text of the file that `config` of the definition names, and its path for messages; null: none. */
  readonly shared: { readonly text: string; readonly path: string } | null;
}

/**
 * Chooses the configurations and checks each of them.
 *
 * @throws ConfigError with every mistake in the settings of any run
 */
export function planSweep({ definition, path, name, shared }: PlanSources): SweepPlan {
  const { preset, settings, seeds } = definition;
  const fixed = [
    ...(shared === null ? [] : [parseLayer(shared.text, shared.path)]),
    ...layersOf(settings, `${path}: settings`),
  ];
  const longest =
    definition.method === 'successive-halving' && definition.maxEpochs !== undefined
      ? layersOf({ 'training.epochs': definition.maxEpochs }, `${path}: maxEpochs`)
      : [];
  const problems = new Set<string>();
  const resolve = (assignment: Assignment, seed: number | null): RunConfig | null => {
    const seeded = seed === null ? [] : layersOf({ seed }, `${path}: seeds`);
    const layers = [...fixed, ...longest, ...layersOf(assignment, `${path}: parameters`), ...seeded];
    try {
      return resolveConfig(presetSettings(layers, preset, tasks), layers, tasks);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const problem of error.problems) problems.add(problem);
      return null;
    }
  };
  const configurations = assignmentsOf(definition).map((assignment, at): PlannedConfiguration => {
    const runs = (seeds ?? [null]).flatMap((asked): PlannedRun[] => {
      const config = resolve(assignment, asked);
      if (config === null) return [];
      const { seed } = config;
      const title = runTitle(assignment, seed);
      const hash = hashOf(identityOf(config));
      return [{ folder: folderName(title, hash), hash, seed, config: { ...config, name: `${name}: ${title}` } }];
    });
    return { number: at + 1, assignment, runs };
  });
  if (problems.size > 0) throw new ConfigError([...problems]);
  const configs = configurations.flatMap(({ runs }) => runs.map(({ config }) => config));
  checkDifferent(configurations, path);
  return {
    definition,
    configurations,
    rungs: rungsOf(definition, configurations, path),
    ...measureOf(definition, configs, path),
  };
}

/** @throws ConfigError where two configurations have the same settings */
function checkDifferent(configurations: readonly PlannedConfiguration[], path: string): void {
  const owners = new Map<string, number>();
  for (const { number, runs } of configurations)
    for (const { hash } of runs) {
      const other = owners.get(hash);
      if (other !== undefined)
        throw new ConfigError([
          `${path}: parameters: configurations ${other} and ${number} have the same settings (a later parameter overrides an earlier one)`,
        ]);
      owners.set(hash, number);
    }
}

function rungsOf(definition: SweepDefinition, planned: readonly PlannedConfiguration[], path: string): Rung[] {
  const epochs = Math.max(...planned.flatMap(({ runs }) => runs.map(({ config }) => config.training.epochs)));
  if (definition.method !== 'successive-halving') return [{ configurations: planned.length, epochs }];
  const { configurations, eta, minEpochs } = definition;
  if (planned.some(({ runs }) => runs.some(({ config }) => config.training.maxSteps !== null)))
    throw new ConfigError([
      `${path}: training.maxSteps is set, but successive-halving counts epochs: set maxEpochs in place of it`,
    ]);
  if (minEpochs > epochs)
    throw new ConfigError([
      `${path}: minEpochs is ${minEpochs}, but the runs have training.epochs=${epochs}: set maxEpochs, or a smaller minEpochs`,
    ]);
  return halvingRungs({ configurations, eta, minEpochs, maxEpochs: epochs });
}

/** The metric and its direction: the main measure of the task, unless the file names another. */
function measureOf(
  { metric, mode }: SweepDefinition,
  configs: readonly RunConfig[],
  path: string,
): Pick<SweepPlan, 'metric' | 'mode'> {
  const measures = new Map(
    configs.map(({ task }) => {
      const measure = taskNamed(task).mainMeasure;
      return [measure.name, measure] as const;
    }),
  );
  const known =
    metric === undefined ? [...measures.values()] : [measures.get(metric)].filter((found) => found !== undefined);
  const [measure] = known;
  if (metric === undefined && known.length > 1)
    throw new ConfigError([
      `${path}: metric is missing: the tasks have different main measures, ${[...measures.keys()].join(', ')}`,
    ]);
  if (measure !== undefined)
    return { metric: measure.name, mode: mode ?? (measure.better === 'higher' ? 'max' : 'min') };
  if (mode === undefined)
    throw new ConfigError([
      `${path}: mode is missing: say whether the best ${metric} is the largest (max) or the smallest (min); only for the main measure, ${[...measures.keys()].join(', ')}, it is known`,
    ]);
  return { metric: metric as string, mode };
}
