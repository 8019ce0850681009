import { z } from 'zod';

/** One setting, for help and suggestions. */
export interface SettingInfo {
  /** Path with dots, such as `training.batchSize`. */
  readonly key: string;
  /** What it takes, in a few words. */
  readonly type: string;
  /** As JSON; null where there is none. */
  readonly default: string | null;
  readonly description: string;
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
}

/** The alternatives of a union, those of its members included; otherwise the schema itself. */
const alternativesOf = (schema: JsonSchema): readonly JsonSchema[] =>
  (schema.anyOf ?? schema.oneOf)?.flatMap(alternativesOf) ?? [schema];

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

/** Every setting of a configuration schema, sections before what they hold. Alternatives of a section are joined. */
export function listSettings(schema: z.ZodType): SettingInfo[] {
  const settings = new Map<string, SettingInfo>();
  const visit = (part: JsonSchema, path: string): void => {
    for (const alternative of alternativesOf(part))
      for (const [name, inner] of Object.entries(alternative.properties ?? {})) {
        const key = path === '' ? name : `${path}.${name}`;
        const holdsOthers = alternativesOf(inner).some(({ properties }) => properties !== undefined);
        const known = settings.get(key);
        const type = describeType(inner);
        if (!holdsOthers || inner.description !== undefined)
          settings.set(key, {
            key,
            type: known === undefined || known.type === type ? type : `${known.type}|${type}`,
            default: inner.default === undefined ? null : JSON.stringify(inner.default),
            description: known?.description || inner.description || '',
          });
        if (holdsOthers) visit(inner, key);
      }
  };
  visit(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema, '');
  return [...settings.values()];
}
