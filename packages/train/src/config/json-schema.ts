/** The parts of JSON Schema that configurations are described with: what the list of settings and the merging of layers read. */
import { z } from 'zod';

export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly description?: string;
  /** The option of `npm run train` that sets it; see `SettingInfo`. */
  readonly flag?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
}

/** The schema of what a user writes. */
export const jsonSchemaOf = (schema: z.ZodType): JsonSchema =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;

/** The alternatives of a union, those of its members included; otherwise the schema itself. */
export const alternativesOf = (schema: JsonSchema): readonly JsonSchema[] =>
  (schema.anyOf ?? schema.oneOf)?.flatMap(alternativesOf) ?? [schema];

/** The name of an alternative of a union on `kind`; null for any other schema. */
export function kindOf(schema: JsonSchema): string | null {
  const kind = schema.properties?.kind?.const;
  return typeof kind === 'string' ? kind : null;
}
