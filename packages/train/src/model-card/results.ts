/** The numbers of an `evaluation.json` as rows of a table, with what they mean. */

export interface ResultRow {
  readonly split: string;
  /** Where the number is below the split, such as `imageToText.r1`. */
  readonly name: string;
  readonly value: number;
  readonly meaning: string;
}

/** What numbers mean, by the last part of their name. */
const meanings: Readonly<Record<string, string>> = {
  r1: 'share of queries whose first answer is right',
  r5: 'share of queries with a right answer among the first 5',
  r10: 'share of queries with a right answer among the first 10',
  medianRank: 'the middle one of the ranks of the first right answers; 1 is best',
  queries: 'number of queries',
  candidates: 'number of answers to choose from',
  top1: 'share of images whose most probable class is right',
  top5: 'share of images with the right class among the 5 most probable',
  balanced: 'mean over the classes of the share of their images that are right',
  macro: 'mean over the classes',
  micro: 'over all decisions together',
  precision: 'share of right answers among those that were given',
  recall: 'share of answers that were found',
  f1: 'harmonic mean of precision and recall',
  meanAveragePrecision: 'mean over the classes of the area below precision by recall',
  psnr: 'peak signal-to-noise ratio, in dB',
  count: 'number of examples',
};

/** What is above a number says more than the number's own name. */
const partMeanings: Readonly<Record<string, string>> = {
  imageToText: 'from images to captions',
  textToImage: 'from captions to images',
  chance: 'what guessing reaches',
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The numbers below a value, with their paths. Lists, such as those of single classes, are left to evaluation.json. */
function* numbersIn(value: unknown, path: readonly string[]): Generator<readonly [readonly string[], number]> {
  if (typeof value === 'number') yield [path, value];
  else if (isObject(value)) for (const [key, own] of Object.entries(value)) yield* numbersIn(own, [...path, key]);
}

function meaningOf(path: readonly string[]): string {
  const parts = path.flatMap((part) => partMeanings[part] ?? []);
  const own = meanings[path.at(-1) ?? ''];
  return [...(own === undefined ? [] : [own]), ...parts].join('; ');
}

/** Wrappers that say nothing. */
const silent: ReadonlySet<string> = new Set(['metrics', 'values']);

/** The rows of all results of an `evaluation.json`; none for anything else. */
export function resultRows(evaluation: unknown): ResultRow[] {
  if (!isObject(evaluation)) return [];
  return Object.values(evaluation)
    .flat()
    .flatMap((result) => {
      if (!isObject(result)) return [];
      const { split, skipped: _, ...numbers } = result;
      return [...numbersIn(numbers, [])].map(([path, value]) => ({
        split: String(split),
        name: path.filter((part) => !silent.has(part)).join('.'),
        value,
        meaning: meaningOf(path),
      }));
    });
}
