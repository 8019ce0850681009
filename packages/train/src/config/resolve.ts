/** Composes a configuration from its layers and checks it. */
import { closestName } from '@tessera/nn';
import { parse as parseYaml, stringify as stringifyYaml } from 'yaml';
import type { z } from 'zod';
import { expandColumns } from './column-shorthand.ts';
import { listSettings } from './keys.ts';
import { ownData } from './own-data.ts';
import type { RunConfig, TaskCatalog, TaskSettings } from './schema.ts';
import { shortenWarmup } from './short-run.ts';
import { expandSources } from './sources.ts';
import { settingMeantBy } from './synonyms.ts';
import { isSettings, mergeSettings, type Settings, settingsAt, valueAt } from './tree.ts';
import {
  completeKinds,
  dropIgnored,
  expandKinds,
  formerSettings,
  type KindUnions,
  keepShared,
  kindUnions,
  renameFormer,
} from './unions.ts';

/** An invalid configuration. `problems` lists every mistake with its place. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(['the configuration is not valid', ...problems].join('\n  '));
    this.problems = problems;
  }
}

/** Settings with a name for their source, for messages. */
export interface Layer {
  readonly source: string;
  readonly settings: Settings;
  /** Whether the settings come from a file, which may be a whole configuration. */
  readonly isFile: boolean;
}

/** Parses the text of a YAML (or JSON) file. `path` is its name in messages. */
export function parseLayer(text: string, path: string): Layer {
  let settings: unknown;
  try {
    settings = parseYaml(text) ?? {};
  } catch (cause) {
    throw new ConfigError([`${path}: not valid YAML: ${(cause as Error).message}`]);
  }
  if (!isSettings(settings)) throw new ConfigError([`${path}: expected "key: value" lines`]);
  return { source: path, settings, isFile: true };
}

/** Checks a complete configuration, such as that of a run, given as YAML. `path` is its name in messages. */
export const parseConfig = (text: string, path: string, catalog: TaskCatalog): RunConfig =>
  resolveConfig(parseLayer(text, path).settings, [], catalog);

/** Parses `key.path=value`, with the value in YAML. */
export function parseAssignment(assignment: string): Layer {
  const [, key, value = ''] = /^([^=]+)=(.*)$/s.exec(assignment) ?? [];
  if (key === undefined)
    throw new ConfigError([`--set ${assignment}: expected key.path=value, such as training.epochs=20`]);
  let parsed: unknown;
  try {
    parsed = value === '' ? '' : parseYaml(value);
  } catch (cause) {
    throw new ConfigError([`--set ${assignment}: the value is not valid YAML: ${(cause as Error).message}`]);
  }
  return { source: `--set ${key}`, settings: settingsAt(key.trim().split('.'), parsed), isFile: false };
}

/** A preset with the task that it belongs to, as settings. */
const presetOf = (task: TaskSettings, preset: string): Settings => ({ task: task.name, ...task.presets[preset] });

/** All presets by name. */
export const presetsOf = (catalog: TaskCatalog): Map<string, TaskSettings> =>
  new Map(catalog.flatMap((task) => Object.keys(task.presets).map((preset) => [preset, task])));

/**
 * The given preset, else that of the last layer that names one, else the default of the task that the layers choose, fitted to the data
 * set that they choose; with a shorter warm-up where they set fewer steps.
 */
export function presetSettings(layers: readonly Layer[], given: string | undefined, catalog: TaskCatalog): Settings {
  const asked = layers.reduce<Settings>((under, { settings }) => mergeSettings(under, settings) as Settings, {});
  return shortenWarmup(chosenPreset(layers, given, catalog), asked);
}

