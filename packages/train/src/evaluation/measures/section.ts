/** Measures of a model in the report: the numbers of each split, and examples as pictures. */
import { fact, percent } from '../../report/format.ts';
import { type Html, html } from '../../report/html.ts';
import type { DataUri } from '../../report/report-data.ts';

/** How a number is written: a share as a percentage, or with three decimals. */
export type MeasureFormat = 'percent' | 'number';

export interface MeasureReport {
  readonly label: string;
  readonly value: number | null;
  readonly format: MeasureFormat;
}

/** A picture with some lines of text below it. */
export interface ExampleReport {
  readonly image: DataUri;
  readonly lines: readonly string[];
  /** Whether the model is right; null where that is not a question. */
  readonly right: boolean | null;
}

export interface MeasuresReport {
  readonly split: string;
  /** The number of examples. */
  readonly count: number;
  readonly measures: readonly MeasureReport[];
  /** What the pictures show. */
  readonly note: string;
  readonly examples: readonly ExampleReport[];
}

export const formatMeasure = (value: number | null, format: MeasureFormat): string => {
  if (value === null) return '–';
  return format === 'percent' ? percent(value) : value.toFixed(3);
};

export function measuresSection(reports: readonly MeasuresReport[]): Html {
  return html`${reports.map(
    ({ split, count, measures, note, examples }) => html`<section>
      <h2>Evaluation: ${split}</h2>
      <div class="stack">
        <div class="card"><dl class="facts"><div><dt>Images</dt><dd>${fact(count)}</dd></div>${measures.map(
          ({ label, value, format }) => html`<div><dt>${label}</dt><dd>${formatMeasure(value, format)}</dd></div>`,
        )}</dl></div>
        ${examples.length > 0 && html`<article class="card"><p class="note">${note}</p><div class="examples">${examples.map(exampleFigure)}</div></article>`}
      </div>
    </section>`,
  )}`;
}

const exampleFigure = ({ image, lines, right }: ExampleReport): Html => html`<figure class="${
  right === true ? 'right' : 'other'
}">
  <img class="plate" src="${image}" alt="${lines[0] ?? ''}" loading="lazy">
  <figcaption>${lines.map((line) => html`<div>${line}</div>`)}</figcaption>
</figure>`;
