/**
 * Sections that choose one of several alternatives by `kind`, such as `optimizer` and `model.vision`. A string is short for a section with
 * that kind; a section without a kind has the default kind; and when a layer changes the kind, it keeps only those settings of the layers
 * below it that have the same meaning for both kinds, or that the user has written.
 */
import type { z } from 'zod';
import { alternativesOf, type JsonSchema, jsonSchemaOf, kindOf } from './json-schema.ts';
import { isSettings, type Settings, valueAt } from './tree.ts';

/** A union at a path of the configuration. */
interface KindUnion {
  readonly path: readonly string[];
  /** The kind of a section that names none; null where it must be named. */
  readonly defaultKind: string | null;
  /** The settings of each kind. */
  readonly kinds: ReadonlyMap<string, Readonly<Record<string, JsonSchema>>>;
}

export type KindUnions = readonly KindUnion[];

/** All unions on `kind` of a task's schema. */
export function kindUnions(schema: z.ZodType): KindUnion[] {
  const found: KindUnion[] = [];
  const visit = (part: JsonSchema, path: readonly string[]): void => {
    const alternatives = alternativesOf(part);
    const kinds = alternatives.flatMap((alternative) => {
      const kind = kindOf(alternative);
      return kind === null ? [] : [[kind, alternative.properties ?? {}] as const];
    });
    if (kinds.length > 0) {
      const named = isSettings(part.default) ? part.default.kind : undefined;
      found.push({ path, defaultKind: typeof named === 'string' ? named : null, kinds: new Map(kinds) });
      return;
    }
    for (const { properties = {} } of alternatives)
      for (const [name, inner] of Object.entries(properties)) visit(inner, [...path, name]);
  };
  visit(jsonSchemaOf(schema), []);
  return found;
}

const replaceAt = (settings: Settings, path: readonly string[], value: unknown): Settings => {
  const [name, ...rest] = path;
  if (name === undefined) return settings;
  const inner = settings[name];
  return { ...settings, [name]: rest.length === 0 ? value : replaceAt(isSettings(inner) ? inner : {}, rest, value) };
};

/** Whether two kinds have a setting in common: under the same name, with the same values and meaning. */
const isShared = (
  name: string,
  from: Readonly<Record<string, JsonSchema>>,
  to: Readonly<Record<string, JsonSchema>>,
): boolean => name in to && JSON.stringify(from[name]) === JSON.stringify(to[name]);

/** Replaces strings by sections with that kind. */
export function expandKinds(settings: Settings, unions: KindUnions): Settings {
  return unions.reduce((expanded, { path }) => {
    const section = valueAt(expanded, path);
    return typeof section === 'string' ? replaceAt(expanded, path, { kind: section }) : expanded;
  }, settings);
}

/**
 * The settings that remain below a layer: where the layer changes the kind of a section, those that both kinds share, and of the settings
 * that the user has written those whose name the new kind knows.
 *
 * @param written what earlier layers of the user contain
 */
export function keepShared(under: Settings, layer: Settings, unions: KindUnions, written: Settings): Settings {
  return unions.reduce((kept, { path, kinds, defaultKind }) => {
    const [below, above] = [valueAt(kept, path), valueAt(layer, path)];
    if (!isSettings(below) || !isSettings(above) || above.kind === undefined) return kept;
    const from = kinds.get(String(below.kind ?? defaultKind));
    const to = kinds.get(String(above.kind));
    if (from === to || from === undefined || to === undefined) return kept;
    const isWritten = (name: string): boolean => name in to && valueAt(written, [...path, name]) !== undefined;
    const shared = Object.entries(below).filter(
      ([name]) => name !== 'kind' && (isShared(name, from, to) || isWritten(name)),
    );
    return replaceAt(kept, path, Object.fromEntries(shared));
  }, under);
}

/** Adds the default kind to sections without a kind. */
export function completeKinds(settings: Settings, unions: KindUnions): Settings {
  return unions.reduce((complete, { path, defaultKind }) => {
    const section = valueAt(complete, path);
    const needsKind = defaultKind !== null && isSettings(section) && section.kind === undefined;
    return needsKind ? replaceAt(complete, path, { kind: defaultKind, ...section }) : complete;
  }, settings);
}

/**
 * Removes settings that the kind of a section does not use. Earlier versions wrote them for every kind into the configuration of a run.
 * With `onlyDefaults`, settings that differ from the default of their own kind remain, because they may be intentional.
 */
export function dropIgnored(settings: Settings, unions: KindUnions, onlyDefaults: boolean): Settings {
  return unions.reduce((kept, { path, kinds, defaultKind }) => {
    const section = valueAt(kept, path);
    if (!isSettings(section)) return kept;
    const own = kinds.get(String(section.kind ?? defaultKind));
    if (own === undefined) return kept;
    const isIgnored = (name: string, value: unknown): boolean => {
      if (name in own) return false;
      const owners = [...kinds.values()].filter((other) => name in other);
      const isDefault = (fallback: unknown): boolean => JSON.stringify(fallback) === JSON.stringify(value);
      const former = formerDefaults[[...path, name].join('.')];
      return owners.some((other) => !onlyDefaults || isDefault(other[name]?.default) || isDefault(former));
    };
    const entries = Object.entries(section).filter(([name, value]) => !isIgnored(name, value));
    return replaceAt(kept, path, Object.fromEntries(entries));
  }, settings);
}

/** Renames settings of earlier versions to their current names. */
export function renameFormer(settings: Settings): Settings {
  const { precision, lossScale } = (isSettings(settings.training) ? settings.training : {}) as Settings;
  if (lossScale === undefined || typeof precision !== 'string') return settings;
  const { lossScale: _, ...training } = settings.training as Settings;
  return {
    ...settings,
    training: { ...training, precision: precision === 'f16' ? { kind: precision, lossScale } : precision },
  };
}

/** Defaults of earlier versions, which their files contain. */
const formerDefaults: Readonly<Record<string, unknown>> = { 'schedule.warmupSteps': 100 };

/** Settings that were replaced, with the line that replaces each. */
export const formerSettings: Readonly<Record<string, string>> = {
  'training.lossScale': 'it belongs to f16 now: set training.precision.kind=f16 and training.precision.lossScale',
};