function chosenPreset(layers: readonly Layer[], given: string | undefined, catalog: TaskCatalog): Settings {
  const naming = layers.findLast(({ settings }) => settings.preset !== undefined);
  const chosen = layers.findLast(({ settings }) => settings.task !== undefined)?.settings.task;
  const name = given ?? naming?.settings.preset;
  if (name === undefined) {
    const task = catalog.find((known) => known.name === chosen) ?? (catalog[0] as TaskSettings);
    const preset = presetOf(task, Object.keys(task.presets)[0] as string);
    const choosing = layers
      .map(({ settings }) => expandSources(settings))
      .findLast((settings) => valueAt(settings, ['data', 'dataset']) !== undefined);
    return ownData(preset, task, valueAt(choosing, ['data', 'dataset']), valueAt(choosing, ['data', 'sources']));
  }
  const where = given === undefined ? `${naming?.source}: ` : '';
  const presets = presetsOf(catalog);
  const task = typeof name === 'string' ? presets.get(name) : undefined;
  if (task === undefined)
    throw new ConfigError([
      `${where}there is no preset ${JSON.stringify(name)}${suggestion(String(name), [...presets.keys()])}`,
    ]);
  if (chosen !== undefined && chosen !== task.name)
    throw new ConfigError([
      `${where}the preset ${name} is for the task ${task.name}, but task is ${JSON.stringify(chosen)}`,
    ]);
  return presetOf(task, name as string);
}

/** The task that the layers choose, else that of the base. @throws ConfigError for an unknown task */
function taskOf(base: Settings, layers: readonly Layer[], catalog: TaskCatalog): TaskSettings {
  const name = layers.findLast(({ settings }) => settings.task !== undefined)?.settings.task ?? base.task;
  const task = catalog.find((known) => known.name === name);
  if (task === undefined)
    throw new ConfigError([
      `task: ${JSON.stringify(name)} is not one of ${catalog.map((known) => known.name).join(', ')}`,
    ]);
  return task;
}

/** Merges the layers into the base, later ones over earlier ones, and checks the result. */
export function resolveConfig(base: Settings, layers: readonly Layer[], catalog: TaskCatalog): RunConfig {
  const task = taskOf(base, layers, catalog);
  const unions = kindUnions(task.schema);
  const start = dropIgnored(expandKinds(renameFormer(base), unions), unions, false);
  let merged = start;
  let written: Settings = {};
  for (const layer of layers) {
    merged = applyLayer(merged, layer, task, unions, written);
    written = mergeSettings(written, expandKinds(expandColumns(layer.settings), unions)) as Settings;
  }
  return check(completeKinds(merged, unions), layers, task, unions);
}

/** @param written what the layers before this one contain */
function applyLayer(
  under: Settings,
  layer: Layer,
  task: TaskSettings,
  unions: KindUnions,
  written: Settings,
): Settings {
  const { preset: _, model, ...others } = expandSources(expandColumns(renameFormer(layer.settings)));
  const { preset, ...own } = typeof model === 'string' ? { preset: model } : isSettings(model) ? model : {};
  const base = preset === undefined ? under : { ...under, model: modelPreset(task, preset, layer.source) };
  const isSection = typeof model === 'string' || isSettings(model);
  const expanded = expandKinds(
    { ...others, ...(model === undefined ? {} : { model: isSection ? own : model }) },
    unions,
  );
  // A file may be a whole configuration that an earlier version wrote; a single setting is always intentional.
  const change = layer.isFile ? dropIgnored(expanded, unions, true) : expanded;
  return mergeSettings(keepShared(base, change, unions, written), change) as Settings;
}

/** A model's section by name. */
function modelPreset({ models = {} }: TaskSettings, name: unknown, source: string): Settings {
  const model = typeof name === 'string' ? models[name] : undefined;
  if (model === undefined)
    throw new ConfigError([
      `${source}: there is no model ${JSON.stringify(name)}${suggestion(String(name), Object.keys(models))}`,
    ]);
  return model;
}

function check(
  settings: Settings,
  layers: readonly Layer[],
  { schema, notOffered = {} }: TaskSettings,
  unions: KindUnions,
): RunConfig {
  const result = schema.safeParse(settings);
  if (result.success) return result.data;
  const keys = [...new Set(listSettings(schema).map(({ key }) => key))];
  const context = { settings, keys, layers, unions, notOffered };
  throw new ConfigError(result.error.issues.flatMap((issue) => describeIssue(issue, context)));
}

type Issue = z.core.$ZodIssue;

interface IssueContext {
  readonly settings: Settings;
  readonly keys: readonly string[];
  readonly layers: readonly Layer[];
  readonly unions: KindUnions;
  readonly notOffered: Readonly<Record<string, string>>;
}

