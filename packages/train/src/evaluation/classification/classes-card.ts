/** The classes in the report and in the terminal: their precision, recall and F1, best first, and the averages. */
import { percent, whole } from '../../report/format.ts';
import { type Html, html } from '../../report/html.ts';
import { percentText } from '../result.ts';
import type { ClassScores, FScore, ScoredClasses } from './class-scores.ts';

/** A further column: a share for each class, by which the classes are ordered. */
interface ClassColumn {
  readonly label: string;
  /** Null where it is not defined. */
  readonly values: readonly (number | null)[];
}

export interface ClassesReport {
  readonly classNames: readonly string[];
  readonly scores: ScoredClasses;
  /** What is counted as support: images, pixels. */
  readonly counted: string;
  /** When a class counts as predicted, in words, where that is not obvious. */
  readonly note?: string;
  /** Null: the classes are ordered by F1. */
  readonly column: ClassColumn | null;
}

/** A class with its name, as it is listed. */
export interface ListedClass extends ClassScores {
  readonly name: string;
  /** The value of the further column. */
  readonly value: number | null;
}

/** A longer list is cut to this number of its best and of its worst classes. */
const shownOfLongList = 20;

/** The classes, the best first and those that do not occur last. */
export function bestFirst({
  classNames,
  scores: { perClass },
  column,
}: Pick<ClassesReport, 'classNames' | 'scores' | 'column'>): ListedClass[] {
  const listed = perClass.map((scores, c) => ({
    ...scores,
    name: classNames[c] ?? String(c),
    value: column === null ? scores.f1 : (column.values[c] ?? null),
  }));
  const keyOf = ({ support, value }: ListedClass): number => (support === 0 ? -1 : (value ?? -1));
  return listed.sort((a, b) => keyOf(b) - keyOf(a));
}

/** A share with a bar below it; a dash where it is not defined. */
export const shareCell = (share: number | null): Html =>
  share === null
    ? html`<td>–</td>`
    : html`<td>${percent(share)}<span class="bar"><i style="width:${(100 * share).toFixed(1)}%"></i></span></td>`;

const scoreCells = ({ precision, recall, f1 }: FScore): Html[] => [precision, recall, f1].map(shareCell);

/** A table of the classes and of the averages. A long list is cut to the best and the worst; `evaluation.json` has all. */
export function classesCard(report: ClassesReport): Html {
  const { scores, counted, note, column } = report;
  const { perClass, micro, macro, weighted } = scores;
  const row = ({ name, value, support, ...own }: ListedClass): Html =>
    html`<tr><th scope="row">${name}</th><td>${whole(support)}</td>${column !== null && shareCell(value)}${scoreCells(own)}</tr>`;
  const support = perClass.reduce((sum, each) => sum + each.support, 0);
  const averages = Object.entries({ 'All together (micro)': micro, 'Mean (macro)': macro, 'Weighted mean': weighted });
  return html`<article class="card"><div class="scroll"><table class="recall">
    <caption>Classes <span class="note">· ${whole(perClass.length)}, by ${column?.label ?? 'F1'}${note !== undefined && `, ${note}`}</span></caption>
    <thead><tr><th scope="col">class</th><th scope="col">${counted}</th>${
      column !== null && html`<th scope="col">${column.label}</th>`
    }<th scope="col">precision</th><th scope="col">recall</th><th scope="col">F1</th></tr></thead>
    <tbody>${shortened(bestFirst(report), row)}</tbody>
    <tbody>${averages.map(
      ([label, scores]) =>
        html`<tr><th scope="row">${label}</th><td>${whole(support)}</td>${column !== null && html`<td></td>`}${scoreCells(scores)}</tr>`,
    )}</tbody>
  </table></div></article>`;
}

/** The rows of all classes, or of the best and the worst of those that occur. */
function shortened(listed: readonly ListedClass[], row: (each: ListedClass) => Html): Html[] {
  if (listed.length <= 2 * shownOfLongList) return listed.map(row);
  const occurring = listed.filter(({ support }) => support > 0);
  const best = occurring.slice(0, shownOfLongList);
  const worst = occurring.slice(best.length).slice(-shownOfLongList);
  const hidden = listed.length - best.length - worst.length;
  const gap = html`<tr><th scope="row" colspan="5">… ${whole(hidden)} more, in evaluation.json …</th></tr>`;
  return [...best.map(row), gap, ...worst.map(row)];
}

/** How many classes are named in the terminal, of the best and of the worst each. */
const namedClasses = 5;

/** The best and the worst classes as lines of text. `what`: the share by which they are ordered. */
export function classNotes(what: string, split: string, report: Parameters<typeof bestFirst>[0]): string[] {
  const ranked = bestFirst(report).filter(({ support }) => support > 0);
  const list = (classes: readonly ListedClass[]): string =>
    classes.map(({ name, value }) => `${name} ${value === null ? '-' : percentText(value, 2)}`).join(', ');
  if (ranked.length <= 2 * namedClasses) return [`${what}, ${split}:`, `  ${list(ranked)}`];
  return [
    `${what}, ${split}:`,
    `  highest: ${list(ranked.slice(0, namedClasses))}`,
    `  lowest: ${list(ranked.slice(-namedClasses).reverse())}`,
  ];
}
