/** Concepts: which drawings show the same thing, and to which split they belong. */
import { unitHash } from '@tessera/data/folder';
import { type Emoji, type EmojiIndex, normalizeCode } from './emojibase.ts';
import { loadStyle, type Style, type StyleName, styleNames, trainingStyles } from './styles.ts';

/** A drawing: an icon of a style that shows a concept. */
export interface Drawing {
  style: StyleName;
  icon: string;
  emoji: Emoji;
  /** Identifies the concept. All drawings of the same thing share it, including gender variants. */
  concept: string;
}

/** Fraction of the concepts that is held out. */
const heldOutShare = 0.15;

/** Flags show nothing that could be recognized by its name, and components are parts of other emoji. */
const droppedGroups = new Set(['component', 'flags']);

/** Sequences that differ from another one only by gender. Age is not merged. */
const genderVariants: Record<string, string> = {
  '1F468': '1F9D1', // man, woman: person
  '1F469': '1F9D1',
  '1F466': '1F9D2', // boy, girl: child
  '1F467': '1F9D2',
  '1F474': '1F9D3', // old man, old woman: older person
  '1F475': '1F9D3',
  '1F934': '1FAC5', // prince, princess: person with crown
  '1F478': '1FAC5',
  '1F385': '1F9D1-1F384', // Santa Claus, Mrs. Claus: Mx Claus
  '1F936': '1F9D1-1F384',
  '1F930': '1FAC4', // pregnant woman, man: pregnant person
  '1FAC3': '1FAC4',
  '1F57A': '1F483', // man dancing: woman dancing
  '1F46B': '1F9D1-1F91D-1F9D1', // woman and man, men, women holding hands: people holding hands
  '1F46C': '1F9D1-1F91D-1F9D1',
  '1F46D': '1F9D1-1F91D-1F9D1',
};

const adults = new Set(['1F468', '1F469', '1F9D1']);
/** Joiner, female sign, male sign and right arrow, which form variants of the preceding code points. */
const variantMarks = new Set(['200D', '2640', '2642', '27A1']);

/** The concept of an emoji: its code points without gender, direction, and the members of couples and families. */
export function conceptOf(emoji: Emoji): string {
  if (emoji.label.startsWith('family')) return 'family';
  const points = normalizeCode(emoji.hexcode).split('-');
  const parts = points.length === 1 ? points : points.filter((point) => !variantMarks.has(point));
  const neutral = parts.map((point) => (adults.has(point) ? '1F9D1' : point)).join('-');
  if (neutral === '1F9D1-2764-1F9D1') return '1F491'; // couple with heart
  if (neutral === '1F9D1-2764-1F48B-1F9D1') return '1F48F'; // kiss
  return genderVariants[neutral] ?? neutral;
}

/** Whether all drawings of a concept are held out. */
export const isHeldOut = (concept: string): boolean => unitHash(`emoji/${concept}`) < heldOutShare;

/**
 * Finds the emoji that an icon shows: by its code points, by its name as a label, by its name as a short code, or by what icons of that
 * name show in the packages with code points. Null for skin tones and for icons that are not emoji.
 */
function findEmoji(style: Style, icon: string, index: EmojiIndex, elsewhere: Map<string, Emoji>): Emoji | null {
  const code = style.codePoints.get(icon);
  if (code) {
    const found = index.byCode.get(normalizeCode(code));
    if (found) return found;
    if (index.toned.has(normalizeCode(code))) return null;
  }
  const names = style.names.get(icon) ?? [];
  for (const lookup of [index.byLabel, index.byShortcode, elsewhere]) {
    for (const name of names) {
      const found = lookup.get(name);
      if (found) return found;
    }
  }
  return null;
}

/** The emoji that icons of a name show, according to the packages with code points. */
function namesByCode(styles: Style[], index: EmojiIndex): Map<string, Emoji> {
  const found = new Map<string, Emoji>();
  for (const style of styles) {
    for (const [icon, code] of style.codePoints) {
      const emoji = index.byCode.get(normalizeCode(code));
      if (!emoji) continue;
      for (const name of style.names.get(icon) ?? []) if (!found.has(name)) found.set(name, emoji);
    }
  }
  return found;
}

/** The drawing to keep of two drawings of a concept in one style: the neutral one, otherwise the first in Unicode's order. */
function preferred(a: Drawing, b: Drawing): Drawing {
  const rank = ({ emoji, concept }: Drawing): number =>
    normalizeCode(emoji.hexcode)
      .split('-')
      .filter((point) => point !== '200D')
      .join('-') === concept
      ? -1
      : (emoji.order ?? 1e9);
  return rank(b) < rank(a) ? b : a;
}

/** All drawings of the dataset: one per concept and style. */
export function collectDrawings(index: EmojiIndex, styles: Style[]): Drawing[] {
  const elsewhere = namesByCode(styles, index);
  return styles.flatMap((style) => {
    const byConcept = new Map<string, Drawing>();
    for (const icon of style.names.keys()) {
      const emoji = findEmoji(style, icon, index, elsewhere);
      const group = emoji?.group === undefined ? undefined : index.groups[emoji.group];
      if (emoji === null || group === undefined || droppedGroups.has(group)) continue;
      const concept = conceptOf(emoji);
      const drawing: Drawing = { style: style.name, icon, emoji, concept };
      const other = byConcept.get(concept);
      byConcept.set(concept, other ? preferred(other, drawing) : drawing);
    }
    return [...byConcept.values()].sort((a, b) => (a.emoji.order ?? 0) - (b.emoji.order ?? 0));
  });
}

export const splitNames = ['train', 'test_style', 'test_concept', 'test_concept_seen_words', 'test_both'] as const;
export type SplitName = (typeof splitNames)[number];

/** The split of a drawing. `test_concept_seen_words` repeats a part of `test_concept` and is not considered here. */
export function splitOf({ style, concept }: Drawing): 'train' | 'test_style' | 'test_concept' | 'test_both' {
  const seenStyle = (trainingStyles as readonly string[]).includes(style);
  if (isHeldOut(concept)) return seenStyle ? 'test_concept' : 'test_both';
  return seenStyle ? 'train' : 'test_style';
}

/** All styles by name. */
export const loadStyles = (): Record<StyleName, Style> =>
  Object.fromEntries(styleNames.map((name) => [name, loadStyle(name)])) as Record<StyleName, Style>;