function describeIssue(issue: Issue, context: IssueContext): string[] {
  const { settings, keys, layers, unions, notOffered } = context;
  const at = (path: readonly PropertyKey[]): string => {
    const source = layers.findLast((layer) => valueAt(layer.settings, path) !== undefined)?.source;
    const key = path.join('.');
    return source === undefined || source === `--set ${key}`
      ? `${source === undefined ? '' : '--set '}${key}`
      : `${source}: ${key}`;
  };
  const value = valueAt(settings, issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.flatMap((name) =>
        leafPaths(valueAt(settings, [...issue.path, name]), [...issue.path, name]).map((path) => {
          const key = path.join('.');
          const former = formerSettings[key];
          if (former !== undefined) return `${at(path)}: ${former}`;
          const reason = notOffered[String(path[0])];
          if (reason !== undefined) return `${at(path)}: is not a setting of this task: ${reason}`;
          if (!keys.includes(key)) return `${at(path)}: there is no such setting${suggestKey(key, keys)}`;
          const kind = valueAt(settings, [...issue.path, 'kind']);
          return `${at(path)}: is not a setting of ${issue.path.join('.')} where its kind is ${kind}`;
        }),
      );
    case 'invalid_value':
      return [
        `${at(issue.path)}: ${JSON.stringify(value)} is not one of ${issue.values.map(String).join(', ')}${suggestion(String(value), issue.values.map(String))}`,
      ];
    case 'invalid_union':
      if (issue.errors.length > 0 && isSettings(value)) {
        // If one alternative is a section, its errors say what is wrong inside of it.
        const inner = issue.errors.findLast((errors) =>
          errors.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
        );
        if (inner !== undefined)
          return inner.flatMap((error) =>
            describeIssue({ ...error, path: [...issue.path, ...error.path] } as Issue, context),
          );
      }
      return [`${at(issue.path)}: ${describeUnion(issue.errors, kindsAt(issue.path, unions), value)}`];
    default:
      return [
        `${at(issue.path)}: ${value === undefined ? 'is missing' : `${expectation(issue)}, got ${JSON.stringify(value)}`}`,
      ];
  }
}

const typeNames: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'a section',
};

/** The expected kind of value. */
function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${typeNames[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return `expected ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `expected ${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
    default:
      return issue.message;
  }
}

/** The paths of all settings within a value. */
const leafPaths = (value: unknown, path: readonly PropertyKey[]): (readonly PropertyKey[])[] =>
  isSettings(value) && Object.keys(value).length > 0
    ? Object.entries(value).flatMap(([name, inner]) => leafPaths(inner, [...path, name]))
    : [path];

/** The kinds that a section's `kind` can be; empty for any other path. */
function kindsAt(path: readonly PropertyKey[], unions: KindUnions): string[] {
  const union = unions.find((known) => [...known.path, 'kind'].join('.') === path.join('.'));
  return [...(union?.kinds.keys() ?? [])];
}

function describeUnion(errors: readonly (readonly Issue[])[], kinds: readonly string[], value: unknown): string {
  const named = errors.flat().flatMap((issue) => (issue.code === 'invalid_value' ? issue.values.map(String) : []));
  const choices = [...kinds, ...named];
  if (choices.length === 0) return `${JSON.stringify(value)} does not fit`;
  const takesNumbers = errors.flat().some((issue) => issue.code === 'invalid_type' && issue.expected === 'number');
  if (takesNumbers && typeof value === 'string')
    return `${JSON.stringify(value)} is neither a number nor ${choices.join(', ')}`;
  return `${JSON.stringify(value)} is not one of ${choices.join(', ')}${suggestion(String(value), choices)}`;
}

/** Suggests the most similar setting: one with this name in another section, one that other programs call so, or one with similar spelling. */
function suggestKey(key: string, keys: readonly string[]): string {
  const last = key.split('.').at(-1) ?? key;
  const near = settingMeantBy(key, keys) ?? closestName(key, keys) ?? closestOf(last, keys);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

function closestOf(last: string, keys: readonly string[]): string | undefined {
  const near = closestName(
    last,
    keys.map((known) => known.split('.').at(-1) as string),
  );
  return keys.find((known) => known.split('.').at(-1) === near);
}

function suggestion(name: string, names: readonly string[]): string {
  const near = closestName(name, names);
  return near === undefined ? `; there are ${names.join(', ')}` : `; did you mean ${near}?`;
}

/** A configuration as YAML; `loadConfig` reads it. */
export const formatConfig = (config: RunConfig): string => stringifyYaml(config);
