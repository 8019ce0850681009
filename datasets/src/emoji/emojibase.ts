/** The emoji of emojibase-data, and ways to find them. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** An emoji as emojibase-data describes it. */
export interface Emoji {
  label: string;
  hexcode: string;
  emoji: string;
  tags?: string[];
  group?: number;
  subgroup?: number;
  order?: number;
  skins?: Emoji[];
}

const shortcodeSets = ['emojibase', 'github', 'iamcal', 'joypixels', 'cldr', 'emojibase-legacy'];

/** Code points without the variation selector, which some packages include and others do not. */
export const normalizeCode = (code: string): string =>
  code
    .toUpperCase()
    .split('-')
    .filter((point) => point !== 'FE0F')
    .join('-');

/** A label in the spelling of icon packages: `A button (blood type)` becomes `a-button-blood-type`. */
export const slug = (label: string): string =>
  label
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[\u0300-\u036f’'“”"!:,.()*#]/g, '')
    .replace(/&/g, 'and')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

/** Emoji by code points, labels and short codes. */
export interface EmojiIndex {
  byCode: Map<string, Emoji>;
  /** Code points of emoji with a skin tone. */
  toned: Set<string>;
  byLabel: Map<string, Emoji>;
  byShortcode: Map<string, Emoji>;
  /** Names of the groups by number. */
  groups: string[];
  subgroups: string[];
}

/** Loads the index from the npm package. */
export function loadEmojibase(): EmojiIndex {
  const all = require('emojibase-data/en/data.json') as Emoji[];
  const byCode = new Map(all.map((emoji) => [normalizeCode(emoji.hexcode), emoji]));
  const toned = new Set(all.flatMap((emoji) => (emoji.skins ?? []).map((skin) => normalizeCode(skin.hexcode))));
  const byShortcode = new Map<string, Emoji>();
  for (const set of shortcodeSets) {
    const codes = require(`emojibase-data/en/shortcodes/${set}.json`) as Record<string, string | string[]>;
    for (const [code, names] of Object.entries(codes)) {
      const emoji = byCode.get(normalizeCode(code));
      for (const name of [names].flat()) if (emoji && !byShortcode.has(slug(name))) byShortcode.set(slug(name), emoji);
    }
  }
  const { groups, subgroups } = require('emojibase-data/meta/groups.json') as {
    groups: Record<string, string>;
    subgroups: Record<string, string>;
  };
  return {
    byCode,
    toned,
    byLabel: new Map(all.map((emoji) => [slug(emoji.label), emoji])),
    byShortcode,
    groups: Object.values(groups),
    subgroups: Object.values(subgroups),
  };
}
