/** Puts a configuration together from its layers and checks it. */
import { closestName } from '@tessera/nn';
import { parse as parseYaml, stringify as stringifyYaml } from 'yaml';
import type { z } from 'zod';
import { listSettings } from './keys.ts';
import type { RunConfig, TaskCatalog, TaskSettings } from './schema.ts';
import { isSettings, mergeSettings, type Settings, settingsAt, valueAt } from './tree.ts';

/** A configuration that cannot be used: all that is wrong with it, each with its place. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(['the configuration is not valid', ...problems].join('\n  '));
    this.problems = problems;
  }
}

/** Settings with the words for where they stand, for messages. */
export interface Layer {
  readonly source: string;
  readonly settings: Settings;
}

/** Parses a YAML (or JSON) file's text. `path` is what messages call it. */
export function parseLayer(text: string, path: string): Layer {
  let settings: unknown;
  try {
    settings = parseYaml(text) ?? {};
  } catch (cause) {
    throw new ConfigError([`${path}: not valid YAML: ${(cause as Error).message}`]);
  }
  if (!isSettings(settings)) throw new ConfigError([`${path}: expected "key: value" lines`]);
  return { source: path, settings };
}

/** Checks a complete configuration, such as that of a run, given as YAML. `path` is how messages refer to it. */
export const parseConfig = (text: string, path: string, catalog: TaskCatalog): RunConfig =>
  resolveConfig(parseLayer(text, path).settings, [], catalog);

export function parseAssignment(assignment: string): Layer {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(assignment) ?? [];
  if (key === undefined)
    throw new ConfigError([`--set ${assignment}: expected key.path=value, such as training.epochs=20`]);
  let parsed: unknown;
  try {
    parsed = value === '' ? '' : parseYaml(value);
  } catch (cause) {
    throw new ConfigError([`--set ${assignment}: the value is not valid YAML: ${(cause as Error).message}`]);
  }
  return { source: `--set ${key}`, settings: settingsAt(key.trim().split('.'), parsed) };
}

/** A preset with the task that it belongs to, as settings. */
const presetOf = (task: TaskSettings, preset: string): Settings => ({ task: task.name, ...task.presets[preset] });

/** All presets by name. */
export const presetsOf = (catalog: TaskCatalog): Map<string, TaskSettings> =>
  new Map(catalog.flatMap((task) => Object.keys(task.presets).map((preset) => [preset, task])));

/** The named preset, else that of the first layer that names one, else the default of the task that the layers choose. */
export function presetSettings(layers: readonly Layer[], given: string | undefined, catalog: TaskCatalog): Settings {
  const naming = layers.findLast(({ settings }) => settings.preset !== undefined);
  const chosen = layers.findLast(({ settings }) => settings.task !== undefined)?.settings.task;
  const name = given ?? naming?.settings.preset;
  if (name === undefined) {
    const task = catalog.find((known) => known.name === chosen) ?? (catalog[0] as TaskSettings);
    return presetOf(task, Object.keys(task.presets)[0] as string);
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

/** Merges the layers into the base, later ones over earlier ones, and checks the result. */
export function resolveConfig(base: Settings, layers: readonly Layer[], catalog: TaskCatalog): RunConfig {
  let settings = base;
  for (const { source, settings: layer } of layers) {
    const { preset: _, model, ...rest } = layer;
    settings = mergeSettings(settings, rest) as Settings;
    if (model !== undefined) settings = { ...settings, model: mergeModel(settings, model, source, catalog) };
  }
  return check(settings, layers, catalog);
}

/** A model's section: a preset by name, changes to what is there, or both. */
function mergeModel(settings: Settings, change: unknown, source: string, catalog: TaskCatalog): unknown {
  const { preset, ...rest } = typeof change === 'string' ? { preset: change } : isSettings(change) ? change : {};
  if (preset === undefined && !isSettings(change)) return change;
  let under: unknown = settings.model;
  if (preset !== undefined) {
    const models = catalog.find(({ name }) => name === settings.task)?.models ?? {};
    under = typeof preset === 'string' ? models[preset] : undefined;
    if (under === undefined)
      throw new ConfigError([
        `${source}: there is no model ${JSON.stringify(preset)}${suggestion(String(preset), Object.keys(models))}`,
      ]);
  }
  // Towers of different kinds have different settings: none of the other's is kept.
  const kind = valueAt(rest, ['vision', 'kind']);
  if (kind !== undefined && kind !== valueAt(under, ['vision', 'kind']) && isSettings(under))
    under = { ...under, vision: {} };
  return mergeSettings(under ?? {}, rest);
}

function check(settings: Settings, layers: readonly Layer[], catalog: TaskCatalog): RunConfig {
  const { task } = settings;
  const schema = catalog.find(({ name }) => name === task)?.schema;
  if (schema === undefined)
    throw new ConfigError([
      `task: ${JSON.stringify(task)} is not one of ${catalog.map(({ name }) => name).join(', ')}`,
    ]);
  const result = schema.safeParse(settings);
  if (result.success) return result.data;
  const keys = listSettings(schema).map(({ key }) => key);
  throw new ConfigError(result.error.issues.flatMap((issue) => describeIssue(issue, settings, keys, layers)));
}

type Issue = z.core.$ZodIssue;

function describeIssue(issue: Issue, settings: Settings, keys: readonly string[], layers: readonly Layer[]): string[] {
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
        // The alternative that is a section says what is wrong within.
        const inner = issue.errors.findLast((errors) =>
          errors.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
        );
        if (inner !== undefined)
          return inner.flatMap((error) =>
            describeIssue({ ...error, path: [...issue.path, ...error.path] } as Issue, settings, keys, layers),
          );
      }
      return [`${at(issue.path)}: ${describeUnion(issue.errors, value)}`];
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

/** What a value should have been. */
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

/** The paths of all that is set within a value. */
const leafPaths = (value: unknown, path: readonly PropertyKey[]): (readonly PropertyKey[])[] =>
  isSettings(value) && Object.keys(value).length > 0
    ? Object.entries(value).flatMap(([name, inner]) => leafPaths(inner, [...path, name]))
    : [path];

function describeUnion(errors: readonly (readonly Issue[])[], value: unknown): string {
  const choices = errors.flat().flatMap((issue) => (issue.code === 'invalid_value' ? issue.values.map(String) : []));
  if (choices.length === 0) return `${JSON.stringify(value)} does not fit`;
  return `${JSON.stringify(value)} is not one of ${choices.join(', ')}${suggestion(String(value), choices)}`;
}

/** The nearest setting: by its whole path, or one of the same last name in another section. */
function suggestKey(key: string, keys: readonly string[]): string {
  const last = key.split('.').at(-1) as string;
  const elsewhere = keys.filter((known) => known.split('.').at(-1) === last);
  const near = elsewhere[0] ?? closestName(key, keys) ?? closestOf(last, keys);
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
