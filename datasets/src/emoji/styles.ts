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

/** What an Iconify package says of its icons. */
interface IconSet {
  icons: Record<string, Icon>;
  aliases?: Record<string, { parent: string }>;
  width?: number;
  height?: number;
}

/** A drawing style: the names of its icons, with code points where the package tells them, and their SVG. */
export interface Style {
  name: string;
  /** Names and aliases of each icon. */
  names: Map<string, string[]>;
  /** Code points of an icon, as in `1f600` or `1f468-200d-1f373`. */
  codePoints: Map<string, string>;
  /** A complete SVG file of `size` pixels. */
  svg(icon: string, size: number): string;
}

/** Styles that are trained on: seven ways to draw the same things. */
export const trainingStyles = [
  'noto',
  'noto-v1',
  'twemoji',
  'openmoji',
  'fluent-emoji',
  'fluent-emoji-flat',
  'fluent-emoji-high-contrast',
] as const;

/** Styles by another hand, kept for testing. */
export const heldOutStyles = ['emojione', 'emojione-v1'] as const;

export const styleNames = [...trainingStyles, ...heldOutStyles];
export type StyleName = (typeof styleNames)[number];

/** Packages without code points of their own that name their icons as another package does. */
const codePointsFrom: { [name in StyleName]?: StyleName } = { 'fluent-emoji': 'fluent-emoji-flat' };
const withoutCodePoints = new Set<StyleName>(['noto-v1', 'emojione', 'emojione-v1']);

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
      const { body, left = 0, top = 0, width = set.width ?? 16, height = set.height ?? 16 } = set.icons[icon] as Icon;
      const namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"';
      return `<svg ${namespaces} viewBox="${left} ${top} ${width} ${height}" width="${size}" height="${size}">${body}</svg>`;
    },
  };
}
