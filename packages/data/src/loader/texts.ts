/** The texts of a row: of one column, or of several columns that have weights. Which of them an epoch uses. */
import { type Feature, feature } from '../arrow/features.ts';
import type { CounterRandom } from '../random.ts';
import { isEmptyCaption } from '../tokenizer/clean.ts';

/** Which of a row's texts an epoch uses first: a random one, always the first, or the first with probability `first`, otherwise one of the others. */
export type CaptionChoice = 'random' | 'first' | { first: number };

/** The texts of a row: all of them, and those that were picked for this epoch. */
export interface RowTexts {
  readonly all: readonly string[];
  readonly picked: readonly string[];
}

/** The texts of one column of a row. */
export interface TextGroup {
  /** The chance that one of them is picked, in proportion to that of the row's other groups. */
  readonly weight: number;
  readonly texts: readonly string[];
}

/** The feature of a column that has the texts of several columns. */
export const weightedTextsFeature: Feature = feature.list({
  type: 'struct',
  members: { weight: feature.value('float64'), texts: feature.list(feature.value('string')) },
});

const isText = (f: Feature): boolean => f.type === 'value' && (f.dtype === 'string' || f.dtype === 'large_string');

/** Whether the values of a column are texts, or lists of texts. */
export const hasTexts = (f: Feature): boolean => isText(f) || (f.type === 'list' && isText(f.feature));

/** Whether a column has the texts of several columns. */
export const hasWeightedTexts = (f: Feature): boolean => JSON.stringify(f) === JSON.stringify(weightedTextsFeature);

/** The texts that are not empty in a value of such a column, by the column that they come from. Groups without texts are left out. */
export function textGroups(value: unknown): TextGroup[] {
  const groups: TextGroup[] =
    Array.isArray(value) && typeof value[0] === 'object' && value[0] !== null
      ? (value as TextGroup[])
      : [{ weight: 1, texts: [value].flat() as string[] }];
  return groups
    .map(({ weight, texts }) => ({
      weight,
      texts: texts.filter((text) => typeof text === 'string' && !isEmptyCaption(text)),
    }))
    .filter(({ texts }) => texts.length > 0);
}

/** All texts in a value of a caption column that are not empty, in the order of the columns that they come from. */
export const textsOf = (value: unknown): string[] => textGroups(value).flatMap(({ texts }) => texts);

export interface TextPicking {
  readonly choice: CaptionChoice;
  /** How many texts are picked. */
  readonly count: number;
  /** Whether groups are drawn by their weights. Otherwise the first group is used. */
  readonly weighted: boolean;
}

/** Picks texts of a row. No text is repeated before all were picked. */
export function pickTexts(groups: readonly TextGroup[], picking: TextPicking, random: CounterRandom): RowTexts {
  const all = groups.flatMap(({ texts }) => texts);
  const usable = picking.weighted ? groups.filter(({ weight }) => weight > 0) : groups.slice(0, 1);
  const drawn = usable.length > 0 ? usable : groups;
  const picked: string[] = [];
  let left = drawn.map(({ texts }) => [...texts]);
  for (let k = 0; k < picking.count; k++) {
    if (left.every((texts) => texts.length === 0)) left = drawn.map(({ texts }) => [...texts]);
    const group = pickGroup(drawn, left, random);
    const [texts, rest] = [drawn[group]?.texts ?? [], left[group] ?? []];
    const isNew = k === 0 || (drawn.length > 1 && rest.length === texts.length);
    const text = isNew ? pickFirst(texts, picking.choice, random) : (rest[random.below(rest.length)] ?? '');
    picked.push(text);
    rest.splice(rest.indexOf(text), 1);
  }
  return { all, picked };
}

/** The number of a group that has texts left, drawn by the weights. A single one needs no random number. */
function pickGroup(groups: readonly TextGroup[], left: readonly (readonly string[])[], random: CounterRandom): number {
  if (groups.length === 1) return 0;
  const weights = groups.map(({ weight }, k) => (left[k]?.length === 0 ? 0 : weight));
  let at = random.uniform(
    0,
    weights.reduce((sum, weight) => sum + weight, 0),
  );
  let last = 0;
  for (const [k, weight] of weights.entries()) {
    if (weight === 0) continue;
    last = k;
    at -= weight;
    if (at < 0) break;
  }
  return last;
}

/** Picks the first text of a row or group. */
function pickFirst(texts: readonly string[], choice: CaptionChoice, random: CounterRandom): string {
  const [first = '', ...others] = texts;
  if (choice === 'first' || others.length === 0) return first;
  if (choice === 'random') return texts[random.below(texts.length)] as string;
  return random.uniform() < choice.first ? first : (others[random.below(others.length)] as string);
}
