/** Short names of settings for columns: `data.image`, `data.label`, `data.caption`. */
import { isSettings, mergeSettings, type Settings, settingsAt } from './tree.ts';

/** Where the short names lead to. A caption column alone is a column; several have weights. */
const longNames: Readonly<Record<string, (value: unknown) => readonly string[]>> = {
  image: () => ['columns', 'image'],
  label: () => ['columns', 'label'],
  caption: (value) => (typeof value === 'object' && value !== null ? ['captions'] : ['columns', 'captions']),
};

/** Replaces the short names by the settings that they are short for. */
export function expandColumns(settings: Settings): Settings {
  const { data } = settings;
  if (!isSettings(data)) return settings;
  const isShort = (name: string): boolean => Object.hasOwn(longNames, name);
  const given = Object.entries(data).filter(([name]) => isShort(name));
  if (given.length === 0) return settings;
  const others = Object.fromEntries(Object.entries(data).filter(([name]) => !isShort(name)));
  const expanded = given.reduce<unknown>(
    (under, [name, value]) => mergeSettings(under, settingsAt(longNames[name]?.(value) ?? [], value)),
    others,
  );
  return { ...settings, data: expanded };
}
