/** Patterns in a tokenizer's file, and splitting of a text at their matches. */
import type { JsonPart } from './json-part.ts';
import { literalRegex, translateRegex } from './regex.ts';

/** Part of a text. */
interface Stretch {
  begin: number;
  end: number;
  readonly matches: boolean;
}

/** What becomes of a match when a text is split. */
export const splitBehaviors = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;
export type SplitBehavior = (typeof splitBehaviors)[number];

/** The pattern under `pattern`: `{ "String": ... }` or `{ "Regex": ... }`. */
export function patternOf(part: JsonPart): RegExp {
  const pattern = part.part('pattern');
  try {
    return pattern.has('String') ? literalRegex(pattern.string('String')) : translateRegex(pattern.string('Regex'));
  } catch (cause) {
    throw new Error(`${part.place}: ${(cause as Error).message}`, { cause });
  }
}

/** Stretches that match and stretches that do not, in order; together they are the whole text. */
function stretchesOf(text: string, pattern: RegExp, invert: boolean): Stretch[] {
  const stretches: Stretch[] = [];
  let done = 0;
  for (const { 0: match, index } of text.matchAll(pattern)) {
    if (index > done) stretches.push({ begin: done, end: index, matches: invert });
    done = index + match.length;
    stretches.push({ begin: index, end: done, matches: !invert });
  }
  if (done < text.length) stretches.push({ begin: done, end: text.length, matches: invert });
  return stretches;
}

/** Joins each stretch for which `joins` is true to the one before it. */
function joinStretches(
  stretches: readonly Stretch[],
  joins: (stretch: Stretch, before: Stretch | undefined) => boolean,
): Stretch[] {
  const out: Stretch[] = [];
  let before: Stretch | undefined;
  for (const stretch of stretches) {
    const last = out.at(-1);
    if (last !== undefined && joins(stretch, before)) {
      last.begin = Math.min(last.begin, stretch.begin);
      last.end = Math.max(last.end, stretch.end);
    } else out.push({ ...stretch });
    before = stretch;
  }
  return out;
}

/** A match, but not the second of two in a row, joins its neighbor. */
const singleMatch = (stretch: Stretch, before: Stretch | undefined): boolean =>
  stretch.matches && before?.matches !== true;

const arrange: Readonly<Record<SplitBehavior, (stretches: Stretch[]) => Stretch[]>> = {
  Removed: (stretches) => stretches.filter(({ matches }) => !matches),
  Isolated: (stretches) => stretches,
  MergedWithPrevious: (stretches) => joinStretches(stretches, singleMatch),
  MergedWithNext: (stretches) => joinStretches(stretches.toReversed(), singleMatch).toReversed(),
  Contiguous: (stretches) => joinStretches(stretches, (stretch, before) => stretch.matches === before?.matches),
};

/** @param invert what does not match is treated as the matches */
export const splitText = (text: string, pattern: RegExp, behavior: SplitBehavior, invert = false): string[] =>
  arrange[behavior](stretchesOf(text, pattern, invert)).map(({ begin, end }) => text.slice(begin, end));
