/** Questions about the class of images, with their answers. */
import { type Batch, type ColumnRequest, permutation } from '@tessera/data';

/** The columns that questions are made from. */
export type QuestionColumns = { readonly image: ColumnRequest<'image'>; readonly property: ColumnRequest<'class'> };

/** A question for each class. `template`: with {} for the class, whose hyphens become blanks. */
export const questionsOf = (classNames: readonly string[], template: string): string[] =>
  classNames.map((name) => template.replaceAll('{}', name.replaceAll('-', ' ')));

/**
 * For each row the class of another row: with the rows sorted by class, that of the row half of their number later. So every class appears
 * equally often in true and in false questions, and the question alone does not tell its answer. Where more than half of the rows are of
 * one class, some of them get their own class.
 */
export function otherClasses(classes: readonly number[]): number[] {
  const rows = classes.map((own, row) => ({ own, row }));
  const sorted = rows.toSorted((a, b) => a.own - b.own || a.row - b.row);
  const half = Math.floor(sorted.length / 2);
  const others = [...sorted.slice(half), ...sorted.slice(0, half)];
  return sorted
    .map(({ row }, place) => ({ row, other: others[place]?.own ?? 0 }))
    .sort((a, b) => a.row - b.row)
    .map(({ other }) => other);
}

/** The answers by their numbers. */
export const answerNames = ['no', 'yes'] as const;

/** One question for each row of a batch. */
export interface Asked {
  /** The class that the question is about. */
  readonly asked: number;
  /** 1: yes; 0: no. */
  readonly answer: 0 | 1;
}

/**
 * Half of the rows are asked about their own class, half about that of another row. The rows of a batch decide which half, so that a row is
 * asked something else in each epoch, and the same in each run.
 *
 * @throws where a row has no class
 */
export function askAbout({
  columns: { property },
  indices,
  size,
}: Pick<Batch<QuestionColumns>, 'indices' | 'size'> & {
  readonly columns: { readonly property: Int32Array };
}): Asked[] {
  const missing = property.findIndex((own) => own < 0);
  if (missing >= 0) throw new RangeError(`row ${indices[missing]} has no class to ask about`);
  const seed = indices.reduce((sum, index, k) => (Math.imul(sum, 31) + index + k) >>> 0, 7);
  const drawn = permutation(size, seed, 0);
  const others = otherClasses([...property]);
  return Array.from(property, (own, row) => {
    const asked = (drawn[row] ?? 0) % 2 === 0 ? own : (others[row] ?? own);
    return { asked, answer: asked === own ? 1 : 0 };
  });
}
