/** Reads a run's configuration from presets, files and single settings. */
import { readFile } from 'node:fs/promises';
import { readProblem } from '@tessera/data/io';
import {
  ConfigError,
  type Layer,
  parseAssignment,
  parseLayer,
  presetSettings,
  resolveConfig,
} from './config/resolve.ts';
import type { RunConfig } from './config/schema.ts';
import { tasks } from './tasks/index.ts';

/** Where settings come from; later ones go over earlier ones in this order. */
export interface ConfigSources {
  /** A preset's name. Default: the value of `preset` in the file or the settings, else the task's default preset. */
  readonly preset?: string;
  /** Path of a complete configuration to start from instead of a preset, such as that of a run to be continued. */
  readonly base?: string;
  /** Path of a YAML (or JSON) file. */
  readonly file?: string;
  /** Assignments `key.path=value`, with the value in YAML. */
  readonly set?: readonly string[];
}

/**
 * Composes a configuration and checks it: unknown keys, wrong types and invalid values are errors that name the key, the file or option
 * that it comes from, and the most similar key that exists.
 *
 * Besides the settings themselves, `preset: NAME` chooses the configuration to start from, and `model: NAME` or `model.preset: NAME` a
 * model's preset.
 */
export async function loadConfig(sources: ConfigSources): Promise<RunConfig> {
  const layers: Layer[] = [];
  if (sources.file !== undefined) layers.push(await readLayer(sources.file));
  for (const assignment of sources.set ?? []) layers.push(parseAssignment(assignment));
  const base =
    sources.base === undefined
      ? presetSettings(layers, sources.preset, tasks)
      : (await readLayer(sources.base)).settings;
  return resolveConfig(base, layers, tasks);
}

async function readLayer(path: string): Promise<Layer> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new ConfigError([`${path}: ${readProblem(cause)}`]);
  });
  return parseLayer(text, path);
}
