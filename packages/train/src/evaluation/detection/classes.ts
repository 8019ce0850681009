/** The average precision of each class, in the report and in the terminal, the best first. */
import { whole } from '../../report/format.ts';
import { type Html, html } from '../../report/html.ts';
import { shareCell } from '../classification/classes-card.ts';
import { percentText } from '../result.ts';
import type { ClassPrecision } from './average-precision.ts';

interface NamedClass extends ClassPrecision {
  readonly name: string;
}

/** The classes that have objects, the best first. */
const bestFirst = (classNames: readonly string[], perClass: readonly ClassPrecision[]): NamedClass[] =>
  perClass
    .map((each, c) => ({ ...each, name: classNames[c] ?? String(c) }))
    .filter(({ objects }) => objects > 0)
    .sort((a, b) => (b.averagePrecision ?? 0) - (a.averagePrecision ?? 0));

/** A table of all classes that have objects; undefined where none has. */
export function precisionCard(classNames: readonly string[], perClass: readonly ClassPrecision[]): Html | undefined {
  const listed = bestFirst(classNames, perClass);
  if (listed.length === 0) return undefined;
  return html`<article class="card"><div class="scroll"><table class="recall">
    <caption>Classes <span class="note">· ${whole(listed.length)}, by average precision</span></caption>
    <thead><tr><th scope="col">class</th><th scope="col">objects</th><th scope="col">AP</th><th scope="col">AP at 0.5</th></tr></thead>
    <tbody>${listed.map(
      ({ name, objects, averagePrecision, averagePrecision50 }) =>
        html`<tr><th scope="row">${name}</th><td>${whole(objects)}</td>${shareCell(averagePrecision)}${shareCell(averagePrecision50)}</tr>`,
    )}</tbody>
  </table></div></article>`;
}

/** How many classes are named in the terminal, of the best and of the worst each. */
const named = 5;

export function precisionNotes(
  split: string,
  classNames: readonly string[],
  perClass: readonly ClassPrecision[],
): string[] {
  const listed = bestFirst(classNames, perClass);
  const list = (classes: readonly NamedClass[]): string =>
    classes.map(({ name, averagePrecision }) => `${name} ${percentText(averagePrecision ?? 0, 2)}`).join(', ');
  if (listed.length === 0) return [`AP, ${split}: no objects`];
  if (listed.length <= 2 * named) return [`AP, ${split}:`, `  ${list(listed)}`];
  return [
    `AP, ${split}:`,
    `  highest: ${list(listed.slice(0, named))}`,
    `  lowest: ${list(listed.slice(-named).reverse())}`,
  ];
}
