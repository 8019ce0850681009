/** Nested settings, as YAML files and presets hold them. */
export type Settings = { readonly [key: string]: unknown };

export const isSettings = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `over` laid on `under`: sections are merged, everything else is replaced. */
export function mergeSettings(under: unknown, over: unknown): unknown {
  if (!isSettings(under) || !isSettings(over)) return over;
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over))
    merged[key] = key in under ? mergeSettings(under[key], value) : value;
  return merged;
}

/** `value` at the end of the path `a.b.c`, within sections of its own. */
export const settingsAt = (path: readonly string[], value: unknown): Settings =>
  path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Settings;

/** The value at a path; undefined where there is none. */
export const valueAt = (settings: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    settings,
  );
