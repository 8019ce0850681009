/** The list of settings: for `--settings` and for suggestions. */
import type { z } from 'zod';
import { alternativesOf, type JsonSchema, jsonSchemaOf, kindOf } from './json-schema.ts';

/** One setting. */
export interface SettingInfo {
  /** Path with dots, such as `training.batchSize`. */
  readonly key: string;
  /** The choice that it belongs to, such as `optimizer.kind=adamw`; null where it always applies. */
  readonly when: string | null;
  /** The values that it accepts, in a few words. */
  readonly type: string;
  /** As JSON; null where there is none. */
  readonly default: string | null;
  readonly description: string;
  /** The option of `npm run train` that sets it, from `.meta({ flag })` of its schema; null: only `--set`. */
  readonly flag: string | null;
  /** The values that it can have, if these are names. */
  readonly choices: readonly string[] | null;
}

function describeType(schema: JsonSchema): string {
  if (schema.const !== undefined) return String(schema.const);
  if (schema.enum !== undefined) return schema.enum.join('|');
  const alternatives = alternativesOf(schema);
  if (alternatives[0] !== schema) return [...new Set(alternatives.map(describeType))].join('|');
  if (schema.prefixItems !== undefined) return `[${schema.prefixItems.map(describeType).join(', ')}]`;
  if (schema.type === 'array') return `[${describeType(schema.items ?? {})}, ...]`;
  if (schema.type === 'object') return '{...}';
  return [schema.type ?? 'anything']
    .flat()
    .map((type) => (type === 'integer' ? 'whole number' : type))
    .join('|');
}

const isSection = (schema: JsonSchema): boolean =>
  alternativesOf(schema).some(({ properties }) => properties !== undefined);

/** The same setting in several kinds: those that describe it the same way. */
interface Shared {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly kinds: string[];
}

/** The settings of a union's kinds, those that mean the same for several kinds once. */
function sharedSettings(kinds: readonly (readonly [kind: string, schema: JsonSchema])[]): Shared[] {
  const shared = new Map<string, Shared>();
  for (const [kind, { properties = {} }] of kinds)
    for (const [name, schema] of Object.entries(properties)) {
      if (name === 'kind') continue;
      const key = `${name} ${JSON.stringify(schema)}`;
      const known = shared.get(key);
      if (known === undefined) shared.set(key, { name, schema, kinds: [kind] });
      else known.kinds.push(kind);
    }
  return [...shared.values()];
}

/** Every setting of a configuration's schema, sections before what they contain. */
export function listSettings(schema: z.ZodType): SettingInfo[] {
  const settings: SettingInfo[] = [];
  const add = (key: string, when: string | null, schema: JsonSchema): void => {
    settings.push({
      key,
      when,
      type: describeType(schema),
      default: schema.default === undefined ? null : JSON.stringify(schema.default),
      description: schema.description ?? '',
      flag: schema.flag ?? null,
      choices: schema.enum?.every((choice) => typeof choice === 'string') ? schema.enum : null,
    });
  };
  const visit = (part: JsonSchema, path: string, when: string | null): void => {
    const alternatives = alternativesOf(part);
    const kinds = alternatives.flatMap((alternative) => {
      const kind = kindOf(alternative);
      return kind === null ? [] : [[kind, alternative] as const];
    });
    if (kinds.length > 0) {
      visitKinds(part, kinds, path, when);
      return;
    }
    for (const { properties = {} } of alternatives)
      for (const [name, inner] of Object.entries(properties)) {
        const key = path === '' ? name : `${path}.${name}`;
        if (
          !isSection(inner) ||
          (inner.description !== undefined && alternativesOf(inner).every((one) => kindOf(one) === null))
        )
          add(key, when, inner);
        if (isSection(inner)) visit(inner, key, when);
      }
  };
  const visitKinds = (
    part: JsonSchema,
    kinds: readonly (readonly [string, JsonSchema])[],
    path: string,
    when: string | null,
  ): void => {
    const named = (part.default as { kind?: unknown } | undefined)?.kind;
    const lines = kinds.map(([kind, { description }]) =>
      description === undefined ? kind : `${kind}: ${description}`,
    );
    add(`${path}.kind`, when, {
      enum: kinds.map(([kind]) => kind),
      ...(named === undefined ? {} : { default: named }),
      ...(part.flag === undefined ? {} : { flag: part.flag }),
      description: [part.description, ...lines].filter((line) => line !== undefined).join('\n'),
    });
    for (const { name, schema, kinds: own } of sharedSettings(kinds)) {
      const key = `${path}.${name}`;
      const belongs = own.length === kinds.length ? when : `${path}.kind=${own.join('|')}`;
      if (!isSection(schema) || schema.description !== undefined) add(key, belongs, schema);
      if (isSection(schema)) visit(schema, key, belongs);
    }
  };
  visit(jsonSchemaOf(schema), '', null);
  return settings;
}
