/** Nested settings, as in YAML files and presets. */
export type Settings = { readonly [key: string]: unknown };

export const isSettings = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `under` overridden by `over`: sections are merged, everything else is replaced. */
export function mergeSettings(under: unknown, over: unknown): unknown {
  if (!isSettings(under) || !isSettings(over)) return over;
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over))
    merged[key] = key in under ? mergeSettings(under[key], value) : value;
  return merged;
}

/** Sections that contain only `value`, at the path `a.b.c`. */
export const settingsAt = (path: readonly string[], value: unknown): Settings =>
  path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Settings;

/** The value at a path; undefined where there is none. */
export const valueAt = (settings: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    settings,
  );
