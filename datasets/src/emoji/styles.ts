/** The drawing styles of the emoji dataset, loaded from Iconify's npm packages. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** An icon of a drawing style. */
interface Icon {
  body: string;
  left?: number;
  top?: number;
  width?: number;
  height?: number;
}

/** The content of an Iconify package. */
interface IconSet {
  icons: Record<string, Icon>;
  aliases?: Record<string, { parent: string }>;
  width?: number;
  height?: number;
}

/** A drawing style: the names of its icons, their code points if the package lists them, and their SVG. */
export interface Style {
  name: StyleName;
  /** The names and aliases of each icon. */
  names: Map<string, string[]>;
  /** The code points of each icon, such as `1f600` or `1f468-200d-1f373`. */
  codePoints: Map<string, string>;
  /** The SVG of an icon, `size` pixels wide and high. @throws for an unknown icon */
  svg(icon: string, size: number): string;
}

/** The styles of the training split. */
export const trainingStyles = [
  'noto',
  'noto-v1',
  'twemoji',
  'openmoji',
  'fluent-emoji',
  'fluent-emoji-flat',
  'fluent-emoji-high-contrast',
] as const;

/** Styles of other artists, which are held out. */
export const heldOutStyles = ['emojione', 'emojione-v1'] as const;

export const styleNames = [...trainingStyles, ...heldOutStyles];
export type StyleName = (typeof styleNames)[number];

/** Packages without code points whose icons have the same names as those of another package. */
const codePointsFrom: { [name in StyleName]?: StyleName } = { 'fluent-emoji': 'fluent-emoji-flat' };
const withoutCodePoints = new Set<StyleName>(['noto-v1', 'emojione', 'emojione-v1']);

/** Loads a style from its npm package. */
export function loadStyle(name: StyleName): Style {
  const set = require(`@iconify-json/${name}/icons.json`) as IconSet;
  const names = new Map(Object.keys(set.icons).map((icon) => [icon, [icon]]));
  for (const [alias, { parent }] of Object.entries(set.aliases ?? {})) names.get(parent)?.push(alias);
  const codePoints = new Map<string, string>();
  if (!withoutCodePoints.has(name)) {
    const chars = require(`@iconify-json/${codePointsFrom[name] ?? name}/chars.json`) as Record<string, string>;
    for (const [code, icon] of Object.entries(chars)) if (!codePoints.has(icon)) codePoints.set(icon, code);
  }
  return {
    name,
    names,
    codePoints,
    svg(icon, size) {
      const found = set.icons[icon];
      if (found === undefined) throw new Error(`${name}: no icon "${icon}"`);
      const { body, left = 0, top = 0, width = set.width ?? 16, height = set.height ?? 16 } = found;
      const namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"';
      return `<svg ${namespaces} viewBox="${left} ${top} ${width} ${height}" width="${size}" height="${size}">${body}</svg>`;
    },
  };
}
