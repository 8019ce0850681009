/** Several columns of captions as one, from which the data loader draws by weights. */
import { hasTexts } from '../loader/texts.ts';
import type { Split } from './split.ts';

/** The name of the joined column. */
const joined = 'captions';

/** The weights of columns with captions, by their names. */
export type CaptionWeights = Readonly<Record<string, number>>;

/**
 * What is wrong with columns of captions, a line for each problem: a column that a split does not have, or that has no texts.
 */
export function captionProblems(split: Split, weights: CaptionWeights): string[] {
  const title = `${split.path}, split "${split.name}"`;
  const has = Object.keys(split.features).join(', ');
  return Object.keys(weights).flatMap((column) => {
    const f = split.features[column];
    if (f === undefined) return [`${title}: no column "${column}" for captions; its columns are ${has}`];
    return hasTexts(f)
      ? []
      : [`${title}: column "${column}" cannot serve as captions: expected texts, or lists of texts`];
  });
}

/**
 * A split whose column `captions` has the texts of several columns. Of each row, the data loader draws a column among those that are not
 * empty, by the weights, and then one of its texts. A row without any text is unusable.
 *
 * @throws for a column that is missing or has no texts; the message names all of them
 */
export function withCaptions(split: Split, weights: CaptionWeights): Split {
  const problems = captionProblems(split, weights);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  const from = Object.entries(weights).map(([column, weight]) => ({ column, weight }));
  return split.withView({ columns: { [joined]: { kind: 'texts', from } }, keepOthers: true });
}
